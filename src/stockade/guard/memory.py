"""A store in this process: one table of floats a shard, bounded, swept a little with every newcomer.

Nothing here grows or is gone through as a whole, so that no decision waits for the others: a shard is small, and what
is kept by the million (keys, numbers, floats) is of kinds that Python's garbage collector does not visit.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from threading import Lock
from typing import Final

from stockade.errors import Unavailable
from stockade.guard.arithmetic import CELLS
from stockade.guard.lease import LONGEST, SHORTEST, Lease
from stockade.guard.meter import (
    FOREVER,
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
from stockade.guard.plan import DIES, FIRST, UNTIL, Plan

SHARDS: Final = 256
MAX_PLANS: Final = 4096
LEASES: Final = 64
"""Leases of a shard."""
IDLE: Final = 10.0
"""Seconds after which a lease makes room for another."""
BANNED: Final = 2
"""A client's third cell: until when anybody or any rule bans it."""


class Layout:
    """Where each rule's cells are: given out once and kept, so that rules may come and go while counters live."""

    def __init__(self) -> None:
        self.places: dict[tuple[str, bool], int] = {}
        self.width = FIRST

    def place(self, rule: str, *, bans: bool) -> int:
        """The place of a rule's cells, counted from the client's first."""
        if (rule, bans) not in self.places:
            self.places[rule, bans] = self.width
            self.width += CELLS * (1 + bans)
        return self.places[rule, bans]


