"""A store in a file, for all the processes and threads of one machine."""

from __future__ import annotations

import logging
import os
import time
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Final

from stockade.errors import StockadeError, Unavailable
from stockade.guard.arithmetic import CELLS
from stockade.guard.meter import FOREVER, MANUAL, MICROSECONDS, UNCOUNTED, Ask, Ban, Tally, ban_of, is_network
from stockade.guard.plan import DIES, UNTIL, Plan
from stockade.guard.shared.file import make_room
from stockade.guard.shared.geometry import EPOCH, NETWORKS, Geometry
from stockade.guard.shared.particulars import Particulars
from stockade.guard.shared.table import Spot, Table, is_replaced, open_table

log = logging.getLogger(__name__)

LOOK_EVERY: Final = 1.0
"""Seconds between two looks at whether the file was replaced."""
TELL_EVERY: Final = 60.0
"""Seconds after which a process says again which rules it uses."""
TRIES: Final = 5


class SharedStore:
    """Counters and bans of all the processes that name one ``path``, exact among them.

    The file is made for ``clients`` clients and ``rules`` rules (a rule that bans counts as two) and takes about 900
    bytes for each client; one that exists keeps the size it was made with. What is known of bans is kept in
    ``path.bans`` beside it. ``clock`` answers seconds since the epoch. Before and after a fork, and from any number of
    threads, it may be used alike.

    Raises ConfigurationError for a path that is not ours to use, Unavailable where there is no room. Keep it on a
    local disk and never cut it short: to begin anew, delete it, and every process takes the new one within a second.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        clients: int = 131_072,
        rules: int = 32,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = Path(path).absolute()
        self.clock = clock
        self._wanted = Geometry.for_at_least(max(1, clients), max(2, rules))
        self._networks: tuple[str, ...] = ()
        self._networks_end = FOREVER
        self._networks_version = -1
        self._look_at = time.monotonic() + LOOK_EVERY
        self._tell_at = time.monotonic() + TELL_EVERY
        make_room(self.path.parent)
        self._particulars = Particulars(self.path.with_name(f"{self.path.name}.bans"))
        self._table = self._open()

    def count(self, asks: Sequence[Ask], now: float | None = None) -> list[Tally]:
        """Look at every ban first; when none is live, count every meter. Nobody else counts these clients meanwhile."""
        for _ in range(TRIES):
            tallies = self._one(asks[0], now) if len(asks) == 1 else self._several(asks, now)
            if tallies is not None:
                break
            self._table.plans.clear()
        else:
            raise Unavailable("the rules of the shared store change faster than can be followed", remedy="Try again.")
        for ask, tally in zip(asks, tallies):  # noqa: B905  of one length, and strict costs time
            if ask[1].strikes:
                self._write_down(ask, tally, self.clock() * MICROSECONDS if now is None else now)
        return tallies

    def _one(self, ask: Ask, now: float | None) -> list[Tally] | None:
        """Count one client; None when a rule's place was taken back meanwhile."""
        table, (client, group, _) = self._table, ask
        plan = table.plans.get(group) or table.prepare(group)
        spot = table.spot(client)
        with table.stripes[spot[2]]:
            if plan.epoch != table.head[EPOCH]:
                return None
            if now is None:
                now = self.clock() * MICROSECONDS  # in the stripe, so that a client's time goes one way
            return [_counted(table, ask, plan, spot, now)]

    def _several(self, asks: Sequence[Ask], now: float | None) -> list[Tally] | None:
        """Look at the bans of all these clients, and count them when there is none; None as above."""
        table = self._table
        plans = [table.plans.get(group) or table.prepare(group) for _, group, _ in asks]
        spots = [table.spot(client) for client, _, _ in asks]
        with table.held(spots):
            epoch = table.head[EPOCH]
            if any(plan.epoch != epoch for plan in plans):
                return None
            if now is None:
                now = self.clock() * MICROSECONDS
            looked = [_looked(table, plan, spot, now) for plan, spot in zip(plans, spots, strict=True)]
            if any(tally[0] for tally in looked):
                return looked
            return [_counted(table, ask, plan, spot, now) for ask, plan, spot in zip(asks, plans, spots, strict=True)]

    def ban(self, ban: Ban) -> None:
        """Place a ban by hand."""
        self._particulars.write([(ban, True)], self.clock())
        if is_network(ban.client):
            self._table.networks_changed()
        else:
            self._place(self._table, ban, UNTIL, enforced=True)

    def forget(self, client: str) -> list[Ban]:
        """Lift every ban and clear every counter of a client, in every process at once; answer the bans that were
        lifted.
        """
        table, now = self._table, self.clock()
        spot, banning = table.spot(client), table.places.banning()
        ends: dict[str, float] = {}
        with table.held([spot]):
            row = table.find(spot)
            if row >= 0:
                ends = table.standing(row, banning, now * MICROSECONDS)
                table.release(row)
        known = self._particulars.remove(client)
        if is_network(client):
            table.networks_changed()
            return [ban for ban in known if ban.until > now]
        return list(_told(client, ends, known, now))

    def bans(self) -> Iterator[Ban]:
        """The live bans, as the table has them, with what is known of each."""
        table, now = self._table, self.clock()
        banning = table.places.banning()
        rows = set[int]()
        for client, bans in groupby((ban for ban, _ in self._particulars.all(now)), key=CLIENT):
            if is_network(client):
                yield from bans
                continue
            spot = table.spot(client)
            with table.held([spot]):
                row = table.find(spot)
                ends = table.standing(row, banning, now * MICROSECONDS) if row >= 0 else {}
            rows.add(row)
            yield from _told(client, ends, bans, now)
        for row in set(table.protected(now * MICROSECONDS)) - rows:
            yield from _told(table.text(row), table.standing(row, banning, now * MICROSECONDS), (), now)

    def networks(self) -> Sequence[str]:
        """The networks banned by hand; the same object as long as they are the same."""
        if time.monotonic() >= self._look_at:
            self._look_again()
        version = self._table.head[NETWORKS]
        if version != self._networks_version or (self._networks and self.clock() >= self._networks_end):
            found = self._particulars.networks(self.clock())
            names = tuple(name for name, _ in found)
            if names != self._networks:
                self._networks = names
            self._networks_end = min((end for _, end in found), default=0.0)
            self._networks_version = version
        return self._networks

    def _open(self) -> Table:
        """The table, with the bans of an earlier one when it is new."""
        table, fresh = open_table(self.path, self._wanted)
        if fresh:
            for ban, enforced in self._particulars.all(self.clock()):
                if not is_network(ban.client):
                    at = UNTIL if ban.rule == MANUAL else table.places.place(ban.rule, bans=True) + CELLS
                    self._place(table, ban, at, enforced=enforced)
        return table

    def _look_again(self) -> None:
        """Follow a file that was replaced, and say from time to time which rules are used."""
        now = time.monotonic()
        self._look_at = now + LOOK_EVERY
        if now >= self._tell_at:
            self._tell_at = now + TELL_EVERY
            self._table.look_up_again()
        if is_replaced(self._table, self.path):
            try:
                self._table = self._open()
                self._networks_version = -1
            except StockadeError as error:
                log.warning("%s was replaced, and the new one cannot be used: %s", self.path, error.message)

    def _place(self, table: Table, ban: Ban, at: int, *, enforced: bool) -> None:
        """Write a ban into the table: its end at ``at`` and, where a rule placed it, how often in a row."""
        spot, until = table.spot(ban.client), min(ban.until * MICROSECONDS, FOREVER)
        with table.held([spot]):
            row = table.find(spot)
            if row < 0:
                row = table.claim(spot, ban.client, self.clock() * MICROSECONDS)
            if row < 0:
                raise Unavailable(f"{self.path} is full of live bans", remedy="Make it for more clients.")
            base, cells = row * table.width, table.cells
            cells[base + at] = until
            if at != UNTIL:
                cells[base + at + 1] = ban.level
            cells[base + DIES] = max(cells[base + DIES], until)
            if enforced:
                table.protect(row, until)

    def _write_down(self, ask: Ask, tally: Tally, now: float) -> None:
        """Write down the bans that this decision placed. They hold even where there is no room for words about it."""
        client, group, evidence = ask
        placed = [
            (ban_of(client, meter, wait=wait, level=level, evidence=evidence, now=now), meter.enforced)
            for meter, (_, wait, level) in zip(group.meters, tally[2], strict=False)
            if level
        ]
        if placed:
            try:
                self._particulars.write(placed, now / MICROSECONDS)
            except Unavailable as error:
                log.warning("a ban of %r holds, but why could not be written down: %s", client, error.message)


