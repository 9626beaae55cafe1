"""The way of the intake into an audit log that another process has open: by its recorder, and confirmed by the log."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Final

from stockade.audit import letters
from stockade.audit.marks import carried
from stockade.audit.reading import entries
from stockade.errors import Unavailable
from stockade.events import Entry, Event, Ref
from stockade.intake.handover import identity_of

TOGETHER: Final = 50
"""Events of one letter, each of 60,000 octets at most: fewer than a letter has room for only when all are huge."""
ROOM: Final = 900_000
WITHIN: Final = 10.0
"""Seconds that the recorder is given for the entry that is waited for."""


class IntoRecorder:
    """Events go to the recorder's socket; whether they are recorded is read in the log itself.

    An answer that does not come leaves open what became of a batch. Then an entry that says that the log is read is
    recorded first: whatever was sent before it stands before it, or will never be there.
    """

    def __init__(self, socket: Path, log: Path) -> None:
        self._socket, self._log = socket, log
        self._from = 0

    def append(self, events: Sequence[Event]) -> int:
        """Record them; answers the number after the last. Raises Unavailable when some are not recorded."""
        bodies = iter([carried(event) for event in events])
        while batch := _fitting(list(islice(bodies, TOGETHER))):
            for some in batch:
                self._said(letters.keep(some, 0, 0.0, 0.0), None)
        wanted, last = {identity_of(event) for event in events}, self._from
        for entry in entries(self._log, self._from):
            if (id := identity_of(entry.event)) in wanted:
                wanted.discard(id)
                last = entry.index + 1
        self._from = last
        if wanted:
            raise Unavailable(f"the recorder has not recorded {len(wanted)} of {len(events)} events")
        return last

    def since(self, number: int) -> Iterable[Entry]:
        """The entries from a number on, up to the one that says that they were read."""
        reader = Ref("stockade", "process", "intake")
        reading = Event(time.time(), "log.read", reader, details={"from": number, "why": "to take in nothing twice"})
        end = int(str(self._said(letters.must(reading, WITHIN), WITHIN + 1.0)["entry"])) + 1
        self._from = end
        return _up_to(self._log, number, end)

    def _said(self, letter: bytes, timeout: float | None) -> dict[str, object]:
        try:
            with closing(letters.connected(self._socket, timeout)) as connection, connection.makefile("rb") as lines:
                connection.sendall(letter)
                answer = dict(letters.answered(letters.read(lines)))
        except (OSError, ValueError) as error:
            raise Unavailable(f"nobody records at {self._socket}: {error}") from error
        if not answer:
            raise Unavailable(f"the recorder at {self._socket} has gone away")
        return answer


def _up_to(log: Path, number: int, end: int) -> Iterator[Entry]:
    yield from entries(log, number, end)


def _fitting(bodies: list[bytes]) -> list[list[bytes]]:
    """Bodies in lists that each fit into a letter."""
    lists: list[list[bytes]] = []
    size = ROOM
    for body in bodies:
        if size + len(body) > ROOM:
            lists.append([])
            size = 0
        lists[-1].append(body)
        size += len(body)
    return lists
