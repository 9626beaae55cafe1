"""Hands events to the log so that each is in it exactly once, whenever the process may die.

Every event bears its identity in its details (``intake``: the source's name, and sixteen octets in hexadecimal). What
is handed on is first in the log, and then, in one transaction with how far was read, in the ledger. Whoever dies in
between has events in the log that the ledger does not know: they stand behind the ledger's mark, and the next start
reads the log from there. So the ledger may be behind, never ahead; even without one nothing is taken in twice, only
the whole log is read first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import islice
from threading import Lock
from typing import Final, NamedTuple, Protocol

from stockade.errors import ConfigurationError
from stockade.events import Entry, Event
from stockade.intake.ledger import Ledger
from stockade.intake.taken import SYSTEM

KEY: Final = "intake"
"""The detail in which an event bears where it came from, and its identity."""
SIZE: Final = 16
LARGEST: Final = 50_000
"""Octets of details as JSON, so that the log need not shorten them and lose the identity."""
SHOWN: Final = 2_000
AT_ONCE: Final = 1_000
"""Identities that are remembered in one step while the log's tail is read."""


class Journal(Protocol):
    """The log, as far as the intake needs it."""

    def append(self, events: Sequence[Event]) -> int:
        """Record events in this order; answers the number after the last when all are on disk.

        Raises Unavailable when some are not; then none of them is still on its way.
        """
        ...

    def since(self, number: int) -> Iterable[Entry]:
        """The entries from a number on."""
        ...


class Arrival(NamedTuple):
    """An event as a receiver has it, and what makes it the same, within its source, when it arrives again."""

    event: Event
    id: str


class Handover:
    """The way of all sources into one log. Safe for any number of threads; one batch at a time."""

    def __init__(self, ledger: Ledger, journal: Journal) -> None:
        """Look into the log's tail for what the ledger does not know yet. Raises Unavailable."""
        self._ledger, self._journal = ledger, journal
        self._lock = Lock()
        self._sure = False
        with self._lock:
            self._catch_up()

    def place(self, source: str) -> str | None:
        """How far a source was read when it last handed anything on."""
        return self._ledger.place(source)

    def take(self, source: str, arrivals: Sequence[Arrival], *, now: float, place: str | None = None) -> int:
        """Have recorded what of a batch is not in the log yet, and remember how far was read; answers how many that
        were.

        Raises Unavailable when the log cannot take all of them; then the same batch may be handed over again.
        """
        with self._lock:
            if not self._sure:
                self._catch_up()
            new = self._new(source, arrivals)
            mark = self._ledger.mark
            if new:
                self._sure = False
                mark = max(mark, self._journal.append([_marked(event, source, id) for id, event in new.items()]))
            if new or place is not None:
                self._ledger.write(new, at=now, mark=mark, places={source: place} if place is not None else None)
            self._sure = True
            return len(new)

    def _new(self, source: str, arrivals: Sequence[Arrival]) -> dict[bytes, Event]:
        found: dict[bytes, Event] = {}
        for event, id in arrivals:
            found.setdefault(digest(source, id), event)
        for known in self._ledger.known(found):
            del found[known]
        return found

    def _catch_up(self) -> None:
        """Learn from the log what was handed on and is not in the ledger."""
        mark = self._ledger.mark
        entries = iter(self._journal.since(max(mark - 1, 0)))
        if mark and next(entries, None) is None:
            raise ConfigurationError(
                f"the log has no entry {mark - 1}, which the intake had handed on",
                remedy="The log was cut or restored, or this ledger belongs to another. Find out which; then remove "
                f"{self._ledger.path}, and what the log lacks is taken in anew.",
            )
        for end, at, ids in _batches(entries):
            self._ledger.write(ids, at=at, mark=end)
        self._sure = True

    def forget(self, *, before: float, most: int) -> int:
        """Forget identities from before a time, and the oldest of more than ``most``; answers how many that were."""
        with self._lock:
            return self._ledger.forget(before=before, most=most)


def digest(source: str, id: str) -> bytes:
    """The identity of an arrival: a digest of what its source is called and of what makes it the same."""
    return sha256(f"{source}\0{id}".encode("utf-8", "surrogatepass")).digest()[:SIZE]


def _marked(event: Event, source: str, id: bytes) -> Event:
    details = dict(event.details)
    if len(said := json.dumps(details)) > LARGEST:
        whole = {"begins": said[:SHOWN], "octets": len(said), "sha256": sha256(said.encode()).hexdigest()}
        details = {name: str(details[name])[:100] for name in ("type", SYSTEM) if name in details}
        details["oversize"] = whole
    return replace(event, details={**details, KEY: {"source": source, "id": id.hex()}})


def identity_of(event: Event) -> bytes | None:
    """The identity that an event of the log bears; None when the intake has not taken it in."""
    found = event.details.get(KEY)
    said = found.get("id") if isinstance(found, dict) else None
    try:
        return bytes.fromhex(said) if isinstance(said, str) and len(said) == 2 * SIZE else None
    except ValueError:
        return None


def _batches(entries: Iterator[Entry]) -> Iterator[tuple[int, float, list[bytes]]]:
    """The number after some entries, when the last was recorded, and the identities in them."""
    while some := list(islice(entries, AT_ONCE)):
        ids = [id for entry in some if (id := identity_of(entry.event)) is not None]
        yield some[-1].index + 1, some[-1].recorded, ids
