"""The kernel's table of connections: listed (``conntrack -L -o extended``, ``/proc/net/nf_conntrack``), or told as it
changes (``conntrack -E -o timestamp``).

A connection that is told of when it begins and when it ends is one flow, with the time of the one and the counters of
the other. Counters are there only under ``sysctl net.netfilter.nf_conntrack_acct=1``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from stockade.host.traffic.flow import Flow, octets, port, seconds
from stockade.host.traffic.formats.one_by_one import Read
from stockade.lines.line import Unreadable
from stockade.lines.stamps import Dating, sane

EVENT: Final = re.compile(r"\s*(?:\[(\d{9,10}\.\d+)\]\s*)?\[(NEW|UPDATE|DESTROY)\]\s+")
ENTRY: Final = re.compile(r"(?:ipv[46]\s+\d+\s+)?([a-z][a-z0-9-]{1,15})\s+\d+\s+(?:\d+\s+)?(?:([A-Z_0-9]{3,12})\s+)?")
PAIR: Final = re.compile(r"\b([a-z-]+)=(\S+)")
OPEN: Final = 100_000
"""Connections whose end is waited for; of more, the oldest are told of without it."""
NEVER_OPENED: Final = frozenset({"SYN_SENT", "SYN_SENT2", "SYN_RECV", "CLOSE"})


class Waiting:
    """Connections that have begun and not ended."""

    def __init__(self, most: int = OPEN) -> None:
        self._flows: dict[tuple[object, ...], Flow] = {}
        self._most = most

    def take(self, event: str, flow: Flow) -> Iterator[Flow]:
        """Take in what an event says; yields the flows of which nothing more is awaited."""
        key = (flow.protocol, flow.source, flow.source_port, flow.destination, flow.destination_port)
        if event == "NEW":
            yield from self._begin(key, flow)
        elif event == "UPDATE":
            if (before := self._flows.get(key)) is not None:
                self._flows[key] = before._replace(state=flow.state, failed=_failed(before, flow))
        else:
            before = self._flows.pop(key, None)
            yield flow if before is None else _whole(before, flow)

    def _begin(self, key: tuple[object, ...], flow: Flow) -> Iterator[Flow]:
        if (before := self._flows.pop(key, None)) is not None:
            yield before
        if len(self._flows) >= self._most:
            yield self._flows.pop(next(iter(self._flows)))
        self._flows[key] = flow

    def rest(self) -> Iterator[Flow]:
        """Those whose end was not told."""
        yield from self._flows.values()
        self._flows.clear()


def _failed(before: Flow, now: Flow) -> bool:
    """A connection that was open once has not failed when it closes."""
    return before.failed and (now.state in NEVER_OPENED or now.failed)


def _whole(began: Flow, ended: Flow) -> Flow:
    answered = bool(ended.packets_back) or (ended.packets_back is None and not began.failed)
    return ended._replace(
        time=began.time, duration=max(0.0, ended.time - began.time), state=began.state or ended.state,
        failed=not answered or (began.failed and began.state in NEVER_OPENED),
    )  # fmt: skip


def read(lines: Iterable[str], dating: Dating) -> Iterator[Read]:
    """Reads either; what has no time in it is of now."""
    waiting = Waiting()
    for text in lines:
        if not text or text.isspace():
            continue
        event = EVENT.match(text)
        try:
            flow = entry(text[event.end() :] if event else text, _time(event, dating))
        except Unreadable as refusal:
            yield refusal
            continue
        yield from waiting.take(event[2], flow) if event else (flow,)
    yield from waiting.rest()


def _time(event: re.Match[str] | None, dating: Dating) -> float:
    return sane(float, event[1]) if event and event[1] else dating.now()


def entry(text: str, now: float) -> Flow:
    """What stands after the time and the kind of an event. Raises Unreadable.

    The first of each pair is of the way out, the second of the way back.
    """
    head = ENTRY.match(text.lstrip())
    said: dict[str, list[str]] = {}
    for name, value in PAIR.findall(text):
        said.setdefault(name, []).append(value)
    if head is None or not (said.get("src") and said.get("dst")):
        raise Unreadable("no entry of the table of connections")
    age = seconds(said.get("delta-time", [""])[0])
    sent, got = said.get("bytes", []), said.get("packets", [])
    state = head[2] or ("UNREPLIED" if "[UNREPLIED]" in text else "")
    return Flow(
        now - (age or 0.0), said["src"][0], said["dst"][0], port(_nth(said.get("dport"), 0)), head[1],
        port(_nth(said.get("sport"), 0)), age, octets(_nth(sent, 0)), octets(_nth(sent, 1)),
        octets(_nth(got, 0)), octets(_nth(got, 1)), state, "[UNREPLIED]" in text or state in NEVER_OPENED,
    )  # fmt: skip


def _nth(values: list[str] | None, number: int) -> str:
    return values[number] if values and len(values) > number else ""
