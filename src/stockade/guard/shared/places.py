"""Where each rule's cells are, for all processes alike: given out once, kept while anybody uses the rule, taken back
when all are given out and the rule has long gone.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Final, NamedTuple

from stockade.errors import Unavailable
from stockade.guard.arithmetic import CELLS
from stockade.guard.plan import FIRST
from stockade.guard.shared.geometry import UNIT

LEASE: Final = 600.0
"""Seconds without use after which a rule's place may be taken back; whoever uses it says so every minute."""

FREE, COUNTS, BANS, REST = range(4)
"""What a unit is: nobody's, a rule's that counts, a rule's that bans too, or the second half of such a one."""

_ENTRY: Final = struct.Struct("=BxHd")


class Named(NamedTuple):
    """One place: whose it is, of what kind, and when it was last said to be used (seconds since the epoch)."""

    unit: int
    kind: int
    rule: str
    used: float

    @property
    def at(self) -> int:
        """Where its cells are, counted from the client's first."""
        return FIRST + CELLS * self.unit


class Places:
    """The names in the file. What is known of them is kept until the epoch moves: then a place was taken back
    somewhere.

    ``register`` keeps others out while names change; ``take_back`` moves the epoch and clears a place's cells in the
    rows of all clients.
    """

    def __init__(
        self,
        names: memoryview,
        register: AbstractContextManager[None],
        take_back: Callable[[Named], None],
    ) -> None:
        self._names = names
        self._register = register
        self._take_back = take_back
        self._known: dict[tuple[str, bool], int] = {}

    def place(self, rule: str, *, bans: bool) -> int:
        """The place of a rule's cells. Raises Unavailable when all are given out and used."""
        at = self._known.get((rule, bans))
        if at is None:
            with self._register:
                at = self._known[rule, bans] = self._registered(rule, BANS if bans else COUNTS)
        return at

    def forget(self) -> None:
        """Look everything up again, and thereby say what is used."""
        self._known.clear()

    def banning(self) -> list[Named]:
        """The places of the rules that can ban."""
        return [named for named in self.all() if named.kind == BANS]

    def all(self) -> Iterator[Named]:
        """Every place that was given out."""
        for unit in range(len(self._names) // UNIT):
            kind, length, used = _ENTRY.unpack_from(self._names, unit * UNIT)
            if kind in {COUNTS, BANS}:
                name = bytes(self._names[unit * UNIT + _ENTRY.size :][: min(length, UNIT - _ENTRY.size)])
                yield Named(unit, kind, name.decode("utf-8", "replace"), used)

    def _registered(self, rule: str, kind: int) -> int:
        found = next((n for n in self.all() if n.rule == rule and n.kind == kind), None)
        unit = found.unit if found else self._room(kind)
        self._write(unit, rule, kind)
        return FIRST + CELLS * unit

    def _room(self, kind: int) -> int:
        """The first free unit, or two in a row; rules that nobody uses make way, the longest unused first."""
        for unused in [None, *sorted(self._unused(), key=lambda n: n.used)]:
            if unused is not None:
                self._free(unused)
            kinds = bytes(self._names[::UNIT])
            unit = kinds.find(bytes(kind))
            if unit >= 0:
                return unit
        raise Unavailable(
            f"the shared store has room for {len(self._names) // UNIT} rules (a ban counts as two), and all are used",
            remedy="Stop what uses its file, delete the file, and configure more rules; bans are kept.",
        )

    def _unused(self) -> list[Named]:
        now = time.time()
        return [named for named in self.all() if not now - LEASE < named.used < now + LEASE]

    def _free(self, named: Named) -> None:
        self._take_back(named)
        for unit in range(named.unit, named.unit + named.kind):
            self._names[unit * UNIT] = FREE

    def _write(self, unit: int, rule: str, kind: int) -> None:
        """The kind comes last: what is written half belongs to nobody."""
        name = rule.encode("utf-8", "replace")[: UNIT - _ENTRY.size]
        start = unit * UNIT + _ENTRY.size
        self._names[start : start + len(name)] = name
        if kind == BANS:
            self._names[(unit + 1) * UNIT] = REST
        _ENTRY.pack_into(self._names, unit * UNIT, self._names[unit * UNIT], len(name), time.time())
        self._names[unit * UNIT] = kind
