"""``AuditLog``: events go in, and what is in stays in.

::

    AuditLog.create(Path("audit"), Path("audit-signer"), origin="stockade.example/node1")
    with AuditLog(Path("audit"), Path("audit-signer")) as log:
        log.append(event)  # answers when the event is on disk
        log.offer(event)  # does not wait; if it comes to be lost, the log says that, and how many

One thread owns the files. Whoever appends puts a line into the queue; the thread takes the whole queue, writes it with
one ``write`` and one ``fdatasync``, and tells everybody. While the disk is busy the next queue gathers: the more wait,
the more share a turn, and nobody waits for a timer (natural group commit).

Heads are signed within ``sign_within`` seconds of an entry, at every ``sign_after`` entries, and whenever a segment is
full. When nothing happens for ``heartbeat`` seconds the log says so in an entry, which is signed: silence longer than
that is a log that was not running, and a verifier can tell.

What goes wrong is an entry too, the first one that can be written after it: ``log.repaired`` (a torn tail, a replaced
file), ``log.gap`` (entries that are gone, events that were refused or lost, with their count), ``log.clock`` (the clock
was set back).
"""

from __future__ import annotations

import fcntl
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Condition, Lock, Thread
from threading import Event as Flag
from typing import Final, Self

from stockade.audit.clerk import Clerk, Rhythm
from stockade.audit.importance import must
from stockade.audit.layout import RESERVED
from stockade.audit.reading import entries
from stockade.audit.record import PLAIN, Script, body_of
from stockade.audit.signer import Signer
from stockade.audit.signing import signer_at
from stockade.audit.waiting import Losses, Waiting
from stockade.errors import ConfigurationError, StockadeError, Unavailable
from stockade.events import Entry, Event, Ref

RETRY: Final = 0.2
"""Seconds between two attempts while the disk refuses."""


