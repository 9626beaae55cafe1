"""Tokens in PostgreSQL: lexemes beside each entry, found by a GIN index; words in order are looked for in the text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR

from stockade.search import tables
from stockade.search.expression import is_of_lexemes, tsquery, words_of
from stockade.search.query import All, Before, Query, Says, Since
from stockade.search.selecting import Key, condition
from stockade.search.tables import COUNTED, Row, Span

_CREATE: Final = (
    "ALTER TABLE search_entry ADD COLUMN IF NOT EXISTS tokens tsvector, ADD COLUMN IF NOT EXISTS words text",
    "CREATE INDEX IF NOT EXISTS search_entry_tokens ON search_entry USING gin (tokens)",
)
NEAR, FAR = 2_000, 20_000
"""So many entries are walked through before an index is asked, and so many where the first ones promise enough."""
FEW: Final = 2_000
"""Up to so many finds are sorted rather than walked to."""
_COPY: Final = 'COPY search_entry ("key", log, number, source, body, tokens, words) FROM STDIN'
_tokens: ColumnElement[Any] = literal_column("search_entry.tokens", TSVECTOR)
_words: ColumnElement[str] = literal_column("search_entry.words")


class PostgresqlTokens:
    """Two more columns of the entries."""

    def create(self, connection: Connection) -> None:
        """Make what is missing."""
        for statement in _CREATE:
            connection.exec_driver_sql(statement)

    def drop(self, connection: Connection) -> None:
        """Nothing is left when the entries are gone."""

    def insert(self, connection: Connection, rows: Iterable[Row]) -> None:
        """Add entries."""
        with connection.connection.cursor() as cursor, cursor.copy(_COPY) as copy:  # type: ignore[attr-defined]
            for row in rows:
                source = None if row.source is None else row.source.encode("ascii", "backslashreplace").decode()
                copy.write_row((row.key, row.log, row.number, source, row.body, _lexemes(row), _text(row)))

    def forget(self, connection: Connection, log: int) -> None:
        """Take away a log's entries."""
        connection.execute(tables.entry.delete().where(tables.entry.c.log == log))

    def keys(self, query: Query) -> Select[int]:
        """The table of entries, as its planner sees fit."""
        key: Key = tables.entry.c.key
        return select(key.label("key")).where(condition(query, key, _holds))

    def page(self, connection: Connection, query: Query, span: Span) -> tuple[list[int], int | None]:
        """Along the order of time as long as that promises enough; else by the GIN index, and sorted here.

        That index reads all that it has of a token before it answers anything: 60 ms for a third of a million entries,
        of which a thousand are enough. And left alone, the planner takes a token that it has never counted for a
        frequent one.
        """
        _plan(connection, enable_seqscan="off", enable_bitmapscan="off", work_mem="64MB", jit="off")
        near, ends = self._nearest(connection, query, span)
        if ends:
            return near[: span.limit], max(0, len(near) - span.limit)
        _plan(connection, enable_bitmapscan="on")
        few = list(connection.scalars(span.narrowed(self.keys(query)).limit(FEW + 1)))
        if len(few) <= FEW:
            return sorted(few, reverse=span.newest)[: span.limit], max(0, len(few) - span.limit)
        if len(near) < span.limit:
            _plan(connection, enable_bitmapscan="off")
            near = list(connection.scalars(span.ordered(self.keys(query))))
            _plan(connection, enable_bitmapscan="on")
        left = len(few) - span.limit
        return near[: span.limit], left if left > COUNTED else None

    def _nearest(self, connection: Connection, query: Query, span: Span) -> tuple[list[int], bool]:
        """What is found among the nearest entries; whether that is enough, or all there is."""
        near, enough = list[int](), span.limit + COUNTED + 1
        for reach in (NEAR, FAR):
            edge = self._edge(connection, query, span, reach)
            near = list(connection.scalars(replace(span, limit=enough, before=edge).ordered(self.keys(query))))
            if edge is None or len(near) == enough:
                return near, True
            if len(near) * FAR < enough * reach:
                break
        return near, False

    def _edge(self, connection: Connection, query: Query, span: Span, reach: int) -> int | None:
        """The first key behind so many entries of the time that is asked for; None when it has no more of them."""
        parts = query.parts if isinstance(query, All) else (query,)
        time = All(tuple(part for part in parts if isinstance(part, (Since, Before))))
        return connection.scalar(replace(span, limit=1).ordered(self.keys(time)).offset(reach))

    def lacking(self, connection: Connection, rows: Sequence[Row]) -> list[Row]:
        """What PostgreSQL has beside an entry has to be what it should have."""
        statement = "SELECT key FROM search_entry WHERE key = %s AND tokens = %s::tsvector AND words = %s"
        return [
            row
            for row in rows
            if connection.exec_driver_sql(statement, (row.key, _lexemes(row), _text(row))).first() is None
        ]

    def settle(self, connection: Connection) -> None:
        """Let PostgreSQL look at what it holds."""
        connection.exec_driver_sql("ANALYZE search_entry")


def _lexemes(row: Row) -> str:
    """A tsvector without places."""
    return " ".join(f"'{token}'" for token in dict.fromkeys((*row.fields, *row.words)))


def _text(row: Row) -> str:
    """The words in order, a space around each."""
    return f" {' '.join(row.words)} "


def _plan(connection: Connection, **settings: str) -> None:
    """How the planner plans until the end of this transaction."""
    connection.execute(select(*(func.set_config(name, value, True) for name, value in settings.items())))


def _holds(query: Query, _key: Key) -> ColumnElement[bool] | None:
    if isinstance(query, Says) and len(query.words) > 1:
        beside = f" {' '.join(query.words)}" + " " * (not query.prefix)
        return and_(_asked(words_of(query)), func.strpos(_words, bindparam(None, beside)) > 0)
    return _asked(tsquery(query)) if is_of_lexemes(query) else None


def _asked(lexemes: str) -> ColumnElement[bool]:
    found: ColumnElement[bool] = _tokens.op("@@", is_comparison=True)(cast(lexemes, TSQUERY))
    return found
