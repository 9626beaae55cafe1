"""Appending to the log from an event loop, where nobody may wait for a disk: whole batches are told at once.

::

    door = Awaiting(log)  # one for each event loop, made in it
    index = await door.append(event)  # when it is on disk

The log's thread calls into the loop once for all that it has written, and one timer watches over all that wait.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

from stockade.audit.log import AuditLog
from stockade.audit.waiting import Waiting
from stockade.errors import Unavailable
from stockade.events import Event

_Future = asyncio.Future[int]


class Awaiting:
    """The log as one event loop sees it."""

    def __init__(self, log: AuditLog, *, timeout: float = 5.0) -> None:
        """``timeout``: seconds that an event may wait for the disk."""
        self._log, self._timeout = log, timeout
        self._loop = asyncio.get_running_loop()
        self._arrived = deque[Waiting]()
        self._pending = dict[Waiting, tuple[float, _Future]]()  # in the order of their deadlines
        self._watching = False

    async def append(self, event: Event) -> int:
        """Record an event that must be recorded; answers its number when it is on disk. Raises as the log does."""
        waiting = self._log.submit(event, self._tell)
        future: _Future = self._loop.create_future()
        self._pending[waiting] = self._loop.time() + self._timeout, future
        if not self._watching:
            self._watching = True
            self._loop.call_later(self._timeout, self._watch)
        return await future

    def _tell(self, waiting: Waiting) -> None:
        """In the log's thread: the fate of an event is known."""
        self._arrived.append(waiting)
        if len(self._arrived) == 1:  # else the loop has been called, or is at it
            with suppress(RuntimeError):  # the loop is closed; nobody waits any more
                self._loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        while self._arrived:
            waiting = self._arrived.popleft()
            found = self._pending.pop(waiting, None)
            if found is None or (future := found[1]).done():  # it was given up
                continue
            if waiting.error is not None:
                future.set_exception(waiting.error)
            else:
                future.set_result(waiting.index)

    def _watch(self) -> None:
        """Tell those who have waited too long."""
        now = self._loop.time()
        for waiting, (deadline, future) in list(self._pending.items()):
            if deadline > now:
                break
            self._give_up(waiting, future)
        self._watching = bool(self._pending)
        if self._pending:
            self._loop.call_at(next(iter(self._pending.values()))[0], self._watch)

    def _give_up(self, waiting: Waiting, future: _Future) -> None:
        """Unless its fate is known, and is only to be told yet."""
        try:
            self._log.give_up(waiting, self._timeout)
        except Unavailable as error:
            del self._pending[waiting]
            if not future.done():
                future.set_exception(error)
