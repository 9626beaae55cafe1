"""Rare destinations: those that one machine of many has called, once or twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from stockade.events import Ref
from stockade.host.oddity import Oddity
from stockade.host.traffic.conversation import Conversation
from stockade.host.traffic.normal import Normal
from stockade.host.traffic.signals.newness import ORDINARY
from stockade.host.traffic.signals.saying import facts_of, holder, many, named, oddity, size, subject

SOURCES: Final = 5
"""Own machines that must go out for one of them to stand out."""
TIMES: Final = 3
"""How often the one has called, at most."""
MUCH: Final = 1_000_000
"""Octets sent, from which a rare destination with an odd port is more than a note."""
ALONE: Final = "What one machine alone does is not part of everybody's work."


def rarity(candidates: Iterable[Conversation], normal: Normal) -> Iterator[Oddity]:
    """One note for all, and those apart that have sent much by a port that is seldom used."""
    ordinary = list[Conversation]()
    for call in candidates:
        if call.at not in ORDINARY and call.sent >= MUCH and call.destination not in normal.destinations:
            yield _odd(call)
        else:
            ordinary.append(call)
    if ordinary:
        yield _note(ordinary)


def _odd(call: Conversation) -> Oddity:
    return oddity(
        "rare-destination", "low",
        f"only {call.source} called {named(call)}, {many(call.count, 'time')}, and sent {size(call.sent)}",
        subject(call), why=ALONE, look=holder(call),
        harmless="People and applications call what nobody else does, every day. The port is an unusual one, and the "
        "destination is not in the normal.", techniques=("T1048", "T1571"), facts=facts_of(call),
    )  # fmt: skip


def _note(calls: list[Conversation]) -> Oddity:
    examples = ", ".join(named(each) for each in calls[:3]) + (" …" if len(calls) > 3 else "")
    return oddity(
        "rare-destination", "informational",
        f"{many(len(calls), 'destination')} outside were called by one machine alone: {examples}",
        Ref("network", "destinations", "rare"), why=ALONE,
        look="stockade traffic review FILE… --all --json", harmless="People call what nobody else does, every day.",
        techniques=("T1071.001",), facts={"number": len(calls), "examples": [facts_of(each) for each in calls[:8]]},
    )  # fmt: skip
