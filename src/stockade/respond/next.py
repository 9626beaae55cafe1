"""What to type next: the one question of somebody at three in the morning, answered from how a plan stands."""

from __future__ import annotations

from collections.abc import Iterator

from stockade.respond.approvals import Rule, needed
from stockade.respond.standing import PlanState, Progress, StepState

SHOWN = 12
"""Characters of a digest in a command."""


def next_of(state: PlanState, rule: Rule, now: float) -> list[tuple[str, str]]:
    """What to do and the command that does it, the first first; empty when nothing is left."""
    return list(_next(state, rule, now, state.digest[:SHOWN]))


def _next(state: PlanState, rule: Rule, now: float, digest: str) -> Iterator[tuple[str, str]]:
    plan = state.plan
    if state.released is not None:
        return
    if state.undone:
        if state.at(Progress.UNDOING):
            yield "go on undoing", f"stockade undo {digest}"
        return
    if not state.begun and (state.refused is not None or now >= plan.expires):
        yield "draw it again", again(state)
        return
    missing = max((rule.missing(state, tactic) for tactic in needed(state)), default=0)
    if missing:
        yield f"approve ({missing} more {'person' if missing == 1 else 'people'})", f"stockade approve {digest}"
    yield from _running(state, rule, digest) if state.begun else _starting(state, rule, digest)


def _starting(state: PlanState, rule: Rule, digest: str) -> Iterator[tuple[str, str]]:
    if any(rule.approved(state, tactic) for tactic in needed(state)):
        yield "run", f"stockade run {digest}"


def _running(state: PlanState, rule: Rule, digest: str) -> Iterator[tuple[str, str]]:
    machine = [each for each in state.steps if not each.step.by_hand]
    hands = [each for each in state.steps if each.step.by_hand and not each.settled]
    left = [each for each in machine if not each.settled and rule.approved(state, each.step.tactic)]
    ready = [each for each in left if _ready(state, each)]
    if ready:
        waits = ", ".join(sorted({each.step.target.system for each in state.at(Progress.WAITING)}))
        yield f"go on{f', when {waits} answers' if waits else ''}", f"stockade resume {digest}"
    if hands:
        numbers = " ".join(str(each.number) for each in hands[:5])
        yield f"say what is done by hand ({len(hands)} left)", f"stockade done {digest} {numbers}"
    if not ready and any(each.progress is Progress.DONE and each.held is not True for each in machine):
        yield "look whether it holds", f"stockade verify {digest}"
    elif not ready and not hands and state.plan.playbook == "account":
        yield "let in again, through the gate", f"stockade unblock {state.plan.subject.id}"
    yield "take it back", f"stockade undo {digest}"


def _ready(state: PlanState, each: StepState) -> bool:
    after = each.step.details.get("after")
    return not isinstance(after, int) or state.steps[after - 1].settled


def again(state: PlanState) -> str:
    """The command that draws a plan again."""
    plan = state.plan
    if plan.playbook == "token":
        return f"stockade plan token {plan.subject.id}{' --rotate' if plan.asked.get('rotate') else ''}"
    return f"stockade plan {plan.playbook} {plan.subject.id}"
