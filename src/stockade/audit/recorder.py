"""The recorder: the one process that has the log open, for all the others that report to it.

Each connection has a thread of its own, which waits for the log's; so events of many processes that come together share
one write and one sync, as those of many threads do. Who may report is decided by the kernel: processes of this user and
of root.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import BoundedSemaphore, Condition, Thread
from typing import Any, BinaryIO, Final

from stockade.audit.letters import letter, listening, peer_of, read, refusal
from stockade.audit.log import AuditLog
from stockade.audit.marks import restored
from stockade.audit.record import event_of
from stockade.audit.waiting import Waiting
from stockade.errors import StockadeError, Unavailable
from stockade.events import Event, Ref

MOST_CONNECTIONS: Final = 512
LONGEST: Final = 60.0
"""Seconds that an event may ask the disk for at most."""
UNSAID: Final = "log.reporter.lost"


class Recorder:
    """Takes events for ``log`` at the socket ``path``, from ``start`` to ``close``."""

    def __init__(self, log: AuditLog, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Raises Unavailable when the socket cannot be made."""
        self.log, self.path, self._clock = log, path, clock
        self._free = BoundedSemaphore(MOST_CONNECTIONS)
        self._closing = False
        try:
            self._door = listening(path)
        except OSError as error:
            raise Unavailable(f"no events can be taken at {path}: {error.strerror}") from error

    def start(self) -> None:
        """Take connections, in a thread."""
        Thread(target=self._welcome, name="stockade-recorder", daemon=True).start()

    def close(self) -> None:
        """Take no more; the log stays open."""
        self._closing = True
        self.path.unlink(missing_ok=True)
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()

    def _welcome(self) -> None:
        while not self._closing:
            try:
                connection, _ = self._door.accept()
            except OSError:
                if not self._closing:
                    time.sleep(0.05)
                continue
            if self._may_report(connection):
                Thread(target=self._attend, args=(connection,), name="stockade-reporter", daemon=True).start()
            else:
                connection.close()

    def _may_report(self, connection: socket.socket) -> bool:
        with suppress(OSError):
            return peer_of(connection) in {0, os.geteuid()} and self._free.acquire(blocking=False)
        return False

    def _attend(self, connection: socket.socket) -> None:
        """Hear one reporter out."""
        who, left = "", False
        try:
            with connection, connection.makefile("rb") as lines:
                who, left = self._hear(connection, lines)
        except (OSError, ValueError):
            pass
        finally:
            self._free.release()
        if who and not left and not self._closing:
            self._say_unsaid(who)

    def _hear(self, connection: socket.socket, lines: BinaryIO) -> tuple[str, bool]:
        """Answer letter by letter; at the end, who it was, and whether they have taken their leave."""
        who = ""
        with suppress(ConnectionError):
            while (found := read(lines)) and not found.get("bye"):
                who = str(found.get("hello", who))[:100]
                connection.sendall(self._answer(found))
            return who, bool(found)
        return who, False

    def _answer(self, found: Mapping[str, Any]) -> bytes:
        try:
            if "must" in found:
                within = min(float(found.get("within", LONGEST)), LONGEST)
                return letter(entry=self.log.append(_event(found["must"], found), timeout=within))
            if "keep" in found:
                return letter(kept=self._keep(found))
        except StockadeError as error:
            return refusal(error)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return refusal(Unavailable(f"not an event that can be recorded: {error}"))
        return letter(welcome=os.getpid())

    def _keep(self, found: Mapping[str, Any]) -> int:
        """Answers when all of them are on disk, or counted as lost by the log."""
        if lost := int(found.get("lost", 0)):
            self.log.miss(lost, float(found["since"]), float(found["until"]), "a reporter had no room for more")
        batch = _Batch(len(found["keep"]))
        for fields in found["keep"]:
            try:
                self.log.keep(_event(fields, found), batch.done)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                self.log.miss(1, self._clock(), self._clock(), f"not an event that can be recorded: {error}"[:200])
                batch.done(None)
            except Unavailable:
                if self.log.failed is not None:
                    raise
                batch.done(None)  # there were too many: the log has counted it
        batch.wait()
        return len(found["keep"])

    def _say_unsaid(self, who: str) -> None:
        self.log.offer(Event(self._clock(), UNSAID, target=Ref("stockade", "process", who), outcome="unknown"))


def _event(fields: Mapping[str, Any], letter: Mapping[str, Any]) -> Event:
    return restored(event_of(fields), letter.get("mark"))


class _Batch:
    """Events that are answered together. Raises the error of the log when it has closed meanwhile."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._error: StockadeError | None = None
        self._all = Condition()

    def done(self, waiting: Waiting | None) -> None:
        with self._all:
            self._left -= 1
            self._error = self._error or (waiting.error if waiting is not None else None)
            self._all.notify()

    def wait(self) -> None:
        with self._all:
            self._all.wait_for(lambda: self._left <= 0)
        if self._error is not None:
            raise self._error
