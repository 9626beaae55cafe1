"""The clock of an old log, which goes by what its lines say and now and then goes back."""

from __future__ import annotations

from typing import Final

TOLERANCE: Final = 300.0
"""Seconds by which a line may be late and still be taken for now: servers write in bulk, and by several processes."""
STARTED_OVER: Final = 10
"""That many lines in a row, each later still, are no stragglers: an older log begins."""


class LogClock:
    """Tells when each line happened. ``restarts`` counts how often an older log began in the middle.

    A line that is a little late happens now. One that is late by more happens at its own time, for Apache writes a long
    download down when it ends with the time when it began. Only many of them in a row set the clock back.
    """

    def __init__(self) -> None:
        self.latest = 0.0
        self.restarts = 0
        self._behind = 0

    def at(self, time: float) -> float:
        """When a line that says ``time`` (seconds since the epoch) is to be counted."""
        if time >= self.latest:
            self.latest, self._behind = time, 0
            return time
        if self.latest - time <= TOLERANCE:
            self._behind = 0
            return self.latest
        self._behind += 1
        if self._behind >= STARTED_OVER:
            self.latest, self._behind = time, 0
            self.restarts += 1
        return time

    def went_on(self, latest: float, lines: int) -> None:
        """So many lines that were not late have been counted meanwhile, until ``latest``."""
        if lines:
            self.latest, self._behind = latest, 0
