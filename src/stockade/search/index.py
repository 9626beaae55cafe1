"""The index: entries of any number of logs, found by a query. It is made from the logs at will and proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Self

from sqlalchemy import Connection, func, insert, select, update

from stockade.errors import ConfigurationError
from stockade.events import Entry
from stockade.search import tables
from stockade.search.database import Database
from stockade.search.postgresql import PostgresqlTokens
from stockade.search.query import Query
from stockade.search.sqlite import SqliteTokens
from stockade.search.stored import digest, is_near, read, stored, wished_key
from stockade.search.tables import COUNTED, Row, Span, Tokens
from stockade.search.tokens import tokens_of

BATCH: Final = 5_000
"""Entries of one transaction."""
MANY: Final = 50_000
"""After so many new entries the index is settled."""
_STREAM: Final = 1_000

Entries = Callable[[int], Iterator[Entry]]
"""The entries of a log from a number on."""


@dataclass(frozen=True, slots=True)
class Caught:
    """What was indexed of a log: up to where, how many entries of it now, and why nothing was, if it is another log."""

    origin: str
    next: int
    added: int
    strange: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what was found; how many more there are, exactly or at least."""

    entries: tuple[Entry, ...]
    more: int
    exact: bool


class Index:
    """An index in a file, or in PostgreSQL by URL. Use as a context, or close it.

    Raises ConfigurationError where neither is meant, and from every method Unavailable when the database fails.
    """

    def __init__(self, where: str) -> None:
        self.database = Database(where)
        self._tokens: Tokens = PostgresqlTokens() if self.database.is_postgresql else SqliteTokens()
        with self.database.writing() as connection:
            self.renewed = self._prepare(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def _prepare(self, connection: Connection) -> bool:
        """Make the tables; answers whether those of another version had to go."""
        tables.version.create(connection, checkfirst=True)
        found = connection.scalar(select(tables.version.c.version))
        if found is not None and found != tables.VERSION:
            self._tokens.drop(connection)
            tables.metadata.drop_all(connection)
        tables.metadata.create_all(connection)
        self._tokens.create(connection)
        if found != tables.VERSION:
            connection.execute(insert(tables.version).values(version=tables.VERSION))
        return found not in {None, tables.VERSION}

    # ── making ───────────────────────────────────────────────────────────────────────────────────

    def catch_up(self, origin: str, entries: Entries, tell: Callable[[int], None] = lambda _: None) -> Caught:
        """Index what a log has gained; ``tell`` hears how many entries are indexed.

        A log that is shorter than what was indexed of it, or whose entry is another than the last one indexed, is not
        indexed: what was there may be nowhere else any more. ``reindex`` follows such a log.
        """
        with self.database.writing() as connection:
            number, known, last = _log(connection, origin)
        coming = entries(max(0, last - 1))
        if last and (strange := _strange(origin, last, known, next(coming, None))):
            return Caught(origin, last, 0, strange)
        added, following = 0, last
        while batch := list(islice(coming, BATCH)):
            with self.database.writing() as connection:
                _, _, now = _log(connection, origin)
                batch = [entry for entry in batch if entry.index >= now]
                following = self._add(connection, number, batch) if batch else now
            added += len(batch)
            tell(added)
        if added >= MANY:
            with self.database.writing() as connection:
                self._tokens.settle(connection)
        return Caught(origin, following, added)

    def reindex(self, origin: str, entries: Entries, tell: Callable[[int], None] = lambda _: None) -> Caught:
        """Forget what is indexed of a log, and index it from its beginning."""
        with self.database.writing() as connection:
            number, _, _ = _log(connection, origin)
            self._tokens.forget(connection, number)
            connection.execute(tables.log.delete().where(tables.log.c.id == number))
        return self.catch_up(origin, entries, tell)

    def _add(self, connection: Connection, log: int, batch: Sequence[Entry]) -> int:
        keyed = sorted(zip(_free_keys(connection, batch), batch, strict=True), key=lambda pair: pair[0])
        # one by one, so that the database is at work while the next are cut into tokens
        rows = (
            Row(key, log, entry.index, entry.event.source, stored(entry), *tokens_of(entry)) for key, entry in keyed
        )
        self._tokens.insert(connection, rows)
        following = batch[-1].index + 1
        changed = update(tables.log).where(tables.log.c.id == log)
        connection.execute(changed.values(next=following, digest=digest(stored(batch[-1]))))
        return following

    def differences(self, origin: str, entries: Entries) -> Iterator[str]:
        """How the index differs from a log: what is missing in it, changed, not found as it should be, or made up."""
        with self.database.reading() as connection:
            number, last, there = _size(connection, origin)
        coming, compared = (entry for entry in entries(0) if entry.index < last), 0
        while batch := list(islice(coming, 500)):
            with self.database.reading() as connection:
                yield from self._compared(connection, number, batch)
            compared += len(batch)
        if not there == compared == last:
            yield f"{origin}: {there} entries are in the index, {last} were indexed, the log has {compared} of them"

    def _compared(self, connection: Connection, log: int, batch: Sequence[Entry]) -> Iterator[str]:
        columns = tables.entry.c
        wanted = select(columns.number, columns.key, columns.body).where(
            columns.log == log, columns.number.in_([entry.index for entry in batch])
        )
        there = {number: (key, body) for number, key, body in connection.execute(wanted)}
        rows: list[Row] = []
        for entry in batch:
            key, body = there.get(entry.index, (-1, ""))
            if body != stored(entry):
                yield f"{entry} {'was changed' if body else 'is missing'} in the index"
            elif not is_near(key, entry):
                yield f"{entry} stands at another time in the index"
            else:
                rows.append(Row(key, log, entry.index, entry.event.source, body, *tokens_of(entry)))
        for row in self._tokens.lacking(connection, rows):
            yield f"{batch[0].origin}#{row.number} is not found as it should be"

    # ── finding ──────────────────────────────────────────────────────────────────────────────────

    def find(self, query: Query, limit: int, *, newest: bool = True, after: str | None = None) -> Page:
        """A page of what the query finds, newest or oldest first, from behind the entry ``after`` (``origin#number``).

        Raises ConfigurationError when that entry is not there.
        """
        with self.database.reading() as connection:
            beyond = None if after is None else self._key(connection, after)
            keys, more = self._tokens.page(connection, query, Span(limit, newest, beyond))
            if more is None:
                more = self._more(connection, query, Span(limit, newest, keys[-1])) if len(keys) == limit else 0
            entries = _entries(connection, keys)
        return Page(tuple(entries), min(more, COUNTED), more <= COUNTED)

    def stream(self, query: Query, *, newest: bool = True, after: str | None = None) -> Iterator[Entry]:
        """All that the query finds, as far as it was indexed at the beginning; in constant memory."""
        with self.database.reading() as connection:
            beyond = None if after is None else self._key(connection, after)
            end = connection.scalar(select(func.max(tables.entry.c.key)))
        while True:
            with self.database.reading() as connection:
                keys, _ = self._tokens.page(connection, query, Span(_STREAM, newest, beyond))
                entries = _entries(connection, [key for key in keys if end is not None and key <= end])
            yield from entries
            if len(keys) < _STREAM:
                return
            beyond = keys[-1]

    def count(self, query: Query) -> int:
        """How many entries the query finds."""
        with self.database.reading() as connection:
            return connection.scalar(select(func.count()).select_from(self._tokens.keys(query).subquery())) or 0

    def sources(self, query: Query) -> list[str]:
        """From where all that the query finds came, each once."""
        found = self._tokens.keys(query).subquery()
        wanted = (
            select(tables.entry.c.source).distinct().join_from(found, tables.entry, tables.entry.c.key == found.c.key)
        )
        with self.database.reading() as connection:
            return sorted(source for source in connection.scalars(wanted) if source is not None)

    def logs(self) -> list[tuple[str, int]]:
        """The logs that are indexed, each with the number of its first entry that is not."""
        with self.database.reading() as connection:
            found = connection.execute(select(tables.log.c.origin, tables.log.c.next).order_by(tables.log.c.origin))
            return [(origin, following) for origin, following in found]

    def _more(self, connection: Connection, query: Query, span: Span) -> int:
        rest = span.narrowed(self._tokens.keys(query)).limit(COUNTED + 1)
        return connection.scalar(select(func.count()).select_from(rest.subquery("rest"))) or 0

    @staticmethod
    def _key(connection: Connection, name: str) -> int:
        origin, _, number = name.rpartition("#")
        wanted = select(tables.entry.c.key).join(tables.log, tables.log.c.id == tables.entry.c.log)
        at = int(number) if number.isdecimal() and len(number) < 19 else -1
        key: int | None = connection.scalar(wanted.where(tables.log.c.origin == origin, tables.entry.c.number == at))
        if key is None:
            raise ConfigurationError(f"there is no entry {name} in the index", remedy="Write it as origin#number.")
        return key


def _log(connection: Connection, origin: str) -> tuple[int, str, int]:
    """A log's number here, the digest of its last indexed entry, and the number of its first that is not."""
    wanted = select(tables.log.c.id, tables.log.c.digest, tables.log.c.next).where(tables.log.c.origin == origin)
    found = connection.execute(wanted).one_or_none()
    if found is None:
        made = connection.execute(insert(tables.log).values(origin=origin, next=0, digest=""))
        (number,) = made.inserted_primary_key or (0,)
        return number, "", 0
    return found[0], found[1], found[2]


def _size(connection: Connection, origin: str) -> tuple[int, int, int]:
    """A log's number here, the number of its first entry that is not indexed, and how many there are of it."""
    wanted = select(tables.log.c.id, tables.log.c.next).where(tables.log.c.origin == origin)
    number, following = connection.execute(wanted).one_or_none() or (-1, 0)
    counted = select(func.count()).select_from(tables.entry).where(tables.entry.c.log == number)
    return number, following, connection.scalar(counted) or 0


def _entries(connection: Connection, keys: Sequence[int]) -> list[Entry]:
    """The entries with these keys, in their order."""
    found: dict[int, Entry] = {}
    for at in range(0, len(keys), 500):
        wanted = (
            select(tables.entry.c.key, tables.log.c.origin, tables.entry.c.body)
            .join(tables.log, tables.log.c.id == tables.entry.c.log)
            .where(tables.entry.c.key.in_(keys[at : at + 500]))
        )
        found |= {key: read(body, origin) for key, origin, body in connection.execute(wanted)}
    return [found[key] for key in keys]


def _strange(origin: str, last: int, known: str, there: Entry | None) -> str:
    """What tells that this is not the log that was indexed; nothing when it is."""
    if there is None:
        return f"{origin or 'the log'} is shorter than it was: entry {last - 1} was indexed and is not there"
    if there.index != last - 1 or digest(stored(there)) != known:
        return f"{origin or 'the log'} is not what it was: entry {there.index} is another than the one indexed"
    return ""


def _free_keys(connection: Connection, batch: Sequence[Entry]) -> list[int]:
    """A key for each entry that no other has: the one it wishes, or the next that is free."""
    wished = [wished_key(entry) for entry in batch]
    newest = connection.scalar(select(func.max(tables.entry.c.key)))
    taken = _taken(connection, [key for key in wished if newest is not None and key <= newest])
    found: list[int] = []
    for key in wished:
        free = key
        while free in taken:
            free += 1
            if free not in taken and newest is not None and free <= newest:
                taken |= _taken(connection, [free])
        taken.add(free)
        found.append(free)
    return found


def _taken(connection: Connection, keys: Sequence[int]) -> set[int]:
    """Those of the keys that entries have."""
    found: set[int] = set()
    for at in range(0, len(keys), 500):
        wanted = select(tables.entry.c.key).where(tables.entry.c.key.in_(keys[at : at + 500]))
        found.update(connection.scalars(wanted))
    return found
