"""The connection to SQLite or PostgreSQL: how it is opened, and how a reading and a changing transaction run."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from stockade.errors import ConfigurationError, Unavailable

PATIENCE = 5.0
"""Seconds to wait for a connection or for another process's lock."""
_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


_of_the_parent: list[object] = []


class Database:
    """One database by URL: ``sqlite:////path/to/file`` or ``postgresql://user@host/name``. Safe among threads and
    after a fork.

    Raises ConfigurationError for a URL that names neither. The transactions raise Unavailable when the database does
    not answer; a broken constraint comes through as SQLAlchemy's IntegrityError, for the caller knows what it means.
    """

    def __init__(self, url: str) -> None:
        self.url = _parsed(url)
        self.engine = _sqlite(self.url) if self.url.drivername == "sqlite" else _postgresql(self.url)
        self._writing = self.engine.execution_options(stockade_begin="BEGIN IMMEDIATE")
        _forget_connections_after_fork(self.engine)

    def __repr__(self) -> str:
        return f"Database({self.url.render_as_string(hide_password=True)!r})"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads: one consistent view."""
        with self._spoken_to(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that may change things, all of them or, when an exception leaves it, none."""
        with self._spoken_to(), self._writing.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close every idle connection."""
        self.engine.dispose()

    @contextmanager
    def _spoken_to(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except (DBAPIError, PoolExhausted) as error:
            reason = str(error.orig if isinstance(error, DBAPIError) else error).partition("\n")[0]
            message = f"The directory's database does not answer as it should ({self!r}): {reason}"
            raise Unavailable(message, remedy="See that it runs, can be reached, and has been migrated.") from error


def _parsed(text: str) -> URL:
    try:
        url = make_url(text)
        url = url.set(drivername=_DRIVERS[url.drivername.partition("+")[0]])
    except (ArgumentError, KeyError) as error:
        remedy = "Write sqlite:////path/to/file or postgresql://user@host/name."
        raise ConfigurationError(
            "This is not the URL of a database that the directory knows.", remedy=remedy
        ) from error
    if url.drivername == "sqlite" and url.database in {None, "", ":memory:"}:
        remedy = "Write sqlite:////path/to/file; a database in memory belongs to one thread."
        raise ConfigurationError("The directory needs a database in a file.", remedy=remedy)
    return url


def _postgresql(url: URL) -> Engine:
    arguments = {"connect_timeout": int(PATIENCE), "application_name": "stockade"}
    return create_engine(url, hide_parameters=True, pool_pre_ping=True, pool_timeout=PATIENCE, connect_args=arguments)


def _sqlite(url: URL) -> Engine:
    _own_file(Path(url.database or ""))
    arguments = {"timeout": PATIENCE, "isolation_level": None}
    engine = create_engine(url, hide_parameters=True, pool_timeout=PATIENCE, connect_args=arguments)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _own_file(path: Path) -> None:
    """Make the file, readable by its owner alone; SQLite gives the same rights to the files it puts beside it."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        message = f"The directory's database {path} cannot be opened: {error.strerror}."
        raise ConfigurationError(
            message, remedy="Name a file in a directory that exists and may be written."
        ) from error


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")  # a block that was acknowledged survives a power cut


def _begin_sqlite(connection: Connection) -> None:
    """Begin by hand: a change takes the write lock first, as a reader that turns writer is refused without waiting."""
    connection.exec_driver_sql(connection.get_execution_options().get("stockade_begin", "BEGIN"))


def _forget_connections_after_fork(engine: Engine) -> None:
    """A child process must not speak on its parent's connections, nor close them, as the end of their objects would."""
    known = weakref.ref(engine)

    def forget() -> None:
        if (living := known()) is not None:
            _of_the_parent.append(living.pool)
            living.dispose(close=False)

    os.register_at_fork(after_in_child=forget)
