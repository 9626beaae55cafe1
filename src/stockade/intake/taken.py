"""What a reader makes of one foreign line or object, and how it refuses one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from stockade.events import Event


class Taken(NamedTuple):
    """An event, and the identity that its own system gave it; empty where it gave none."""

    event: Event
    id: str = ""


Read = Callable[[str], Sequence[Taken]]
"""``read(text)``: what a line says. Empty for one that is understood and tells of nothing, such as a comment.

Raises :class:`stockade.lines.line.Unreadable`, and nothing else. A reader may remember a little of the lines before:
it is made anew for every source.
"""
