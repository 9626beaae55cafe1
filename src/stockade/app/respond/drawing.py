"""Plans drawn from the directory and the log, and put on record; nothing else is changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from stockade.app.respond.looking import Question, look
from stockade.app.respond.machines import Asked, Known, asked_again, findings, seen
from stockade.directory import BuiltinDirectory
from stockade.directory.accounts import Account, Credential
from stockade.directory.builtin.acting import BuiltinActuator, kept_from_all
from stockade.events import Entry, Event, Ref
from stockade.respond import journal
from stockade.respond.incident import incidents, new_name, opening, suspicion_of
from stockade.respond.instance import SYSTEM as HOST
from stockade.respond.instance import instance
from stockade.respond.plan import Plan, events_of
from stockade.respond.playbooks import PLAYBOOKS
from stockade.respond.run import done_by_hand
from stockade.respond.sparing import blocked, refuse_lockout
from stockade.respond.standing import PlanState, chosen
from stockade.steps import Tactic

if TYPE_CHECKING:
    from stockade.app.recording import Recording
    from stockade.app.respond.renewing import Listed
    from stockade.config import Settings

MOST = 100
"""Findings that an incident is opened by."""
_FIRST = frozenset({Tactic.PRESERVE, Tactic.ISOLATE})
TOGETHER = 16
"""Entries of a plan that are handed to the log at once."""


class Drawing:
    """Draws plans, and finds them again; ``by`` is who asks. Methods raise StockadeError and nothing else."""

    def __init__(
        self,
        settings: Settings,
        directory: BuiltinDirectory,
        recording: Recording,
        *,
        by: Ref,
        clock: Callable[[], float],
        hand_out: Callable[[Ref, str], None] | None = None,
        secrets: Callable[[], Listed] | None = None,
    ) -> None:
        self.directory, self.by = directory, by
        self._settings, self._recording, self._clock = settings, recording, clock
        self._log, self._secrets = settings.audit_log(), secrets
        given = kept_from_all if hand_out is None else lambda ref, secret: hand_out(ref, str.__str__(secret))
        self._builtin = BuiltinActuator(directory, hand_out=given, successor=self._successor)

    def plans(self) -> dict[str, PlanState]:
        """Every plan, by digest, in the order in which they were drawn."""
        return journal.plans(self._log)

    def plan(self, digest: str) -> PlanState:
        """One plan, by its digest or the beginning of it."""
        return chosen(journal.plans(self._log, digest[:64].lower()), digest)

    def draw(
        self,
        playbook: str,
        account: str,
        *,
        token: Credential | None = None,
        since: float | None = None,
        until: float | None = None,
        incident: str = "",
        rotate: bool = False,
        even_me: bool = False,
    ) -> PlanState:
        """Draw a plan and put it on record; it changes nothing else. Raises Refused where it would lock out whom it
        must not.
        """
        now, found = self._clock(), self.directory.account(account)
        begin = self.since(since)
        name, opened = self._incident(incident, found.ref, begin)
        asked = Question(found, begin, now if until is None else until, name, token, rotate)
        events = [*opened, *events_of(self._drawn(playbook, asked, now, even_me=even_me), self.by)]
        self._seal_together(events)
        return self.plan(str(events[-1].details["plan"]))

    def _drawn(self, playbook: str, asked: Question, now: float, *, even_me: bool) -> Plan:
        entries = self._entries_about(asked.account)
        projects = frozenset(each.path for each in self.directory.repositories())
        world = look(asked, self.directory, entries, self._builtin.observe_many, now, projects=projects)
        steps = tuple(PLAYBOOKS[playbook](world))
        self._spare(blocked(steps) | ({asked.account.name} if playbook == "account" else set()), even_me=even_me)
        about = {step.target for step in steps}
        told = {
            "since": asked.since,
            "until": asked.until,
            "rotate": asked.rotate,
            "even_me": even_me,
            "account": asked.account.name,
            "kept": [str(each.ref) for each in world.holds if each.ref not in about][:500],
        }
        subject = asked.account.ref if asked.token is None else asked.token.ref
        return Plan(asked.incident, playbook, subject, steps, now, now + self._settings.respond.plan_expires, told)

    def since(self, moment: float | None) -> float:
        """From when on is looked: the moment that is asked for, or as far back as the configuration says."""
        return self._clock() - self._settings.respond.window if moment is None else moment

    def draw_machine(self, asked: Asked, *, even_me: bool = False) -> PlanState:
        """Draw a plan for a machine and all that was kept on it, and put it on record; it changes nothing else. Raises
        Refused where it would lock out whom it must not.
        """
        now, subject = self._clock(), Ref(HOST, "machine", asked.name)
        suspects = {self.directory.account(name).name for name in asked.suspects}
        found = findings(self._log, asked.name, asked.since)
        name, opened = self._incident(asked.incident, subject, asked.since, found)
        asked = replace(asked, incident=name)
        listed = self._secrets() if self._secrets is not None else None
        known = Known(self.directory, self._log, self._builtin.observe_many, listed, self._entries_about, found)
        machine = seen(asked, known, now)
        steps = tuple(instance(machine))
        self._spare(suspects | blocked(steps), even_me=even_me)
        told, expires = asked.told() | {"even_me": even_me}, now + self._settings.respond.plan_expires
        events = [*opened, *events_of(Plan(asked.incident, "instance", subject, steps, now, expires, told), self.by)]
        self._seal_together(events)
        state = self.plan(str(events[-1].details["plan"]))
        done = [each for each in state.steps if each.step.verb in machine.done and each.step.tactic in _FIRST]
        for each in done:
            note = f"before the plan: {machine.done[each.step.verb]}"
            self._recording.seal(done_by_hand(state, [each.number], self.by, self._clock(), note))
        return self.plan(state.digest)

    def _entries_about(self, account: Account) -> list[Entry]:
        return list(journal.telling(self._log, journal.about(account.ref)))

    def _incident(
        self, name: str, subject: Ref, since: float, found: Sequence[Entry] = ()
    ) -> tuple[str, Sequence[Event]]:
        """The incident of this name, or else the latest open one about the subject; where there is none, a new one and
        what opens it, by what was found. A plan that is refused opens none.
        """
        known = incidents(journal.telling(self._log, journal.RESPONSE))
        about = [each.name for each in known.values() if each.closed is None and subject in each.subjects]
        chosen = name or (about[-1] if about else new_name(self._clock(), subject.id, known))
        if chosen in known:
            return chosen, ()
        title = f"{subject.id} may be compromised"
        origin = str(journal.head(self._log)["origin"]) if found else ""
        told = [suspicion_of(replace(entry, origin=origin)) for entry in found]
        suspicions = [each for each in told if each is not None][:MOST]
        event = opening(self._clock(), self.by, chosen, title, subjects=[subject], since=since, findings=suspicions)
        return chosen, (event,)

    def draw_again(self, state: PlanState) -> PlanState:
        """The same question, asked of the world as it is now."""
        asked, subject = state.plan.asked, state.plan.subject
        even_me = asked.get("even_me") is True
        if subject.kind == "machine":
            return self.draw_machine(asked_again(subject.id, state.plan.incident, asked), even_me=even_me)
        token = self.directory.credential(subject) if subject.kind == "token" else None
        return self.draw(
            state.plan.playbook,
            token.holder if token else subject.id,
            token=token,
            since=float(str(asked["since"])),
            incident=state.plan.incident,
            rotate=asked.get("rotate") is True,
            even_me=even_me,
        )

    def token(self, number: int | None, plain: str = "") -> Credential:
        """The token of a number, or whose plain text is given; its use is not recorded as a sign-in."""
        if number is not None:
            return self.directory.credential(Ref("stockade", "token", str(number)))
        return self.directory.token_in_plain(plain)

    def _spare(self, names: Collection[str], *, even_me: bool) -> None:
        """Raises Refused before the last administrators, or oneself, are shut out, unless that was said twice."""
        if names and not even_me:
            refuse_lockout(names, self.directory.accounts(), self.by, self._clock())

    def _seal_all(self, events: Iterator[Event]) -> None:
        for event in events:
            self._recording.seal(event)

    def _seal_together(self, events: Sequence[Event]) -> None:
        """The first by itself, which opens the log, the last when all others are on disk, and these in any order: they
        share the disk's turns.
        """
        first, between, last = events[:1], events[1:-1], events[1:][-1:]
        self._seal_all(iter(first))
        with ThreadPoolExecutor(TOGETHER) as many:
            for _ in many.map(self._recording.seal, between):
                pass
        self._seal_all(iter(last))

    def _successor(self, token: Ref) -> Ref | None:
        """Which token took the place of this one, as the log has it."""
        entries = journal.telling(self._log, journal.about(token))
        told = [e.event for e in entries if e.event.action == "token.rotate" and e.event.target == token]
        found = [str(event.details["new"]) for event in told if "new" in event.details]
        return Ref.parse(found[-1]) if found else None
