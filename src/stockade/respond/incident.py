"""An incident: what is thought to have happened, and all that was said and decided, read back from the log.

An incident is a name that entries share in ``details.incident``. It is kept nowhere else: :func:`incidents` folds the
entries, in the order of the log, into what is known now.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, get_args

from stockade.errors import ConfigurationError
from stockade.events import Entry, Event, Ref, Severity

LONGEST: Final = 4000
"""Characters of one note."""
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")


class Remark(StrEnum):
    """What a note says: what is known, what is not, or anything worth keeping."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a person said. ``entry`` is where it stands in the log."""

    time: float
    by: str
    text: str
    kind: Remark
    entry: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, by whom, and why."""

    time: float
    by: str
    text: str
    entry: str


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A finding that belongs to an incident; ``entries`` show it, ``entry`` is the finding itself."""

    time: float
    rule: str
    title: str
    severity: Severity
    techniques: tuple[str, ...]
    entries: tuple[str, ...]
    entry: str


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident as the log tells it. Times are seconds since the epoch, UTC.

    ``since`` and ``until`` are the window in which the subjects may have been in strange hands; ``until`` is None while
    nobody knows its end. ``people`` are who works on it and as what. ``entries`` are all that carry its name.
    """

    name: str
    title: str
    severity: Severity
    opened: float
    opened_by: str
    entry: str
    subjects: tuple[Ref, ...] = ()
    since: float | None = None
    until: float | None = None
    findings: tuple[Suspicion, ...] = ()
    notes: tuple[Note, ...] = ()
    decisions: tuple[Decision, ...] = ()
    people: Mapping[str, str] = field(default_factory=dict)
    closed: float | None = None
    outcome: str = ""
    entries: tuple[Entry, ...] = ()

    def said(self, kind: Remark) -> tuple[Note, ...]:
        """The notes of one kind, oldest first."""
        return tuple(note for note in self.notes if note.kind is kind)


# ── from the log ─────────────────────────────────────────────────────────────────────────────────


def incidents(entries: Iterable[Entry]) -> dict[str, Incident]:
    """Every incident that these entries tell of, by name; entries are in the order of the log.

    What carries the name of an incident that was never opened tells nothing.
    """
    gathered: dict[str, list[Entry]] = {}
    for entry in entries:
        name = str(entry.event.details.get("incident", ""))
        if name in gathered or entry.event.action == "incident.open":
            gathered.setdefault(name, []).append(entry)
    return {name: _told(name, own) for name, own in gathered.items()}


def _told(name: str, entries: list[Entry]) -> Incident:
    incident = _opened(name, entries[0])
    for entry in entries[1:]:
        incident = _FOLDED.get(entry.event.action, _as_it_was)(incident, entry)
    return replace(incident, entries=tuple(entries))


def _as_it_was(incident: Incident, _entry: Entry) -> Incident:
    return incident


def _opened(name: str, entry: Entry) -> Incident:
    event, details = entry.event, entry.event.details
    incident = Incident(
        name=name,
        title=_text(details, "title") or name,
        severity=_severity(details),
        opened=event.time,
        opened_by=_who(event),
        entry=str(entry),
        people={_who(event): "opened it"},
    )
    return _widened(incident, entry)


def _noted(incident: Incident, entry: Entry) -> Incident:
    text, kind = _text(entry.event.details, "text"), _text(entry.event.details, "kind")
    if not text:
        return _widened(incident, entry)
    known = Remark(kind) if kind in set(Remark) else Remark.NOTE
    note = Note(entry.event.time, _who(entry.event), text, known, str(entry))
    return _widened(replace(incident, notes=(*incident.notes, note)), entry)


def _decided(incident: Incident, entry: Entry) -> Incident:
    decision = Decision(entry.event.time, _who(entry.event), _text(entry.event.details, "text"), str(entry))
    return replace(incident, decisions=(*incident.decisions, decision))


def _assigned(incident: Incident, entry: Entry) -> Incident:
    person, role = _text(entry.event.details, "person"), _text(entry.event.details, "role")
    return replace(incident, people={**incident.people, person: role}) if person else incident


def _closed(incident: Incident, entry: Entry) -> Incident:
    return replace(incident, closed=entry.event.time, outcome=_text(entry.event.details, "outcome"))


_FOLDED: Final = {
    "incident.note": _noted,
    "incident.decide": _decided,
    "incident.assign": _assigned,
    "incident.close": _closed,
}


def _widened(incident: Incident, entry: Entry) -> Incident:
    """With the subjects, the findings and the window that an entry adds."""
    details = entry.event.details
    new = [ref for ref in map(_ref, _texts(details, "subjects")) if ref is not None]
    return replace(
        incident,
        subjects=tuple(dict.fromkeys((*incident.subjects, *new))),
        findings=(*incident.findings, *_suspicions(details)),
        since=_moment(details, "since", incident.since),
        until=_moment(details, "until", incident.until),
    )


def _suspicions(details: Mapping[str, object]) -> Iterable[Suspicion]:
    told = details.get("findings")
    for each in told if isinstance(told, (list, tuple)) else ():
        if isinstance(each, Mapping):
            yield Suspicion(
                time=_moment(each, "time", None) or 0.0,
                rule=_text(each, "rule"),
                title=_text(each, "title"),
                severity=_severity(each),
                techniques=tuple(_texts(each, "techniques")),
                entries=tuple(_texts(each, "entries")),
                entry=_text(each, "entry"),
            )


def _text(details: Mapping[str, object], key: str) -> str:
    value = details.get(key)
    return value if isinstance(value, str) else ""


def _texts(details: Mapping[str, object], key: str) -> list[str]:
    value = details.get(key)
    return [each for each in value if isinstance(each, str)] if isinstance(value, (list, tuple)) else []


def _moment(details: Mapping[str, object], key: str, otherwise: float | None) -> float | None:
    value = details.get(key)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else otherwise


def _severity(details: Mapping[str, object]) -> Severity:
    value = _text(details, "severity")
    return value if value in get_args(Severity) else "high"  # type: ignore[return-value]


def _ref(text: str) -> Ref | None:
    try:
        return Ref.parse(text)
    except ValueError:
        return None


def _who(event: Event) -> str:
    return event.actor.id if event.actor is not None else "nobody known"


# ── to the log ───────────────────────────────────────────────────────────────────────────────────


def new_name(now: float, subject: str, taken: Iterable[str]) -> str:
    """A name that a person can say: the day and the subject, ``2026-11-25-alice``, with a number when it is taken."""
    plain = re.sub(r"[^a-z0-9._-]+", "-", subject.casefold()).strip("-._")[:40] or "incident"
    name, there = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}-{plain}", set(taken)
    return next(each for each in (name, *(f"{name}-{n}" for n in range(2, len(there) + 3))) if each not in there)


def opening(
    now: float,
    by: Ref,
    name: str,
    title: str,
    *,
    subjects: Iterable[Ref],
    severity: Severity = "high",
    since: float | None = None,
    until: float | None = None,
    findings: Iterable[Suspicion] = (),
) -> Event:
    """The event that opens an incident. Raises ConfigurationError for a name that cannot be one."""
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name[:80]!r} cannot name an incident",
            remedy="Small letters, digits, dots, hyphens; such as 2026-11-25-alice.",
        )
    about = tuple(subjects)
    details = {"incident": name, "title": bounded(title), "severity": severity}
    target = about[0] if about else None
    return Event(now, "incident.open", by, target, details=details | widening(about, since, until, findings))


def widening(
    subjects: Iterable[Ref] = (),
    since: float | None = None,
    until: float | None = None,
    findings: Iterable[Suspicion] = (),
) -> dict[str, object]:
    """The details by which an event adds subjects, findings and a window to its incident."""
    told = {
        "subjects": [str(ref) for ref in subjects],
        "since": since,
        "until": until,
        "findings": [_as_details(finding) for finding in findings],
    }
    return {key: value for key, value in told.items() if value not in (None, [])}


def suspicion_of(entry: Entry) -> Suspicion | None:
    """The suspicion in an entry that records a finding; None in any other."""
    details = entry.event.details
    if entry.event.action != "finding.create":
        return None
    return Suspicion(
        time=entry.event.time,
        rule=_text(details, "rule"),
        title=_text(details, "title"),
        severity=_severity(details),
        techniques=tuple(_texts(details, "techniques")),
        entries=tuple(_texts(details, "entries")),
        entry=str(entry),
    )


def bounded(text: str) -> str:
    """A person's text as it is kept: without blanks around it, not longer than a note may be.

    Raises ConfigurationError when nothing is left, or it is too long.
    """
    said = text.strip()
    if not said:
        raise ConfigurationError("there is nothing to write down", remedy="Say it in a sentence.")
    if len(said) > LONGEST:
        raise ConfigurationError(
            f"a note has at most {LONGEST} characters, and this one {len(said)}", remedy="Write two."
        )
    return said


def _as_details(finding: Suspicion) -> dict[str, object]:
    return {
        "time": finding.time,
        "rule": finding.rule,
        "title": finding.title,
        "severity": finding.severity,
        "techniques": list(finding.techniques),
        "entries": list(finding.entries),
        "entry": finding.entry,
    }
