"""All looks at a machine in their order: what is soon gone first, and what takes long last."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from stockade.host.oddity import Oddity, Unseen
from stockade.host.triage import disk, live
from stockade.host.triage.familiar import LISTENER, Familiar, Kinds
from stockade.host.triage.looking import Look, Machine, Told
from stockade.host.triage.looks import looked
from stockade.host.triage.seen import Facts


def no_release_data(_facts: Facts) -> Mapping[str, Look]:
    """What is said of updates where nobody knows what was released."""
    what, why = "software that is out of date or exploited", "no release data is there"
    return {"updates": lambda: [Unseen(what, why, "Ask there: stockade updates")]}


def triage(
    machine: Machine,
    *,
    picture: Kinds | None = None,
    more: Callable[[Facts], Mapping[str, Look]] = no_release_data,
) -> Iterator[Told]:
    """Look at everything; what is found is told as soon as it is. ``picture`` are the things of the machine's picture,
    where there is one: what it has is a note. ``more`` are looks for which others have the data.
    """
    facts = Facts(machine, picture)
    listeners = frozenset(picture.get(LISTENER, ())) if picture is not None else None
    looks = {**live.looks(facts, listeners), **disk.looks(facts), **more(facts), **live.last(facts)}
    for told in looked(looks):
        if picture is not None and isinstance(told, Oddity):
            yield Familiar(picture, facts.lasting).weighed(told)
        else:
            yield told
        yield from facts.unseen()
