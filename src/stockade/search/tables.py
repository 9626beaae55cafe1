"""The tables of an index, in either database: its logs, its entries, and the tokens by which they are found.

The key of an entry is its time (:func:`stockade.search.stored.wished_key`). So whatever finds entries finds them in the
order of time, the newest page comes first without sorting, and a span of time is a span of keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, MetaData, Select, Table, Text, select, true

from stockade.search.query import Query

VERSION: Final = 2
"""Changes with the tables, and with what tokens an entry has: an index of another version is made anew."""
COUNTED: Final = 1_000
"""How far the rest of a page is counted."""

metadata = MetaData()
version = Table("search_version", metadata, Column("version", Integer, nullable=False))
log = Table(
    "search_log",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("origin", Text, nullable=False, unique=True),
    Column("next", BigInteger, nullable=False),  # the number of the first entry that is not indexed
    Column("digest", Text, nullable=False),  # of the last that is
)
entry = Table(
    "search_entry",
    metadata,
    Column("key", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("log", Integer, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("source", Text),
    Column("body", Text, nullable=False),
)
Index("search_entry_number", entry.c.number, entry.c.log, unique=True)


@dataclass(frozen=True, slots=True)
class Row:
    """An entry on its way into the index."""

    key: int
    log: int
    number: int
    source: str | None
    body: str
    fields: Sequence[str]
    words: Sequence[str]


@dataclass(frozen=True, slots=True)
class Span:
    """A page of keys: how many, from which end, beyond which key, and before which other."""

    limit: int
    newest: bool
    beyond: int | None = None
    before: int | None = None

    def narrowed(self, keys: Select[int]) -> Select[int]:
        """A selection of keys without those before the page."""
        found = keys.subquery("found").c.key
        low, high = (self.before, self.beyond) if self.newest else (self.beyond, self.before)
        between = [found > low] if low is not None else []
        return select(found).where(true(), *between, *([found < high] if high is not None else []))

    def ordered(self, keys: Select[int]) -> Select[int]:
        """The page itself."""
        wanted = self.narrowed(keys)
        key = wanted.selected_columns[0]
        return wanted.order_by(key.desc() if self.newest else key.asc()).limit(self.limit)


class Tokens(Protocol):
    """How one kind of database keeps tokens and finds by them."""

    def create(self, connection: Connection) -> None:
        """Make what is missing."""

    def drop(self, connection: Connection) -> None:
        """Take all of it away."""

    def insert(self, connection: Connection, rows: Iterable[Row]) -> None:
        """Add entries, with their tokens. The rows are in the order of their keys."""

    def forget(self, connection: Connection, log: int) -> None:
        """Take away the entries of one log, and their tokens."""

    def keys(self, query: Query) -> Select[int]:
        """The keys of all that the query finds, in one column named ``key``."""

    def page(self, connection: Connection, query: Query, span: Span) -> tuple[list[int], int | None]:
        """A page of the keys of what the query finds, in order; how many more there are, where that is known then."""

    def lacking(self, connection: Connection, rows: Sequence[Row]) -> list[Row]:
        """Those of the rows that are not found by every token they should have."""

    def settle(self, connection: Connection) -> None:
        """Make fast, after many entries were added."""
