"""Log lines become requests, and a growing log is judged line by line by the guard that judges requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Final

from stockade.guard.address import UNKNOWN, Addresses, Client
from stockade.guard.gate import Guard
from stockade.guard.logs.formats import Dating, Line, Read, detect, reader
from stockade.guard.logs.formats.line import escaped
from stockade.guard.logs.place import Place
from stockade.guard.meter import MICROSECONDS
from stockade.guard.paths import from_target
from stockade.guard.policy import Policy
from stockade.guard.request import Request
from stockade.guard.rules import BanRule, Throttle, Track
from stockade.lines.opened import Line as RawLine
from stockade.lines.tail import Tail

POLL: Final = 0.25
"""Seconds between two looks at a file that has not grown."""
BATCH: Final = 500
"""Lines after which others get a turn, and the place is written down."""
FAR: Final = 300.0
"""Seconds that a line just written may be away from the clock before somebody is told."""
MAX_TOLD: Final = 5
HOUR: Final = 3600.0

Say = Callable[[str], None]


def client_of(line: Line, addresses: Addresses) -> Client:
    """Whose request a line tells of. Where the log has a chain of addresses, its last is the peer and the others are
    believed as far as proxies are declared. Raises ValueError when it has no address.
    """
    chain, comma, peer = line.address.rpartition(",")
    header = (lambda name: chain if name == "x-forwarded-for" else None) if comma else line.header
    client = addresses.resolve(peer, header)
    if client.address == UNKNOWN:
        raise ValueError(f"not an address: {line.address[:60]!r}")
    return client


def request_of(line: Line, addresses: Addresses) -> Request:
    """The request that a line tells of. Its status is still unknown, as on the way in."""
    path, _, query = line.target.partition("?")
    return Request(
        client_of(line, addresses), line.method, from_target(path), line.header, query, identify=line.identify
    )


def memory_of(policy: Policy) -> float:
    """Seconds for which anything that was counted may matter: lines that are older need not be read."""
    spans = [HOUR]
    for rule in policy.rules:
        if isinstance(rule, BanRule):
            spans.append(rule.findtime + max(rule.bantimes))
        elif isinstance(rule, Throttle | Track) and isinstance(rule.period, int | float):
            spans.append(2.0 * rule.period)
    return max(spans)


@dataclass
class Watched:
    """What has been read so far: ``lines`` in all, ``judged`` requests, ``silent`` lines about none, ``unreadable``
    ones, and those too ``old`` to matter when the watch began. ``format`` is empty until it has been told.
    """

    format: str = ""
    lines: int = 0
    judged: int = 0
    silent: int = 0
    unreadable: int = 0
    old: int = 0


class Watch:
    """Judges a growing log with a guard; :func:`watch` is the plain way to run one.

    A line is counted on its own clock, which is never ahead of the real one, so that a backlog is judged as it
    happened; a ban ends by the real clock, which for a line just written is the same.
    """

    def __init__(
        self,
        path: Path,
        guard: Guard,
        *,
        format: str | None = None,
        zone: tzinfo | None = None,
        position: Path | None = None,
        say: Say = print,
    ) -> None:
        self.path = path
        self.guard = guard
        self.zone = zone
        self.say = say
        self.place = Place(position)
        self.tail = Tail(path, place=self.place.load(), say=say)
        self.seen = Watched()
        self._read: Read | None = None
        self._live = False
        self._told_far = False
        if format is not None:
            self._read_as(format)

    async def step(self) -> int:
        """Judge what has been written since the last step; answer how many lines that was."""
        before = self.seen.lines
        while batch := self.tail.take(BATCH):
            await self._judge_all(batch)
            await asyncio.sleep(0)
        self._live = self._live or self.tail.opened
        return self.seen.lines - before

    async def _judge_all(self, batch: Sequence[RawLine]) -> None:
        texts = [text for raw in batch if (text := raw.octets.decode("utf-8", "backslashreplace").strip("\x00\r"))]
        if self._read is None and texts:
            found = detect(texts, self._dating())
            self.say(f"{self.path}: read as {found}")
            self._read_as(found.name)
        for text in texts:
            await self._judge(text)
        self.place.keep(self.tail.place())

    async def _judge(self, text: str) -> None:
        self.seen.lines += 1
        try:
            line = self._read(text) if self._read else None
            if line is not None:
                await self._decide(line)
            else:
                self.seen.silent += 1
        except ValueError as error:
            self._tell_unreadable(text, error)

    async def _decide(self, line: Line) -> None:
        clock = self.guard.clock()
        if not self._live and line.time < clock - memory_of(self.guard.policy):
            self.seen.old += 1
            return
        self._tell_far(line.time, clock)
        now = min(line.time, clock) * MICROSECONDS
        for _ in range(line.times):
            decision = await self.guard.adecide(request_of(line, self.guard.addresses), now)
            if line.status is not None and decision.kind not in {"ban", "blocklist"}:  # it happened all the same
                await self.guard.asettle(decision, line.status, now)
        self.seen.judged += line.times

    def _read_as(self, format: str) -> None:
        self._read = reader(format, self._dating())
        self.seen.format = format

    def _dating(self) -> Dating:
        return Dating(self.guard.clock, self.zone)

    def _tell_unreadable(self, text: str, error: ValueError) -> None:
        self.seen.unreadable += 1
        if self.seen.unreadable <= MAX_TOLD:
            self.say(f"{self.path}: cannot be read ({escaped(str(error))}): {escaped(text)}")

    def _tell_far(self, time: float, clock: float) -> None:
        if self._live and not self._told_far and abs(time - clock) > FAR:
            self._told_far = True
            apart = "behind" if time < clock else "ahead of"
            self.say(
                f"{self.path}: a line just written is {abs(time - clock):.0f} s {apart} the clock: is the zone right?"
            )


async def watch(
    path: Path | str,
    guard: Guard,
    *,
    format: str | None = None,
    zone: tzinfo | None = None,
    position: Path | None = None,
    say: Say = print,
    stop: asyncio.Event | None = None,
) -> Watched:
    """Judge every line of ``path`` with ``guard`` until ``stop`` is set (or the task cancelled); answer what was seen.

    The file need not exist yet, and may be rotated or truncated. ``format`` is told from its first lines unless given;
    ``zone`` is that of times which name none (None: this machine's). ``position`` is a file that remembers how far was
    read. ``say`` takes what an operator should hear. Raises ConfigurationError for a log in no known format.
    """
    stop = stop or asyncio.Event()
    watching = Watch(Path(path), guard, format=format, zone=zone, position=position, say=say)
    try:
        while not stop.is_set():
            if not await watching.step():
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL):
                        await stop.wait()
    finally:
        watching.tail.close()
    return watching.seen
