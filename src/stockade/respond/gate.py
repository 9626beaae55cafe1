"""When an account may be let in again after a response, or a machine be reached: every box is green, or waived for a
reason, or two people answer for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import dropwhile
from typing import Final

from stockade.directory.accounts import FACTOR_KINDS, SYSTEM, Credential
from stockade.events import Entry, Ref
from stockade.respond.standing import PlanState, Progress, StepState

NAMED: Final = 3
"""How many of what is missing are named."""
AT_ONCE: Final = 60.0
"""Seconds within which what happens here is in the log."""


@dataclass(frozen=True, slots=True)
class Now:
    """What the gate asks the world. ``holds`` are the credentials of the account that are alive, ``active`` the entries
    since the run that show it, or one of its strange addresses, at work; ``sinks`` says of the log and of each sink
    what is wrong with it, empty when nothing is; ``must_enrol`` whether every door refuses the account until it has a
    second factor: who is shut out cannot enrol one, and then the first thing they do is that. ``unclean`` is, of a
    machine, what its last comparison with its picture says against it.
    """

    holds: Sequence[Credential] = ()
    active: Sequence[Entry] = ()
    sinks: Mapping[str, str] = field(default_factory=dict)
    must_enrol: bool = False
    unclean: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """One thing that must be so. ``says`` tells how it is; ``waived`` is the reason for which it need not be."""

    name: str
    title: str
    good: bool
    says: str
    waived: str = ""

    @property
    def open(self) -> bool:
        """Whether it stands in the way."""
        return not self.good and not self.waived


def gating(plans: Mapping[str, PlanState], subject: Ref) -> tuple[PlanState, ...]:
    """The plans by which an account or a machine is under a response, the first drawn first: about it, that suspect it,
    or that have blocked it; begun, and neither undone nor brought to their end.
    """
    return tuple(each for each in plans.values() if _is_under_way(each) and _is_about(each, subject))


def comes_first(plans: Mapping[str, PlanState], state: PlanState) -> PlanState | None:
    """A plan under way that was drawn after this one, about somebody whom undoing this one may let in."""
    concerned = {state.plan.subject, *(Ref(SYSTEM, "user", name) for name in state.plan.about())}
    later = dict(dropwhile(lambda each: each[0] != state.digest, plans.items()))
    found = (each for subject in concerned for each in gating(later, subject) if each.digest != state.digest)
    return next(found, None)


def _is_under_way(state: PlanState) -> bool:
    return state.begun and not state.undone and state.released is None


def _is_about(state: PlanState, subject: Ref) -> bool:
    if subject == state.plan.subject or (subject.system == SYSTEM and subject.id in state.plan.suspects()):
        return True
    return any(each.step.verb == "user.block" and each.step.target == subject and each.touched for each in state.steps)


def later(state: PlanState, entry: Entry) -> bool:
    """Whether something happened after the last step was taken. It is asked by its place in the log, as a clock can be
    set back; what was only told late, such as by a log that was away, is asked by its time.
    """
    done = [each for each in state.steps if each.progress is Progress.DONE and each.entries]
    if not done or entry.index <= max(each.entries[-1].index for each in done):
        return False
    at_once = entry.recorded - entry.event.time < AT_ONCE
    return at_once or entry.event.time > max(each.time or 0.0 for each in done)


def boxes(state: PlanState, now: Now) -> tuple[Box, ...]:
    """The boxes of the gate, as they stand."""
    return tuple(
        Box(name, title, not wrong, wrong or right, state.waived.get(name, ""))
        for name, title, right, wrong in _looked_at(state, now)
    )


def _looked_at(state: PlanState, now: Now) -> Iterator[tuple[str, str, str, str]]:
    """Name, title, what is said when it is good, and what is wrong with it; empty when nothing is."""
    machine = [each for each in state.steps if not each.step.by_hand]
    hands = [each for each in state.steps if each.step.by_hand]
    yield "contained", "every step is taken", f"{len(machine)} of {len(machine)}", _left(machine)
    unverified = [each for each in machine if each.progress is Progress.DONE and each.held is not True]
    wrong = f"{len(unverified)} to look at again: {_some(unverified)}" if unverified else ""
    yield "verified", "every effect was found", f"{len(machine)} looked up", wrong
    yield "rotated", "what needs a hand is done", f"{len(hands)} of {len(hands)}", _left(hands)
    yield from _of_account(state, now) if state.plan.subject.kind == "user" else _of_machine(state, now)
    seen = ", ".join(f"{each.event.action} ({each})" for each in now.active[:NAMED])
    yield "indicators", "nothing of it was seen since", "nothing was", f"{len(now.active)}: {seen}" if seen else ""
    ill = "; ".join(f"{name}: {wrong}" for name, wrong in now.sinks.items() if wrong)
    yield "sinks", "the log is kept and carried away", "it is", ill


def _of_account(state: PlanState, now: Now) -> Iterator[tuple[str, str, str, str]]:
    foreign = [each.ref for each in now.holds if each.ref in _foreign(state)]
    yield "foreign", "foreign second factors are gone", "none is left", _refs(foreign)
    own = [each for each in now.holds if each.kind in FACTOR_KINDS and each.ref not in _foreign(state)]
    has = f"{len(own)} enrolled" if own else "none yet, and nothing opens before there is one"
    yield "factor", "a second factor is enrolled, or asked for first of all", has, _without(own, now)
    new = [each.ref for each in now.holds if each.ref not in _known(state) and each not in own]
    yield "new", "nothing opens the account that the plan has not seen", "nothing does", _refs(new)


def _of_machine(state: PlanState, now: Now) -> Iterator[tuple[str, str, str, str]]:
    if state.plan.subject.kind == "machine":
        yield "clean", "the machine is as its picture", "it is, by host verify", now.unclean


def _without(own: Sequence[Credential], now: Now) -> str:
    return "" if own or now.must_enrol else "there is none"


def _left(steps: Sequence[StepState]) -> str:
    """How many are left, and the first of them."""
    left = [each for each in steps if not each.settled]
    return f"{len(steps) - len(left)} of {len(steps)}; left: {_some(left)}" if left else ""


def _some(steps: Sequence[StepState]) -> str:
    said = ", ".join(
        f"{each.number} {each.step.verb} {each.step.target.kind}/{each.step.target.id}" for each in steps[:NAMED]
    )
    return said + (f" and {len(steps) - NAMED} more" if len(steps) > NAMED else "")


def _refs(refs: Sequence[Ref]) -> str:
    return ", ".join(map(str, refs[:NAMED])) + (f" and {len(refs) - NAMED} more" if len(refs) > NAMED else "")


def _foreign(state: PlanState) -> frozenset[Ref]:
    return frozenset(each.step.target for each in state.steps if each.step.verb == "factor.remove")


def _known(state: PlanState) -> frozenset[Ref]:
    """What the plan has a step about, or saw and left to the person."""
    kept = state.plan.asked.get("kept")
    refs = kept if isinstance(kept, list) else ()
    return frozenset(each.step.target for each in state.steps) | {Ref.parse(str(each)) for each in refs}
