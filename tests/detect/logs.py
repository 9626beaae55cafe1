"""A log in a directory, filled with events."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from stockade.audit.clerk import Rhythm
from stockade.audit.log import AuditLog
from stockade.events import Event

ORIGIN = "audit.example.com/node1"


def make_log(place: Path, events: Iterable[Event], *, now: float | None = None, segment_size: int = 8 << 20) -> Path:
    """A new log with events in it, recorded by a clock that stands at ``now``; answers its directory."""
    log, signer = place / "log", place / "signer"
    AuditLog.create(log, signer, origin=ORIGIN)
    add(place, events, now=now, segment_size=segment_size)
    return log


def add(place: Path, events: Iterable[Event], *, now: float | None = None, segment_size: int = 8 << 20) -> None:
    """Open the log, record more, and close it."""
    rhythm = Rhythm(segment_size=segment_size)
    clock = {} if now is None else {"clock": lambda: now}
    with AuditLog(place / "log", place / "signer", rhythm=rhythm, **clock) as opened:  # type: ignore[arg-type]
        for event in events:
            opened.offer(event)
