"""How plans stand, read back from the log: who approved what, and what has become of each step.

``standings(entries)`` is the whole of it: a fold over entries in the order of the log. Nothing else is kept, so what a
killed process knew, the next one knows again. ``PlanState`` and ``StepState`` are what screens, reports and the gate
read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from stockade.errors import ConfigurationError, Tampered
from stockade.events import Entry, Event, Ref
from stockade.respond.plan import SHORTEST, Plan, plan_of, step_of
from stockade.steps import Step, Tactic

UNASKED: Final = frozenset({Tactic.PRESERVE, Tactic.DETECT})
"""Tactics that change nothing anybody uses, and need no approval of their own."""


class Progress(StrEnum):
    """What has become of a step."""

    PENDING = "pending"
    STARTED = "started"
    """Begun; whether it took effect, only its system can tell."""
    DONE = "done"
    FAILED = "failed"
    """Its system said no."""
    WAITING = "waiting"
    """Its system was down."""
    UNDOING = "undoing"
    UNDONE = "undone"


_P = Progress
MOVES: Final[Mapping[tuple[Progress, str], Progress]] = {
    **{(each, "start"): _P.STARTED for each in (_P.PENDING, _P.STARTED, _P.FAILED, _P.WAITING)},
    **{(each, "finish"): _P.DONE for each in (_P.PENDING, _P.STARTED, _P.FAILED, _P.WAITING)},
    (_P.STARTED, "fail"): _P.FAILED,
    **{(each, "wait"): _P.WAITING for each in (_P.PENDING, _P.STARTED, _P.WAITING)},
    **{(each, "undo start"): _P.UNDOING for each in (_P.STARTED, _P.DONE, _P.WAITING, _P.UNDOING)},
    (_P.UNDOING, "undo finish"): _P.UNDONE,
    (_P.UNDOING, "undo fail"): _P.DONE,
    (_P.UNDOING, "undo wait"): _P.UNDOING,
}
"""What a step becomes by what happens to it. Whatever stands not here changes nothing."""
_HAPPENED: Final[Mapping[str, str]] = {
    "step.start": "start",
    "step.finish": "finish",
    "step.fail": "fail",
    "step.wait": "wait",
    "step.undo": "finish",
}


@dataclass(frozen=True, slots=True)
class Approval:
    """Somebody's yes to a plan's steps of one tactic."""

    tactic: Tactic
    by: Ref
    time: float
    entry: Entry


@dataclass(frozen=True, slots=True)
class StepState:
    """How a step stands. ``note`` is why it failed or waits, or what was told of it.

    ``held`` says whether its effect was there when it was last verified, None before. ``waived`` is the reason for
    which the gate does not ask for it. ``entries`` are those that tell of it, oldest first.
    """

    number: int
    step: Step
    progress: Progress = Progress.PENDING
    by: Ref | None = None
    time: float | None = None
    note: str = ""
    held: bool | None = None
    waived: str = ""
    entries: tuple[Entry, ...] = ()

    @property
    def touched(self) -> bool:
        """Whether something may have been done by it."""
        return self.progress not in {Progress.PENDING, Progress.FAILED}

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do about it."""
        return self.progress in {Progress.DONE, Progress.UNDONE} or bool(self.waived)


@dataclass(frozen=True, slots=True)
class PlanState:
    """How a plan stands. ``told`` is the entry that created it, ``entries`` are all that tell of the plan itself.

    ``undoers`` are who wants it undone, ``answering`` those of them who answer for that past the gate, ``overrides``
    who would let the subject in all the same; ``waived`` the boxes of the gate that are waived, with the reason;
    ``released`` tells that the subject was let in again.
    """

    plan: Plan
    digest: str
    told: Entry
    steps: tuple[StepState, ...]
    approvals: tuple[Approval, ...] = ()
    undoers: tuple[Ref, ...] = ()
    answering: tuple[Ref, ...] = ()
    refused: Entry | None = None
    overrides: tuple[Ref, ...] = ()
    waived: Mapping[str, str] = field(default_factory=dict)
    released: Entry | None = None
    entries: tuple[Entry, ...] = ()

    def approvers(self, tactic: Tactic) -> tuple[Ref, ...]:
        """Who has approved a tactic, each once."""
        return tuple(dict.fromkeys(each.by for each in self.approvals if each.tactic is tactic))

    def at(self, *which: Progress) -> tuple[StepState, ...]:
        """The steps that stand so."""
        return tuple(each for each in self.steps if each.progress in which)

    @property
    def begun(self) -> bool:
        """Whether anything was done, or may have been."""
        return any(each.touched for each in self.steps)

    @property
    def undone(self) -> bool:
        """Whether it is being taken back, or was."""
        return bool(self.at(Progress.UNDOING, Progress.UNDONE))

    @property
    def called(self) -> str:
        """How it stands as a whole, in a word or three."""
        if self.released is not None:
            return "over"
        if self.undone:
            return "being undone" if self.at(Progress.UNDOING) else "undone"
        if self.refused is not None and not self.begun:
            return "refused"
        if not self.begun:
            return "approved" if self.approvals else "drawn"
        machine = [each for each in self.steps if not each.step.by_hand]
        if not all(each.settled for each in machine):
            return "waiting" if self.at(Progress.WAITING) else "begun"
        verified = all(each.held for each in machine if each.progress is Progress.DONE)
        return "contained" if verified else "contained, unverified"


