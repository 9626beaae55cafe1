"""Somebody edits the index, to hide an entry or to make one up: compared with the log, it is found and named."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy import Connection, insert, select, text, update

from stockade.search import tables
from stockade.search.index import Index
from stockade.search.stored import stored, wished_key
from stockade.search.tokens import tokens_of
from tests.cli.terminal import Terminal
from tests.search.conftest import ORIGIN, asked, entry, found, handed
from tests.search.logs import STORY, write

OTHER = "audit.example.com/node2"
ENTRIES = [entry(n) for n in range(9)]
HERE = tables.entry.c.key == wished_key(ENTRIES[4])


def test_an_index_that_nobody_has_touched_is_as_its_log(index: Index) -> None:
    entries = [entry(n, details={"text": "ö \x00 'x' " * n, "k" * 300: "y" * 300}) for n in range(12)]
    index.catch_up(ORIGIN, handed(entries[:10]))
    index.catch_up(OTHER, handed([entry(0, origin=OTHER)]))
    assert list(index.differences(ORIGIN, handed(entries))) == []


def change(connection: Connection) -> None:
    body = stored(entry(4, "token.revoke"))
    connection.execute(update(tables.entry).where(HERE).values(body=body))


def renumber(connection: Connection) -> None:
    connection.execute(update(tables.entry).where(HERE).values(number=400))


def move(connection: Connection) -> None:
    connection.execute(update(tables.entry).where(HERE).values(key=7))


def remove(connection: Connection) -> None:
    connection.execute(tables.entry.delete().where(HERE))


def hide(connection: Connection) -> None:
    """Take an entry out of what is found, and leave it where it is shown."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("UPDATE search_entry SET tokens = '' WHERE number = 4"))
        return
    fields, words = tokens_of(ENTRIES[4])
    statement = "INSERT INTO search_token(search_token, rowid, tokens) VALUES ('delete', ?, ?)"
    connection.exec_driver_sql(statement, (wished_key(ENTRIES[4]), " ".join((*fields, *words))))


@pytest.mark.parametrize("edit", [change, renumber, move, remove, hide])
def test_whatever_was_edited_in_an_index_is_named(index: Index, edit: object) -> None:
    index.catch_up(ORIGIN, handed(ENTRIES))
    with index.database.writing() as connection:
        edit(connection)  # type: ignore[operator]
    said = list(index.differences(ORIGIN, handed(ENTRIES)))
    assert any(line.startswith(f"{ORIGIN}#4 ") for line in said), said
    index.reindex(ORIGIN, handed(ENTRIES))
    assert list(index.differences(ORIGIN, handed(ENTRIES))) == []
    assert found(index, "who:alice") == list(range(9))


def test_an_entry_that_was_made_up_is_counted(index: Index) -> None:
    index.catch_up(ORIGIN, handed(ENTRIES))
    with index.database.writing() as connection:
        number = connection.scalar(select(tables.log.c.id).where(tables.log.c.origin == ORIGIN))
        values = {"key": 7, "log": number, "number": 900, "body": stored(entry(900))}
        connection.execute(insert(tables.entry).values(values))
    (said,) = index.differences(ORIGIN, handed(ENTRIES))
    assert "10 entries are in the index, 9 were indexed" in said
    assert index.count(asked("who:alice"))


def test_a_responder_compares_index_and_log(terminal: Terminal) -> None:
    write(terminal.directory / "node1", *STORY)
    where = ("--log", "node1", "--index", "index.db")
    assert terminal.run("reindex", "--check", *where).code == 0
    with sqlite3.connect(terminal.directory / "index.db") as database:
        database.execute("UPDATE search_entry SET body = replace(body, 'bob', 'eve') WHERE number = 2")
    database.close()
    said = terminal.run("reindex", "--check", *where)
    assert said.code == 5
    assert "audit.example.com/node1#2 was changed in the index" in said.err
    assert terminal.run("reindex", *where).code == 0
    assert terminal.run("reindex", "--check", *where).code == 0
