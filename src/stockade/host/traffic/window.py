"""The records of the last hours or days, looked at again and again; what is odd is told once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from stockade.host.oddity import Oddity
from stockade.host.traffic import asking, learning
from stockade.host.traffic.flow import Flow
from stockade.host.traffic.normal import Normal
from stockade.host.traffic.places import Places
from stockade.host.traffic.reviewing import ORDER, reviewed
from stockade.host.traffic.signals.saying import length
from stockade.host.traffic.table import Table, TooMuch

MOST: Final = 1_000_000
"""Records that are kept; of more, the latest."""
FEWEST: Final = 10_000
"""Records that are looked at whatever happens."""
AHEAD: Final = 3_600.0
"""Seconds by which the clock of whoever wrote a record may run ahead."""
MOST_TOLD: Final = 10_000


class Window:
    """``seconds`` of records in a table. What was told is told again after ``quiet`` seconds, or when it is worse.

    ``say`` hears when there are so many that only a part of the time can be looked at: who wants to hide something may
    have sent them.
    """

    def __init__(
        self, table: Table, places: Places, *, seconds: float, quiet: float, most: int = MOST,
        say: Callable[[str], object] = print,
    ) -> None:  # fmt: skip
        self._table, self._places, self._seconds, self._most = table, places, seconds, most
        self._told, self._say, self._short = Told(quiet), say, False

    def add(self, flows: Iterable[Flow]) -> int:
        """Take records in; answers how many."""
        return self._table.add(flows)

    def look(self, now: float, normal: Normal | None) -> list[Oddity]:
        """What is odd in the records and was not told yet, the worst first."""
        self._table.run("DELETE FROM flow WHERE t < ? OR t > ?", [now - self._seconds, now + AHEAD])
        count, kept = self._count(), self._keep(self._most)
        while kept:
            try:
                found = reviewed(self._table, self._places, normal).oddities
            except TooMuch:
                if kept <= FEWEST:
                    raise
                kept = self._keep(kept // 2)
            else:
                self._tell_of_less(count, kept)
                return [each for each in found if self._told.is_new(each, now)]
        return []

    def learned(self) -> Normal | None:
        """The normal of the records, once they cover the whole window; None before."""
        _, began, ended = asking.span(self._table)
        if ended - began < 0.95 * self._seconds:
            return None
        asking.prepare(self._table, self._places)
        return learning.learned(self._table)

    def _count(self) -> int:
        return asking.span(self._table)[0]

    def _keep(self, most: int) -> int:
        """Keep the latest records, at most so many; answers how many there are."""
        if (count := self._count()) > most:
            oldest = "DELETE FROM flow WHERE rowid IN (SELECT rowid FROM flow ORDER BY t LIMIT ?)"
            self._table.run(oldest, [count - most])
        self._table.run("CHECKPOINT")
        return min(count, most)

    def _tell_of_less(self, count: int, kept: int) -> None:
        if kept < count and not self._short:
            _, began, ended = asking.span(self._table)
            self._say(
                f"traffic: {count:,} records are more than can be kept; the last {length(ended - began)} are watched, "
                "and what comes more seldom is not seen"
            )
        self._short = kept < count


class Told:
    """What was told, when, and how bad it was then."""

    def __init__(self, quiet: float, most: int = MOST_TOLD) -> None:
        self._quiet, self._most = quiet, most
        self._known: dict[tuple[str, str], tuple[float, int]] = {}

    def is_new(self, oddity: Oddity, now: float) -> bool:
        """Was it not told lately, or is it worse than it was? Then it counts as told."""
        key, rank = (oddity.signal, str(oddity.subject)), ORDER.index(oddity.severity)
        when, before = self._known.get(key, (float("-inf"), -1))
        if now - when < self._quiet and rank <= before:
            return False
        self._known.pop(key, None)
        if len(self._known) >= self._most:
            del self._known[next(iter(self._known))]
        self._known[key] = (now, rank)
        return True
