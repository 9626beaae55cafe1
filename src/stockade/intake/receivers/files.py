"""A source that is a file: its new lines, batch by batch, into the log."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from stockade.events import Event
from stockade.intake.arrivals import arrivals, same_line
from stockade.intake.handover import Arrival, Handover
from stockade.intake.settings import FileSource
from stockade.intake.taken import Reader
from stockade.lines.tail import Say, Tail

BATCH: Final = 500
"""Lines that are handed over at once."""
GAP: Final = "intake.gap"


class FileReceiver:
    """Reads one file. What the log has refused is kept, and handed over again before anything else is read."""

    def __init__(
        self,
        source: FileSource,
        read: Reader,
        handover: Handover,
        *,
        say: Say,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.source, self.handover = source, handover
        self._read, self._clock = read, clock
        self.tail = Tail(source.path, place=handover.place(source.name), say=say)
        self._waiting: tuple[Sequence[Arrival], str] | None = None
        self.lines = 0

    def step(self) -> int:
        """Hand over the next lines; answers how many lines that were. Raises Unavailable while the log refuses."""
        if self._waiting is None:
            lines = self.tail.take(BATCH)
            gaps, self.tail.gaps = self.tail.gaps, []
            if not lines and not gaps:
                return 0
            now = self._clock()
            found = [Arrival(self._read.named(_gap(self.source.name, what, now)), f"gap {now} {what}") for what in gaps]
            for line in lines:
                found += arrivals(self._read, line.octets, id=same_line(line.offset, line.octets), now=now)
            self.lines += len(lines)
            self._waiting = (found, self.tail.place())
        waiting, place = self._waiting
        self.handover.take(self.source.name, waiting, now=self._clock(), place=place)
        self._waiting = None
        return max(1, len(waiting))

    def close(self) -> None:
        """Let go of the file."""
        self.tail.close()


def _gap(source: str, what: str, now: float) -> Event:
    return Event(now, GAP, None, None, None, "unknown", {"what": what, "from": source})
