"""Events on their way into the log, and the count of those that did not get there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stockade.audit.layout import GAP
from stockade.audit.record import rfc3339
from stockade.errors import StockadeError


@dataclass(slots=True, eq=False)
class Waiting:
    """One event in the queue. ``done`` is called with it when its fate is known; one that is ``kept`` outlasts a full
    disk. It is handed what it needs, so that nothing here points at itself: what does is left to the garbage collector.
    """

    body: bytes
    done: Callable[[Waiting], None] | None = None
    kept: bool = False
    index: int = -1
    error: StockadeError | None = None

    def finish(self, index: int) -> None:
        """It is entry ``index``, on disk."""
        self.index = index
        if self.done is not None:
            self.done(self)

    def fail(self, error: StockadeError) -> None:
        """It is not in the log, and will not be."""
        self.error = error
        if self.done is not None:
            self.done(self)


@dataclass(slots=True)
class Losses:
    """Events that are not in the log: ``refused`` ones, whose callers know it, and ``lost`` ones, whose do not."""

    refused: int = 0
    lost: int = 0
    since: float = 0.0
    until: float = 0.0
    why: str = ""

    def count(self, waiting: Waiting, now: float, why: str) -> None:
        """Count one more."""
        if waiting.kept:
            self.lost += 1
        else:
            self.refused += 1
        self.since, self.until, self.why = self.since or now, now, why

    def add(self, later: Losses) -> None:
        """Count what was lost after these, too."""
        self.refused, self.lost = self.refused + later.refused, self.lost + later.lost
        self.since, self.until, self.why = self.since or later.since, later.until or self.until, later.why or self.why

    def details(self) -> dict[str, Any]:
        """What the log will say about them; nothing when there are none."""
        if not self.refused + self.lost:
            return {}
        span = {"since": rfc3339(self.since), "until": rfc3339(self.until)}
        return {"what": self.why, "refused": self.refused, "lost": self.lost} | span

    def remark(self) -> list[tuple[str, dict[str, Any]]]:
        """The same as an entry to be."""
        return [(GAP, details)] if (details := self.details()) else []
