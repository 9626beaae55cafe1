"""In which order to read a log that was filled from several sources, one after the other.

A log is in the order in which things were recorded. Whoever takes in last month's log of one server and then that of
another finds what happened together far apart. So the log is read as stretches, each of which goes forward in time,
side by side: what they hold comes in the order in which it happened, and nothing is held in memory for that.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Generic, NamedTuple, TypeVar

SLACK: Final = 600.0
"""Seconds by which time may fall back within one stretch."""
MOST: Final = 200
"""Stretches that are read side by side."""


Where = TypeVar("Where")
"""Whatever says where an entry stands."""


class Stretch(NamedTuple, Generic[Where]):
    """So many entries, from where the first of them stands."""

    start: Where
    length: int


def stretches(moments: Iterable[tuple[Where, float]], *, most: int = MOST) -> tuple[list[Stretch[Where]], int]:
    """The stretches of entries that stand there and happened at these moments.

    Answers with them how often time fell back where no more stretches could be begun.
    """
    begins, newest, index, missed = list[tuple[Where, int]](), float("-inf"), 0, 0
    for where, moment in moments:
        if moment < newest - SLACK:
            if len(begins) < most:
                begins.append((where, index))
                newest = moment
            else:
                missed += 1
        elif not begins:
            begins.append((where, index))
        newest = max(newest, moment)
        index += 1
    ends = [at for _, at in begins[1:]] + [index]
    return [Stretch(where, end - at) for (where, at), end in zip(begins, ends, strict=False)], missed
