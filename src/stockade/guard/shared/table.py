"""The file mapped into memory: a row of cells for each client, found by a keyed digest of the client's key.

A client may stand in any of the rows of its bucket. A row belongs to whoever its tag names; the tag is written last
when a row is taken and cleared first when it is given up, so that a process that dies in between harms no other
client.

Nobody who does not know the secret of the file can choose keys that fall into one bucket.
"""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache, partial
from hashlib import blake2b
from mmap import mmap
from pathlib import Path
from threading import Lock
from typing import Final

from stockade.guard.arithmetic import CELLS
from stockade.guard.meter import MANUAL, Group
from stockade.guard.plan import DIES, UNTIL, Plan
from stockade.guard.shared.file import Opened, open_file
from stockade.guard.shared.geometry import EPOCH, HEADER, LIVE, NETWORKS, TEXT, WAYS, Geometry
from stockade.guard.shared.locks import REGISTER, STRIPES, Stripe, Together
from stockade.guard.shared.places import Named, Places

MAX_PLANS: Final = 4096
MAX_SPOTS: Final = 32768

Spot = tuple[int, int, int]
"""A client's tag, the first row of its bucket, and the number of its stripe."""


def spot(secret: bytes, buckets: int, client: str) -> Spot:
    """Where a client is looked for."""
    digest = blake2b(client.encode("utf-8", "surrogatepass"), digest_size=8, key=secret).digest()
    tag = int.from_bytes(digest, sys.byteorder) or 1
    return tag, tag % buckets * WAYS, tag % buckets % STRIPES


