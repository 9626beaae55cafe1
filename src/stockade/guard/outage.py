"""A store that is down is asked again only now and then, and what passed unjudged meanwhile is counted and said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from stockade.errors import Unavailable
from stockade.events import Event, Ref

PATIENCE: Final = 3
"""Failures in a row before the store is left alone."""
PAUSE: Final = 1.0
"""Seconds between two tries while it is left alone."""


class Outage:
    """A circuit breaker: closed while the store answers, open after some failures in a row, tried again once a
    second.
    """

    def __init__(self, report: Callable[[Event], None]) -> None:
        self.report = report
        self.unjudged = 0
        self.refused = 0
        self.failures = 0
        self.since = 0.0
        self._next = 0.0

    def asks(self, now: float) -> bool:
        """Is the store to be asked?"""
        if not self.failures:
            return True
        if self.failures < PATIENCE:
            return True
        if now >= self._next:
            self._next = now + PAUSE
            return True
        return False

    def failed(self, error: Unavailable, now: float) -> None:
        """The store did not answer."""
        self.failures += 1
        if self.failures == 1:
            self.since = now
            details = {"error": error.message}
            self.report(
                Event(
                    now, "guard.store.down", None, Ref("guard", "store", "counters"), outcome="failure", details=details
                )
            )
        self._next = now + PAUSE

    def passed(self, *, allowed: bool) -> None:
        """A request was decided without the store."""
        if allowed:
            self.unjudged += 1
        else:
            self.refused += 1

    def recovered(self, now: float) -> None:
        """The store answers again: say how long it did not, and how many requests passed unjudged."""
        if self.failures:
            details = {"seconds": now - self.since, "unjudged": self.unjudged, "refused": self.refused}
            self.failures = self.unjudged = self.refused = 0
            self.report(Event(now, "guard.store.up", None, Ref("guard", "store", "counters"), details=details))
