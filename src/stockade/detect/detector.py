"""Rules over entries make findings.

::

    detector = Rules(own_pack())
    for entry in entries:
        for finding in detector.feed(entry):
            record(finding.as_event())

For every action, system and outcome the detector asks once which rules can match at all, and shows an entry to those
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final, Protocol

from stockade.detect.conditions import Kind
from stockade.detect.foreign import foreign_getter
from stockade.detect.memory import MEMORIES, Memory, Remember
from stockade.detect.rule import Rule
from stockade.detect.stories import Stories
from stockade.detect.values import text_of
from stockade.detect.view import MISSING, PEOPLE, Getter, Locate, View, account_of, getter, nowhere, system_of
from stockade.detect.windows import Correlation, Windows
from stockade.events import Entry, Event, Finding, Ref

MOST_KINDS: Final = 8_192
"""Combinations of action, system and outcome that are remembered; who invents more makes it slower, not wrong."""
MOST_NAMES: Final = 200_000
"""Accounts whose number and name are both remembered."""
MOST_ENTRIES: Final = 50
"""Entries that a finding carries at most: the first and the last of them."""


Candidate = tuple[Rule, Callable[[View], bool] | None]
"""A rule, and what it still has to be asked."""


class Detector(Protocol):
    """What reads entries and notices."""

    def feed(self, entry: Entry) -> Sequence[Finding]:
        """Read one entry, in the order of the log or of time; answers what it completes."""


class _Grouping:
    """The values of the fields that a group is made of; None where one is missing."""

    __slots__ = ("_getters",)

    def __init__(self, names: Iterable[str], *, foreign: bool = False) -> None:
        look_up = foreign_getter if foreign else getter
        self._getters: tuple[Getter, ...] = tuple(look_up(name) for name in names)

    def of(self, view: View) -> tuple[str, ...] | None:
        found = tuple(get(view) for get in self._getters)
        return None if MISSING in found else tuple(text_of(value)[:1000] for value in found)


class _Remembering:
    """A rule's memory, and what it is asked."""

    def __init__(self, spec: Remember) -> None:
        self.memory: Memory = MEMORIES[spec.type](spec)
        self._group, self._value = _Grouping(spec.group_by), _Grouping([spec.field] if spec.field else [])

    def news(self, view: View) -> tuple[Entry, ...] | None:
        group, value = self._group.of(view), self._value.of(view)
        if group is None or value is None:
            return None
        before = self.memory.feed(group, "\n".join(value), view)
        return None if before is None else (*before, view.entry)


class _Listening:
    """A correlation that hears of the matches of its rules."""

    def __init__(self, rule: Rule, correlation: Correlation, foreign: Iterable[str]) -> None:
        def grouped(fields: Iterable[str], name: str) -> _Grouping:
            return _Grouping(_spelt(correlation, name, fields), foreign=name in foreign)

        self.rule, self.windows = rule, Windows(correlation)
        self._groups = {name: grouped(correlation.group_by, name) for name in correlation.rules}
        self._values = {name: grouped(correlation.values, name) for name in correlation.rules}

    def hear(self, name: str, view: View, entries: tuple[Entry, ...]) -> tuple[Entry, ...] | None:
        group, value = self._groups[name].of(view), self._values[name].of(view)
        if group is None or value is None:
            return None
        return self.windows.feed(group, view.moment, name, entries, "\n".join(value))


def _spelt(correlation: Correlation, rule: str, fields: Iterable[str]) -> list[str]:
    return [correlation.aliases.get(field, {}).get(rule, field) for field in fields]