class Table:
    """One file as one process sees it; the process has one for each file, however many stores use it.

    Rows are looked at and changed by who holds their stripe. ``plans`` are the groups made ready.
    """

    def __init__(self, opened: Opened) -> None:
        geometry, fd = opened.geometry, opened.fd
        view = memoryview(mmap(fd, geometry.size))
        found = os.fstat(fd)
        self.identity = found.st_dev, found.st_ino
        self.geometry = geometry
        self.width = geometry.width
        self.head = view[LIVE:HEADER].cast("Q")
        self.tags = view[geometry.tags : geometry.banned].cast("Q")
        self.banned = view[geometry.banned : geometry.texts].cast("d")
        self.texts = view[geometry.texts : geometry.cells]
        self.cells = view[geometry.cells :].cast("d")
        self.stripes = tuple(Stripe(fd, number) for number in range(STRIPES))
        self.register = Stripe(fd, REGISTER)
        self.places = Places(view[HEADER : geometry.tags], self.register, self._take_back)
        self.plans: dict[Group, Plan] = {}
        self.spot = lru_cache(maxsize=MAX_SPOTS)(partial(spot, opened.secret, geometry.clients // WAYS))
        self._rows: dict[int, int] = {}
        self._empty = memoryview(bytes(8 * geometry.width)).cast("d")
        self._epoch = 0
        weakref.finalize(self, os.close, fd)

    def prepare(self, group: Group) -> Plan:
        """Make a group ready. Raises Unavailable when there is no place for its rules."""
        epoch = self.head[EPOCH]
        if epoch != self._epoch or len(self.plans) >= MAX_PLANS:
            self.look_up_again()
            self._epoch = epoch
        plan = self.plans[group] = Plan(group, self.places.place, epoch)
        return plan

    def look_up_again(self) -> None:
        """Make every group ready again when it is next used, which also says that its rules are."""
        self.places.forget()
        self.plans.clear()

    def held(self, spots: Sequence[Spot]) -> AbstractContextManager[None]:
        """Keep everybody else out of these clients' rows."""
        if len(spots) == 1:
            return self.stripes[spots[0][2]]
        return Together({self.stripes[number] for _, _, number in spots})

    def find(self, spot: Spot) -> int:
        """The row of a client; -1 when it has none. It is looked for first where it was last."""
        tag, first, _ = spot
        row = self._rows.get(tag, first)
        if self.tags[row] == tag:
            return row
        tags = self.tags[first : first + WAYS].tolist()
        if tag not in tags:
            return -1
        if len(self._rows) >= MAX_SPOTS:
            self._rows.clear()
        row = self._rows[tag] = first + tags.index(tag)
        return row

    def claim(self, spot: Spot, client: str, now: float) -> int:
        """A row of zeros for a client that has none, taken from who matters least; -1 when all in the bucket are
        banned.
        """
        tag, first, _ = spot
        tags = self.tags[first : first + WAYS].tolist()
        row = first + tags.index(0) if 0 in tags else self._least(first, now)
        if row >= 0:
            self.release(row)
            self.cells[row * self.width : (row + 1) * self.width] = self._empty
            text = client.encode("utf-8", "backslashreplace")[:TEXT]
            self.texts[row * TEXT : (row + 1) * TEXT] = text.ljust(TEXT, b"\x00")
            self.tags[row] = tag
        return row

    def _least(self, first: int, now: float) -> int:
        """The row that dies soonest in a full bucket, the dead before the living; never one under a ban."""
        last = first + WAYS
        dies = self.cells[first * self.width + DIES : last * self.width : self.width].tolist()
        banned = self.banned[first:last].tolist()
        rows = ((end, row) for end, ban, row in zip(dies, banned, range(first, last), strict=True) if ban <= now)
        return min(rows, default=(0.0, -1))[1]

    def release(self, row: int) -> None:
        """Give up a row."""
        self.tags[row] = 0
        self.banned[row] = 0.0

    def protect(self, row: int, until: float) -> None:
        """Keep a row for its client until its ban ends."""
        self.banned[row] = max(self.banned[row], until)

    def protected(self, now: float) -> list[int]:
        """The rows that stand under a ban."""
        return [row for row, until in enumerate(self.banned.tolist()) if until > now and self.tags[row]]

    def standing(self, row: int, banning: Iterable[Named], now: float) -> dict[str, float]:
        """The live bans in a row, by their rules, and when they end."""
        base = row * self.width
        ends = {named.rule: self.cells[base + named.at + CELLS] for named in banning}
        ends[MANUAL] = self.cells[base + UNTIL]
        return {rule: end for rule, end in ends.items() if end > now}

    def text(self, row: int) -> str:
        """The key of the client in a row, cut when it is long."""
        return bytes(self.texts[row * TEXT : (row + 1) * TEXT]).rstrip(b"\x00").decode("utf-8", "replace")

    def networks_changed(self) -> None:
        """Tell every process that other networks are banned now."""
        with self.register:
            self.head[NETWORKS] += 1

    def _take_back(self, named: Named) -> None:
        """Clear the cells of a place in every row, while nobody counts; who knew the place learns that it is gone."""
        first = named.at
        last = first + CELLS * named.kind
        with Together(self.stripes):
            self.head[EPOCH] += 1
            nothing = self._empty[first:last]
            for row, tag in enumerate(self.tags.tolist()):
                if tag:
                    self.cells[row * self.width + first : row * self.width + last] = nothing


_tables: weakref.WeakValueDictionary[tuple[int, int], Table] = weakref.WeakValueDictionary()
_opening = Lock()


def open_table(path: Path, wanted: Geometry) -> tuple[Table, bool]:
    """The table in a file, and whether the file was made just now.

    A file is opened once in a process: closing a second descriptor would let go of every lock held through the first.
    """
    with _opening:
        known = _tables.get(_identity(path))
        if known is not None:
            return known, False
        opened = open_file(path, wanted)
        table = Table(opened)
        _tables[table.identity] = table
        return table, opened.fresh


def is_replaced(table: Table, path: Path) -> bool:
    """Is the table's file no longer the one at its path?"""
    return _identity(path) != table.identity


def _identity(path: Path) -> tuple[int, int]:
    try:
        found = os.lstat(path)
    except OSError:
        return (0, 0)
    return found.st_dev, found.st_ino