class AuditLog:
    """A log that is open for writing, by this process alone. Safe for any number of threads; not across a fork."""

    def __init__(
        self,
        log: Path,
        state: Path,
        *,
        rhythm: Rhythm | None = None,
        script: Script = PLAIN,
        most_waiting: int = 100_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open the log whose signer keeps its keys and its last head in ``state``; or listens there, at a socket.

        ``script`` is how values are written for which JSON has no word: see ``concealing``. Without one, a secret and
        what is personal are left out.
        Raises Unavailable when another process has it open or the disk refuses, Tampered when it is not the log that
        was signed last, ConfigurationError when there is none.
        """
        self.path = log
        self._clock, self._most_waiting, self._script = clock, most_waiting, script
        self._queue = deque[Waiting]()
        self._commands = deque[Callable[[], None]]()
        self._mutex = Lock()
        self._wake = Condition(self._mutex)
        self._losses = Losses()
        self._failed: StockadeError | None = None
        self._closing = False
        self._retry_at = 0.0
        self._process = os.getpid()
        self._lock = _only_one(log)
        try:
            self._clerk = Clerk(log, signer_at(state), rhythm or Rhythm(), clock, self._rouse)
            self._clerk.open()
        except OSError as error:
            os.close(self._lock)
            raise _refused(log, error) from error
        except BaseException:
            os.close(self._lock)
            raise
        self._thread = Thread(target=self._run, name="stockade-audit", daemon=True)
        self._thread.start()

    @classmethod
    def create(cls, log: Path, state: Path, *, origin: str) -> None:
        """Make the keys and the directory of a new log. Raises ConfigurationError when either is there already."""
        if log.exists() and any(log.iterdir()):
            raise ConfigurationError(f"{log} is not empty", remedy="Choose another directory for a new log.")
        Signer.create(state, origin)
        log.mkdir(mode=0o755, parents=True, exist_ok=True)

    # ── for everybody ────────────────────────────────────────────────────────────────────────────

    def append(self, event: Event, *, timeout: float = 5.0) -> int:
        """Record an event that must be recorded; answers its number when it is on disk.

        Raises Unavailable when it is not there within ``timeout`` seconds: then what it describes must not happen.
        Raises Tampered when the log has closed because of tampering, ValueError for a time that cannot be written and
        for an action that is the log's own.
        """
        done = Lock()
        done.acquire()
        waiting = Waiting(self._body(event), lambda _: done.release())
        self._enqueue(waiting)
        if not done.acquire(timeout=timeout):
            self.give_up(waiting, timeout)
        if waiting.error is not None:
            raise waiting.error
        return waiting.index

    def record(self, event: Event) -> None:
        """Record an event as its action demands (``importance``): ``append`` what must be recorded, ``offer`` the rest.

        Raises as ``append``: then what the event describes must not happen.
        """
        if must(event.action):
            self.append(event)
        else:
            self.offer(event)

    def offer(self, event: Event) -> None:
        """Record an event that should be recorded, without waiting.

        While the disk refuses, it is kept in memory; when there is no more room for it, the log will say how many such
        events it has lost, from when to when.
        """
        with suppress(StockadeError):
            self._enqueue(Waiting(self._body(event), kept=True))

    def keep(self, event: Event, then: Callable[[Waiting], None]) -> None:
        """As ``offer``, and call ``then`` in the log's own thread when its fate is known. Raises as ``append``."""
        self._enqueue(Waiting(self._body(event), then, kept=True))

    def miss(self, count: int, since: float, until: float, why: str) -> None:
        """Take note of events that were lost on the way here: the log says so before the next entry."""
        with self._mutex:
            self._losses.add(Losses(lost=count, since=since, until=until, why=why))

    def submit(self, event: Event, then: Callable[[Waiting], None]) -> Waiting:
        """Record an event that must be recorded, and call ``then`` in the log's own thread. Raises as ``append``."""
        waiting = Waiting(self._body(event), then)
        self._enqueue(waiting)
        return waiting

    def give_up(self, waiting: Waiting, timeout: float) -> None:
        """No longer wait for a submitted event. Raises Unavailable unless its fate is known by now."""
        with self._mutex:
            if waiting.error is not None or waiting.index >= 0:
                return
            still = waiting in self._queue
            if still:
                self._queue.remove(waiting)
                self._losses.count(waiting, self._clock(), "the disk did not answer in time")
        what = "is not recorded" if still else "may or may not be recorded"
        raise Unavailable(f"the audit log did not answer within {timeout} s; the event {what}")

    def read(self, start: int, end: int, *, reader: Ref | None = None) -> Iterator[Entry]:
        """The entries from ``start`` up to ``end``; that somebody reads them is an entry itself. Raises Unavailable."""
        asked = {"from": start, "to": end - 1}
        self.append(Event(self._clock(), "log.read", actor=reader, details=asked))
        return entries(self.path, start, end)

    def sign(self) -> bytes:
        """Have all that is written signed now; answers the head as a signed note. Raises Unavailable, Tampered."""
        self._command(self._clerk.sign)
        return self._clerk.signer.note

    def rotate(self) -> None:
        """Change to new keys, which the old ones introduce in the log. Raises Unavailable, Tampered."""
        self._command(self._clerk.introduce_keys)

    @property
    def failed(self) -> StockadeError | None:
        """Why nothing can be recorded any more, if so."""
        return self._failed

    def close(self) -> None:
        """Record that the log is closed, sign, and let go of it."""
        if self._process != os.getpid():
            return
        with self._mutex:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ── the queue ────────────────────────────────────────────────────────────────────────────────

    def _body(self, event: Event) -> bytes:
        if event.action in RESERVED:
            raise ValueError(f"only the log itself records {event.action}")
        return body_of(event, self._script)

    def _enqueue(self, waiting: Waiting) -> None:
        with self._mutex:
            self._refuse_if_closed()
            if len(self._queue) >= self._most_waiting:
                self._losses.count(waiting, self._clock(), "too many events were waiting")
                raise Unavailable(f"{self._most_waiting:,} events wait for the audit log already")
            self._queue.append(waiting)
            if len(self._queue) == 1:
                self._wake.notify()

    def _refuse_if_closed(self) -> None:
        if self._process != os.getpid():
            raise Unavailable("the audit log was opened by the parent of this process, which alone writes it")
        if self._failed is not None:
            raise self._failed
        if self._closing:
            raise Unavailable("the audit log is closed", remedy="Nothing more can be recorded by this process.")

    def _command(self, what: Callable[[], None]) -> None:
        """Have something done by the thread that owns the files."""
        done, errors = Flag(), list[StockadeError]()

        def run() -> None:
            try:
                if self._failed is not None:
                    errors.append(self._failed)
                else:
                    what()
            except OSError as error:
                errors.append(_refused(self.path, error))
            except StockadeError as error:
                errors.append(error)
                raise
            finally:
                done.set()

        with self._mutex:
            self._refuse_if_closed()
            self._commands.append(run)
            self._wake.notify()
        done.wait()
        if errors:
            raise errors[0]

    # ── the thread that owns the files ───────────────────────────────────────────────────────────

    def _run(self) -> None:
        why: StockadeError = Unavailable("the audit log is closed")
        try:
            while self._turn():
                pass
            self._clerk.say_goodbye()
        except OSError as error:
            why = _refused(self.path, error)
        except StockadeError as error:
            why = error
        except Exception as error:  # noqa: BLE001  whatever it is, those who wait must hear of it
            why = Unavailable(f"the audit log has stopped: {error!r}", remedy="Start the process again.")
        self._end(why)

    def _turn(self) -> bool:
        batch, commands, closing = self._next()
        if batch:
            self._record(batch)
        for command in commands:
            command()
        if time.monotonic() >= self._retry_at:
            try:
                self._clerk.keep_up()
            except OSError:
                self._retry_at = time.monotonic() + RETRY
        return not closing

    def _rouse(self) -> None:
        with self._mutex:
            self._wake.notify()

    def _next(self) -> tuple[list[Waiting], list[Callable[[], None]], bool]:
        """Wait for something to do: events, commands, the end, or that something is due."""
        with self._mutex:
            while not self._commands and not self._closing:
                now = time.monotonic()
                due = self._retry_at if self._retry_at > now else self._clerk.due()
                if due <= now or (self._queue and self._retry_at <= now):
                    break
                self._wake.wait(due - now)
            batch, commands = list(self._queue), list(self._commands)
            self._queue.clear()
            self._commands.clear()
            return batch, commands, self._closing

    def _record(self, batch: list[Waiting]) -> None:
        """Write a batch with one sync, and tell everybody."""
        with self._mutex:
            losses, self._losses = self._losses, Losses()
        try:
            first = self._clerk.record([waiting.body for waiting in batch], remarks=losses.remark())
        except OSError as error:
            self._put_off(batch, losses, error)
            return
        for index, waiting in enumerate(batch, first):
            waiting.finish(index)

    def _put_off(self, batch: list[Waiting], losses: Losses, error: OSError) -> None:
        """The disk has refused: those who wait are told, the others are kept for the next attempt."""
        self._retry_at = time.monotonic() + RETRY
        told = [waiting for waiting in batch if not waiting.kept]
        with self._mutex:
            self._queue.extendleft(reversed([waiting for waiting in batch if waiting.kept]))
            losses.add(self._losses)
            for waiting in told:
                losses.count(waiting, self._clock(), error.strerror or "the disk refused")
            self._losses = losses
        for waiting in told:
            waiting.fail(_refused(self.path, error))

    def _end(self, why: StockadeError) -> None:
        """Let go of everything; whoever still waits is told why."""
        with self._mutex:
            self._failed = why
            left, commands = list(self._queue), list(self._commands)
            self._queue.clear()
            self._commands.clear()
        self._clerk.close()
        os.close(self._lock)
        for waiting in left:
            waiting.fail(why)
        for command in commands:
            command()


def _refused(log: Path, error: OSError) -> Unavailable:
    remedy = "Make room on its disk, or mend it; until then, what must be recorded is refused."
    return Unavailable(f"the audit log {log} cannot be written: {error.strerror or error}", remedy=remedy)


def _only_one(log: Path) -> int:
    """A lock that no second process gets. Raises Unavailable, and ConfigurationError when there is no log."""
    try:
        fd = os.open(log, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigurationError(f"there is no log in {log}", remedy="Create it first.") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        remedy = "One process writes a log; stop the other, or give each its own."
        raise Unavailable(f"another process writes the log {log}", remedy=remedy) from None
    return fd