def standings(entries: Iterable[Entry], wanted: Callable[[str], bool] = bool) -> dict[str, PlanState]:
    """Every plan that these entries tell of, by digest, in the order in which they were drawn.

    ``wanted`` is asked about a digest; plans that are not wanted are passed over. Raises Tampered when the steps of a
    plan are not those that its digest was made of.
    """
    fold = Fold(wanted)
    for entry in entries:
        fold.take(entry)
    return fold.plans


def chosen(plans: Mapping[str, PlanState], digest: str) -> PlanState:
    """The plan of a digest, or of its beginning. Raises ConfigurationError when it is none, short, or of several."""
    if len(digest) < SHORTEST:
        raise ConfigurationError(
            f"{digest!r} is too short to name a plan", remedy=f"Give at least {SHORTEST} characters of its digest."
        )
    found = [plan for name, plan in plans.items() if name.startswith(digest.lower())]
    if len(found) != 1:
        said = f"{len(found)} plans begin with" if found else "there is no plan"
        raise ConfigurationError(f"{said} {digest!r}", remedy="stockade plan list shows all of them.")
    return found[0]


class Fold:
    """Takes entries one by one, in the order of the log; ``plans`` is how they stand by then."""

    def __init__(self, wanted: Callable[[str], bool] = bool) -> None:
        self.plans: dict[str, PlanState] = {}
        self._wanted = wanted
        self._drawn: dict[str, dict[int, Step]] = {}

    def take(self, entry: Entry) -> None:
        """What an entry says of a plan. Raises Tampered at a plan that is not what its digest says."""
        event = entry.event
        digest = event.details.get("plan")
        if not isinstance(digest, str):
            self._tick(entry)
            return
        if event.action in {"plan.step", "plan.create"}:
            if digest not in self.plans and self._wanted(digest):
                self._draw(digest, entry)
        elif digest in self.plans and (change := _CHANGES.get(event.action)) is not None:
            self.plans[digest] = change(self.plans[digest], entry)

    def _tick(self, entry: Entry) -> None:
        """A line of another list was ticked off or waived: so is the step by hand about the same thing."""
        event = entry.event
        action = _TICKED.get(event.action)
        if action is None or event.outcome != "success":
            return
        for digest, state in self.plans.items():
            numbers = [each.number for each in state.steps if each.step.by_hand and _ticks(event, each.step, state)]
            if numbers:
                ticked = replace(event, action=action, details={**event.details, "steps": numbers})
                self.plans[digest] = _CHANGES[action](state, replace(entry, event=ticked))

    def _draw(self, digest: str, entry: Entry) -> None:
        if entry.event.action == "plan.step":
            self._gather(digest, entry.event)
        else:
            self._create(digest, entry)

    def _gather(self, digest: str, event: Event) -> None:
        first, steps = event.details.get("first"), event.details.get("steps")
        if isinstance(first, int) and isinstance(steps, list):
            self._drawn.setdefault(digest, {}).update(enumerate(map(step_of, steps), first))

    def _create(self, digest: str, entry: Entry) -> None:
        drawn = self._drawn.pop(digest, {})
        plan = plan_of(entry.event.details, [drawn[number] for number in sorted(drawn)])
        if plan.digest() != digest:
            raise Tampered(
                f"the steps of plan {digest[:12]} are not those that it was drawn with",
                remedy="Do not run it. Run stockade audit verify, and draw another.",
            )
        steps = tuple(StepState(number, step) for number, step in enumerate(plan.steps, 1))
        self.plans[digest] = PlanState(plan, digest, entry, steps, entries=(entry,))


def _approved(state: PlanState, entry: Entry) -> PlanState:
    actor, tactic = entry.event.actor, entry.event.details.get("tactic")
    if actor is not None and entry.event.details.get("undo") is True:
        return _noted(replace(state, undoers=tuple(dict.fromkeys((*state.undoers, actor)))), entry)
    if actor is None or not isinstance(tactic, str) or tactic not in set(Tactic):
        return state
    approval = Approval(Tactic(tactic), actor, entry.event.time, entry)
    return _noted(replace(state, approvals=(*state.approvals, approval)), entry)


def _refused(state: PlanState, entry: Entry) -> PlanState:
    return _noted(replace(state, refused=entry), entry)


