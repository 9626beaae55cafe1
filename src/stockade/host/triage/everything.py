"""All looks at a machine in their order: what is soon gone first, and what takes long last."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from stockade.host.triage import disk, live
from stockade.host.triage.looking import Machine, Told, looked
from stockade.host.triage.seen import Facts


def triage(machine: Machine, *, known: AbstractSet[str] | None = None) -> Iterator[Told]:
    """Look at everything; what is found is told as soon as it is. ``known`` are the listeners of the machine's picture,
    where there is one.
    """
    facts = Facts(machine)
    for told in looked(live.looks(facts, known) | disk.looks(facts) | live.last(facts)):
        yield told
        yield from facts.unseen()
