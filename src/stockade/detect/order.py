"""In which order to read a log that was filled from several sources, one after the other.

A log is in the order in which things were recorded. Whoever takes in last month's log of one server and then that of
another finds what happened together far apart. So the log is read as stretches, each of which goes forward in time,
side by side: what they hold comes in the order in which it happened, and nothing is held in memory for that.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

SLACK: Final = 600.0
"""Seconds by which time may fall back within one stretch."""
MOST: Final = 200
"""Stretches that are read side by side."""


class Stretch(NamedTuple):
    """The entries from ``start`` up to ``end``."""

    start: int
    end: int


def stretches(moments: Iterable[float], start: int = 0, *, most: int = MOST) -> tuple[list[Stretch], int]:
    """The stretches of entries that happened at these moments, numbered from ``start``.

    Answers with them how often time fell back where no more stretches could be begun.
    """
    found, newest, first, index, missed = list[Stretch](), float("-inf"), start, start, 0
    for moment in moments:
        if moment < newest - SLACK:
            if len(found) < most - 1:
                found.append(Stretch(first, index))
                first, newest = index, moment
            else:
                missed += 1
        newest = max(newest, moment)
        index += 1
    return ([*found, Stretch(first, index)] if index > first else found), missed