def _moved(state: PlanState, entry: Entry) -> PlanState:
    details = entry.event.details
    said = ("undo " if details.get("undo") is True else "") + _HAPPENED[entry.event.action]
    notes = details.get("notes")
    steps = list(state.steps)
    for number in _numbers(state, details):
        before = steps[number - 1]
        after = MOVES.get((before.progress, said))
        if after is not None:
            note = notes.get(str(number), "") if isinstance(notes, dict) else ""
            steps[number - 1] = _became(before, after, note, entry)
    return replace(state, steps=tuple(steps))


def _became(before: StepState, after: Progress, note: str, entry: Entry) -> StepState:
    event = entry.event
    held = before.held if after is before.progress else None
    entries = (*before.entries, entry)
    return replace(before, progress=after, by=event.actor, time=event.time, note=note, held=held, entries=entries)


def _verified(state: PlanState, entry: Entry) -> PlanState:
    held = entry.event.details.get("held") is True
    steps = list(state.steps)
    for number in _numbers(state, entry.event.details):
        before = steps[number - 1]
        steps[number - 1] = replace(before, held=held, entries=(*before.entries, entry))
    return replace(state, steps=tuple(steps))


def _waived(state: PlanState, entry: Entry) -> PlanState:
    details, reason = entry.event.details, str(entry.event.details.get("reason", ""))
    if isinstance(box := details.get("box"), str):
        return _noted(replace(state, waived={**state.waived, box: reason}), entry)
    steps = list(state.steps)
    for number in _numbers(state, details):
        before = steps[number - 1]
        steps[number - 1] = replace(before, waived=reason, entries=(*before.entries, entry))
    return replace(state, steps=tuple(steps))


def _reopened(state: PlanState, entry: Entry) -> PlanState:
    """Steps by hand are left to do again."""
    steps = list(state.steps)
    for number in _numbers(state, entry.event.details):
        before = steps[number - 1]
        again = replace(before, progress=Progress.PENDING, held=None, waived="", entries=(*before.entries, entry))
        steps[number - 1] = again
    return replace(state, steps=tuple(steps))


def _overridden(state: PlanState, entry: Entry) -> PlanState:
    by = (entry.event.actor,) if entry.event.actor is not None else ()
    if entry.event.details.get("undo") is True:
        return _noted(replace(state, answering=tuple(dict.fromkeys((*state.answering, *by)))), entry)
    return _noted(replace(state, overrides=tuple(dict.fromkeys((*state.overrides, *by)))), entry)


def _released(state: PlanState, entry: Entry) -> PlanState:
    mine = entry.event.target == state.plan.subject  # who was blocked on the way may be let in before
    return _noted(replace(state, released=entry) if mine else state, entry)


def _noted(state: PlanState, entry: Entry) -> PlanState:
    return replace(state, entries=(*state.entries, entry))


def _numbers(state: PlanState, details: Mapping[str, Any]) -> Iterator[int]:
    told = details.get("steps")
    for number in told if isinstance(told, list) else ():
        if isinstance(number, int) and 0 < number <= len(state.steps):
            yield number


_CHANGES: Final[Mapping[str, Callable[[PlanState, Entry], PlanState]]] = {
    **dict.fromkeys(_HAPPENED, _moved),
    "plan.approve": _approved,
    "plan.refuse": _refused,
    "plan.expire": _refused,
    "step.verify": _verified,
    "gate.waive": _waived,
    "gate.override": _overridden,
    "gate.open": _released,
    "rotation.reopen": _reopened,
}
_TICKED: Final[Mapping[str, str]] = {
    "rotation.done": "step.finish",
    "rotation.waive": "gate.waive",
    "rotation.reopen": "rotation.reopen",
    "secret.rotated": "step.finish",
    "rebuild.plan": "step.finish",
    "rebuild.done": "step.finish",
    "host.diff": "step.finish",
    "evidence.collect": "step.finish",
    "network.confirm": "step.finish",
}
"""What the list of a reach, of secrets or of a rebuild says of a thing, and what that is of the step about it."""
_LINES: Final[Mapping[str, str]] = {"rebuild.plan": "backup", "host.diff": "verified"}
"""Which line of a rebuild an event settles that does not name it."""


_DOES: Final[Mapping[str, str]] = {"evidence.collect": "evidence.collect", "network.confirm": "network.restrict"}
"""What of a plan for a machine somebody has done there by hand."""


def _ticks(event: Event, step: Step, state: PlanState) -> bool:
    """Whether what was ticked off on another list is what the step is about."""
    line = step.details.get("line")
    if line is not None:
        return state.plan.drawn <= event.time and line == _LINES.get(event.action, event.details.get("line"))
    if event.target is not None and _DOES.get(event.action) == step.verb:
        return state.plan.drawn <= event.time and step.target.id == event.target.id
    subject = event.details.get("subject")
    ours = subject == str(state.plan.subject) or state.plan.subject.kind == "machine"
    return step.target == event.target and (ours or event.action == "secret.rotated")
