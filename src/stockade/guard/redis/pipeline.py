"""What is asked of one server in one turn of an event loop leaves together, and requests that ask alike share a call of
the script.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from math import inf
from time import monotonic
from typing import Final

from stockade.errors import Unavailable
from stockade.guard.meter import Ask
from stockade.guard.redis.asks import Encoder, Groups, groups_of
from stockade.guard.redis.faults import late, lost
from stockade.guard.redis.greeting import Talk
from stockade.guard.redis.url import Address, Target
from stockade.guard.redis.wire import Asked, Future, Sent, Waiting, Wire, dial, fail, patience

MAX_IN_FLIGHT: Final = 20_000
MAX_BATCH: Final = 32
"""Requests that share a call. So many leave at once, so that Redis counts while this process is busy with the next."""
STALL: Final = 1.0
"""Seconds without the oldest reply after which a connection is given up."""


class Pipeline:
    """The way to one server in one event loop. It connects when something is asked, and again after a loss.

    Every future ends within its own deadline: with a reply, an error reply, or Unavailable.
    """

    def __init__(
        self, target: Target, address: Address, encoder: Encoder, deadline: float, talk: Callable[[], Talk]
    ) -> None:
        self.address = address
        self.deadline = deadline
        self._target = target
        self._encoder = encoder
        self._talk = talk
        self._loop = asyncio.get_running_loop()
        self._wire: Wire | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._asks: list[Asked] = []
        self._commands: list[Sent] = []
        self._flushing = False
        self._timer: asyncio.TimerHandle | None = None
        self._alarm = inf

    def count(self, asks: Sequence[Ask], end: float) -> Future:
        """The script's answer about one request."""
        future = self._future(end)
        self._asks.append((asks, future, end))
        if len(self._asks) >= MAX_BATCH:
            self._flush()
        return future

    def send(self, command: bytes, end: float) -> Future:
        """The reply to one command."""
        future = self._future(end)
        self._commands.append((command, future, end))
        return future

    def _future(self, end: float) -> Future:
        if len(self._asks) + len(self._commands) + (self._wire.load if self._wire else 0) >= MAX_IN_FLIGHT:
            raise Unavailable(f"too much is asked of Redis at {self.address} at once", remedy="Is it overloaded?")
        if end < self._alarm:
            self._set_alarm(end)
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush_turn)
        return self._loop.create_future()

    # ── writing ──────────────────────────────────────────────────────────────────────────────────

    def _flush_turn(self) -> None:
        """The turn is over."""
        self._flushing = False
        self._flush()

    def _flush(self) -> None:
        """Write everything that was asked."""
        if self._wire is not None and self._wire.alive:
            self._write(self._wire)
        elif self._connecting is None:
            self._connecting = self._loop.create_task(self._connect())

    def _write(self, wire: Wire) -> None:
        asks, commands, self._asks, self._commands = self._asks, self._commands, [], []
        calls: list[tuple[bytes, Waiting]] = [(command[0], command) for command in commands]
        batches = self._batches([asked for asked in asks if not asked[1].done()])
        calls += [(self._encoder.call([asks for asks, _, _ in batch]), batch) for batch in batches]
        if calls:
            wire.write(calls)

    def _batches(self, asks: list[Asked]) -> Iterator[list[Asked]]:
        """Requests that share a call, since they ask alike; in a cluster none do, for their clients live apart."""
        if not self._encoder.shares:
            yield from ([asked] for asked in asks)
            return
        alike: dict[Groups, list[Asked]] = {}
        for asked in asks:
            alike.setdefault(groups_of(asked[0]), []).append(asked)
        for found in alike.values():
            yield from (found[start : start + MAX_BATCH] for start in range(0, len(found), MAX_BATCH))

    # ── deadlines ────────────────────────────────────────────────────────────────────────────────

    def _set_alarm(self, end: float) -> None:
        """Wake up when the time of the first is over."""
        if self._timer is not None:
            self._timer.cancel()
        self._alarm = end
        self._timer = self._loop.call_later(max(end - monotonic(), 0.0), self._wake) if end < inf else None

    def _wake(self) -> None:
        """Tell those whose time is over; give a connection up that has stood still for long."""
        now, alarm = monotonic(), inf
        for future, end in self._waiting():
            if not future.done() and end <= now:
                fail(future, late(self.address, self.deadline))
            elif not future.done():
                alarm = min(alarm, end)
        if self._wire is not None and self._wire.stands_still(max(STALL, 2 * self.deadline)):
            self._wire.close()
        self._set_alarm(alarm)

    def _waiting(self) -> Iterator[tuple[Future, float]]:
        """Everybody who waits, and until when."""
        yield from patience(self._asks)
        for each in self._commands:
            yield from patience(each)
        if self._wire is not None:
            yield from self._wire.waiting()

    # ── connecting ───────────────────────────────────────────────────────────────────────────────

    async def _connect(self) -> None:
        """Connect, introduce ourselves, and then ask what has been waiting."""
        try:
            self._wire = await self._dial()
        except Unavailable as error:
            self._give_up(error)
        finally:
            self._connecting = None
        if self._asks or self._commands:
            self._flush()

    async def _dial(self) -> Wire:
        try:
            async with asyncio.timeout(self.deadline):
                wire = await dial(self._target, self.address)
                try:
                    await wire.greet(self._talk())
                except BaseException:
                    wire.close()
                    raise
                return wire
        except TimeoutError:
            raise late(self.address, self.deadline) from None
        except OSError as error:
            raise lost(self.address, error) from None

    def _give_up(self, error: Unavailable) -> None:
        waiting = [future for _, future, _ in (*self._asks, *self._commands)]
        self._asks, self._commands = [], []
        for future in waiting:
            fail(future, error)

    def close(self) -> None:
        """Hang up; the next question connects again."""
        if self._connecting is not None:
            self._connecting.cancel()
        if self._wire is not None:
            self._wire.close()
