"""PostgreSQL: one server for the worker, on a Unix socket only, and an empty database for each test."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
import pytest

from tests.servers.processes import (
    ProgramMissing,
    running,
    short_directory,
    signal_group,
    wait_ready,
)

_BINARIES = Path("/usr/lib/postgresql/15/bin")
_SETTINGS = ("-c", "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=32MB", "-c", "timezone=UTC")


@dataclass(frozen=True)
class PostgresServer:
    """A running server, reachable by everybody of this machine through the Unix socket in its directory."""

    directory: Path
    _numbers: Iterator[int] = field(default_factory=lambda: count(1), repr=False)

    def url(self, database: str = "postgres") -> str:
        """The address of a database, as SQLAlchemy writes it."""
        return f"postgresql+psycopg://postgres@/{database}?host={self.directory}"

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Execute one statement as the superuser, outside a transaction."""
        where = f"host={self.directory} user=postgres dbname={database}"
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute(statement.encode())

    @contextlib.contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new database, dropped at the end."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"create database {name}")
        yield self.url(name)
        self.execute(f"drop database {name} with (force)")


@contextlib.contextmanager
def start_postgres(*settings: str) -> Iterator[PostgresServer]:
    """Run a server until the end of the block, with more settings; it is ready after about two seconds."""
    with short_directory() as parent:
        directory = _owned_by_its_user(parent)
        subprocess.run([*_unprivileged("initdb"), "-D", directory / "data", "-U", "postgres", "-A", "trust",
                        "--no-sync", "-E", "UTF8", "--locale", "C.UTF-8"], check=True, capture_output=True)  # fmt: skip
        more = [word for setting in settings for word in ("-c", setting)]
        argv = [*_unprivileged("postgres"), "-D", str(directory / "data"), "-k", str(directory), *_SETTINGS, *more]
        server, log = PostgresServer(directory), parent / "log"
        with running(*argv, log=log) as process:
            wait_ready(process, log, lambda: _is_ready(directory))
            yield server
            signal_group(process, signal.SIGINT)  # "fast": do not wait for clients to leave


def _owned_by_its_user(parent: Path) -> Path:
    directory = parent / "postgres"
    directory.mkdir()
    if os.geteuid() == 0:
        shutil.chown(directory, "postgres", "postgres")
    return directory


def _unprivileged(name: str) -> list[str]:
    """The program's command line, as Debian's user for it where we are root, which PostgreSQL refuses."""
    binary = _BINARIES / name
    if not binary.exists():
        raise ProgramMissing(f"{name} is not installed: run `make test`, or `apt-get install postgresql-15`")
    as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]
    return [*(as_user if os.geteuid() == 0 else []), str(binary)]


def _is_ready(directory: Path) -> bool:
    return subprocess.run([_BINARIES / "pg_isready", "-q", "-h", directory], check=False).returncode == 0


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The worker's server."""
    with start_postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """The SQLAlchemy URL of an empty database."""
    with postgres.database() as url:
        yield url
