"""What a correlation remembers: for each group the matches of the last while, and no more than it needs.

A group's window ends at its newest match and is ``timespan`` long, both ends included; time is when things happened.
What comes too late for its group's window is counted and left out. When the condition holds, the correlation fires
with the entries of the window and begins anew.

Groups of which nothing came for a timespan are let go of, and above :data:`MOST_GROUPS` the one that was quiet the
longest; a window holds :data:`MOST_MATCHES` at most. ``forgotten`` counts what was let go of for want of room.
"""

from __future__ import annotations

from bisect import insort
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from stockade.events import Entry

Way = Literal["event_count", "value_count", "temporal", "temporal_ordered"]
MOST_GROUPS: Final = 20_000
MOST_MATCHES: Final = 1_000


@dataclass(frozen=True, slots=True)
class Correlation:
    """``rules`` matched together: how, within how many seconds, and how often.

    ``enough`` is told how many there are: matches, different values, or different rules. ``formula`` replaces it where
    the rules are joined with ``and`` and ``or``: it is told which have matched. ``aliases`` say for a field of
    ``group_by`` what it is called in the events of each rule.
    """

    way: Way
    rules: tuple[str, ...]
    timespan: float
    group_by: tuple[str, ...] = ()
    aliases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    values: tuple[str, ...] = ()
    enough: Callable[[int], bool] = lambda count: count >= 1
    formula: Callable[[frozenset[str]], bool] | None = None
    says: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Match:
    """One match of one of the rules: when, and the how-many-eth it was."""

    moment: float
    number: int
    rule: str = field(compare=False)
    value: str = field(compare=False)
    entries: tuple[Entry, ...] = field(compare=False)


_MARKS: Final[Mapping[str, Callable[[Match], str]]] = {
    "value_count": lambda match: match.value,
    "temporal": lambda match: match.rule,
}
"""Of several matches with the same mark the newest is enough."""


class Windows:
    """The state of one correlation."""

    def __init__(self, correlation: Correlation, *, most_groups: int = MOST_GROUPS) -> None:
        self._correlation, self._most = correlation, most_groups
        self._groups = OrderedDict[tuple[str, ...], list[Match]]()
        self._newest = float("-inf")
        self._number = 0
        self.forgotten = 0
        self.late = 0

    def feed(
        self, group: tuple[str, ...], moment: float, rule: str, entries: tuple[Entry, ...], value: str = ""
    ) -> tuple[Entry, ...] | None:
        """A rule has matched. Answers the entries that make the correlation hold, when they do."""
        self._let_go(moment)
        window = self._groups.setdefault(group, [])
        self._groups.move_to_end(group)
        since = self._correlation.timespan
        if window and moment < window[-1].moment - since:
            self.late += 1
            return None
        self._number += 1
        insort(window, Match(moment, self._number, rule, value, entries))
        self._shorten(window)
        held = self._held(window)
        if held is None:
            return None
        del self._groups[group]
        return tuple({(entry.origin, entry.index): entry for match in held for entry in match.entries}.values())

    def __len__(self) -> int:
        return len(self._groups)

    def _let_go(self, moment: float) -> None:
        self._newest = max(self._newest, moment)
        while self._groups:
            oldest = next(iter(self._groups.values()))
            quiet = oldest[-1].moment < self._newest - self._correlation.timespan
            if not quiet and len(self._groups) < self._most:
                return
            self.forgotten += not quiet
            self._groups.popitem(last=False)

    def _shorten(self, window: list[Match]) -> None:
        """Drop what is too old, and what a newer match makes superfluous."""
        first = window[-1].moment - self._correlation.timespan
        if window[0].moment < first:
            window[:] = [match for match in window if match.moment >= first]
        mark = _MARKS.get(self._correlation.way)
        if mark is not None and len(window) > 1:
            window[:] = sorted({mark(match): match for match in window}.values())
        if len(window) > MOST_MATCHES:
            self.forgotten += len(window) - MOST_MATCHES
            del window[:-MOST_MATCHES]

    def _held(self, window: Sequence[Match]) -> Sequence[Match] | None:
        correlation = self._correlation
        if correlation.way == "temporal_ordered":
            return in_order(window, correlation.rules)
        if correlation.way == "event_count":
            return window if correlation.enough(len(window)) else None
        if correlation.way == "value_count":
            return window if correlation.enough(len({match.value for match in window})) else None
        known = frozenset(match.rule for match in window)
        holds = correlation.formula(known) if correlation.formula else correlation.enough(len(known))
        return window if holds else None


def in_order(window: Sequence[Match], rules: Sequence[str]) -> Sequence[Match] | None:
    """The first matches of all the rules, one after the other; None where there are none.

    One entry does not count for two rules, as nothing comes after itself.
    """
    found = list[Match]()
    wanted = iter(rules)
    rule = next(wanted)
    for match in window:
        if match.rule == rule and not (found and found[-1].entries == match.entries):
            found.append(match)
            rule = next(wanted, "")
            if not rule:
                return found
    return None
