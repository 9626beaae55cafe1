"""A line or a message as events on their way into the log, each with what makes it the same when it arrives again."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from stockade.actions import UNKNOWN
from stockade.events import Event
from stockade.intake import foreign
from stockade.intake.handover import Arrival
from stockade.intake.taken import Reader, Taken
from stockade.lines.line import Unreadable


def arrivals(read: Reader, octets: bytes, *, id: str, now: float) -> list[Arrival]:
    """The events of a line. ``id`` is for those to which their own system gave none.

    What cannot be read is an event too, ``unknown`` as of ``now`` (seconds since the epoch): it says why, and holds the
    line.
    """
    text = octets.decode("utf-8", "backslashreplace").strip("\x00\r\n\ufeff")
    try:
        found: Sequence[Taken] = read(text)
    except Unreadable as refused:
        found = [Taken(read.named(unreadable(text, refused, now)))]
    single = len(found) == 1
    return [Arrival(each.event, each.id or (id if single else f"{id}/{at}")) for at, each in enumerate(found)]


def unreadable(text: str, refused: Unreadable, now: float) -> Event:
    """A line that nobody could read, as the event that keeps it."""
    details = foreign.fields(type="unreadable", reason=str(refused), line=text, octets=len(text))
    return Event(now, UNKNOWN, None, None, None, "unknown", details)


def same_line(offset: int, octets: bytes) -> str:
    """What makes a line of a file the same: where it stands, and what it says.

    Not in which file, for a log is renamed and copied; two lines that agree in both are one event.
    """
    return f"{offset}:{sha256(octets).hexdigest()[:32]}"
