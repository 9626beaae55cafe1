"""Mutual exclusion among the threads and the processes of one machine, in stripes, so that few ever wait for one
another.

A stripe is a lock among threads and one byte of the file locked among processes. The kernel gives the byte back when
its holder dies, however it dies (``fcntl(2)``, advisory record locks).
"""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Iterable
from contextlib import ExitStack
from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, lockf
from threading import Lock
from typing import Final

from stockade.errors import Unavailable

PATIENCE: Final = 0.5
"""Seconds to wait for a stripe. Its holder needs a few microseconds, unless somebody stopped it in the middle."""
STRIPES: Final = 256
"""Into how many parts the clients are divided."""
REGISTER: Final = STRIPES
"""The number of the stripe that stands for the file as a whole."""
TRY: Final = LOCK_EX | LOCK_NB
SPINS: Final = 100
"""How often to look again at once, before sleeping in between."""


class Stripe:
    """``with stripe:`` keeps every other thread and process out of what it stands for.

    Raises Unavailable when it is not given free in time. Not to be entered twice by one thread.
    """

    __slots__ = ("__weakref__", "_at", "_fd", "_threads", "number")

    def __init__(self, fd: int, number: int) -> None:
        self.number = number
        self._fd = fd
        self._at = 2 * number  # neighbours would be merged and split again by the kernel
        self._threads = Lock()
        _living.add(self)

    def __enter__(self) -> None:
        threads = self._threads
        if not threads.acquire(False) and not threads.acquire(timeout=PATIENCE):
            raise _held()
        try:
            lockf(self._fd, TRY, 1, self._at)
        except OSError:
            self._insist()

    def __exit__(self, *_: object) -> None:
        lockf(self._fd, LOCK_UN, 1, self._at)
        self._threads.release()

    def _insist(self) -> None:
        taken = False
        try:
            taken = self._taken_in_time()
        finally:
            if not taken:
                self._threads.release()
        if not taken:
            raise _held()

    def _taken_in_time(self) -> bool:
        """Try again and again. A lock that waits in the kernel knows no deadline, and would take two threads that wait
        for threads of another process for a deadlock.
        """
        deadline, tries = time.monotonic() + PATIENCE, 0
        while time.monotonic() < deadline:
            tries += 1
            if tries > SPINS:
                time.sleep(0.0005)
            try:
                lockf(self._fd, TRY, 1, self._at)
            except OSError:
                continue
            return True
        return False

    def free_threads(self) -> None:
        """Forget the threads of the parent, in a child that was forked while one of them was in the middle."""
        self._threads = Lock()


class Together:
    """Several stripes entered as one, in the order in which everybody enters them."""

    def __init__(self, stripes: Iterable[Stripe]) -> None:
        self._stripes = sorted(stripes, key=lambda s: s.number)
        self._entered = ExitStack()

    def __enter__(self) -> None:
        with ExitStack() as entered:
            for stripe in self._stripes:
                entered.enter_context(stripe)
            self._entered = entered.pop_all()

    def __exit__(self, *_: object) -> None:
        self._entered.close()


def _held() -> Unavailable:
    return Unavailable(
        f"the shared store was busy for {PATIENCE:g} s",
        remedy="Look for a process that uses it and was stopped (state T in ps), and continue or end it.",
    )


_living: weakref.WeakSet[Stripe] = weakref.WeakSet()


def _in_child() -> None:
    for stripe in _living:
        stripe.free_threads()


os.register_at_fork(after_in_child=_in_child)
