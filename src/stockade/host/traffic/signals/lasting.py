"""Connections that are held open for very long: a way in that waits, or a tunnel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from stockade.host.oddity import Oddity
from stockade.host.traffic.conversation import Conversation
from stockade.host.traffic.harmless import twins
from stockade.host.traffic.normal import Normal
from stockade.host.traffic.signals.saying import facts_of, holder, length, named, oddity, size, subject

LEAST: Final = 4 * 3_600.0
"""Seconds from which a connection is long."""


def lasting(candidates: Iterable[Conversation], normal: Normal) -> Iterator[Oddity]:
    """Long connections, the longest of each conversation."""
    for call in candidates:
        if call.longest >= LEAST:
            yield _told(call, _explained(call, normal))


def _explained(call: Conversation, normal: Normal) -> str:
    known = twins()
    if normal.learned and (call.destination in normal.destinations or call.name in normal.destinations):
        return "the destination is one of the learned normal"
    if said := known.open.get(call.at, "") or known.of_name(call.name):
        return said
    if call.name and call.port == 443 and not normal.firm:
        return "sites hold connections open for messages (WebSocket, HTTP/2), and this one gave its name"
    return ""


def _told(call: Conversation, why_not: str) -> Oddity:
    return oddity(
        "long-connection", "informational" if why_not else "low",
        f"{call.source} held a connection to {named(call)} open for {length(call.longest)}", subject(call),
        why="A way back in, or a tunnel, is held open so that it can be used at any time.", look=holder(call),
        harmless=f"Probably harmless: {why_not}." if why_not else
        f"Messages, mail and private networks hold connections open, too; {call.at} is none of those known for it. "
        f"{size(call.sent)} went out, {size(call.got)} came back.",
        techniques=("T1572", "T1090"), facts=facts_of(call) | {"longest": call.longest},
    )  # fmt: skip
