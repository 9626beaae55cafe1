"""Entries as they are written: what is new in some logs, looked for again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from stockade.events import Entry
from stockade.search.index import Entries
from stockade.search.match import matches
from stockade.search.query import Query

AT_ONCE: Final = 1_000
"""Entries of a log that are read before the other logs are looked at."""


@dataclass(slots=True)
class Followed:
    """A log, and the number of the first entry that is not told yet."""

    entries: Entries
    next: int

    def fresh(self) -> list[Entry]:
        """What is new."""
        found = list(islice(self.entries(self.next), AT_ONCE))
        if found:
            self.next = found[-1].index + 1
        return found


def follow(logs: Sequence[Followed], query: Query, wait: Callable[[], bool]) -> Iterator[Entry]:
    """Every new entry that the query finds, in the order in which they were recorded.

    ``wait`` is called when there is nothing more, and answers whether to look again.
    """
    while True:
        fresh = sorted((entry for log in logs for entry in log.fresh()), key=lambda entry: entry.recorded)
        yield from (entry for entry in fresh if matches(query, entry))
        if not fresh and not wait():
            return
