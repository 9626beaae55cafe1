"""A store in this process: one table of floats a shard, bounded, swept a little with every decision."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from threading import Lock
from typing import Final

from stockade.errors import Unavailable
from stockade.guard.arithmetic import CELLS, bind
from stockade.guard.meter import (
    FOREVER,
    MANUAL,
    MICROSECONDS,
    UNCOUNTED,
    Ask,
    Ban,
    Group,
    Reading,
    Tally,
    ban_of,
    is_network,
)

SHARDS: Final = 256
MAX_PLANS: Final = 4096
UNTIL, DIES, BANNED = 0, 1, 2
"""A client's first cells: until when it is banned by hand, when nothing that is known of it matters any more, and
until when any rule bans it."""


class Layout:
    """Where each rule's cells are: given out once and kept, so that rules may come and go while counters live."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {}
        self.width = CELLS

    def place(self, rule: str, *, bans: bool) -> int:
        """The place of a rule's cells, counted from the client's first."""
        name = f"{rule}\x00bans" if bans else rule
        if name not in self.places:
            self.places[name] = self.width
            self.width += CELLS * (1 + bans)
        return self.places[name]


class Plan:
    """A group made ready: the places of its bans, and its counts bound to theirs."""

    __slots__ = ("bans", "counts", "width")

    def __init__(self, group: Group, layout: Layout) -> None:
        self.counts = tuple(bind(m, layout.place(m.rule, bans=bool(m.bantimes))) for m in group.meters)
        self.bans = tuple((layout.place(rule, bans=True) + CELLS, rule) for rule in group.bans)
        self.width = layout.width


