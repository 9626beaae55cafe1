"""Entries, made quickly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count

from stockade.detect.detector import Rules
from stockade.detect.reading import rules_of
from stockade.events import Entry, Event, Finding, Outcome, Ref

NOW = 1_800_000_000.0
HOME, NEW = "198.51.100.7", "203.0.113.9"


def ref(text: str) -> Ref:
    return Ref.parse(text if ":" in text else f"gitlab:user/{text}")


def event(
    action: str,
    who: str | None = "alice",
    *,
    at: float = 0.0,
    target: str | None = None,
    source: str | None = None,
    outcome: Outcome = "success",
    **details: object,
) -> Event:
    """Something that ``who`` did, ``at`` seconds after all began."""
    return Event(NOW + at, action, who and ref(who), target and ref(target), source, outcome, details)  # type: ignore[arg-type]


def entries(events: Iterable[Event]) -> list[Entry]:
    """Events as a log holds them that recorded each when it happened."""
    return [Entry(number, each.time, each) for number, each in zip(count(), events, strict=False)]


def fed(detector: Rules, events: Iterable[Event]) -> list[Finding]:
    """What a detector finds in events."""
    return [finding for entry in entries(events) for finding in detector.feed(entry)]


def names(findings: Iterable[Finding]) -> list[str]:
    return [finding.rule for finding in findings]


def rule(detection: str, *, logsource: str = "{product: stockade}", more: str = "") -> str:
    """A Sigma rule around a detection, which is indented by two."""
    return f"title: A rule\nname: a_rule\nlogsource: {logsource}\ndetection:\n{detection}\nlevel: medium\n{more}"


def selecting(selection: str) -> str:
    """A rule with one selection, given as a mapping in flow style."""
    return rule(f"  selection: {selection}\n  condition: selection")


def matches(text: str, events: Event | Sequence[Event]) -> bool:
    """Whether the rules of a text find anything."""
    return bool(fed(Rules(rules_of([("rule.yml", text)])), [events] if isinstance(events, Event) else events))
