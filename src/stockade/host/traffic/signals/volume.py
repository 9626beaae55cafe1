"""Volume out of proportion: more goes out than ever did, and far more than comes back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from stockade.events import Severity
from stockade.host.oddity import Oddity
from stockade.host.traffic.conversation import Sent
from stockade.host.traffic.normal import Normal
from stockade.host.traffic.signals.saying import Plot, clock, facts_of, holder, named, oddity, size, subject

LEAST: Final = 20_000_000
"""Octets sent below which nothing is told: it could be a page with pictures."""
RATIO: Final = 5.0
"""How many times what came back must have been sent."""
MORE: Final = 10.0
"""How many times the most of an hour of its own history a source must have sent in an hour."""
MUCH: Final = 100_000_000
"""Octets from which it is told even of who sent as much before, when no normal was learned: it may be an old theft."""
VERY_MUCH: Final = 1_000_000_000


def volume(candidates: Iterable[Sent], normal: Normal) -> Iterator[Oddity]:
    """Conversations that carry out too much."""
    for sent in candidates:
        if (severity := _severity(sent, normal)) is not None:
            yield _told(sent, severity, normal)


def _severity(sent: Sent, normal: Normal) -> Severity | None:
    call, history = sent.conversation, normal.hourly.get(sent.conversation.source, 0)
    usual = normal.learned and call.key in normal.calls
    if history and sent.largest_hour < MORE * history:
        return None if normal.learned else "low" if call.sent >= MUCH else "informational"
    if usual:
        return "informational"
    if not normal.firm:
        return "medium" if call.sent >= VERY_MUCH or history else "low"
    return "high" if call.sent >= VERY_MUCH else "medium"


def _told(sent: Sent, severity: Severity, normal: Normal) -> Oddity:
    call, history = sent.conversation, normal.hourly.get(sent.conversation.source, 0)
    before = (
        f"before, it sent at most {size(history)} an hour" if history else "nothing is known of what it sent before"
    )
    back = f"{call.sent / call.got:,.0f} times what came back" if call.got else "and nothing came back"
    return oddity(
        "volume", severity, f"{call.source} sent {size(call.sent)} to {named(call)}, {back}", subject(call),
        why="What was stolen has to leave, and makes more go out than comes in.", look=holder(call),
        harmless=f"Backups, replication, mirrors and large pushes look the same. In its largest hour it sent "
        f"{size(sent.largest_hour)}; {before}.",
        techniques=("T1041", "T1048"), plot=Plot("octets sent", clock(sent.began), clock(sent.ended), sent.series),
        facts=facts_of(call) | {"largest_hour": sent.largest_hour, "hour_before": history},
    )  # fmt: skip
