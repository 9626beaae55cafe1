"""What the log tells of responses: the entries of incidents, plans and steps.

The index says which entries they are; what they say is read from the log itself, since an index proves nothing: who
can write it could otherwise approve a plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from stockade.actions import VOCABULARY, Behaviour
from stockade.app.searching import Source, sources
from stockade.audit.reading import line_at
from stockade.audit.record import parse
from stockade.config import Settings
from stockade.events import Entry, Ref
from stockade.search.index import Index
from stockade.search.query import Either, Is, Query, both
from stockade.search.terms import about

RESPONSE: Final[Query] = Either(tuple(Is("action", action) for action in VOCABULARY[Behaviour.RESPONSE]))
FEW: Final = 200
"""As many entries are looked up one by one; of more, all between the first and the last are read."""


class Told:
    """One log, with an index that catches up with it at every question."""

    def __init__(self, log: Source, index: Index) -> None:
        self.log, self.index = log, index

    def responses(self, narrowed: Query | None = None) -> list[Entry]:
        """What was done and said in responses, in the order of the log: in all, or as far as a query finds it.

        Raises Tampered where the log has no such entry any more.
        """
        self.index.catch_up(self.log.origin, self.log.entries)
        query = RESPONSE if narrowed is None else both(RESPONSE, narrowed)
        return self._read(entry.index for entry in self.index.stream(query))

    def of_incident(self, name: str) -> list[Entry]:
        """What carries the name of one incident."""
        return self.responses(Is("details.incident", name))

    def of_plan(self, digest: str) -> list[Entry]:
        """What carries the digest of one plan."""
        return self.responses(Is("details.plan", digest))

    def entry(self, name: str) -> Entry:
        """The entry ``origin#number``, or of this number. Raises ConfigurationError when there is none."""
        number = name.rpartition("#")[2]
        known = number.isascii() and number.isdecimal() and len(number) < 19
        return self._one(int(number) if known else -1)

    def about(self, subject: Ref, limit: int) -> tuple[list[Entry], int]:
        """The newest entries about a subject, in the order of time, and how many more there are at least."""
        self.index.catch_up(self.log.origin, self.log.entries)
        page = self.index.find(about(subject.id), limit)
        return sorted(page.entries, key=lambda entry: entry.event.time), page.more

    def _read(self, numbers: Iterable[int]) -> list[Entry]:
        wanted = sorted(set(numbers))
        if len(wanted) <= FEW:
            return [self._one(number) for number in wanted]
        among = set(wanted)
        return [entry for entry in self._between(wanted[0], wanted[-1]) if entry.index in among]

    def _between(self, first: int, last: int) -> Iterator[Entry]:
        for entry in self.log.entries(first):
            yield entry
            if entry.index >= last:
                return

    def _one(self, number: int) -> Entry:
        return replace(parse(line_at(self.log.directory, number)), origin=self.log.origin)


@contextmanager
def told(settings: Settings) -> Iterator[Told]:
    """The configuration's log. Raises ConfigurationError when there is none yet."""
    (log,) = sources([settings.audit_log()])
    with Index(settings.search_index()) as index:
        yield Told(log, index)
