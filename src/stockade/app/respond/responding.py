"""The response at work: plans drawn from the directory and the log, run in the directory, and kept in the log alone."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from stockade.actions import BEHAVIOUR_OF, Behaviour
from stockade.app.audit_check import audit_log
from stockade.app.host.evidence import as_step
from stockade.app.host.restricting import Restricting
from stockade.app.respond.drawing import Drawing
from stockade.app.respond.renewing import Renewing
from stockade.config.state import state_of
from stockade.directory.accounts import FACTOR_KINDS, SYSTEM, Account, Credential, CredentialKind
from stockade.directory.refusals import UnknownAccount
from stockade.directory.standing import overdue
from stockade.errors import ConfigurationError, Refused, Unavailable
from stockade.events import Entry, Event, Ref
from stockade.respond import journal
from stockade.respond.acting import Actuators, Tell, untold
from stockade.respond.approvals import (
    OVERRIDING,
    Rule,
    approvals,
    lets_in,
    refuse_about,
    refuse_unless_may,
    undo_waits_for,
    undoing,
)
from stockade.respond.evidence import Evidence
from stockade.respond.gate import Box, Now, boxes, comes_first, gating, later
from stockade.respond.instance import SYSTEM as HOST
from stockade.respond.run import Runner, done_by_hand
from stockade.respond.sparing import blocked
from stockade.respond.standing import PlanState
from stockade.respond.verify import Verified
from stockade.respond.verify import events_of as verified
from stockade.respond.verify import look as look_again
from stockade.respond.watching import Watch
from stockade.steps import Step, Tactic

if TYPE_CHECKING:
    from stockade.app.stockade import Stockade

LOCK = "respond.lock"
"""Held in the state directory by whoever takes steps."""
COMPARED = re.compile(rb'"action":"host\.diff"')
_MACHINES = frozenset({Behaviour.TRAFFIC, Behaviour.GUARD, Behaviour.HOST, Behaviour.RESPONSE, Behaviour.LOG})


class GateClosed(Refused):
    """The account is under a response, and ``boxes`` say what is missing."""

    def __init__(self, state: PlanState, found: Sequence[Box], command: str) -> None:
        self.state, self.boxes = state, tuple(found)
        missing = [box.name for box in found if box.open]
        super().__init__(
            f"{state.plan.subject.id} is under the response {state.plan.incident}; what is missing: "
            + ", ".join(missing),
            remedy=f"stockade plan show {state.digest[:12]} tells what is left; two people may answer for it with "
            f"stockade {command} --override --reason TEXT",
        )


@dataclass(frozen=True, slots=True)
class Unblocked:
    """What has come of asking for an account to be let in: ``waits_for`` more people have to answer for it. One that
    ``must_enrol`` is refused everywhere until it has a second factor, and can do nothing before but enrol one.
    """

    account: Account
    boxes: tuple[Box, ...] = ()
    waits_for: int = 0
    must_enrol: bool = False


@dataclass(frozen=True, slots=True)
class Passed:
    """What the gate says: its boxes, none without a response, and how many more people have to answer for it."""

    boxes: tuple[Box, ...] = ()
    waits_for: int = 0


class Responding(Drawing):
    """All verbs of the response; ``by`` is who asks. Methods raise StockadeError and nothing else."""

    @property
    def rule(self) -> Rule:
        """Whose yes is needed, and counts by now; each is looked up once, however many steps there are."""
        told = self._settings.respond
        return Rule(told.approvals, frozenset(told.approvers), cache(self._shut_out))

    @cached_property
    def _actuators(self) -> Actuators:
        write, clock = self._recording.seal, self._clock
        evidence = Evidence(self._log, self.directory, write, clock)
        watches = (Watch(system, self._log, write, clock) for system in (SYSTEM, HOST))
        network = Restricting(self._settings, self._recording, by=self.by, clock=clock).actuator()
        return Actuators(self._builtin, evidence, network, as_step(self._settings), *watches)

    # ── yes, and go ──────────────────────────────────────────────────────────────────────────────

    def approve(self, digest: str, tactics: Sequence[Tactic] = ()) -> PlanState:
        """Say yes to a plan, or to some tactics of it."""
        state = self.plan(digest)
        self._seal_all(approvals(state, self.by, self.rule, self._clock(), tactics))
        return self.plan(state.digest)

    def run(self, digest: str, tell: Tell = untold, *, resume: bool = False) -> PlanState:
        """Take the steps that are approved. Raises WorldChanged before anything is done. ``resume`` raises Refused for
        a plan that was never begun.
        """
        with self._alone():
            state = self.plan(digest)
            if resume and not state.begun:
                raise Refused(f"plan {state.digest[:12]} was never begun", remedy=f"stockade run {state.digest[:12]}")
            return self._runner(state, tell).run()

    def undo(self, digest: str, tell: Tell = untold, reason: str = "", *, override: bool = False) -> PlanState:
        """Say yes to taking a plan back, and take it back when enough people have. It lets in again whom the plan has
        shut out, and so goes through the gate. Raises GateClosed; with ``override`` two people answer for it.
        """
        with self._alone():
            state = self.plan(digest)
            is_open = self._may_come_back(state, reason, override=override)
            events = undoing(state, self.by, self.rule, self._clock(), "" if is_open else reason)
            self._seal_all(events)
            state = self.plan(state.digest)
            if not undo_waits_for(state, self.rule, gate_open=is_open):
                self._runner(state, tell).undo()
        return self.plan(state.digest)

    def _may_come_back(self, state: PlanState, reason: str, *, override: bool) -> bool:
        """Whether the gate is open for what a plan has shut out; it was, where the plan is being undone already."""
        if state.undone or not lets_in(state):
            return True
        if (first := comes_first(self.plans(), state)) is not None:
            raise Refused(
                f"since plan {state.digest[:12]}, plan {first.digest[:12]} is under way about whom it would let in",
                remedy=f"stockade undo {first.digest[:12]} comes first, or the end of that plan.",
            )
        found = self.boxes(state)
        if not any(box.open for box in found):
            return True
        if not override:
            raise GateClosed(state, found, f"undo {state.digest[:12]}")
        _refuse_without(reason)
        return False

    def undo_waits_for(self, state: PlanState) -> int:
        """How many more people have to ask for it."""
        is_open = not lets_in(state) or not any(box.open for box in self.boxes(state))
        return undo_waits_for(state, self.rule, gate_open=is_open)

    def verify(self, digest: str) -> tuple[PlanState, Verified]:
        """Look up afresh whether every effect is there."""
        state = self.plan(digest)
        found = look_again(state, self._actuators)
        self._seal_all(verified(state, found, self.by, self._clock()))
        return self.plan(state.digest), found

    def done(self, digest: str, numbers: Sequence[int], note: str = "") -> PlanState:
        """Say that steps were done by hand."""
        state = self.plan(digest)
        refuse_about(state, self.by)
        self._recording.seal(done_by_hand(state, numbers, self.by, self._clock(), note))
        return self.plan(state.digest)

    def waive(self, digest: str, what: Sequence[str], reason: str) -> PlanState:
        """Say of steps, by number, or of boxes of the gate, by name, that they need not be, and why."""
        state = self.plan(digest)
        refuse_unless_may(state, self.by, self.rule)
        numbers = [int(each) for each in what if each.isdecimal()]
        known = {box.name for box in self.boxes(state)}
        for box in (each for each in what if not each.isdecimal()):
            if box not in known or not reason:
                raise ConfigurationError(
                    f"{box!r} is no box of the gate" if box not in known else "a waiver needs a reason",
                    remedy=f"Its boxes are {', '.join(sorted(known))}." if box not in known else "--reason TEXT",
                )
            told = {"plan": state.digest, "incident": state.plan.incident, "box": box, "reason": reason}
            self._recording.seal(Event(self._clock(), "gate.waive", self.by, state.plan.subject, details=told))
        if numbers:
            self._recording.seal(done_by_hand(state, numbers, self.by, self._clock(), reason, waive=True))
        return self.plan(state.digest)

    def _runner(self, state: PlanState, tell: Tell) -> Runner:
        even_me = state.plan.asked.get("even_me") is True

        def spare(steps: Iterable[Step]) -> None:
            self._spare(blocked(steps), even_me=even_me)

        return Runner(
            state, self._actuators, self._recording.seal, by=self.by, clock=self._clock, rule=self.rule, spare=spare,
            tell=tell,
        )  # fmt: skip

    def _shut_out(self, by: Ref) -> bool:
        """Whether somebody who gives commands has an account here that is let in nowhere."""
        try:
            account = self.directory.account(by.id)
        except (UnknownAccount, Unavailable):  # where the directory is down, nothing is done in it
            return False
        return account.departed is not None or account.shut_out(self._clock())

    # ── in and out ───────────────────────────────────────────────────────────────────────────────

    def lock(self, name: str, seconds: float, reason: str = "", *, even_me: bool = False) -> Account:
        """Refuse an account everywhere for a while, and end its sessions."""
        found = self.directory.account(name)
        self._spare({found.name}, even_me=even_me)
        return self.directory.lock(found.name, self._clock() + seconds, by=self.by, reason=reason or None)

    def unlock(self, name: str, reason: str = "") -> Account:
        """Let a locked account in before its time."""
        return self.directory.unlock(name, by=self.by, reason=reason or None)

    def unblock(self, name: str, reason: str = "", *, override: bool = False) -> Unblocked:
        """Let a blocked account in again. Raises GateClosed for one under a response that is not over."""
        account = self.directory.account(name)
        passed = self._pass(account.ref, f"unblock {account.name}", reason, override=override,
                            must_enrol=self._must_enrol(account))  # fmt: skip
        if passed.waits_for:
            return Unblocked(account, passed.boxes, passed.waits_for)
        return self._let_in(account.name, reason, passed.boxes)

    def reopen(self, machine: str, reason: str = "", *, override: bool = False) -> Passed:
        """Whether the network of a machine may be opened again. Raises GateClosed for one under a response that is not
        over; who opens it does so when nobody more has to answer for it.
        """
        return self._pass(Ref(HOST, "machine", machine), "host lift", reason, override=override)

    def _pass(self, subject: Ref, command: str, reason: str, *, override: bool, **told: object) -> Passed:
        """Go through the gate, and have it on record; there is none for what is under no response."""
        under = [(state, self.boxes(state)) for state in gating(self.plans(), subject)]
        closed = [(state, found) for state, found in under if any(box.open for box in found)]
        if closed and not override:
            raise GateClosed(*closed[0], command)
        if missing := max((self._override(state, reason) for state, _ in closed), default=0):
            return Passed(closed[0][1], missing)
        for state, _ in under:
            about = {"plan": state.digest, "incident": state.plan.incident, "reason": reason, "override": override}
            self._recording.seal(Event(self._clock(), "gate.open", self.by, subject, details=about | told))
        return Passed(under[-1][1] if under else ())

    def _let_in(self, name: str, reason: str, found: tuple[Box, ...]) -> Unblocked:
        account = self.directory.unblock(name, by=self.by, reason=reason or None)
        return Unblocked(account, found, must_enrol=self._must_enrol(account))

    def _must_enrol(self, account: Account) -> bool:
        """Whether every door but the page on which it enrols a second factor refuses the account until it has one."""
        own = any(
            each.kind in FACTOR_KINDS and each.live(self._clock()) for each in self.directory.factors(account.name)
        )
        return overdue(account, self._clock()) and not own

    def _override(self, state: PlanState, reason: str) -> int:
        """Answer for it; how many more people have to."""
        refuse_unless_may(state, self.by, self.rule)
        _refuse_without(reason)
        told = {"plan": state.digest, "incident": state.plan.incident, "reason": reason}
        self._recording.seal(Event(self._clock(), "gate.override", self.by, state.plan.subject, details=told))
        return max(0, OVERRIDING - len(self.rule.counted(self.plan(state.digest).overrides)))

    def boxes(self, state: PlanState) -> tuple[Box, ...]:
        """The boxes of the gate for a plan."""
        now, subject = self._clock(), state.plan.subject
        person = subject.kind == "user"
        held = self.directory.credentials(subject.id) if person else ()
        must = person and overdue(self.directory.account(subject.id), now)
        sinks = {each.what: each.says if each.grade == "problem" else "" for each in audit_log(self._settings, now)}
        unclean = self._unclean(state) if subject.kind == "machine" else ""
        holds = [each for each in held if _opens(each, now)]
        return boxes(state, Now(holds, list(self._active(state)), sinks, must, unclean))

    def _unclean(self, state: PlanState) -> str:
        """What the last comparison of a machine with its picture, since the plan was drawn, says against it."""
        told = [each for each in journal.telling(self._log, COMPARED) if each.index > state.told.index]
        last = next((each.event for each in reversed(told) if each.event.action == "host.diff"), None)
        if last is None:
            return "it was not compared since: stockade host verify"
        return "" if last.outcome == "success" else f"{last.details.get('changed')} things are not: host diff"

    def _active(self, state: PlanState) -> Iterator[Entry]:
        """What has succeeded since the run, of the account or from its strange addresses."""
        addresses = [a for step in state.plan.steps for a in _listed(step.details.get("addresses"))]
        patterns = [journal.about(state.plan.subject), *map(journal.source, addresses)]
        for entry in (each for pattern in patterns for each in journal.telling(self._log, pattern)):
            event = entry.event
            own = event.actor == state.plan.subject or event.source in addresses
            counts = own and event.outcome == "success" and BEHAVIOUR_OF.get(event.action) not in _MACHINES
            if counts and later(state, entry):
                yield entry

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Until the end of the block, nobody else takes steps. Raises Unavailable, and says who does."""
        with _held(state_of(self._settings) / LOCK, f"{self.by.id}, process {os.getpid()}"):
            yield


@contextmanager
def _held(path: Path, by: str) -> Iterator[None]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = os.pread(fd, 200, 0).decode(errors="replace") or "somebody else"
            raise Unavailable(
                f"steps are being taken already, by {who}", remedy="Wait until that is done, then ask again."
            ) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, by.encode(), 0)
        yield
    finally:
        os.close(fd)


@contextmanager
def responding(stockade: Stockade, hand_out: Callable[[Ref, str], None] | None = None) -> Iterator[Responding]:
    """The response under a configuration."""
    with stockade.recording() as recording, stockade.directory_telling(recording) as directory:
        yield Responding(
            stockade.settings,
            directory,
            recording,
            by=stockade.actor,
            clock=stockade.clock,
            hand_out=hand_out,
            secrets=lambda: Renewing(stockade, directory).look(all_=True),
        )


def _refuse_without(reason: str) -> None:
    if not reason:
        raise ConfigurationError("who answers for it has to say why", remedy="--reason TEXT")


def _opens(held: Credential, now: float) -> bool:
    """Whether it leads in by itself: what a one-time link has set anew is no surprise."""
    return held.live(now) and held.kind not in {CredentialKind.PASSWORD, CredentialKind.RESET}


def _listed(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []
