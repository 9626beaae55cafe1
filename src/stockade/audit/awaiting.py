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
from functools import partial

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
        self._arrived = deque[tuple[_Future, Waiting]]()
        self._pending = deque[tuple[float, _Future, Waiting]]()
        self._watching = False

    async def append(self, event: Event) -> int:
        """Record an event that must be recorded; answers its number when it is on disk. Raises as the log does."""
        future: _Future = self._loop.create_future()
        waiting = self._log.submit(event, partial(self._tell, future))
        self._pending.append((self._loop.time() + self._timeout, future, waiting))
        if not self._watching:
            self._watching = True
            self._loop.call_later(self._timeout, self._watch)
        return await future

    def _tell(self, future: _Future, waiting: Waiting) -> None:
        """In the log's thread: the fate of an event is known."""
        self._arrived.append((future, waiting))
        if len(self._arrived) == 1:  # else the loop has been called, or is at it
            with suppress(RuntimeError):  # the loop is closed; nobody waits any more
                self._loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        while self._arrived:
            future, waiting = self._arrived.popleft()
            if future.done():
                continue
            if waiting.error is not None:
                future.set_exception(waiting.error)
            else:
                future.set_result(waiting.index)
        self._forget()

    def _watch(self) -> None:
        """Tell those who have waited too long."""
        self._forget()
        while self._pending and self._pending[0][0] <= self._loop.time():
            _, future, waiting = self._pending.popleft()
            self._give_up(future, waiting)
            self._forget()
        self._watching = bool(self._pending)
        if self._pending:
            self._loop.call_at(self._pending[0][0], self._watch)

    def _forget(self) -> None:
        """Let go of those whose fate is known: what is kept for long is what the garbage collector walks through."""
        while self._pending and self._pending[0][1].done():
            self._pending.popleft()

    def _give_up(self, future: _Future, waiting: Waiting) -> None:
        try:
            self._log.give_up(waiting, self._timeout)
        except Unavailable as error:
            future.set_exception(error)
