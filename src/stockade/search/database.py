"""The connection to the database of an index: a file of SQLite, or PostgreSQL by its URL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from stockade.errors import ConfigurationError, Unavailable

PATIENCE: Final = 10.0
"""Seconds to wait for a connection or for another process's lock."""
_SCHEMES: Final = ("postgresql://", "postgres://", "postgresql+psycopg://")
_FILE: Final = "sqlite:///"
_BEGIN: Final = "stockade_begin"


class Database:
    """``where`` is a file, ``sqlite:///`` and a file, or ``postgresql://user@host/name``. Raises ConfigurationError.

    The transactions raise Unavailable when the database does not answer as it should.
    """

    def __init__(self, where: str) -> None:
        self.is_postgresql = where.startswith(_SCHEMES)
        self.engine = _postgresql(_url(where)) if self.is_postgresql else _sqlite(where.removeprefix(_FILE))
        self.name = self.engine.url.render_as_string(hide_password=True) if self.is_postgresql else where

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads: one consistent view."""
        with self._spoken_to(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that changes all of it or nothing; one at a time, whoever indexes."""
        changing = self.engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
        with self._spoken_to(), changing.begin() as connection:
            if self.is_postgresql:
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('stockade.search'))")
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextmanager
    def _spoken_to(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, PoolExhausted) as error:
            reason = str(error.orig if isinstance(error, DBAPIError) else error).partition("\n")[0]
            remedy = "See that it can be reached and written; an index that is broken may be deleted and is made anew."
            raise Unavailable(f"the index {self.name} does not answer as it should: {reason}", remedy=remedy) from error


def _url(text: str) -> URL:
    try:
        return make_url(text).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError) as error:
        remedy = "Write postgresql://user@host/name, or the name of a file."
        raise ConfigurationError("this is not the URL of a database for an index", remedy=remedy) from error


def _postgresql(url: URL) -> Engine:
    """Nothing is prepared: a plan has to be made for the tokens that are asked for, and not for any."""
    arguments = {"connect_timeout": int(PATIENCE), "application_name": "stockade search", "prepare_threshold": None}
    return create_engine(url, hide_parameters=True, pool_timeout=PATIENCE, connect_args=arguments)


def _sqlite(where: str) -> Engine:
    if "://" in where:
        remedy = "Write postgresql://user@host/name, or the name of a file."
        raise ConfigurationError(f"{where.partition('://')[0]}:// is no database for an index", remedy=remedy)
    path = Path(where)
    _own_file(path)
    arguments = {"timeout": PATIENCE, "isolation_level": None}
    engine = create_engine(URL.create("sqlite", database=str(path)), hide_parameters=True, connect_args=arguments)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _own_file(path: Path) -> None:
    """Make the file, readable by its owner alone: it holds what the log holds. Files beside it get the same rights."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        remedy = "Name a file in a directory that exists and may be written."
        raise ConfigurationError(f"the index {path} cannot be opened: {error.strerror}", remedy=remedy) from error


def _prepare(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")  # what a power cut takes away is indexed again
    connection.execute("PRAGMA cache_size = -65536")  # 64 MiB


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))
