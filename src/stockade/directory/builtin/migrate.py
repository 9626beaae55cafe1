"""Bring a database to the newest schema, once, however many processes try at the same time."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from threading import Lock

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, text

from stockade.directory.builtin.database import PATIENCE, Database
from stockade.errors import ConfigurationError, Unavailable

SCRIPTS = Path(__file__).parent.parent / "migrations"
_POSTGRESQL_LOCK = 0x53746F636B616465  # "Stockade": any number will do that is always the same
_one_at_a_time = Lock()  # Alembic's context belongs to the whole process


def migrate(database: Database) -> None:
    """Run the migrations that the database has not seen, in one transaction under a lock of the whole database.

    Raises ConfigurationError when it was migrated by a newer release, and Unavailable when it does not answer.
    """
    with _one_at_a_time:
        if database.url.drivername == "sqlite":
            _use_write_ahead_log(database)
        with database.writing() as connection:
            _upgrade(connection)


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL lock_timeout = 0"))  # whoever migrates takes as long as it takes
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _POSTGRESQL_LOCK})
    try:
        command.upgrade(_configuration(connection), "head")
    except CommandError as error:
        message = "The directory's database was migrated by a newer release of Stockade."
        raise ConfigurationError(message, remedy="Run that release, or restore a copy from before it.") from error


def _configuration(connection: Connection) -> Config:
    configuration = Config(attributes={"connection": connection})
    configuration.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    configuration.set_main_option("path_separator", "os")
    return configuration


def _use_write_ahead_log(database: Database) -> None:
    """Switch to write-ahead logging, so that readers never wait for a writer. SQLite does not wait for this lock: we
    do.
    """
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            with closing(database.engine.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.DatabaseError as error:
            if not isinstance(error, sqlite3.OperationalError) or time.monotonic() > give_up:
                message = f"The directory's database cannot be used ({database!r}): {error}."
                raise Unavailable(message, remedy="See that it is a database, and who holds its lock.") from error
            time.sleep(0.02)
