"""Counts and bans of a replay: the same arithmetic as every store's, for one thread, and on a clock that is handed in.

Nothing is placed by hand here and nothing is read by another, so that there are no locks, no shards and no evidence.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from heapq import nsmallest
from typing import Final

from stockade.guard.arithmetic import CELLS, roll
from stockade.guard.lanes import Lane
from stockade.guard.meter import Ask, Group, Meter, Tally
from stockade.guard.plan import DIES, FIRST, Plan
from stockade.guard.rules import BanRule

MAX_PLANS: Final = 4_096
BANNED: Final = 2
"""A client's third cell: until when any rule bans it."""

Looks = Sequence[tuple[int, float]]
"""Places and periods (microseconds) of meters whose windows move on and whose readings nobody wants."""


class Ledger:
    """What the clients of some ``lanes`` have used. ``clients`` bounds how many are remembered: those that matter least
    make room, a live ban never does.
    """

    def __init__(self, lanes: Iterable[Lane], clients: int) -> None:
        self._places: dict[tuple[str, bool], int] = {}
        self._plans: dict[Group, Plan] = {}
        self._rows: dict[str, array[float]] = {}
        self._most = clients
        width = FIRST
        for entry in (entry for lane in lanes for entry in lane.entries):
            for bans in (False, True) if isinstance(entry.rule, BanRule) else (False,):
                self._places[entry.rule.name, bans] = width
                width += CELLS * (1 + bans)
        self._empty = array("d", bytes(8 * width))

    def __len__(self) -> int:
        return len(self._rows)

    def count(self, asks: Sequence[Ask], now: float) -> list[Tally]:
        """Look at every ban first; when none is live, count every meter. ``now`` is in microseconds."""
        if len(asks) == 1:
            return [self.tally(asks[0][0], asks[0][1], now)]
        looked = [self._look(client, group, now) for client, group, _ in asks]
        if any(tally[0] for tally in looked):
            return looked
        return [self.tally(client, group, now) for client, group, _ in asks]

    def tally(self, client: str, group: Group, now: float, looks: Looks = ()) -> Tally:
        """The answer to a single ask. ``looks`` are strikes that are only looked at by who does not want to know: their
        windows move on all the same.
        """
        plan = self._plans.get(group) or self._prepare(group)
        row = self._rows.get(client)
        if row is None:
            row = self._claim(client, now) if group.writes else self._empty[:]
        else:
            for at, rule in plan.bans:
                if row[at] > now:
                    return (rule, row[at], ())
        readings = plan.count(row, 0, now)
        for at, period in looks:
            if not 0.0 <= now - row[at] < period:
                roll(row, at, period, now)
        dies = now + group.lifetime
        if row[DIES] < dies:  # noqa: PLR1730  a call of max() costs more than the whole comparison
            row[DIES] = dies
        if group.strikes:
            for _, wait, level in readings:
                if level:
                    row[BANNED] = max(row[BANNED], now + wait)
        return ("", 0.0, readings)

    def look(self, meter: Meter) -> tuple[int, float]:
        """A meter as one of the ``looks`` of a :meth:`tally`."""
        return self._places[meter.rule, True], meter.period

    def _look(self, client: str, group: Group, now: float) -> Tally:
        row = self._rows.get(client, self._empty)
        for at, rule in (self._plans.get(group) or self._prepare(group)).bans:
            if row[at] > now:
                return (rule, row[at], ())
        return ("", 0.0, ())

    def _prepare(self, group: Group) -> Plan:
        if len(self._plans) >= MAX_PLANS:
            self._plans.clear()
        plan = self._plans[group] = Plan(group, self._place)
        return plan

    def _place(self, rule: str, *, bans: bool) -> int:
        return self._places[rule, bans]

    def _claim(self, client: str, now: float) -> array[float]:
        if len(self._rows) >= self._most:
            self._make_room(now)
        row = self._rows[client] = self._empty[:]
        return row

    def _make_room(self, now: float) -> None:
        """Forget the dead; when that is not a tenth, those too that die next and are not banned."""
        for client in [client for client, row in self._rows.items() if row[DIES] <= now]:
            del self._rows[client]
        surplus = len(self._rows) - self._most * 9 // 10
        if surplus > 0:
            free = ((row[DIES], client) for client, row in self._rows.items() if row[BANNED] <= now)
            for _, client in nsmallest(surplus, free):
                del self._rows[client]
