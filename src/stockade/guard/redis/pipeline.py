"""All that is asked of one server in one turn of an event loop leaves in one write, and requests that are in flight
together share a call of the script.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from math import inf
from time import monotonic
from typing import Final

from stockade.errors import Unavailable
from stockade.guard.meter import Ask
from stockade.guard.redis.asks import Encoder
from stockade.guard.redis.faults import late, lost
from stockade.guard.redis.greeting import Talk
from stockade.guard.redis.url import Address, Target
from stockade.guard.redis.wire import Future, Waiting, Wire, dial, fail

MAX_IN_FLIGHT: Final = 20_000
MAX_BATCH: Final = 128
"""Requests that share a call: Redis does nothing else meanwhile."""
STALL: Final = 1.0
"""Seconds without the oldest reply after which a connection is given up."""

Asked = tuple[Sequence[Ask], Future]


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
        self._commands: list[tuple[bytes, Future]] = []
        self._ends: deque[tuple[float, Future]] = deque()
        self._flushing = False
        self._timer: asyncio.TimerHandle | None = None
        self._alarm = inf

    def count(self, asks: Sequence[Ask], end: float) -> Future:
        """The script's answer about one request."""
        future = self._future(end)
        self._asks.append((asks, future))
        return future

    def send(self, command: bytes, end: float) -> Future:
        """The reply to one command."""
        future = self._future(end)
        self._commands.append((command, future))
        return future

    def _future(self, end: float) -> Future:
        if len(self._ends) >= MAX_IN_FLIGHT:
            self._wake()
        if len(self._ends) >= MAX_IN_FLIGHT:
            raise Unavailable(f"too much is asked of Redis at {self.address} at once", remedy="Is it overloaded?")
        future: Future = self._loop.create_future()
        self._ends.append((end, future))
        if end < self._alarm:
            self._set_alarm(end)
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)
        return future

    # ── writing ──────────────────────────────────────────────────────────────────────────────────

    def _flush(self) -> None:
        """Write everything that was asked in this turn."""
        self._flushing = False
        if self._wire is not None and self._wire.alive:
            self._write(self._wire)
        elif self._connecting is None:
            self._connecting = self._loop.create_task(self._connect())

    def _write(self, wire: Wire) -> None:
        asks, commands, self._asks, self._commands = self._asks, self._commands, [], []
        messages = [command for command, _ in commands]
        waiting: list[Waiting] = [future for _, future in commands]
        for batch in self._batches([asked for asked in asks if not asked[1].done()]):
            one = len(batch) == 1
            messages.append(self._encoder.one(batch[0][0], None) if one else self._encoder.many([a for a, _ in batch]))
            waiting.append([future for _, future in batch])
        if messages:
            wire.write(messages, waiting)

    def _batches(self, asks: list[Asked]) -> Iterator[list[Asked]]:
        """Requests that share a call; in a cluster none do, for their clients live apart."""
        most = MAX_BATCH if self._encoder.shares else 1
        return (asks[start : start + most] for start in range(0, len(asks), most))

    # ── deadlines ────────────────────────────────────────────────────────────────────────────────

    def _set_alarm(self, end: float) -> None:
        """Wake up when the time of the first is over."""
        if self._timer is not None:
            self._timer.cancel()
        self._alarm = end
        self._timer = self._loop.call_later(max(end - monotonic(), 0.0), self._wake) if end < inf else None

    def _wake(self) -> None:
        """Tell those whose time is over; give a connection up that has stood still for long."""
        now, alarm, ends = monotonic(), inf, self._ends
        for end, future in ends:
            if not future.done():
                if end <= now:
                    fail(future, late(self.address, self.deadline))
                else:
                    alarm = min(alarm, end)
        while ends and ends[0][1].done():
            ends.popleft()
        if self._wire is not None and self._wire.stands_still(max(STALL, 2 * self.deadline)):
            self._wire.close()
        self._set_alarm(alarm)

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
        waiting = [future for _, future in (*self._asks, *self._commands)]
        self._asks, self._commands = [], []
        fail(waiting, error)

    def close(self) -> None:
        """Hang up; the next question connects again."""
        if self._connecting is not None:
            self._connecting.cancel()
        if self._wire is not None:
            self._wire.close()