class Rules:
    """A set of rules, with all they remember. Not for several threads at once."""

    def __init__(self, rules: Iterable[Rule], *, locate: Locate = nowhere) -> None:
        """Without a ``locate`` the rules that need to know where an address is are left out; see ``asleep``."""
        given = list(rules)
        self.asleep = [rule for rule in given if rule.needs_places and locate is nowhere]
        self.rules = [rule for rule in given if rule not in self.asleep]
        self.stories = Stories()
        self._locate = locate
        self._memories = {rule.name: _Remembering(rule.remember) for rule in self.rules if rule.remember}
        self._listeners: dict[str, list[_Listening]] = {}
        foreign = {rule.name for rule in self.rules if rule.foreign}
        for rule in self.rules:
            if rule.correlation is not None:
                listening = _Listening(rule, rule.correlation, foreign)
                for name in dict.fromkeys(rule.correlation.rules):
                    self._listeners.setdefault(name, []).append(listening)
        self._of_kind: dict[tuple[str, str, str], list[Candidate]] = {}
        self._names: dict[tuple[str, str], str] = {}

    def feed(self, entry: Entry) -> list[Finding]:
        """See :class:`Detector`."""
        event = entry.event
        if "user_id" in event.details:
            self._learn_name(event)
        kind = (event.action, system_of(event), event.outcome)
        candidates = self._of_kind.get(kind)
        if candidates is None:
            candidates = self._candidates(Kind(*kind))
        if not candidates:
            return []
        view, found = View(entry, self._locate, self._names), list[Finding]()
        for rule, match in candidates:
            if match is None or match(view):
                self._matched(rule, view, found)
        return found

    def begin_telling(self) -> None:
        """Forget what was found, though not what was seen: nobody was told of it."""
        self.stories.clear()

    @property
    def horizon(self) -> float:
        """How many seconds back the rules have to look, to know what they would have remembered."""
        spans = [rule.correlation.timespan for rule in self.rules if rule.correlation]
        return max([0.0, *spans, *(rule.remember.horizon for rule in self.rules if rule.remember)])

    @property
    def doubts(self) -> list[str]:
        """What limits have kept the rules from seeing."""
        listening = {id(each): each for many in self._listeners.values() for each in many}.values()
        said = [
            f"{each.rule.name}: {each.windows.forgotten} groups or matches were forgotten for want of room"
            for each in listening
            if each.windows.forgotten
        ]
        said += [
            f"{each.rule.name}: {each.windows.late} matches came too late for their window"
            for each in listening
            if each.windows.late
        ]
        return said + [
            f"{name}: {each.memory.forgotten} values or groups were forgotten for want of room"
            for name, each in self._memories.items()
            if each.memory.forgotten
        ]

    def _candidates(self, kind: Kind) -> list[Candidate]:
        """The rules that can match events of a kind; without a question where they always do."""
        asked = [(rule, rule.condition) for rule in self.rules if rule.condition]
        known = [(rule, condition, condition.possible(kind)) for rule, condition in asked]
        found = [
            (rule, None if possible else condition.match)
            for rule, condition, possible in known
            if possible is not False
        ]
        if len(self._of_kind) < MOST_KINDS:
            self._of_kind[kind.action, kind.system, kind.outcome] = found
        return found

    def _learn_name(self, event: Event) -> None:
        """One log calls an account by its name, another by its number: an event that has both tells that it is one."""
        actor, number = event.actor, str(event.details["user_id"])
        if actor is not None and actor.kind in PEOPLE and actor.id != number and len(self._names) < MOST_NAMES:
            self._names[actor.system, number] = actor.id

    def _matched(self, rule: Rule, view: View, found: list[Finding]) -> None:
        entries: tuple[Entry, ...] | None = (view.entry,)
        if rule.remember is not None:
            entries = self._memories[rule.name].news(view)
        if entries is not None:
            self._holds(rule, view, entries, found)

    def _holds(self, rule: Rule, view: View, entries: tuple[Entry, ...], found: list[Finding]) -> None:
        """A rule holds: tell of it, and tell the correlations that listen to it."""
        if not rule.part:
            finding = _finding(rule, view, entries)
            if self.stories.tell(finding, rule.quiet):
                found.append(finding)
        for listening in self._listeners.get(rule.name, ()):
            together = listening.hear(rule.name, view, entries)
            if together is not None:
                self._holds(listening.rule, view, together, found)


def _finding(rule: Rule, view: View, entries: tuple[Entry, ...]) -> Finding:
    half = MOST_ENTRIES // 2
    shown = entries if len(entries) <= MOST_ENTRIES else (*entries[:half], *entries[-half:])
    return Finding(
        time=view.moment,
        rule=rule.name,
        title=rule.title,
        severity=rule.level,
        subject=_subject(rule, view),
        entries=shown,
        harmless=" ".join(rule.harmless),
        techniques=rule.techniques,
        shadow=rule.shadow,
        attack=rule.attack,
    )


def _subject(rule: Rule, view: View) -> Ref | None:
    event = view.event
    match rule.subject:
        case "actor":
            return event.actor
        case "target":
            return _by_name(event.target, view)
        case "source":
            return Ref("network", "address", event.source) if event.source else None
    return _by_name(account_of(event), view)


def _by_name(ref: Ref | None, view: View) -> Ref | None:
    """An account by its name, where an event has told the name of this number."""
    if ref is None or ref.kind not in PEOPLE:
        return ref
    return replace(ref, id=view.names.get((ref.system, ref.id), ref.id))