class Shard:
    """One part of the clients: a row of cells for each.

    ``bases`` says where each client's row begins. Its order is a queue: the sweep takes the first and, if they still
    matter, sends them to the end. ``bans`` are the bans of its clients, by rule.
    """

    __slots__ = ("bans", "bases", "cells", "free", "leases", "lock", "most", "width")

    def __init__(self, width: int, most: int) -> None:
        self.bases: dict[str, int] = {}
        self.bans: dict[str, dict[str, Ban]] = {}
        self.leases: dict[str, Lease] = {}
        self.cells = array("d")
        self.free = array("q")
        self.width, self.most = width, most
        self.lock = Lock()

    def widen(self, width: int) -> None:
        """Make room for more rules: move every row to its new place, all rows a cell at a time."""
        cells = array("d", bytes(len(self.cells) // self.width * width * 8))
        for at in range(self.width):
            cells[at::width] = self.cells[at :: self.width]
        self.bases = {client: base // self.width * width for client, base in self.bases.items()}
        self.free = array("q", (base // self.width * width for base in self.free))
        self.cells, self.width = cells, width

    def claim(self, client: str, now: float) -> int | None:
        """The base of a row of zeros for a new client; None when every row holds a live ban."""
        self._sweep(now)
        if len(self.bases) >= self.most:
            self._evict(now)
        if self.free:
            base = self.free.pop()
            self.cells[base : base + self.width] = array("d", bytes(8 * self.width))
        elif len(self.bases) < self.most:
            base = len(self.cells)
            self.cells.frombytes(bytes(8 * self.width))
        else:
            return None
        self.bases[client] = base
        return base

    def _sweep(self, now: float) -> None:
        """Forget the dead among the two clients who have waited longest for it."""
        for client in tuple(islice(self.bases, 2)):
            if self.cells[self.bases[client] + DIES] <= now:
                self.make_up(client, now)
            if self.cells[self.bases[client] + DIES] <= now:
                self.release(client)
            else:
                self.bases[client] = self.bases.pop(client)

    def _evict(self, now: float) -> None:
        """Forget who dies soonest of the next sixteen, passing over those under a live ban."""
        cells = self.cells
        candidates = islice((item for item in self.bases.items() if cells[item[1] + BANNED] <= now), 16)
        _, client = min(((cells[base + DIES], client) for client, base in candidates), default=(0.0, None))
        if client is not None:
            self.release(client)

    def release(self, client: str) -> Iterable[Ban]:
        """Forget a client; answer its bans."""
        if client in self.leases:
            self.leases.pop(client).end(0.0)
        self.free.append(self.bases.pop(client))
        return self.bans.pop(client, {}).values()

    def make_up(self, client: str, now: float) -> None:
        """End a client's lease, if it has one, and count what was taken of it."""
        lease = self.leases.pop(client, None)
        moments = [moment * MICROSECONDS for moment in lease.end(now / MICROSECONDS)] if lease else []
        if lease and moments:
            base = self.bases[client]
            lease.plan.afterwards(self.cells, base, moments)
            self.cells[base + DIES] = max(self.cells[base + DIES], moments[-1] + lease.plan.lifetime)

    def has_room(self, now: float) -> bool:
        """Is there room for one more lease? One that nobody used for long makes it, looked for among one at a time."""
        if len(self.leases) < LEASES:
            return True
        client, lease = next(iter(self.leases.items()))
        if lease.idle(now / MICROSECONDS) < IDLE:
            self.leases[client] = self.leases.pop(client)
            return False
        self.make_up(client, now)
        return True

    def keep(self, ban: Ban, base: int, until: float) -> None:
        """Write a ban down, and keep its client until it ends (0: in shadow, kept like any other)."""
        self.bans.setdefault(ban.client, {})[ban.rule] = ban
        self.cells[base + BANNED] = max(self.cells[base + BANNED], until)


class MemoryStore:
    """Counters and bans of one process.

    ``clients`` bounds how many are remembered: the one that matters least makes room for a new one, a live ban never
    does. ``clock`` answers seconds since the epoch. Safe to use from several threads.
    """

    def __init__(self, clients: int = 1_000_000, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self._layout = Layout()
        self._width = FIRST
        self._shards = [Shard(FIRST, max(1, clients // SHARDS)) for _ in range(SHARDS)]
        self._plans: dict[Group, Plan] = {}
        self._network_bans: dict[str, Ban] = {}
        self._networks: tuple[str, ...] = ()
        self._networks_end = FOREVER
        self._lock = Lock()

    def count(self, asks: Sequence[Ask], now: float | None = None) -> list[Tally]:
        """Look at every ban first; when none is live, count every meter."""
        if len(asks) == 1:
            return [self._counted(asks[0], now)]
        if now is None:
            now = self.clock() * MICROSECONDS
        looked = [self._looked(ask, now) for ask in asks]
        if any(tally[0] for tally in looked):
            return looked
        return [self._counted(ask, now) for ask in asks]

    def _counted(self, ask: Ask, now: float | None) -> Tally:
        """Count one client, unless a ban answers for it."""
        client, group, _ = ask
        plan = self._plans.get(group) or self._prepare(group)
        shard = self._shards[hash(client) % SHARDS]
        with shard.lock:
            if now is None:
                now = self.clock() * MICROSECONDS  # in the lock, so that a client's time goes one way
            base = shard.bases.get(client)
            if base is None or shard.width != self._width:
                base = self._base(shard, ask, now)
                if base is None:
                    return self._unseen(plan, now)
            if client in shard.leases:
                shard.make_up(client, now)
            cells = shard.cells
            if plan.bans or cells[base] > now:
                ban = plan.ban(cells, base, now)
                if ban is not None:
                    return ban
            readings = plan.count(cells, base, now)
            dies = now + group.lifetime
            if cells[base + DIES] < dies:  # noqa: PLR1730  a call of max() costs more than the whole comparison
                cells[base + DIES] = dies
            if group.strikes:
                self._place(shard, ask, base, readings, now)
        return ("", 0.0, readings)

    def lease(self, client: str, group: Group) -> Lease | None:
        """So many requests of a client as leave it far from every limit of this group; None when they are too few, or
        when there is anything else that may have a say.
        """
        plan = self._plans.get(group)
        shard = self._shards[hash(client) % SHARDS]
        with shard.lock:
            now = self.clock() * MICROSECONDS
            base = shard.bases.get(client)
            if plan is None or base is None or self._networks or plan.ban(shard.cells, base, now):
                return None
            shard.make_up(client, now)
            size = int(min(LONGEST, plan.to_spare(shard.cells, base, now)))
            if size < SHORTEST or not shard.has_room(now):
                return None
            lease = shard.leases[client] = Lease(size, plan, now / MICROSECONDS)
        return lease

    def _looked(self, ask: Ask, now: float) -> Tally:
        """Only the ban that answers for a client."""
        client, group, _ = ask
        plan = self._plans.get(group) or self._prepare(group)
        shard = self._shards[hash(client) % SHARDS]
        with shard.lock:
            if shard.width != self._width:
                shard.widen(self._width)
            base = shard.bases.get(client)
            ban = plan.ban(shard.cells, base, now) if base is not None else None
        return ban or UNCOUNTED

    def _base(self, shard: Shard, ask: Ask, now: float) -> int | None:
        """Where a client's cells are, in a shard wide enough; claimed for it when something is to be counted."""
        if shard.width != self._width:
            shard.widen(self._width)
        client, group, _ = ask
        if client in shard.bases or not group.writes:
            return shard.bases.get(client)
        return shard.claim(client, now)

    def _unseen(self, plan: Plan, now: float) -> Tally:
        """A client of whom nothing is known, and nothing will be."""
        nothing = array("d", bytes(8 * self._width))
        return ("", 0.0, plan.count(nothing, 0, now))

    def _prepare(self, group: Group) -> Plan:
        with self._lock:
            if len(self._plans) >= MAX_PLANS:
                self._plans.clear()
            plan = Plan(group, self._layout.place)
            self._width = self._layout.width
            self._plans[group] = plan
        return plan

    def _place(self, shard: Shard, ask: Ask, base: int, readings: Sequence[Reading], now: float) -> None:
        """Write down the bans that these readings placed."""
        client, group, evidence = ask
        for meter, (_, wait, level) in zip(group.meters, readings, strict=True):
            if level:
                ban = ban_of(client, meter, wait=wait, level=level, evidence=evidence, now=now)
                shard.keep(ban, base, now + wait if meter.enforced else 0.0)

    def ban(self, ban: Ban) -> None:
        """Place a ban by hand."""
        if is_network(ban.client):
            with self._lock:
                self._network_bans[ban.client] = ban
                self._follow_networks()
            self._end_leases()
            return
        shard = self._shards[hash(ban.client) % SHARDS]
        until = min(ban.until * MICROSECONDS, FOREVER)
        with shard.lock:
            base = shard.bases.get(ban.client)
            if base is None:
                base = shard.claim(ban.client, self.clock() * MICROSECONDS)
            if base is None:
                raise Unavailable("the memory store is full of live bans", remedy="Give it room for more clients.")
            shard.make_up(ban.client, self.clock() * MICROSECONDS)
            shard.cells[base + UNTIL] = until
            shard.cells[base + DIES] = max(shard.cells[base + DIES], until)
            shard.keep(ban, base, until)

    def _end_leases(self) -> None:
        for shard in self._shards:
            with shard.lock:
                for client in tuple(shard.leases):
                    shard.make_up(client, self.clock() * MICROSECONDS)

    def forget(self, client: str) -> list[Ban]:
        """Lift every ban and clear every counter of a client; answer the bans that were lifted."""
        now = self.clock()
        if is_network(client):
            with self._lock:
                network = self._network_bans.pop(client, None)
                self._follow_networks()
            return [network] if network is not None and network.until > now else []
        shard = self._shards[hash(client) % SHARDS]
        with shard.lock:
            bans = shard.release(client) if client in shard.bases else ()
        return [ban for ban in bans if ban.until > now]

    def bans(self) -> Iterator[Ban]:
        """The live bans."""
        now = self.clock()
        for shard in self._shards:
            with shard.lock:
                found = [ban for bans in shard.bans.values() for ban in bans.values() if ban.until > now]
            yield from found
        yield from [ban for ban in list(self._network_bans.values()) if ban.until > now]

    def networks(self) -> Sequence[str]:
        """The networks banned by hand that are still banned; the same object as long as they are the same."""
        if self._networks and self.clock() >= self._networks_end:
            with self._lock:
                self._follow_networks()
        return self._networks

    def _follow_networks(self) -> None:
        now = self.clock()
        self._network_bans = {client: ban for client, ban in self._network_bans.items() if ban.until > now}
        names = tuple(self._network_bans)
        if names != self._networks:
            self._networks = names
        self._networks_end = min((ban.until for ban in self._network_bans.values()), default=FOREVER)
