"""Asks what may never answer: a file system of somebody's own can hold up for ever whoever looks at it.

A look waits so long and no longer. What hangs is left behind in a thread that ends with the program, and is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final, TypeVar, cast

J = TypeVar("J")
R = TypeVar("R")

_END: Final = object()


def patiently(source: Iterable[R], seconds: float) -> Iterator[R]:
    """What an iterable gives, each within so many seconds of being asked for. Raises TimeoutError."""
    given, worker = iter(source), _Worker()
    try:
        while (found := worker.ask(partial(next, given, _END), seconds)) is not _END:
            yield cast("R", found)
    finally:
        worker.leave()


def in_turn(jobs: Iterable[J], do: Callable[[J], R], seconds: float) -> Iterator[tuple[J, R | None]]:
    """Do one job after another, each with its answer; one that takes longer is left behind, and its answer is None."""
    worker = _Worker()
    try:
        for job in jobs:
            try:
                yield job, worker.ask(partial(do, job), seconds)
            except Late:
                worker.leave()
                worker = _Worker()
                yield job, None
    finally:
        worker.leave()


class Late(TimeoutError):
    """There was no answer in time."""


class _Worker:
    """A thread that is asked for one thing after another, and can be left alone with the last."""

    def __init__(self) -> None:
        self._asked: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._answers: SimpleQueue[tuple[Any, Exception | None]] = SimpleQueue()
        Thread(target=self._work, name="patience", daemon=True).start()

    def ask(self, call: Callable[[], R], seconds: float) -> R:
        """What a call answers or raises. Raises Late."""
        self._asked.put(call)
        try:
            answer, error = self._answers.get(timeout=seconds)
        except Empty:
            raise Late(f"no answer in {seconds:g} s") from None
        if error is not None:
            raise error
        return cast("R", answer)

    def leave(self) -> None:
        """It ends when it has done what it does, if ever."""
        self._asked.put(None)

    def _work(self) -> None:
        while (call := self._asked.get()) is not None:
            try:
                self._answers.put((call(), None))
            except Exception as error:  # noqa: BLE001  whoever asked is told
                self._answers.put((None, error))
