"""The logs searched: where they are, an index that has caught up with them, and the record that somebody looked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from stockade.audit.prove import newest_head
from stockade.audit.reading import end_of, placed
from stockade.audit.record import parse
from stockade.errors import ConfigurationError
from stockade.events import Entry, Event, Ref
from stockade.search.follow import Followed, follow
from stockade.search.index import Caught, Index
from stockade.search.query import Query
from stockade.search.timeline import Timeline, came_from, timeline

PAUSE: Final = 0.3
"""Seconds between two looks at logs that grow."""


@dataclass(frozen=True, slots=True)
class Source:
    """A log in a directory. Its origin is what its newest head says; whether that is signed, ``verify`` tells."""

    origin: str
    directory: Path

    def entries(self, start: int) -> Iterator[Entry]:
        """The entries from a number on. Raises Tampered at a line that is none."""
        return (replace(parse(line), origin=self.origin) for _, line in placed(self.directory, start))

    def end(self) -> int:
        """The number that the next entry will have."""
        return end_of(self.directory)


def sources(directories: Sequence[Path]) -> list[Source]:
    """The logs in these directories. Raises ConfigurationError where there is none, and for one that is named twice."""
    found = [Source(newest_head(directory)[0].origin, directory) for directory in directories]
    origins = [source.origin for source in found]
    for source in found:
        if origins.count(source.origin) > 1:
            remedy = "Name each log once; a copy of a log is the same log."
            raise ConfigurationError(f"{source.origin} is there twice", remedy=remedy)
    return found


class Searching:
    """Logs, their index, and ``record`` for what is looked at; use as a context."""

    def __init__(self, logs: Sequence[Source], index: Index, *, by: Ref, record: Callable[[Event], None]) -> None:
        self.logs = logs
        self.index = index
        self.by = by
        self.record = record

    def catch_up(self, tell: Callable[[str, int], None] = lambda _origin, _count: None) -> list[Caught]:
        """Index what the logs have gained."""
        return [
            self.index.catch_up(log.origin, log.entries, lambda count, log=log: tell(log.origin, count))  # type: ignore[misc]
            for log in self.logs
        ]

    def reindex(self, tell: Callable[[str, int], None] = lambda _origin, _count: None) -> list[Caught]:
        """Index the logs from their beginning."""
        return [
            self.index.reindex(log.origin, log.entries, lambda count, log=log: tell(log.origin, count))  # type: ignore[misc]
            for log in self.logs
        ]

    def differences(self) -> Iterator[str]:
        """How the index differs from the logs."""
        return (said for log in self.logs for said in self.index.differences(log.origin, log.entries))

    def timeline(self, subject: str, narrowed: Query) -> Timeline:
        """The timeline of a subject, with the addresses from which it acted."""
        return timeline(subject, narrowed, self.index.sources(came_from(subject, narrowed)))

    def read(self, verb: str, query: str, details: Mapping[str, object]) -> None:
        """Record that somebody has read."""
        self.record(reading(self.by, self.logs, verb, {"query": query, **details}))


def reading(by: Ref, logs: Sequence[Source], verb: str, details: Mapping[str, object]) -> Event:
    """Who reads which logs, and what is asked."""
    origins = [log.origin for log in logs]
    target = Ref("stockade", "log", origins[0])
    return Event(time.time(), "log.read", by, target, None, "success", {"verb": verb, "logs": origins, **details})


def following(logs: Sequence[Source], query: Query, *, back: int = 0) -> Iterator[Entry]:
    """What is written to the logs from now on, and the last ``back`` entries of each; until interrupted."""
    followed = [Followed(log.entries, max(0, log.end() - back)) for log in logs]
    return follow(followed, query, _pause)


def _pause() -> bool:
    time.sleep(PAUSE)
    return True
