"""An index with nothing in it yet, in SQLite and in a real PostgreSQL, and entries to put there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, text

from stockade.events import Entry, Event, Ref
from stockade.search.index import Index
from stockade.search.parse import parse
from stockade.search.query import Query
from tests.cli.terminal import terminal
from tests.servers.postgres import PostgresServer

__all__ = ["terminal"]

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z
ORIGIN = "audit.example.com/node1"
ALICE, BOB = Ref("stockade", "user", "alice"), Ref("gitlab", "user", "bob")


def entry(number: int, action: str = "token.create", *, origin: str = ORIGIN, **event: object) -> Entry:
    """An entry that says what is given, one a minute."""
    told: dict[str, object] = {"time": NOW + 60 * number, "action": action, "actor": ALICE, "source": "203.0.113.9"}
    return Entry(number, NOW + 60 * number + 1, Event(**{**told, **event}), origin)  # type: ignore[arg-type]


def handed(entries: Sequence[Entry]) -> Callable[[int], Iterator[Entry]]:
    """Entries as a log hands them out: from a number on."""
    return lambda start: (each for each in entries if each.index >= start)


def asked(text: str) -> Query:
    return parse(text, NOW + 86_400)


def found(index: Index, text: str) -> list[int]:
    """The numbers of all entries that a query finds, the oldest first."""
    return [each.index for each in index.stream(asked(text), newest=False)]


@pytest.fixture(scope="session")
def shared_postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """One database for many tests: to make one takes longer than most of them."""
    with postgres.database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an index can be: a new file, or an empty database."""
    if request.param == "sqlite":
        return str(tmp_path / "index.db")
    url: str = request.getfixturevalue("shared_postgres_url")
    with create_engine(url, poolclass=NullPool).begin() as sql:
        sql.execute(text("DROP TABLE IF EXISTS search_version, search_log, search_entry"))
    return url


@pytest.fixture
def index(where: str) -> Iterator[Index]:
    with Index(where) as made:
        yield made