class Shard:
    """One part of the clients: a row of cells for each, and a hand that goes round and frees what is dead."""

    __slots__ = ("bases", "cells", "free", "hand", "keys", "lock", "most", "width")

    def __init__(self, width: int, most: int) -> None:
        self.bases: dict[str, int] = {}
        self.keys: list[str | None] = []
        self.cells = array("d")
        self.free: list[int] = []
        self.width, self.most, self.hand = width, most, 0
        self.lock = Lock()

    def widen(self, width: int) -> None:
        """Make room for more rules: move every row to its new place."""
        cells = array("d", bytes(8 * width * len(self.keys)))
        for row in range(len(self.keys)):
            cells[row * width : row * width + self.width] = self.cells[row * self.width : (row + 1) * self.width]
        self.bases = {client: base // self.width * width for client, base in self.bases.items()}
        self.cells, self.width = cells, width

    def claim(self, client: str, now: float) -> int | None:
        """The base of a row of zeros for a new client; None when every row holds a live ban."""
        self.sweep(now)
        if not self.free and len(self.keys) >= self.most:
            self._evict(now)
        if self.free:
            row = self.free.pop()
        elif len(self.keys) < self.most:
            row = len(self.keys)
            self.keys.append(None)
            self.cells.frombytes(bytes(8 * self.width))
        else:
            return None
        self.keys[row] = client
        base = self.bases[client] = row * self.width
        return base

    def sweep(self, now: float) -> None:
        """Look at the next two rows and free the dead ones."""
        for _ in range(min(2, len(self.keys))):
            self.hand = (self.hand + 1) % len(self.keys)
            if self.keys[self.hand] is not None and self.cells[self.hand * self.width + DIES] <= now:
                self.release(self.hand)

    def _evict(self, now: float) -> None:
        """Free the row that dies soonest among the next sixteen, passing over rows that hold a live ban."""
        candidates = islice((row for row in self._round() if not self.banned(row * self.width, now)), 16)
        row = min(candidates, key=lambda r: self.cells[r * self.width + DIES], default=None)
        if row is not None:
            self.hand = row
            self.release(row)

    def _round(self) -> Iterator[int]:
        rows = len(self.keys)
        return ((self.hand + step) % rows for step in range(rows))

    def banned(self, base: int, now: float) -> bool:
        """Does a live ban of any kind stand in this row?"""
        return self.cells[base + BANNED] > now or self.cells[base + UNTIL] > now

    def release(self, row: int) -> None:
        """Forget a row's client and set its cells to zero."""
        client = self.keys[row]
        if client is not None:
            del self.bases[client]
        self.keys[row] = None
        base = row * self.width
        self.cells[base : base + self.width] = array("d", bytes(8 * self.width))
        self.free.append(row)


class MemoryStore:
    """Counters and bans of one process.

    ``clients`` bounds how many are remembered: the one that matters least makes room for a new one, a live ban never
    does. ``clock`` answers seconds since the epoch. Safe to use from several threads.
    """

    def __init__(self, clients: int = 1_000_000, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self._layout = Layout()
        self._shards = [Shard(CELLS, max(1, clients // SHARDS)) for _ in range(SHARDS)]
        self._plans: dict[Group, Plan] = {}
        self._bans: dict[tuple[str, str], Ban] = {}
        self._networks: tuple[str, ...] = ()
        self._lock = Lock()

    def count(self, asks: Sequence[Ask], now: float | None = None) -> list[Tally]:
        """Look at every ban first; when none is live, count every meter."""
        if now is None:
            now = self.clock() * MICROSECONDS
        if len(asks) == 1:
            return [self._count(asks[0], now)]
        looked = [self._count(ask, now, looking=True) for ask in asks]
        if any(tally[0] for tally in looked):
            return looked
        return [self._count(ask, now) for ask in asks]

    def _count(self, ask: Ask, now: float, *, looking: bool = False) -> Tally:
        client, group, _ = ask
        plan = self._plans.get(group) or self._prepare(group)
        shard = self._shards[hash(client) % SHARDS]
        with shard.lock:
            base = shard.bases.get(client)
            if base is None or shard.width < plan.width:
                base = self._base(shard, ask, now, looking=looking)
                if base is None:
                    return UNCOUNTED if looking else self._unseen(plan, now)
            cells = shard.cells
            if not group.exempt:
                if cells[base] > now:
                    return (MANUAL, cells[base], ())
                for at, rule in plan.bans:
                    if cells[base + at] > now:
                        return (rule, cells[base + at], ())
            if looking:
                return UNCOUNTED
            readings = [count(cells, base, now) for count in plan.counts]
            dies = now + group.lifetime
            if cells[base + DIES] < dies:  # noqa: PLR1730  a call of max() costs more than the whole comparison
                cells[base + DIES] = dies
            if group.strikes:
                self._place(shard, ask, readings, now)
        return ("", 0.0, readings)

    def _base(self, shard: Shard, ask: Ask, now: float, *, looking: bool) -> int | None:
        """Where a client's cells are, in a shard wide enough; claimed for it when something is to be counted."""
        if shard.width != self._layout.width:
            shard.widen(self._layout.width)
        client, group, _ = ask
        if client in shard.bases or looking or not group.writes:
            return shard.bases.get(client)
        return shard.claim(client, now)

    def _unseen(self, plan: Plan, now: float) -> Tally:
        """A client of whom nothing is known, and nothing will be."""
        nothing = array("d", bytes(8 * self._layout.width))
        return ("", 0.0, [count(nothing, 0, now) for count in plan.counts])

    def _prepare(self, group: Group) -> Plan:
        with self._lock:
            if len(self._plans) >= MAX_PLANS:
                self._plans.clear()
            plan = self._plans[group] = Plan(group, self._layout)
        return plan

    def _place(self, shard: Shard, ask: Ask, readings: list[Reading], now: float) -> None:
        """Write down the bans that these readings placed."""
        client, group, evidence = ask
        for meter, (_, wait, level) in zip(group.meters, readings, strict=True):
            if level:
                self._bans[client, meter.rule] = ban_of(
                    client, meter, wait=wait, level=level, evidence=evidence, now=now
                )
                base = shard.bases[client]
                shard.cells[base + BANNED] = max(shard.cells[base + BANNED], now + wait if meter.enforced else 0.0)

    def ban(self, ban: Ban) -> None:
        """Place a ban by hand."""
        self._bans[ban.client, ban.rule] = ban
        if is_network(ban.client):
            self._networks = (*dict.fromkeys((*self._networks, ban.client)),)
            return
        shard = self._shards[hash(ban.client) % SHARDS]
        until = min(ban.until * MICROSECONDS, FOREVER)
        with shard.lock:
            base = shard.bases.get(ban.client)
            if base is None:
                base = shard.claim(ban.client, self.clock() * MICROSECONDS)
            if base is None:
                raise Unavailable("the memory store is full of live bans", remedy="Give it room for more clients.")
            shard.cells[base + UNTIL] = until
            shard.cells[base + DIES] = max(shard.cells[base + DIES], until)

    def forget(self, client: str) -> list[Ban]:
        """Lift every ban and clear every counter of a client; answer the bans that were lifted."""
        shard = self._shards[hash(client) % SHARDS]
        with shard.lock:
            if client in shard.bases:
                shard.release(shard.bases[client] // shard.width)
        self._networks = tuple(n for n in self._networks if n != client)
        lifted = [ban for ban in self.bans() if ban.client == client]
        for ban in lifted:
            del self._bans[ban.client, ban.rule]
        return lifted

    def bans(self) -> Iterator[Ban]:
        """The live bans; dead ones are dropped on the way."""
        now = self.clock()
        for key, ban in list(self._bans.items()):
            if ban.until > now:
                yield ban
            else:
                self._bans.pop(key, None)

    def networks(self) -> Sequence[str]:
        """The networks banned by hand that are still banned."""
        if self._networks:
            now = self.clock()
            live = tuple(n for n in self._networks if (b := self._bans.get((n, MANUAL))) and b.until > now)
            if live != self._networks:  # who asks may keep what it made of the very same object
                self._networks = live
        return self._networks
