"""A system that steps can be taken in, as the contract of Actuator has it, with faults on demand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from stockade.errors import ConfigurationError, Refused, Unavailable
from stockade.events import Entry, Event, Ref
from stockade.respond.standing import PlanState, standings
from stockade.steps import Step

EFFECTS = {
    "user.block": {"state": "blocked"},
    "user.unblock": {"state": "active"},
    "token.revoke": {"state": "revoked"},
    "token.restore": {"state": "live"},
    "webhook.pause": {"state": "paused"},
    "webhook.resume": {"state": "live"},
    "password.reset": {"password": "none"},
}


class Killed(BaseException):
    """What a kill -9 is to code that runs in this process."""


class System:
    """Things with a state each; ``changes`` counts how often each verb has in fact changed its target.

    ``at_step`` is called before and after each change, and may raise.
    """

    verbs = frozenset({*EFFECTS, "token.rotate", "session.end"})

    def __init__(self, things: Mapping[Ref, Mapping[str, object]], system: str = "stockade") -> None:
        self.system = system
        self.things = {ref: dict(state) for ref, state in things.items()}
        self.changes = Counter[tuple[str, str]]()
        self.down = False
        self.refuses: frozenset[Ref] = frozenset()
        self.at_step: Callable[[str, Step], None] = lambda _when, _step: None

    def observe(self, target: Ref) -> Mapping[str, object]:
        self._answer()
        return dict(self.things.get(target, {}))

    def perform(self, step: Step, *, by: Ref | None = None) -> Mapping[str, object]:
        self._answer()
        self.at_step("before", step)
        if step.target in self.refuses:
            raise Refused(f"{step.target} says no")
        wanted = self._wanted(step)
        if any(self.things[step.target].get(key) != value for key, value in wanted.items()):
            self.things[step.target].update(wanted)
            self.changes[step.verb, str(step.target)] += 1
        self.at_step("after", step)
        return {}

    def holds(self, step: Step) -> bool:
        self._answer()
        if step.verb not in self.verbs:
            raise ConfigurationError(f"{self.system} cannot {step.verb}")
        seen = self.things.get(step.target, {})
        if step.verb == "token.rotate":
            return seen.get("turn") != step.expects["turn"]
        return all(seen.get(key) == value for key, value in self._wanted(step).items())

    def _wanted(self, step: Step) -> Mapping[str, object]:
        if step.verb == "token.rotate":
            turn = self.things[step.target]["turn"]
            assert isinstance(turn, int)
            return {"turn": turn + 1}
        return {"sessions": 0} if step.verb == "session.end" else EFFECTS[step.verb]

    def _answer(self) -> None:
        if self.down:
            raise Unavailable(f"{self.system} does not answer")


class Journal:
    """A log in memory: what is written is there for whoever comes next; ``at_write`` may raise instead."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.at_write: Callable[[Event], None] = lambda _event: None

    def write(self, event: Event) -> None:
        self.at_write(event)
        self.entries.append(Entry(len(self.entries), event.time, event))

    def write_all(self, events: Iterator[Event]) -> None:
        for event in events:
            self.write(event)

    def states(self) -> dict[str, PlanState]:
        return standings(self.entries)

    def state(self) -> PlanState:
        (state,) = self.states().values()
        return state
