"""A log in a directory, filled with events."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from stockade.audit.clerk import Rhythm
from stockade.audit.log import AuditLog
from stockade.events import Event

ORIGIN = "audit.example.com/node1"


def make_log(
    place: Path,
    events: Iterable[Event],
    *,
    now: float | None = None,
    segment_size: int = 8 << 20,
    log: str = "log",
    signer: str = "signer",
) -> Path:
    """A new log with events in it, recorded by a clock that stands at ``now``; answers its directory."""
    AuditLog.create(place / log, place / signer, origin=ORIGIN)
    _record(place / log, place / signer, events, now, segment_size)
    return place / log


def add(place: Path, events: Iterable[Event], *, now: float | None = None) -> None:
    """Open the log, record more, and close it."""
    _record(place / "log", place / "signer", events, now, 8 << 20)


def _record(log: Path, signer: Path, events: Iterable[Event], now: float | None, segment_size: int) -> None:
    clock = time.time if now is None else lambda: now
    with AuditLog(log, signer, rhythm=Rhythm(segment_size=segment_size), clock=clock) as opened:
        for event in events:
            opened.offer(event)
