"""Incidents: opened by a finding or a person, told from the log, and written to in no other way."""

from __future__ import annotations

from base64 import b64encode
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stockade.audit.prove import newest_head
from stockade.errors import ConfigurationError, Refused, StockadeError
from stockade.events import Entry, Event, Ref, Severity
from stockade.respond import journal
from stockade.respond.approvals import Rule
from stockade.respond.checklist import unreturned
from stockade.respond.incident import (
    Incident,
    Remark,
    Suspicion,
    bounded,
    incidents,
    new_name,
    opening,
    suspicion_of,
    widening,
)
from stockade.respond.report import Report
from stockade.respond.sheet import Sheet, sheet
from stockade.respond.standing import PlanState, Progress, standings
from stockade.respond.stix import bundle
from stockade.respond.telling import report

if TYPE_CHECKING:
    from stockade.app.stockade import Stockade

SEEN: Final = 2000
"""Entries about a subject that a report looks at, the newest ones."""


class Incidents:
    """All incidents of a log, and how they are written to; ``insist`` has an event on record before it returns."""

    def __init__(
        self, log: Path, insist: Callable[[Event], None], by: Ref, clock: Callable[[], float], rule: Rule
    ) -> None:
        self._log, self._insist, self.by, self._clock, self._rule = log, insist, by, clock, rule

    def all(self) -> list[Incident]:
        """Every incident, the open ones first, the latest of them first."""
        found = incidents(map(self._named, journal.telling(self._log, journal.RESPONSE))).values()
        return sorted(found, key=lambda each: (each.closed is not None, -each.opened))

    def one(self, name: str | None = None) -> Incident:
        """The incident of this name, or whose name alone begins or ends so; without a name, the only open one.

        Raises ConfigurationError where there is none, or more than one.
        """
        found = self.all()
        if name is None:
            return _only([each for each in found if each.closed is None], "open")
        exact = [each for each in found if each.name == name]
        return _only(exact or [each for each in found if _means(name, each)], f"called {name!r}")

    def to_read(self, name: str | None = None) -> Incident:
        """The same; where none is open, the one that was closed last."""
        found = self.all()
        if name is not None or not found or any(each.closed is None for each in found):
            return self.one(name)
        return max(found, key=lambda each: each.closed or 0.0)

    def plans(self, incident: Incident) -> list[PlanState]:
        """The plans that belong to it, in the order in which they were drawn. Raises Tampered."""
        entries = map(self._named, journal.telling(self._log, journal.RESPONSE))
        return [each for each in standings(entries).values() if each.plan.incident == incident.name]

    def sheet(self, incident: Incident) -> Sheet:
        """The situation on one page."""
        return sheet(incident, self.plans(incident), self._rule, self._clock(), list(self.seen(incident)))

    def report(self, incident: Incident) -> Report:
        """The whole report."""
        return report(
            incident,
            self.plans(incident),
            list(self.seen(incident)),
            self._found,
            head=self._head(),
            now=self._clock(),
        )

    def stix(self, incident: Incident) -> dict[str, object]:
        """The incident as a bundle of STIX 2.1."""
        done = [step.step for plan in self.plans(incident) for step in plan.at(Progress.DONE)]
        return bundle(incident, done, self.seen(incident), self._origin)

    def seen(self, incident: Incident) -> Iterator[Entry]:
        """What the log has about the subjects in the window, each entry once, in the order of time."""
        found: dict[int, Entry] = {}
        for subject in incident.subjects:
            entries = (each for each in journal.telling(self._log, journal.about(subject)) if _within(incident, each))
            found |= {each.index: each for each in deque(map(self._named, entries), SEEN)}
        return iter(sorted(found.values(), key=lambda entry: (entry.event.time, entry.index)))

    @cached_property
    def _origin(self) -> str:
        return newest_head(self._log)[0].origin

    def _named(self, entry: Entry) -> Entry:
        return replace(entry, origin=self._origin)

    def _entry(self, name: str) -> Entry:
        return self._named(journal.entry(self._log, name))

    def _found(self, name: str) -> Entry | None:
        try:
            return self._entry(name)
        except StockadeError:
            return None

    def _head(self) -> str:
        head, _ = newest_head(self._log)
        root = b64encode(head.root).decode()
        return f"Read from the log {head.origin}, which has {head.size} signed entries and the root {root}."

    def open(
        self,
        title: str | None,
        subjects: Sequence[Ref],
        *,
        name: str | None = None,
        severity: Severity | None = None,
        since: float | None = None,
        until: float | None = None,
        findings: Sequence[str] = (),
    ) -> Incident:
        """Open an incident about somebody, by findings (entries of the log), or both. Raises ConfigurationError."""
        seen = [self._finding(entry) for entry in findings]
        about = list(dict.fromkeys([*subjects, *self._subjects(findings)]))
        if not about:
            raise ConfigurationError(
                "an incident is about somebody or something", remedy="Name an account, or a finding."
            )
        taken = {each.name: each for each in self.all()}
        if name in taken:
            raise Refused(f"the incident {name} is there already", remedy=f"stockade incident show {name}")
        chosen = name or new_name(self._clock(), about[0].id, taken)
        worst = severity or (seen[0].severity if seen else "high")
        told = title or (seen[0].title if seen else f"{about[0].id} may be compromised")
        begin = since if since is not None else min((each.time for each in seen), default=None)
        self._insist(
            opening(
                self._clock(),
                self.by,
                chosen,
                told,
                subjects=about,
                severity=worst,
                since=begin,
                until=until,
                findings=seen,
            )
        )
        return self.one(chosen)

    def note(
        self,
        incident: Incident,
        text: str,
        kind: Remark = Remark.NOTE,
        *,
        findings: Sequence[str] = (),
        subjects: Sequence[Ref] = (),
    ) -> Incident:
        """Write down what somebody says, and what it adds to the incident."""
        seen = [self._finding(entry) for entry in findings]
        more = widening([*subjects, *self._subjects(findings)], findings=seen)
        return self._say(incident, "incident.note", text=bounded(text), kind=kind.value, **more)

    def decide(self, incident: Incident, text: str) -> Incident:
        """Write down what was decided."""
        return self._say(incident, "incident.decide", text=bounded(text))

    def assign(self, incident: Incident, person: str, role: str) -> Incident:
        """Put somebody on it."""
        return self._say(incident, "incident.assign", person=bounded(person), role=role.strip() or "responds")

    def close(self, incident: Incident, outcome: str) -> Incident:
        """Close it, saying how it ended. Raises Refused when it is closed, and while a machine of it is rebuilt."""
        if incident.closed is not None:
            raise Refused(f"the incident {incident.name} is closed already")
        if still := unreturned(incident.entries):
            names = ", ".join(machine.id for machine in still)
            raise Refused(f"{names} is being rebuilt, and not back in service", remedy="stockade rebuild show")
        return self._say(incident, "incident.close", outcome=bounded(outcome))

    def _say(self, incident: Incident, action: str, **details: object) -> Incident:
        subject = incident.subjects[0] if incident.subjects else None
        self._insist(Event(self._clock(), action, self.by, subject, details={"incident": incident.name, **details}))
        return self.one(incident.name)

    def _finding(self, entry: str) -> Suspicion:
        found = suspicion_of(self._entry(entry))
        if found is None:
            raise ConfigurationError(
                f"{entry} is not a finding", remedy="stockade search is:log action:finding.create lists them."
            )
        return found

    def _subjects(self, findings: Sequence[str]) -> Iterator[Ref]:
        for entry in findings:
            subject = self._entry(entry).event.target
            if subject is not None:
                yield subject


def _within(incident: Incident, entry: Entry) -> bool:
    begin, end = incident.since or float("-inf"), incident.until or float("inf")
    return begin <= entry.event.time <= end


def _means(name: str, incident: Incident) -> bool:
    return incident.name.startswith(name) or incident.name.endswith(f"-{name}")


def _only(found: Sequence[Incident], which: str) -> Incident:
    if len(found) == 1:
        return found[0]
    if not found:
        raise ConfigurationError(
            f"there is no incident {which}", remedy="stockade incident list; stockade incident open USER."
        )
    names = ", ".join(each.name for each in found[:8])
    raise ConfigurationError(f"{len(found)} incidents are {which}: {names}", remedy="Name one of them.")


@contextmanager
def opened(stockade: Stockade) -> Iterator[Incidents]:
    """The incidents of the configuration's log."""
    settings = stockade.settings
    rule = Rule(settings.respond.approvals, frozenset(settings.respond.approvers))
    with stockade.recording() as recording:
        yield Incidents(settings.audit_log(), recording.insist, stockade.actor, stockade.clock, rule)
