"""Who must say yes before a plan's steps are taken, and who may."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from stockade.directory.accounts import SYSTEM
from stockade.errors import ConfigurationError, Refused
from stockade.events import Event, Ref
from stockade.respond.standing import UNASKED, PlanState
from stockade.steps import Tactic

OVERRIDING = 2
"""People who have to answer for whom they let in past the gate."""


@dataclass(frozen=True, slots=True)
class Rule:
    """``people`` is how many different ones must approve each tactic, ``approvers`` the names of those who may; empty
    for everybody who can give commands here. ``shut_out`` is asked about somebody whether they are, by now.
    """

    people: int = 1
    approvers: frozenset[str] = frozenset()
    shut_out: Callable[[Ref], bool] = lambda _by: False

    def approved(self, state: PlanState, tactic: Tactic) -> bool:
        """Whether enough people have approved a tactic."""
        return self.missing(state, tactic) == 0

    def missing(self, state: PlanState, tactic: Tactic) -> int:
        """How many more people have to."""
        return 0 if tactic in UNASKED else max(0, self.people - len(self.counted(state.approvers(tactic))))

    def counted(self, people: Iterable[Ref]) -> tuple[Ref, ...]:
        """Those of them whose word counts: a yes from before goes with the right to give it."""
        return tuple(each for each in people if not self.against(each))

    def against(self, by: Ref) -> str:
        """Why somebody's word does not count; empty when it does."""
        if self.approvers and by.id not in self.approvers:
            return f"may not approve plans: {', '.join(sorted(self.approvers))} may"
        return "is shut out" if self.shut_out(by) else ""


def needed(state: PlanState) -> tuple[Tactic, ...]:
    """The tactics of a plan that have to be approved."""
    return tuple(tactic for tactic in state.plan.tactics() if tactic not in UNASKED)


def approvals(state: PlanState, by: Ref, rule: Rule, now: float, tactics: Collection[Tactic] = ()) -> Iterator[Event]:
    """The events by which somebody approves a plan, or some tactics of it; none for what they have approved already.

    Raises Refused for somebody who may not, and for a plan that cannot be run any more; ConfigurationError for a tactic
    that it has no step of.
    """
    refuse_unless_open(state, now)
    refuse_unless_may(state, by, rule)
    for tactic in tactics or needed(state):
        if tactic not in needed(state):
            raise ConfigurationError(
                f"plan {state.digest[:12]} has nothing to approve under {tactic}",
                remedy=f"It has {_listed(needed(state))}.",
            )
        if by not in state.approvers(tactic):
            told = {"plan": state.digest, "incident": state.plan.incident, "tactic": tactic.value}
            yield Event(now, "plan.approve", by, state.plan.subject, details=told)


def undoing(state: PlanState, by: Ref, rule: Rule, now: float, past: str = "") -> Iterator[Event]:
    """The events by which somebody wants a plan undone, which lets in again whom it has shut out; none when they have
    said so. ``past`` is the reason for which they answer for it where the gate is closed. Raises Refused for somebody
    who may not, and for a plan that was never begun.
    """
    if not state.begun and not state.undone:
        raise Refused(f"plan {state.digest[:12]} was never begun: there is nothing to undo")
    refuse_unless_may(state, by, rule)
    told: dict[str, object] = {"plan": state.digest, "incident": state.plan.incident, "undo": True}
    if past and by not in state.answering:
        yield Event(now, "gate.override", by, state.plan.subject, details={**told, "reason": past})
    if by not in state.undoers:
        yield Event(now, "plan.approve", by, state.plan.subject, details=told)


def lets_in(state: PlanState) -> bool:
    """Whether undoing a plan would let somebody in again: an account, what opens something in the directory, or whoever
    can reach a machine that was shut.
    """
    back = [each.step.undo for each in state.steps if each.touched and each.step.undo is not None]
    return any(undo.target.system == SYSTEM or undo.verb == "network.lift" for undo in back)


def undo_waits_for(state: PlanState, rule: Rule, *, gate_open: bool) -> int:
    """How many more people have to want a plan undone: as many as have to approve one, and two past a closed gate."""
    if state.undone:
        return 0
    past = 0 if gate_open else OVERRIDING - len(rule.counted(state.answering))
    return max(0, past, rule.people - len(rule.counted(state.undoers)))


def refuse_unless_open(state: PlanState, now: float) -> None:
    """Raises Refused for a plan whose time is up before it was begun, that was refused, or is being undone."""
    again = f"Draw another: stockade plan {state.plan.playbook} {state.plan.subject.id}"
    if state.undone:
        raise Refused(f"plan {state.digest[:12]} is {state.called}", remedy=f"stockade undo {state.digest[:12]}")
    if state.begun:
        return
    if state.refused is not None:
        raise Refused(f"plan {state.digest[:12]} was refused: the world has changed since", remedy=again)
    if now >= state.plan.expires:
        raise Refused(f"plan {state.digest[:12]} has expired", remedy=again)


def refuse_unless_may(state: PlanState, by: Ref, rule: Rule) -> None:
    """Raises Refused for somebody whose word on a plan does not count."""
    refuse_about(state, by)
    if why := rule.against(by):
        raise Refused(f"{by.id} {why}", remedy="Somebody else has to say it.")


def refuse_about(state: PlanState, by: Ref) -> None:
    """Raises Refused for whom a plan is about: they decide nothing of it, and settle nothing."""
    if by.id.casefold() in {each.casefold() for each in state.plan.about()}:
        raise Refused(f"{by.id} is whom the plan is about", remedy="Somebody else has to say it.")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(str, names))
