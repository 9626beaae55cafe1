"""After the run: each step's effect is looked up or tried afresh, and until it is there nothing is called contained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stockade.errors import ConfigurationError, Unavailable
from stockade.events import Event, Ref
from stockade.respond.acting import Actuators, about
from stockade.respond.standing import PlanState, Progress, StepState

TOGETHER = 2000
"""Steps that one entry tells of."""


@dataclass(slots=True)
class Verified:
    """The numbers of the steps whose effect is there, is not, and cannot be seen as their system is down; and of those
    done by hand that were found done.
    """

    held: list[int]
    lost: list[int]
    unseen: list[int]
    by_hand: list[int]


def look(state: PlanState, actuators: Actuators) -> Verified:
    """Look at everything that was done, and at what somebody may have done by hand meanwhile."""
    found = Verified([], [], [], [])
    for each in state.steps:
        if each.progress is Progress.DONE:
            _look_at(each, actuators, found)
        elif _awaited(each) and _holds(each, actuators):
            found.by_hand.append(each.number)
            found.held.append(each.number)
    return found


def _awaited(each: StepState) -> bool:
    """Whether it is left to a person who has not said yet that it is done."""
    return each.step.by_hand and not each.waived and each.progress is Progress.PENDING


def _look_at(each: StepState, actuators: Actuators, found: Verified) -> None:
    held = _holds(each, actuators)
    if held is None:
        if each.step.by_hand:
            found.held.append(each.number)  # a person has said so, and nobody else can
        else:
            found.unseen.append(each.number)
    else:
        (found.held if held else found.lost).append(each.number)


def _holds(each: StepState, actuators: Actuators) -> bool | None:
    """Whether its effect is there; None where nobody can tell. Of a step by hand its system may know all the same."""
    actuator = actuators.knowing(each.step) or next(actuators.seeing(each.step.target), None)
    try:
        return None if actuator is None else actuator.holds(each.step)
    except (Unavailable, ConfigurationError):
        return None


def events_of(state: PlanState, found: Verified, by: Ref, now: float) -> Iterator[Event]:
    """What records it."""
    for numbers in _parts(found.by_hand):
        notes = {str(number): "found done" for number in numbers}
        yield _event("step.finish", state, by, now, numbers, notes=notes)
    for numbers in _parts(found.held):
        yield _event("step.verify", state, by, now, numbers, held=True)
    for numbers in _parts(found.lost):
        yield _event("step.verify", state, by, now, numbers, held=False)


def _event(action: str, state: PlanState, by: Ref, now: float, numbers: Sequence[int], **more: object) -> Event:
    details = about(state, numbers) | more
    return Event(now, action, by, state.plan.subject, details=details)


def _parts(numbers: list[int]) -> Iterator[list[int]]:
    return (numbers[at : at + TOGETHER] for at in range(0, len(numbers), TOGETHER))
