"""A log in memory, which can refuse, and lose its process between any two steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from stockade.errors import Unavailable
from stockade.events import Entry, Event
from stockade.intake.handover import KEY


class MemoryJournal:
    """``takes`` says how many events the next batches are taken before one is refused; None: all."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.takes: int | None = None

    def append(self, events: Sequence[Event]) -> int:
        for event in events:
            if self.takes is not None:
                self.takes -= 1
                if self.takes < 0:
                    self.takes = None
                    raise Unavailable("the disk is full")
            self.entries.append(Entry(len(self.entries), 1000.0 + len(self.entries), event))
        return len(self.entries)

    def since(self, number: int) -> Iterable[Entry]:
        return self.entries[number:]

    @property
    def said(self) -> list[str]:
        """What the events are about, in order, without those of the log itself."""
        return [str(entry.event.details.get("message", "")) for entry in self.entries]

    @property
    def repeated(self) -> dict[str, int]:
        """Identities that are in it more than once."""
        ids = Counter(entry.event.details[KEY]["id"] for entry in self.entries)  # type: ignore[index]
        return {id: count for id, count in ids.items() if count > 1}
