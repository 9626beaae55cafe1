"""How sinks stand becomes events: that one fails, falls behind or is well again, each once per sink and window."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from stockade.events import Event, Outcome, Ref

WINDOW: Final = 600.0
"""Seconds in which the same is told of a sink once: what the log says of its sinks must not fill it."""
LATE: Final = 300.0
"""Seconds that a signed entry may wait for a sink before that is told: as long as an open segment waits for a store."""
MOST: Final = 500
"""Characters of an error that are kept."""

State = Literal["up", "behind", "down"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is seen of a sink: ``failures`` so far and the last ``error``, ``failing`` since when, 0 when it is
    well; how many entries it is ``behind``, and for how many seconds the oldest of them waits.
    """

    failures: int = 0
    error: str = ""
    failing: float = 0.0
    behind: int = 0
    lag: float = 0.0

    @property
    def state(self) -> State:
        """In one word."""
        return "down" if self.failing else "behind" if self.lag >= LATE else "up"


@dataclass(slots=True)
class _Told:
    """What was told of a sink last, and when each was: a sink of which nothing was told is well."""

    state: State = "up"
    failures: int = 0
    at: dict[State, float] = field(default_factory=dict)


class Telling:
    """Remembers what was told of each sink."""

    def __init__(self) -> None:
        self._told: dict[str, _Told] = {}

    def look(self, name: str, seen: Seen, now: float) -> Event | None:
        """The event, if there is something to tell at ``now``, in seconds since the epoch.

        ``times`` in it is how often the sink failed since the last one.
        """
        told = self._told.setdefault(name, _Told())
        news = seen.state != told.state or seen.state != "up" or seen.failures > told.failures
        if not news or now - told.at.get(seen.state, float("-inf")) < WINDOW:
            return None
        times = seen.failures - told.failures
        told.state, told.failures, told.at[seen.state] = seen.state, seen.failures, now
        return _event(name, seen, times, now)


def _event(name: str, seen: Seen, times: int, now: float) -> Event:
    details: dict[str, object] = {"behind": seen.behind, "lag": round(seen.lag, 1), "times": times}
    if seen.error and (times or seen.failing):
        details["error"] = seen.error[:MOST]
    if seen.failing:
        details["failing_for"] = round(max(0.0, now - seen.failing), 1)
    outcome: Outcome = "success" if seen.state == "up" else "failure"
    return Event(now, f"log.sink.{seen.state}", None, Ref("stockade", "sink", name), None, outcome, details)
