"""Steps are handed to the systems that can take them, and what goes wrong there becomes a word about the step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from stockade.errors import Refused, Unavailable
from stockade.events import Event, Ref
from stockade.respond.standing import PlanState, StepState
from stockade.steps import Actuator, Step

TOGETHER: Final = 50
"""Steps of one kind that the log hears of together before they are taken."""

Write = Callable[[Event], None]
"""Records an event that must be recorded, and answers when it is on disk. Raises Unavailable, Tampered."""
Tell = Callable[[StepState, str], None]
"""Hears of each step what has just become of it, in a word."""


Spare = Callable[[Iterable[Step]], None]
"""Raises Refused where steps would shut out whom nobody means to, however the world has changed; Unavailable."""


def anybody(_steps: Iterable[Step]) -> None:
    """Where there is nobody to spare."""


def untold(_state: StepState, _word: str) -> None:
    """Where nobody watches."""


class Actuators:
    """The systems that steps can be taken in."""

    def __init__(self, *known: Actuator) -> None:
        self._known = known

    def of(self, step: Step) -> Actuator:
        """Who can take a step. Raises Refused when nobody here can."""
        found = self.knowing(step)
        if found is None:
            raise Refused(f"nothing here can do {step.verb} in {step.target.system}")
        return found

    def knowing(self, step: Step) -> Actuator | None:
        """The same; None when nobody here can."""
        return next((each for each in self._known if _can(each, step)), None)

    def seeing(self, target: Ref) -> Iterator[Actuator]:
        """Who may know a target."""
        return (each for each in self._known if each.system == target.system)

    def observed(self, steps: Iterable[Step]) -> dict[Ref, Mapping[str, object]]:
        """The targets of steps as their systems show them now; none of a system that is down, or that nobody knows."""
        by_system: dict[str, list[Ref]] = {}
        seeing: dict[str, Actuator] = {}
        for step in steps:
            actuator = self.knowing(step) or next(self.seeing(step.target), None)
            if actuator is not None:
                by_system.setdefault(step.target.system, []).append(step.target)
                seeing.setdefault(step.target.system, actuator)
        return {ref: seen for system, refs in by_system.items() for ref, seen in _looked_at(seeing[system], refs)}


def _looked_at(actuator: Actuator, refs: Sequence[Ref]) -> Iterator[tuple[Ref, Mapping[str, object]]]:
    """Each with what is seen of it; all in one look where the system can do that."""
    wanted = list(dict.fromkeys(refs))
    many: Callable[[Sequence[Ref]], Mapping[Ref, Mapping[str, object]]] | None = getattr(actuator, "observe_many", None)
    try:
        yield from many(wanted).items() if many else ((ref, actuator.observe(ref)) for ref in wanted)
    except Unavailable:
        return


def _can(actuator: Actuator, step: Step) -> bool:
    return actuator.system == step.target.system and step.verb in actuator.verbs


@dataclass(frozen=True, slots=True)
class Difference:
    """What is otherwise than the plan expects: of a step's target, what was seen when it was drawn and is seen now."""

    number: int
    step: Step
    key: str
    then: object
    now: object

    def __str__(self) -> str:
        return f"{self.step.target}: {self.key} was {self.then}, is {self.now}"


def differences(steps: Sequence[StepState], actuators: Actuators) -> Iterator[Difference]:
    """Where the world is not as these steps expect it. What cannot be seen as a system is down is not told."""
    seen = actuators.observed([each.step for each in steps if each.step.expects])
    for state in steps:
        found = seen.get(state.step.target)
        if found is not None:
            for key, then in state.step.expects.items():
                if found.get(key) != then:
                    yield Difference(state.number, state.step, key, then, found.get(key))


def waves(steps: Sequence[StepState]) -> Iterator[list[StepState]]:
    """The steps in their order, those of one verb in one system together, as far as they follow one another."""
    for _, group in groupby(steps, key=lambda each: (each.step.verb, each.step.target.system)):
        alike = list(group)
        yield from (alike[at : at + TOGETHER] for at in range(0, len(alike), TOGETHER))


def about(state: PlanState, numbers: Sequence[int], **more: object) -> dict[str, object]:
    """The details of an event about steps of a plan; what is None or empty is left out."""
    told = {name: value for name, value in more.items() if value}
    return {"plan": state.digest, "incident": state.plan.incident, "steps": list(numbers), **told}


def target_of(state: PlanState, steps: Sequence[StepState]) -> Ref:
    """What an event about these steps is about: their one target, else the plan's subject."""
    targets = {each.step.target for each in steps}
    return targets.pop() if len(targets) == 1 else state.plan.subject
