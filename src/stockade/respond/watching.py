"""What is to be watched from now on: a step that only the log takes, in whatever system its target is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from stockade.events import Event, Ref
from stockade.respond import journal
from stockade.respond.acting import Write
from stockade.steps import Step


class Watch:
    """The log as an Actuator of one system. ``write`` records what must be recorded; ``log`` is where it is read."""

    verbs: frozenset[str] = frozenset({"watch.begin"})

    def __init__(self, system: str, log: Path, write: Write, clock: Callable[[], float]) -> None:
        self.system = system
        self._log, self._write, self._clock = log, write, clock

    def observe(self, target: Ref) -> Mapping[str, object]:  # noqa: ARG002  nothing of it is seen here
        """Nothing that a step could depend on."""
        return {}

    def perform(self, step: Step, *, by: Ref | None = None) -> Mapping[str, object]:
        """Write it down. Raises Unavailable when that is not possible."""
        if not self.holds(step):
            self._write(Event(self._clock(), step.verb, by, step.target, details=dict(step.details)))
        return {}

    def holds(self, step: Step) -> bool:
        """Whether the log has it."""
        told = (each.event for each in journal.telling(self._log, journal.about(step.target)))
        return any(each.action == step.verb and _has(each.details, step.details) for each in told)


def _has(told: Mapping[str, object], wanted: Mapping[str, object]) -> bool:
    return all(told.get(key) == value for key, value in wanted.items())
