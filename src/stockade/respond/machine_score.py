"""A drill on a machine is scored: what was found, when the network was shut, whether the evidence was saved before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from stockade.events import Entry, Event, Ref
from stockade.respond.scoring import FULL, LATE, MISSED, RENEWING, WRONG, Planted, Score, Wrong

SHUT: Final = frozenset({"network.confirm"})
"""A restriction counts when it is confirmed: until then it opens by itself."""
ANEW: Final = RENEWING | {"password.reset", "secret.rotated"}
IN_TIME: Final = 600.0
"""Seconds that cost nothing until the network is shut."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One trace that was planted: by ``mark``, a path or a number, a finding about it is known."""

    what: str
    signal: str
    mark: str

    @property
    def planted(self) -> Planted:
        """It, as scores tell of it."""
        return Planted(self.what, Ref("host", self.signal, self.mark))

    def told_by(self, event: Event) -> bool:
        """Whether a finding is about it."""
        if event.action != "finding.create" or event.target is None:
            return False
        facts = event.details.get("facts")
        said = [event.target.id, str(event.details.get("title", "")), *_texts(facts)]
        return any(_names(text, self.mark) for text in said)


def score(traces: Sequence[Trace], begun: float, entries: Iterable[Entry]) -> Score:
    """The score by what the log has since the drill began."""
    since = [entry for entry in entries if entry.event.time >= begun and entry.event.outcome == "success"]
    findings = [entry.event for entry in since if entry.event.action == "finding.create"]
    missed = tuple(each.planted for each in traces if not any(each.told_by(event) for event in findings))
    found = tuple(each.planted for each in traces if each.planted not in missed)
    shut = min((entry.event.time for entry in since if entry.event.action in SHUT), default=None)
    wrong = tuple(_wrong(since, shut))
    contained = None if shut is None else shut - begun
    return Score(_points(contained, len(missed), len(wrong)), contained, found, missed, wrong)


def _points(contained: float | None, missed: int, wrong: int) -> int:
    if contained is None:
        return 0
    late = int(max(0.0, contained - IN_TIME) // 60) * LATE
    return max(0, FULL - missed * MISSED - wrong * WRONG - late)


def _wrong(entries: Sequence[Entry], shut: float | None) -> Iterator[Wrong]:
    saved = [entry for entry in entries if entry.event.action == "evidence.collect"]
    if not saved:
        yield Wrong("no evidence was saved: what was in memory is gone", "")
    early = next((e for e in entries if e.event.action in ANEW and (shut is None or e.event.time < shut)), None)
    if early is not None:
        text = "secrets were renewed before the network was shut: whoever was in could read them"
        yield Wrong(text, str(early))
    for entry in entries:
        if entry.event.action == "network.lift" and not _over(entries, entry):
            yield Wrong("the network was opened again while the machine was not clean", str(entry))


def _over(entries: Sequence[Entry], lift: Entry) -> bool:
    """Whether the gate was open, or a plan took its own step back, when the network was opened."""
    before = [entry.event.action for entry in entries if entry.index < lift.index]
    return "gate.open" in before or "gate.override" in before


def _names(text: str, mark: str) -> bool:
    """Whether the mark stands in it by itself: 15 is not in 3150."""
    at = text.find(mark)
    while at >= 0:
        around = text[at - 1 : at] + text[at + len(mark) : at + len(mark) + 1]
        if not (mark[0].isdigit() and any(each.isalnum() for each in around)):
            return True
        at = text.find(mark, at + 1)
    return False


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
    elif value is not None:
        yield str(value)


def traces_of(told: Sequence[Mapping[str, Any]]) -> tuple[Trace, ...]:
    """What was planted, from JSON values. Raises KeyError and TypeError when they tell none."""
    return tuple(Trace(str(each["what"]), str(each["signal"]), str(each["mark"])) for each in told)
