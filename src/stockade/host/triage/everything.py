"""All looks at a machine in their order: what is soon gone first, and what takes long last."""

from __future__ import annotations

from collections.abc import Iterator

from stockade.host.oddity import Oddity
from stockade.host.triage import disk, live
from stockade.host.triage.familiar import LISTENER, Familiar, Kinds
from stockade.host.triage.looking import Machine, Told, looked
from stockade.host.triage.seen import Facts


def triage(machine: Machine, *, picture: Kinds | None = None) -> Iterator[Told]:
    """Look at everything; what is found is told as soon as it is. ``picture`` are the things of the machine's picture,
    where there is one: what it has is a note.
    """
    facts = Facts(machine)
    listeners = frozenset(picture.get(LISTENER, ())) if picture is not None else None
    for told in looked(live.looks(facts, listeners) | disk.looks(facts) | live.last(facts)):
        if picture is not None and isinstance(told, Oddity):
            yield Familiar(picture, facts.lasting).weighed(told)
        else:
            yield told
        yield from facts.unseen()
