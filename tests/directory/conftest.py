"""A directory with nobody in it yet, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import NullPool, create_engine, text

from stockade.directory import BuiltinDirectory, Passwords
from stockade.directory.builtin.schema import metadata
from stockade.directory.sealing import Sealing
from stockade.events import Event
from tests.servers.postgres import PostgresServer

NOW = 1_800_000_000.0


class CountingHasher(PasswordHasher):
    """Real argon2id that costs little, and counts how often it was asked to verify."""

    def __init__(self, time_cost: int = 1) -> None:
        super().__init__(time_cost=time_cost, memory_cost=8, parallelism=1)
        self.verifications = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]
        self.verifications += 1
        return super().verify(hash, password)


@dataclass
class Stage:
    """A directory, what it has reported, and the hasher it uses."""

    url: str
    events: list[Event] = field(default_factory=list)
    hasher: CountingHasher = field(default_factory=CountingHasher)

    def __post_init__(self) -> None:
        self.directory = self.another()

    def another(self, hasher: PasswordHasher | None = None) -> BuiltinDirectory:
        """The same database as another process would open it."""
        passwords = Passwords(hasher or self.hasher)
        return BuiltinDirectory(
            self.url, record=self.events.append, clock=lambda: NOW, passwords=passwords, sealing=Sealing(bytes(32))
        )

    def reported(self, action: str) -> list[Event]:
        return [event for event in self.events if event.action == action]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/directory.db"
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """A migrated directory with nobody in it."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/directory.db"
    else:
        url = request.getfixturevalue("emptied_postgres_url")
    yield from _staged(url)


@pytest.fixture
def own_stage(url: str) -> Iterator[Stage]:
    """The same, in a database that the test may spoil."""
    yield from _staged(url)


@pytest.fixture
def directory(stage: Stage) -> BuiltinDirectory:
    return stage.directory


@pytest.fixture(scope="session")
def migrated_postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """One PostgreSQL database for many tests: to make one takes longer than most of them."""
    with postgres.database() as url:
        with BuiltinDirectory(url) as directory:
            directory.migrate()
        yield url


@pytest.fixture
def emptied_postgres_url(migrated_postgres_url: str) -> str:
    """That database with nothing in it."""
    tables = ", ".join(metadata.tables)
    with create_engine(migrated_postgres_url, poolclass=NullPool).begin() as sql:
        sql.execute(text(f"TRUNCATE {tables} RESTART IDENTITY"))
    return migrated_postgres_url


def _staged(url: str) -> Iterator[Stage]:
    made = Stage(url)
    made.directory.migrate()
    yield made
    made.directory.close()
