"""One thread that does what is handed to it, one thing after the other.

Unlike a ``ThreadPoolExecutor`` it still works while the interpreter ends: the last events of a program are reported by
threads that outlive its main thread, and they are to be signed as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Final, TypeVar

T = TypeVar("T")

PART: Final = 512
"""So much is worked at before the others get their turn: less than half a millisecond of hashing."""
PAUSE: Final = 0.00002
"""Seconds. Any pause gives way; to release the interpreter without one is to get it back before anybody has woken."""


def unhurried(whole: Sequence[T]) -> Iterator[Sequence[T]]:
    """The whole in parts, and a pause after each, so that other threads get on.

    A thread that only works keeps the interpreter for 5 ms whenever another asks for it (``sys.getswitchinterval``),
    and an event on its way through three threads would ask for it again and again.
    """
    for at in range(0, len(whole), PART):
        yield whole[at : at + PART]
        time.sleep(PAUSE)


class Aside:
    """A thread of its own, from the first thing that is to be done until ``close``."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._work = SimpleQueue[Callable[[], None] | None]()
        self._thread: Thread | None = None

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Have it done; what it answers or raises is in the future then."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        future = Future[T]()
        self._work.put(lambda: _fulfil(future, work))
        return future

    def close(self) -> None:
        """Wait until everything is done, and let the thread end."""
        self._work.put(None)
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()


def _fulfil(future: Future[T], work: Callable[[], T]) -> None:
    try:
        answer = work()
    except BaseException as error:  # noqa: BLE001  whoever asks for the answer gets it
        future.set_exception(error)
    else:
        future.set_result(answer)
