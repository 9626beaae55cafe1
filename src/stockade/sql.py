"""The connection to a database, SQLite or PostgreSQL: how it is opened, and how a transaction reads or changes it."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from stockade.errors import ConfigurationError, Unavailable

POSTGRESQL = "postgresql+psycopg"
_BEGIN = "stockade_begin"
_of_the_parent: list[object] = []


@dataclass(frozen=True)
class Terms:
    """On what terms a database is spoken to, and what errors call it.

    ``patience`` is how many seconds to wait for a connection or another process's lock, ``pragmas`` are for SQLite,
    ``postgresql`` are arguments of a connection of PostgreSQL, and ``lock`` names the lock there that all who change
    anything take. What ``lets_through`` names is not made Unavailable: the caller knows what it means.
    """

    called: str
    remedy: str
    patience: float
    pragmas: tuple[str, ...]
    postgresql: Mapping[str, object] = field(default_factory=dict)
    lock: str | None = None
    lets_through: tuple[type[DBAPIError], ...] = ()


class Database:
    """One database, safe among threads and after a fork: ``sqlite:////path/to/file`` or a URL of PostgreSQL.

    Raises ConfigurationError for a file that cannot be opened. The transactions raise Unavailable when the database
    does not answer as it should.
    """

    def __init__(self, url: URL, terms: Terms) -> None:
        self.url, self.terms = url, terms
        self.engine = _postgresql(url, terms) if self.is_postgresql else _sqlite(url, terms)
        self._changing = self.engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
        _forget_connections_after_fork(self.engine)

    @property
    def is_postgresql(self) -> bool:
        """Is it a server of PostgreSQL, and not a file?"""
        return self.url.drivername == POSTGRESQL

    @property
    def name(self) -> str:
        """The database as errors and people call it: without its password."""
        return self.url.render_as_string(hide_password=True) if self.is_postgresql else self.url.database or ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads: one consistent view."""
        with self._spoken_to(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that may change things, all of them or, when an exception leaves it, none."""
        with self._spoken_to(), self._changing.begin() as connection:
            if self.is_postgresql and self.terms.lock:
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext(%s))", (self.terms.lock,))
            yield connection

    def close(self) -> None:
        """Close every idle connection."""
        self.engine.dispose()

    @contextmanager
    def _spoken_to(self) -> Iterator[None]:
        try:
            yield
        except self.terms.lets_through:
            raise
        except (DBAPIError, PoolExhausted) as error:
            reason = str(error.orig if isinstance(error, DBAPIError) else error).partition("\n")[0]
            message = f"{self.terms.called} {self.name} does not answer as it should: {reason}"
            raise Unavailable(message, remedy=self.terms.remedy) from error


def _postgresql(url: URL, terms: Terms) -> Engine:
    waits = f"-c lock_timeout={round(terms.patience * 1000)}"
    arguments = {"connect_timeout": int(terms.patience), "options": waits, **terms.postgresql}
    return create_engine(
        url, hide_parameters=True, pool_pre_ping=True, pool_timeout=terms.patience, connect_args=arguments
    )


def _sqlite(url: URL, terms: Terms) -> Engine:
    _own_file(Path(url.database or ""), terms.called)
    arguments = {"timeout": terms.patience, "isolation_level": None}
    engine = create_engine(url, hide_parameters=True, pool_timeout=terms.patience, connect_args=arguments)

    def prepare(connection: Any, _record: object) -> None:
        for pragma in terms.pragmas:
            connection.execute(f"PRAGMA {pragma}")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _own_file(path: Path, called: str) -> None:
    """Make the file, readable by its owner alone; SQLite gives the same rights to the files it puts beside it."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        remedy = "Name a file in a directory that exists and may be written."
        raise ConfigurationError(f"{called} {path} cannot be opened: {error.strerror}", remedy=remedy) from error


def _begin(connection: Connection) -> None:
    """Begin by hand: a change takes the write lock first, as a reader that turns writer is refused without waiting."""
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))


def _forget_connections_after_fork(engine: Engine) -> None:
    """A child process must not speak on its parent's connections, nor close them, as the end of their objects would."""
    known = weakref.ref(engine)

    def forget() -> None:
        if (living := known()) is not None:
            _of_the_parent.append(living.pool)
            living.dispose(close=False)

    os.register_at_fork(after_in_child=forget)
