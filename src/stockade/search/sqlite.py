"""Tokens in SQLite: one full-text index of FTS5 finds by fields and by words, in the order of time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, Integer, Select, column, literal_column, select, table, text, true

from stockade.search import tables
from stockade.search.expression import fts5, is_of_tokens
from stockade.search.query import All, Before, Query, Since
from stockade.search.selecting import Key, condition, gathered
from stockade.search.stored import read
from stockade.search.tables import Row, Span
from stockade.search.tokens import tokens_of

_fts = table("search_token", column("rowid"), column("search_token"))
_CREATE: Final = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS search_token USING fts5("
    "tokens, content='', columnsize=0, tokenize=\"ascii tokenchars '=._-:/@~'\")"
)
_AT_ONCE: Final = 1_000
AT_ONCE: Final = 100
"""Tokens of one expression, when a row is looked for by all it has."""


class SqliteTokens:
    """A contentless table of FTS5, whose row numbers are the keys."""

    def create(self, connection: Connection) -> None:
        """Make what is missing."""
        connection.exec_driver_sql(_CREATE)

    def drop(self, connection: Connection) -> None:
        """Take all of it away."""
        connection.exec_driver_sql("DROP TABLE IF EXISTS search_token")

    def insert(self, connection: Connection, rows: Iterable[Row]) -> None:
        """Add entries. FTS5 gathers in memory as long as the row numbers rise."""
        made = list(rows)
        entries = [(row.key, row.log, row.number, row.source, row.body) for row in made]
        tokens = [(row.key, _text(row.fields, row.words)) for row in made]
        connection.exec_driver_sql(
            'INSERT INTO search_entry("key", log, number, source, body) VALUES (?,?,?,?,?)', entries
        )
        connection.exec_driver_sql("INSERT INTO search_token(rowid, tokens) VALUES (?,?)", tokens)

    def forget(self, connection: Connection, log: int) -> None:
        """Take away a log's entries. From a table without contents FTS5 takes all or none: other logs' are put back."""
        connection.execute(tables.entry.delete().where(tables.entry.c.log == log))
        connection.exec_driver_sql("INSERT INTO search_token(search_token) VALUES ('delete-all')")
        for rows in _others(connection):
            connection.exec_driver_sql("INSERT INTO search_token(rowid, tokens) VALUES (?,?)", rows)

    def keys(self, query: Query) -> Select[int]:
        """Where tokens decide, the full-text index leads; where they do not, the table of entries does."""
        parts = gathered(query.parts if isinstance(query, All) else (query,), _fts.c.rowid, _within)
        if not parts or not is_of_tokens(parts[0]):
            key: Key = tables.entry.c.key
            return select(key.label("key")).where(condition(query, key, _within) if parts else true())
        found = select(_fts.c.rowid.label("key")).where(_match(parts[0]))
        return found.where(*(condition(part, _key_for(part), _within) for part in parts[1:]))

    def page(self, connection: Connection, query: Query, span: Span) -> tuple[list[int], int | None]:
        """FTS5 walks in the order of its rows, from either end, and stops when the page is full."""
        return list(connection.scalars(span.ordered(self.keys(query)))), None

    def lacking(self, connection: Connection, rows: Sequence[Row]) -> list[Row]:
        """Asked by all of its tokens, every row has to be found."""
        return [row for row in rows if not all(_is_there(connection, row.key, some) for some in _asked(row))]

    def settle(self, connection: Connection) -> None:
        """Merge the full-text index, and let SQLite look at its tables."""
        connection.exec_driver_sql("INSERT INTO search_token(search_token) VALUES ('optimize')")
        connection.execute(text("ANALYZE"))


def _key_for(part: Query) -> Key:
    """A span of time FTS5 walks itself. In other conditions the planner must not choose it for a single row, which a
    table without contents cannot give: the + keeps it away (SQLite, "The Query Optimizer Overview", "Disqualifying
    WHERE Clause Terms Using Unary +").
    """
    return _fts.c.rowid if isinstance(part, (Since, Before)) else literal_column("+search_token.rowid", Integer)


def _asked(row: Row) -> Iterator[str]:
    """The tokens of a row as expressions of a bearable length."""
    tokens = [*row.fields, *dict.fromkeys(row.words)]
    for at in range(0, len(tokens), AT_ONCE):
        yield " AND ".join(f'"{token}"' for token in tokens[at : at + AT_ONCE])


def _is_there(connection: Connection, key: int, asked: str) -> bool:
    statement = "SELECT 1 FROM search_token WHERE search_token MATCH ? AND rowid = ?"
    return connection.exec_driver_sql(statement, (asked, key)).first() is not None


def _match(query: Query) -> ColumnElement[bool]:
    found: ColumnElement[bool] = _fts.c.search_token.op("MATCH", is_comparison=True)(fts5(query))
    return found


def _within(query: Query, key: Key) -> ColumnElement[bool] | None:
    if not is_of_tokens(query) or query == All(()):
        return None
    return key.in_(select(_fts.c.rowid).where(_match(query)))


def _others(connection: Connection) -> Iterator[list[tuple[int, str]]]:
    """The tokens of all entries, in the order of their keys."""
    last = -1
    wanted = select(tables.entry.c.key, tables.log.c.origin, tables.entry.c.body).join_from(
        tables.entry, tables.log, tables.entry.c.log == tables.log.c.id
    )
    while rows := connection.execute(
        wanted.where(tables.entry.c.key > last).order_by(tables.entry.c.key).limit(_AT_ONCE)
    ).all():
        last = rows[-1][0]
        yield [(key, _text(*tokens_of(read(body, origin)))) for key, origin, body in rows]


def _text(fields: Sequence[str], words: Sequence[str]) -> str:
    """The words stand last, so that those beside each other are found beside each other."""
    return " ".join((*fields, *words))
