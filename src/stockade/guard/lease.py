"""A lease: so many more requests of a client that nothing can refuse, whenever they come. They are noted as they pass,
and counted together later.

A client far from every limit is the ordinary one. What is left to it under the tightest rule is handed out ahead, a
number at a time; the store counts what was taken as soon as it is asked about the client again, or told of a ban. The
counters are then as if each request had been counted when it came.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from stockade.guard.address import Client
    from stockade.guard.lanes import Row
    from stockade.guard.meter import Group, Tally
    from stockade.guard.plan import Plan

LONGEST: Final = 64
"""Requests of the longest lease."""
SHORTEST: Final = 4
"""Requests of the shortest one worth writing down."""


class Lease:
    """``next(lease.left, None)`` takes one request of it, and answers None when there is none left; whoever took one
    appends the moment (seconds since the epoch) to ``moments``. ``plan`` is what counts them in the end; the guard
    writes down whose the lease is, which rules it is about, and how to ``look`` at their counters.

    Taking is one step of the interpreter, so that threads need no lock and whoever ends the lease learns exactly how
    many were taken.
    """

    __slots__ = ("client", "left", "look", "moments", "plan", "row", "since", "size")

    client: Client
    row: Row
    look: Callable[[], Tally]

    def __init__(self, size: int, plan: Plan, since: float) -> None:
        self.size = size
        self.left: Iterator[int] = iter(range(size))
        self.moments = array("d")
        self.plan = plan
        self.since = since

    def idle(self, now: float) -> float:
        """Seconds since it was last of use."""
        return now - (self.moments[-1] if self.moments else self.since)

    def end(self, now: float) -> list[float]:
        """Take all that is left, and answer when the others were taken; now for one whose moment is yet to be noted."""
        taken = self.size - len(list(self.left))
        moments = self.moments[:taken].tolist()
        return moments + [now] * (taken - len(moments))


Lend = Callable[[str, "Group"], Lease | None]
"""``store.lease(client, group)``: so many requests of a client as a store can let pass unasked. Stores that others
count in cannot say.
"""
