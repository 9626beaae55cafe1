"""All sinks of a log at once: a carrier each, and how far each is behind."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stockade.audit.reading import entries
from stockade.audit.sinks.carrier import Carrier
from stockade.audit.sinks.opening import Wanted, sink_of
from stockade.audit.sinks.parcels import signed_size
from stockade.audit.sinks.position import Place, Position, positions_in
from stockade.audit.sinks.settings import Resolve, SinkSettings, named
from stockade.audit.sinks.telling import Seen
from stockade.errors import StockadeError, Unavailable

PATIENCE: Final = 5.0
"""Seconds in which all carriers together may come back."""


@contextmanager
def carried(log: Path, state: Path, sinks: Sequence[SinkSettings], resolve: Resolve) -> Iterator[list[Carrier]]:
    """Carry a log to its sinks until the end of the block; ``state`` is where their positions are kept.

    Raises ConfigurationError before anything is carried, Unavailable when ``state`` cannot be written, or another
    process carries from there.
    """
    ready = {name: sink_of(Wanted(each, log, state, resolve)) for name, each in named(list(sinks)).items()}
    signed_size(log)
    lock = _only_one(state)
    size: Callable[[], int] = lambda: signed_size(log)  # noqa: E731  one word for who needs it
    carriers = [Carrier(name, sink, cut, size, Place(state, name)) for name, (sink, cut) in ready.items()]
    try:
        for carrier in carriers:
            carrier.start()
        yield carriers
    finally:
        end = time.monotonic() + PATIENCE
        for carrier in carriers:
            carrier.stop(0)
        for carrier in carriers:
            carrier.stop(max(0.0, end - time.monotonic()))
        os.close(lock)


def _only_one(state: Path) -> int:
    """Make the directory where it is not there, and lock it: two processes would undo each other's positions."""
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise Unavailable(f"{state} cannot be made: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        remedy = "Stop it, or give this one a directory of its own."
        raise Unavailable(f"another process carries from {state}", remedy=remedy) from error
    return lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one sink stands: ``behind`` counts entries, ``lag`` seconds since the oldest of them was recorded."""

    name: str
    next: int
    behind: int
    lag: float
    moved: float
    error: str
    failing: float
    remark: str


def standings(log: Path, state: Path, now: float) -> list[Standing]:
    """How all sinks of a log stand that have ever been carried to. ``now`` is in seconds since the epoch."""
    return [_standing(log, name, at, now) for name, at in positions_in(state).items()]


def seen(log: Path, carrier: Carrier, now: float) -> Seen:
    """How the sink of a carrier stands. ``now`` is in seconds since the epoch."""
    at, behind, lag = carrier.position, 0, 0.0
    with suppress(StockadeError):  # a log that cannot be read is told by who verifies it, and by the carrier
        standing = _standing(log, carrier.name, at, now)
        behind, lag = standing.behind, standing.lag
    return Seen(failures=carrier.failures, error=carrier.error, failing=at.failing, behind=behind, lag=lag)


def _standing(log: Path, name: str, at: Position, now: float) -> Standing:
    size = signed_size(log)
    return Standing(
        name=name, next=at.next, behind=max(0, size - at.next), lag=_lag(log, at.next, size, now), moved=at.moved,
        error=at.error, failing=at.failing, remark=at.remark,
    )  # fmt: skip


def _lag(log: Path, index: int, size: int, now: float) -> float:
    """Seconds since the first entry was recorded that is signed and not carried."""
    waiting = next(entries(log, index, index + 1), None) if index < size else None
    return max(0.0, now - waiting.recorded) if waiting else 0.0
