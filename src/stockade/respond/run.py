"""A plan is run, and taken back: the log is the journal, and whoever comes after a kill -9 reads on where it ends.

Before a step is taken, that it is about to be taken is on disk; when that cannot be, it is not taken. Of a step that
was started and not finished only its system knows whether it took effect: it is asked, and the step taken only when it
did not. So a run that was killed anywhere ends, when it is resumed, as if it had not been, and nothing is done twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from stockade.errors import ConfigurationError, Refused, StockadeError, Unavailable
from stockade.events import Entry, Event, Ref
from stockade.respond.acting import (
    Actuators,
    Difference,
    Spare,
    Tell,
    Write,
    about,
    anybody,
    differences,
    target_of,
    untold,
    waves,
)
from stockade.respond.approvals import Rule, refuse_unless_open
from stockade.respond.standing import Fold, PlanState, Progress, StepState
from stockade.respond.unsealed import destroys, refuse_unsealed
from stockade.steps import Actuator, Step

MAYBE = frozenset({Progress.STARTED, Progress.WAITING, Progress.UNDOING})
"""Steps of which only their system knows whether they took effect."""


_NOT_SO: Final = {
    Progress.DONE: "somebody else has changed it since: left as it is",
    Progress.UNDOING: "was undone already",
}
"""What is told of a step that is to be taken back, and whose effect is not there."""


class WorldChanged(Refused):
    """The world is not as the plan expects it; ``differences`` say where. Nothing was done."""

    def __init__(self, state: PlanState, found: Sequence[Difference]) -> None:
        self.state, self.differences = state, tuple(found)
        super().__init__(
            f"plan {state.digest[:12]} is not run: since it was drawn, {found[0]}"
            + (f", and {len(found) - 1} more" if len(found) > 1 else ""),
            remedy=f"Draw it again: stockade plan {state.plan.playbook} {state.plan.subject.id}",
        )


@dataclass(slots=True)
class _Outcome:
    """What has become of the steps of one wave: their numbers, and a note where there is something to say."""

    finished: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)


class Runner:
    """Takes the steps of one plan, as ``by``; ``state`` is how the plan stands, kept up with what is written."""

    def __init__(
        self,
        state: PlanState,
        actuators: Actuators,
        write: Write,
        *,
        by: Ref,
        clock: Callable[[], float],
        rule: Rule | None = None,
        spare: Spare = anybody,
        tell: Tell = untold,
    ) -> None:
        self._fold = Fold()
        self._fold.plans[state.digest] = state
        self._digest = state.digest
        self._actuators, self._write, self._by, self._clock = actuators, write, by, clock
        self._rule, self._spare, self._tell = rule or Rule(), spare, tell
        self._down: dict[str, str] = {}

    @property
    def state(self) -> PlanState:
        """How the plan stands by now."""
        return self._fold.plans[self._digest]

    def run(self) -> PlanState:
        """Take every approved step that is not done yet. Raises Refused, WorldChanged; Unavailable when the log is
        away: what was not recorded is not done.
        """
        self._refuse_expired()
        if not self.state.begun:
            self._compare()
        steps = self._due()
        with suppress(Unavailable):  # the steps that it is about will wait for the same system
            self._spare([each.step for each in steps])
        changed = {each.number: str(each) for each in differences(self._untouched(steps), self._actuators)}
        for wave in waves(steps):
            self._take(wave, changed)
        return self.state

    def undo(self) -> PlanState:
        """Take back what was done and can be taken back, the last first. Raises Unavailable when the log is away."""
        touched = [each for each in self.state.steps if each.touched and each.progress is not Progress.UNDONE]
        back = [each for each in reversed(touched) if each.step.undo is not None]
        for wave in waves(back):
            self._take_back(wave)
        return self.state

    # ── before anything is done ──────────────────────────────────────────────────────────────────

    def _refuse_expired(self) -> None:
        state, now = self.state, self._clock()
        try:
            refuse_unless_open(state, now)
        except Refused:
            if not state.begun and state.refused is None and not state.undone:
                self._say("plan.expire", state.plan.subject, {"plan": state.digest, "incident": state.plan.incident})
            raise
        if not any(self._rule.approved(state, each) and state.approvers(each) for each in state.plan.tactics()):
            raise Refused(f"plan {state.digest[:12]} is not approved", remedy=f"stockade approve {state.digest[:12]}")

    def _compare(self) -> None:
        """Raises WorldChanged, and says so in the log, when the world is not as it was when the plan was drawn."""
        found = list(differences(self.state.steps, self._actuators))
        if found:
            changed = [str(each) for each in found[:50]]
            told = about(self.state, sorted({each.number for each in found[:50]}), changed=changed)
            self._say("plan.refuse", self.state.plan.subject, told)
            raise WorldChanged(self.state, found)

    def _due(self) -> list[StepState]:
        open_ = (Progress.PENDING, Progress.STARTED, Progress.WAITING, Progress.FAILED)
        return [
            each
            for each in self.state.at(*open_)
            if not each.step.by_hand and not each.waived and self._rule.approved(self.state, each.step.tactic)
            if self._may_follow(each.step)
        ]

    def _may_follow(self, step: Step) -> bool:
        """Whether the step that this one has to come after, such as one done by hand, is settled."""
        after = step.details.get("after")
        return not isinstance(after, int) or self.state.steps[after - 1].settled

    def _untouched(self, steps: Sequence[StepState]) -> list[StepState]:
        """Those whose target this plan has not changed itself."""
        if not self.state.begun:
            return []  # all have just been compared
        ours = {each.step.target for each in self.state.steps if each.touched}
        return [each for each in steps if each.step.target not in ours]

    # ── forwards ─────────────────────────────────────────────────────────────────────────────────

    def _take(self, wave: list[StepState], changed: dict[int, str]) -> None:
        if wave[0].step.target.system in self._down:
            self._conclude(wave, _Outcome(waiting=[each.number for each in wave]), undo=False)
            return
        self._say_of("step.start", wave, [each.number for each in wave])
        outcome = _Outcome()
        try:
            if not self._taken_together(wave, changed, outcome):
                for each in wave:
                    self._each(each, outcome, lambda each: self._perform(each, changed))
        finally:
            self._conclude(wave, outcome, undo=False)

    def _taken_together(self, wave: list[StepState], changed: dict[int, str], outcome: _Outcome) -> bool:
        """Whether their system took all of them in one go; when it did not, they are taken one by one."""
        many = getattr(self._actuators.knowing(wave[0].step), "perform_many", None)
        fresh = all(each.progress is Progress.PENDING and each.number not in changed for each in wave)
        fresh = fresh and not any(destroys(each.step) for each in wave)  # what may be refused goes one by one
        if many is None or len(wave) < 2 or not fresh:
            return False
        try:
            if not many([each.step for each in wave], by=self._by):
                return False
        except StockadeError:
            return False
        outcome.finished.extend(each.number for each in wave)
        for each in wave:
            self._tell(each, "done")
        return True

    def _perform(self, each: StepState, changed: dict[int, str]) -> str:
        refuse_unsealed(self.state, each.step)
        self._spare([each.step])
        if each.number in changed:
            raise Refused(f"it has changed since the plan was drawn: {changed[each.number]}")
        actuator = self._actuators.of(each.step)
        if each.progress in MAYBE and actuator.holds(each.step):
            return self._handed_over(each.step, actuator)
        return _told(actuator.perform(each.step, by=self._by))

    def _handed_over(self, step: Step, actuator: Actuator) -> str:
        """What is told of a step that was taken by a run that may have been killed before it handed over a secret."""
        hand_over = getattr(actuator, "hand_over", None)
        told = None if hand_over is None else hand_over(step, by=self._by)
        if told is None:
            return "was done already"
        return ", ".join(filter(None, ("was done already, its secret lost: another one was made", _told(told))))

    # ── backwards ────────────────────────────────────────────────────────────────────────────────

    def _take_back(self, wave: list[StepState]) -> None:
        self._say_of("step.start", wave, [each.number for each in wave], undo=True)
        outcome = _Outcome()
        try:
            for each in wave:
                self._each(each, outcome, self._perform_undo)
        finally:
            self._conclude(wave, outcome, undo=True)

    def _perform_undo(self, each: StepState) -> str:
        undo = each.step.undo
        assert undo is not None  # noqa: S101  only such steps are taken back
        if not self._actuators.of(each.step).holds(each.step):
            return _NOT_SO.get(each.progress, "had not taken effect")
        return _told(self._actuators.of(undo).perform(undo, by=self._by))

    # ── both ─────────────────────────────────────────────────────────────────────────────────────

    def _each(self, each: StepState, outcome: _Outcome, what: Callable[[StepState], str]) -> None:
        system = each.step.target.system
        try:
            note = what(each) if system not in self._down else self._down[system]
        except Unavailable as error:
            self._down[system] = error.message
            outcome.waiting.append(each.number)
            note = error.message
        except StockadeError as error:
            outcome.failed.append(each.number)
            note = error.message
        else:
            (outcome.waiting if system in self._down else outcome.finished).append(each.number)
        if note:
            outcome.notes[str(each.number)] = note[:300]
        self._tell(each, _word(each.number, outcome))

    def _conclude(self, wave: list[StepState], outcome: _Outcome, *, undo: bool) -> None:
        """Say what has become of a wave; a wave of one says what its step has told."""
        done = "step.undo" if undo else "step.finish"
        for action, numbers in (
            (done, outcome.finished),
            ("step.fail", outcome.failed),
            ("step.wait", outcome.waiting),
        ):
            if numbers:
                notes = {str(n): outcome.notes[str(n)] for n in numbers if str(n) in outcome.notes}
                self._say_of(action, wave, numbers, undo=undo, notes=notes)

    def _say_of(self, action: str, wave: Sequence[StepState], numbers: list[int], **more: object) -> None:
        steps = [each for each in wave if each.number in set(numbers)]
        verb = _verb(steps[0].step, undo=bool(more.get("undo")))
        self._say(action, target_of(self.state, steps), about(self.state, numbers, verb=verb, **more))

    def _say(self, action: str, target: Ref, details: dict[str, object]) -> None:
        event = Event(self._clock(), action, self._by, target, details=details)
        self._write(event)
        self._fold.take(Entry(-1, event.time, event))


def done_by_hand(
    state: PlanState, numbers: Sequence[int], by: Ref, now: float, note: str = "", *, waive: bool = False
) -> Event:
    """The event by which a person says that steps were done by hand, or need not be done, and why.

    Raises ConfigurationError for a number that there is not, and when a waiver gives no reason; Refused for what may
    destroy evidence that is not sealed.
    """
    for number in numbers:
        if not 0 < number <= len(state.steps):
            raise ConfigurationError(f"plan {state.digest[:12]} has no step {number}", remedy="stockade plan show")
        if not waive and not state.steps[number - 1].step.by_hand:
            raise ConfigurationError(
                f"step {number} is not done by hand", remedy=f"stockade run {state.digest[:12]} takes it."
            )
        if not waive:
            refuse_unsealed(state, state.steps[number - 1].step)
    if waive and not note:
        raise ConfigurationError("a waiver needs a reason", remedy="--reason TEXT")
    steps = [state.steps[number - 1] for number in numbers]
    notes = {str(number): note for number in numbers} if note and not waive else None
    told = about(state, numbers, reason=note if waive else None, notes=notes)
    return Event(now, "gate.waive" if waive else "step.finish", by, target_of(state, steps), details=told)


def _verb(step: Step, *, undo: bool) -> str:
    return step.undo.verb if undo and step.undo is not None else step.verb


def _told(found: object) -> str:
    if not isinstance(found, dict):
        return ""
    return ", ".join(f"{name} {value}" for name, value in found.items())


def _word(number: int, outcome: _Outcome) -> str:
    if number in outcome.finished:
        return "done"
    return "failed" if number in outcome.failed else "waits"
