"""A group of meters made ready for a table of floats: where the cells of each are, and its count bound to them."""

from __future__ import annotations

from typing import Final, Protocol

from stockade.guard.arithmetic import CELLS, Cells, afterwards, to_spare, together
from stockade.guard.meter import MANUAL, Group, Tally

UNTIL: Final = 0
"""A client's first cell: until when it is banned by hand."""
DIES: Final = 1
"""Its second: when nothing that is known of it matters any more."""
FIRST: Final = 3
"""Where the cells of its rules begin."""


FAR: Final = 0.5
"""A client that has used less than this share of every limit is far from all of them."""


class Place(Protocol):
    """Says where the cells of a rule are, counted from the client's first; given out once and kept."""

    def __call__(self, rule: str, *, bans: bool) -> int: ...


class Plan:
    """A group made ready: the places of its bans, and its count bound to theirs.

    ``epoch`` is that of the places, for stores that may take one back.
    """

    __slots__ = ("afterwards", "bans", "count", "epoch", "exempt", "lifetime", "to_spare")

    def __init__(self, group: Group, place: Place, epoch: int = 0) -> None:
        placed = [(m, place(m.rule, bans=bool(m.bantimes))) for m in group.meters]
        self.count = together(placed)
        self.afterwards, self.to_spare = afterwards(placed), to_spare(placed, FAR)
        self.bans = tuple((place(rule, bans=True) + CELLS, rule) for rule in group.bans)
        self.exempt = group.exempt
        self.lifetime = group.lifetime
        self.epoch = epoch

    def ban(self, cells: Cells, base: int, now: float) -> Tally | None:
        """The live ban that answers for a request of this client; None when it may be counted."""
        if self.exempt:
            return None
        if cells[base + UNTIL] > now:
            return (MANUAL, cells[base + UNTIL], ())
        for at, rule in self.bans:
            if cells[base + at] > now:
                return (rule, cells[base + at], ())
        return None
