"""What a reader makes of one foreign line or object, and how it refuses one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from stockade.events import Event

SYSTEM: Final = "system"
"""The detail that says which system an event is from, where it names neither who did it nor to what."""


class Taken(NamedTuple):
    """An event, and the identity that its own system gave it; empty where it gave none."""

    event: Event
    id: str = ""


Read = Callable[[str], Sequence[Taken]]
"""``read(text)``: what a line says. Empty for one that is understood and tells of nothing, such as a comment.

Raises :class:`stockade.lines.line.Unreadable`, and nothing else. A reader may remember a little of the lines before:
it is made anew for every source.
"""


@dataclass(frozen=True, slots=True)
class Reader:
    """A ``read``, and the system whose lines it reads."""

    system: str
    read: Read

    def __call__(self, text: str) -> Sequence[Taken]:
        """What a line says, and in any case of which system. Raises Unreadable."""
        return tuple([each._replace(event=self.named(each.event)) for each in self.read(text)])

    def named(self, event: Event) -> Event:
        """The event, which says which system it is from."""
        if event.actor is not None or event.target is not None:
            return event
        return replace(event, details={SYSTEM: self.system, **event.details})