CLIENT: Final = attrgetter("client")


def _looked(table: Table, plan: Plan, spot: Spot, now: float) -> Tally:
    row = table.find(spot)
    ban = plan.ban(table.cells, row * table.width, now) if row >= 0 else None
    return ban or UNCOUNTED


def _counted(table: Table, ask: Ask, plan: Plan, spot: Spot, now: float) -> Tally:
    """Count a client's meters, unless a ban answers for it."""
    client, group, _ = ask
    row = table.find(spot)
    if row < 0 and group.writes:
        row = table.claim(spot, client, now)
    if row < 0:  # nothing is known of it, and nothing will be
        nothing = array("d", bytes(8 * table.width))
        return ("", 0.0, plan.count(nothing, 0, now))
    base, cells = row * table.width, table.cells
    if plan.bans or cells[base + UNTIL] > now:
        ban = plan.ban(cells, base, now)
        if ban is not None:
            return ban
    readings = plan.count(cells, base, now)
    dies = now + group.lifetime
    if cells[base + DIES] < dies:  # noqa: PLR1730  a call of max() costs more than the whole comparison
        cells[base + DIES] = dies
    if group.strikes:
        for meter, (_, wait, level) in zip(group.meters, readings, strict=True):
            if level and meter.enforced:
                table.protect(row, now + wait)
    return ("", 0.0, readings)


def _told(client: str, ends: dict[str, float], known: Iterable[Ban], now: float) -> Iterator[Ban]:
    """The bans that end when the table says, in the words that are known of them."""
    words = {ban.rule: ban for ban in known}
    for rule, microseconds in ends.items():
        end = microseconds / MICROSECONDS
        ban = words.get(rule) or Ban(client, rule, now, end, "its particulars were lost")
        yield ban if abs(ban.until - end) < 1.0 else replace(ban, until=end)
