"""The review: every class of behaviour with its entries, the suspicious ones first, and what the log cannot tell.

::

    reviewing = Reviewing(Account("alice"))
    for entry in entries:
        reviewing.take(entry)
    review = reviewing.done(findings)
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from stockade.actions import BEHAVIOUR_OF, Behaviour
from stockade.events import Entry, Finding, Ref
from stockade.review.accounts import OPERATORS, SEVERITIES, Account, Seen, accounts_in, system_of
from stockade.review.numbers import Numbers
from stockade.review.sources import AUDITED, missing, records

MOST_LINES: Final = 1_000
"""Entries of a class that are kept: the latest. Those that a finding shows are kept beside them."""
MOST_ACCOUNTS: Final = 100_000
QUIET: Final = frozenset({Behaviour.TRAFFIC, Behaviour.GUARD, Behaviour.HOST, Behaviour.RESPONSE, Behaviour.LOG})
"""Classes that say something about a machine rather than a person."""

LASTING: Final = frozenset(
    {
        *("token.create", "token.rotate", "key.add", "identity.link", "application.create", "application.authorize"),
        *("runner.add", "webhook.add", "webhook.change", "githook.change", "variable.create", "variable.change"),
        *("user.create", "member.add", "factor.add", "email.add", "email.change", "password.change"),
    }
)
"""Actions that leave something behind which goes on working when an account is blocked or its password changed."""

Standing = Literal["suspicious", "seen", "nothing", "not recorded"]


@dataclass(frozen=True, slots=True)
class Line:
    """An entry, and the findings that it is part of."""

    entry: Entry
    findings: tuple[Finding, ...] = ()


@dataclass(slots=True)
class Covered:
    """What a system has told: how many entries, and when the first and the last of them happened.

    ``audited`` says whether there was one among them that only an audit event tells of.
    """

    system: str
    entries: int = 0
    first: float = float("inf")
    last: float = float("-inf")
    audited: bool = False

    def take(self, moment: float, behaviour: Behaviour) -> None:
        """Count an entry."""
        self.entries += 1
        self.audited = self.audited or behaviour in AUDITED
        self.first, self.last = min(self.first, moment), max(self.last, moment)


@dataclass(frozen=True, slots=True)
class Section:
    """One class: how it stands, its lines, and how many there were.

    ``recording`` are the systems in the log that record this class, with ``remarks`` on what they leave out;
    ``unrecorded`` those that do not, ``unknown`` those of which nobody knows.
    """

    behaviour: Behaviour
    standing: Standing
    lines: Sequence[Line]
    count: int
    recording: Sequence[Covered]
    remarks: Sequence[str]
    unrecorded: Sequence[str]
    unknown: Sequence[str]


@dataclass(frozen=True, slots=True)
class Completeness:
    """What was looked at: how many entries, happened from when to when, and the holes in it.

    ``missing`` numbers are not there in what was read of the log, whenever that happened; ``holes`` are what the log
    itself says is missing.
    """

    entries: int = 0
    first: float = 0.0
    last: float = 0.0
    missing: int = 0
    holes: Sequence[Entry] = ()

    @property
    def complete(self) -> bool:
        """Whether no number is missing, and the log tells of no gap."""
        return not self.missing and not self.holes


@dataclass(frozen=True, slots=True)
class Review:
    """The whole of it; ``account`` is empty for a review of everybody, ``accounts`` for that of one.

    ``lasting`` counts, action by action, what was made or changed that outlives a block.
    """

    account: str
    systems: Sequence[Covered]
    concerned: int
    completeness: Completeness
    findings: Sequence[Finding]
    sections: Sequence[Section]
    lasting: Mapping[str, int]
    accounts: Sequence[Seen] = ()
    notes: Sequence[str] = ()


class Reviewing:
    """Takes entries, and sums them up; without an account, those of everybody. ``entries`` is how many it took.

    ``first`` is the number with which what is read of the log has to begin.
    """

    def __init__(self, account: Account | None = None, *, first: int = 0) -> None:
        self._account = account
        self._numbers = Numbers(first)
        self._lines: dict[Behaviour, deque[Entry]] = {each: deque(maxlen=MOST_LINES) for each in Behaviour}
        self._counts, self._lasting = Counter[Behaviour](), Counter[str]()
        self._systems = dict[str, Covered]()
        self._seen = OrderedDict[Ref, Seen]()
        self.entries = 0
        self._first, self._last = float("inf"), 0.0
        self._holes = deque[Entry](maxlen=MOST_LINES)
        self._forgotten = 0

    def leave(self, entry: Entry) -> None:
        """It is there, and not looked at: it happened at another time than is asked about."""
        self._numbers.take(entry.index)

    def take(self, entry: Entry) -> None:
        """Look at an entry, in any order."""
        event = entry.event
        self._numbers.take(entry.index)
        behaviour = BEHAVIOUR_OF.get(event.action, Behaviour.LOG)
        self.entries += 1
        moment = min(event.time, entry.recorded)
        self._first, self._last = min(self._first, moment), max(self._last, moment)
        system = system_of(event)
        if system and system != OPERATORS:
            self._systems.setdefault(system, Covered(system)).take(moment, behaviour)
        if event.action in {"log.gap", "log.repaired"}:
            self._holes.append(entry)
        if self._account is None:
            self._count_accounts(entry)
        elif not self._account.concerns(event):
            return
        self._counts[behaviour] += 1
        if event.action in LASTING and event.outcome == "success":
            self._lasting[event.action] += 1
        self._lines[behaviour].append(entry)

    def done(self, findings: Iterable[Finding], notes: Sequence[str] = ()) -> Review:
        """The review, with what detection has found in the same entries."""
        about = [finding for finding in findings if self._is_about(finding)]
        sections = sorted(
            (section for each in Behaviour if (section := self._section(each, about)) is not None), key=_order
        )
        more = [f"{self._forgotten:,} accounts were left out for want of room"] if self._forgotten else []
        also = sorted(map(str, self._account.also)) if self._account else []
        more += [f"known as {', '.join(also)}"] if also else []
        return Review(
            account=self._account.asked if self._account else "",
            systems=sorted(self._systems.values(), key=lambda covered: -covered.entries),
            concerned=self._counts.total(),
            completeness=self._completeness(),
            findings=about,
            sections=sections,
            lasting=dict(self._lasting.most_common()),
            accounts=self._ranked(about),
            notes=(*notes, *more),
        )

    def _completeness(self) -> Completeness:
        lost = self._numbers.missing
        if not self.entries:
            return Completeness(missing=lost)
        return Completeness(self.entries, self._first, self._last, lost, tuple(self._holes))

    def _is_about(self, finding: Finding) -> bool:
        if self._account is None:
            return True
        return self._account.is_it(finding.subject) or any(self._account.concerns(e.event) for e in finding.entries)

    def _section(self, behaviour: Behaviour, findings: Sequence[Finding]) -> Section | None:
        lines = _lines(behaviour, self._lines[behaviour], findings, self._account)
        count = max(self._counts[behaviour], len(lines))
        if self._account is not None and behaviour in QUIET and not count:
            return None
        systems = self._systems.values()
        told = {each.system: records(each.system, behaviour, audited=each.audited) for each in systems}
        recording = [system for system, does in told.items() if does]
        known = bool(recording) or count > 0 or behaviour in {Behaviour.HOST, Behaviour.RESPONSE, Behaviour.LOG}
        standing: Standing = "seen" if count else "nothing" if known else "not recorded"
        if any(line.findings for line in lines):
            standing = "suspicious"
        remarks = [f"{system}: {missing(system, behaviour)}" for system in recording if missing(system, behaviour)]
        unrecorded = [_lacking(self._systems[system], behaviour) for system, does in told.items() if does is False]
        unknown = [system for system, does in told.items() if does is None]
        covered = [self._systems[system] for system in recording]
        return Section(behaviour, standing, lines, count, covered, remarks, unrecorded, unknown)

    def _count_accounts(self, entry: Entry) -> None:
        event = entry.event
        for ref in accounts_in(event):
            seen = self._seen.get(ref)
            if seen is None:
                seen = self._seen[ref] = Seen(ref)
                if len(self._seen) > MOST_ACCOUNTS:
                    self._seen.popitem(last=False)
                    self._forgotten += 1
            seen.did += ref == event.actor
            seen.met += ref == event.target and ref != event.actor
            seen.last = max(seen.last, event.time)

    def _ranked(self, findings: Sequence[Finding]) -> list[Seen]:
        """The accounts, those with the worst findings first, then the busiest."""
        for finding in findings:
            seen = self._seen.get(finding.subject) if finding.subject is not None else None
            if seen is not None and not finding.shadow:
                seen.take(finding)
        return sorted(self._seen.values(), key=lambda seen: (_rank(seen), -seen.findings, -seen.did))


def _lines(
    behaviour: Behaviour, latest: Iterable[Entry], findings: Sequence[Finding], account: Account | None
) -> list[Line]:
    """The entries of a class, those of the worst findings first, then the latest."""
    flagged = dict[tuple[str, int], tuple[Entry, list[Finding]]]()
    for finding in findings:
        for entry in finding.entries:
            if BEHAVIOUR_OF.get(entry.event.action) == behaviour and (account is None or account.concerns(entry.event)):
                flagged.setdefault((entry.origin, entry.index), (entry, []))[1].append(finding)
    suspicious = [Line(entry, tuple(of)) for entry, of in flagged.values()]
    plain = [Line(entry) for entry in latest if (entry.origin, entry.index) not in flagged]
    suspicious.sort(key=lambda line: (min(map(_severity, line.findings)), line.entry.event.time))
    plain.sort(key=lambda line: -line.entry.event.time)
    return [*suspicious, *plain]


def _lacking(covered: Covered, behaviour: Behaviour) -> str:
    by_audit = not covered.audited and records(covered.system, behaviour, audited=True)
    return f"{covered.system} (no audit event of it is in this log)" if by_audit else covered.system


def _severity(finding: Finding) -> int:
    return SEVERITIES.index(finding.severity) + len(SEVERITIES) * finding.shadow


def _rank(seen: Seen) -> int:
    return len(SEVERITIES) if seen.worst is None else SEVERITIES.index(seen.worst)


def _order(section: Section) -> tuple[int, int]:
    standings: Sequence[Standing] = ("suspicious", "seen", "nothing", "not recorded")
    worst = min((min(map(_severity, line.findings)) for line in section.lines if line.findings), default=99)
    return standings.index(section.standing), worst
