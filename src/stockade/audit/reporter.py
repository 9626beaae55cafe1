"""How a process that has not opened the log gets its events there: by the recorder's socket.

What must be recorded has a connection of its own and waits for the answer, in the thread of who asks. What should be is
put into a queue and handed over by a thread; it is let go only when the recorder has said that it is on disk, so a
recorder that is killed loses none of it. Then some may be there twice: those are marked ``"again": true``.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from threading import Condition, Thread
from typing import Final

from stockade.audit import letters
from stockade.audit.marks import carried
from stockade.errors import StockadeError, Unavailable
from stockade.events import Event

RETRY: Final = 0.1
"""Seconds between two attempts to reach the recorder."""
GRACE: Final = 0.5
"""Seconds that an answer may take beyond what the disk was given."""
TOGETHER: Final = 200
"""Events handed over at once, and less when they are large."""
OCTETS: Final = 500_000


class Reporter:
    """Reports to the recorder at ``path``, under a name that is told when the process ends without a word.

    Safe for any number of threads; after a fork, use another.
    """

    def __init__(
        self, path: Path, name: str, *, most_waiting: int = 10_000, clock: Callable[[], float] = time.time
    ) -> None:
        self.path, self.name = path, name
        self._clock, self._most_waiting = clock, most_waiting
        self._waiting = deque[Event]()
        self._lost, self._since, self._until = 0, 0.0, 0.0
        self._wake = Condition()
        self._thread: Thread | None = None
        self._closing = False

    def append(self, event: Event, *, timeout: float = 5.0) -> int:
        """Record an event that must be recorded; answers its number when it is on disk.

        Raises Unavailable when it is not there within ``timeout`` seconds, Tampered when the log is closed for that.
        """
        end = time.monotonic() + timeout
        connection = self._reached(end)
        try:
            with closing(connection), connection.makefile("rb") as lines:
                left = max(0.0, end - time.monotonic())
                connection.settimeout(left + GRACE)
                connection.sendall(letters.must(event, left))
                answer = letters.answered(letters.read(lines))
                return int(answer["entry"])
        except (OSError, KeyError, ValueError) as error:
            raise _unheard(timeout, "may or may not be recorded") from error

    def offer(self, event: Event) -> None:
        """Record an event that should be recorded, without waiting. What finds no room is counted, and that is told."""
        with self._wake:
            if len(self._waiting) >= self._most_waiting:
                self._until = self._clock()
                self._since = self._since or self._until
                self._lost += 1
                return
            self._waiting.append(event)
            if self._thread is None:
                self._thread = Thread(target=self._run, name="stockade-reports", daemon=True)
                self._thread.start()
            self._wake.notify()

    def close(self, timeout: float = 5.0) -> int:
        """Hand over what waits, as far as that takes no longer; answers how many are left."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join(timeout)
        return len(self._waiting)

    def _reached(self, end: float) -> socket.socket:
        """A connection, as soon as there is a recorder."""
        while True:
            try:
                return letters.connected(self.path, GRACE)
            except OSError as error:
                if time.monotonic() + RETRY >= end:
                    raise _unheard(0, "is not recorded") from error
            time.sleep(RETRY)

    # ── the thread that hands over ───────────────────────────────────────────────────────────────

    def _run(self) -> None:
        again = 0
        while not self._closing or self._waiting:
            try:
                with closing(letters.connected(self.path, None)) as connection, connection.makefile("rb") as lines:
                    connection.sendall(letters.letter(hello=self.name))
                    letters.read(lines)
                    while batch := self._next():
                        lost, text = self._lost, self._letter(batch, again)
                        again = max(again, len(batch))
                        connection.sendall(text)
                        again -= int(letters.answered(letters.read(lines))["kept"])
                        self._let_go(len(batch), lost)
                    connection.sendall(letters.letter(bye=True))
            except (OSError, KeyError, ValueError, StockadeError):
                time.sleep(RETRY)

    def _next(self) -> list[Event]:
        """What is to be handed over next; nothing when all is done."""
        with self._wake:
            self._wake.wait_for(lambda: self._waiting or self._closing)
            return [self._waiting[at] for at in range(min(TOGETHER, len(self._waiting)))]

    def _letter(self, batch: list[Event], again: int) -> bytes:
        """As many of the batch as a letter takes, the first ``again`` marked as perhaps there already."""
        bodies, octets = list[bytes](), 0
        for at, event in enumerate(batch):
            body = _body(_marked(event) if at < again else event)
            octets += len(body)
            if bodies and octets > OCTETS:
                break
            bodies.append(body)
        del batch[len(bodies) :]
        return letters.keep(bodies, self._lost, self._since, self._until)

    def _let_go(self, count: int, lost: int) -> None:
        with self._wake:
            for _ in range(count):
                self._waiting.popleft()
            self._lost -= lost
            self._since = self._until if self._lost else 0.0


def _marked(event: Event) -> Event:
    return replace(event, details={**event.details, "again": True})


def _body(event: Event) -> bytes:
    """The event as JSON, whatever somebody has put into it."""
    with suppress(ValueError):
        return carried(event)
    return carried(replace(event, time=0.0))


def _unheard(timeout: float, what: str) -> Unavailable:
    within = f" within {timeout:g} s" if timeout else ""
    return Unavailable(
        f"the audit log did not answer{within}; the event {what}, and what it is about was not done",
        remedy="See that stockade serve runs, or that nothing else has the log open, and try again.",
    )
