"""What is known of each ban beyond its end: why, since when, on what evidence, by whom; and the banned networks.

The table decides who is banned; this says the rest to whoever asks, in a small SQLite database beside the table. A
connection lives no longer than one question, so that nothing of it is ever carried through a fork.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from stockade.errors import ConfigurationError, Unavailable
from stockade.guard.meter import NETWORK, Ban

log = logging.getLogger(__name__)

PATIENCE: Final = 2.0
"""Seconds to wait while other processes write."""

SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS bans (
    client TEXT NOT NULL, rule TEXT NOT NULL, since REAL NOT NULL, until REAL NOT NULL,
    reason TEXT NOT NULL, evidence TEXT NOT NULL, level INTEGER NOT NULL, by TEXT NOT NULL, enforced INTEGER NOT NULL,
    PRIMARY KEY (client, rule)
) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS bans_by_end ON bans (until)",
)


class DamagedError(Unavailable):
    """The database could not be read and was moved aside; the next question meets an empty one."""


class Particulars:
    """The bans as they were placed. All times are seconds since the epoch. Raises Unavailable when the disk is full or
    read-only.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.all(0.0)
        except DamagedError:
            self.all(0.0)

    def write(self, bans: Iterable[tuple[Ban, bool]], now: float) -> None:
        """Write bans down, and whether they are enforced, each in place of an earlier one of its client and rule; drop
        those that have ended.
        """
        with self._connected() as database:
            database.execute("DELETE FROM bans WHERE until <= ?", (now,))
            database.executemany(
                "INSERT OR REPLACE INTO bans VALUES (?,?,?,?,?,?,?,?,?)",
                [(*_row(ban), int(enforced)) for ban, enforced in bans],
            )

    def remove(self, client: str) -> list[Ban]:
        """Take out what is known of a client's bans."""
        with self._connected() as database:
            found = database.execute("DELETE FROM bans WHERE client = ? RETURNING *", (_plain(client),)).fetchall()
        return [_ban(row) for row in found]

    def all(self, now: float) -> list[tuple[Ban, bool]]:
        """Every ban that has not ended, and whether it is enforced."""
        with self._connected() as database:
            found = database.execute("SELECT * FROM bans WHERE until > ? ORDER BY client", (now,)).fetchall()
        return [(_ban(row), bool(row[8])) for row in found]

    def networks(self, now: float) -> list[tuple[str, float]]:
        """The networks banned by hand, and when each ban ends."""
        question = "SELECT client, until FROM bans WHERE client >= ? AND client < ? AND until > ? ORDER BY client"
        with self._connected() as database:
            return database.execute(question, (NETWORK, NETWORK + "\U0010ffff", now)).fetchall()

    @contextlib.contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """One transaction: durable against a killed process, not against a power cut."""
        self._exists()
        try:
            with contextlib.closing(sqlite3.connect(self.path, timeout=PATIENCE)) as database, database:
                database.execute("PRAGMA synchronous = OFF")
                database.execute("PRAGMA journal_mode = PERSIST")
                for statement in SCHEMA:
                    database.execute(statement)
                yield database
        except sqlite3.OperationalError as error:
            raise Unavailable(f"{self.path}: {error}", remedy="Make room, or let this user write there.") from error
        except sqlite3.DatabaseError as error:
            aside = self._moved_aside()
            raise DamagedError(
                f"{self.path} is damaged ({error})", remedy=f"It was moved to {aside}; try again."
            ) from error

    def _exists(self) -> None:
        """A file of ours, readable by nobody else, before SQLite looks at it."""
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
        except FileExistsError:
            if self.path.is_symlink():
                raise ConfigurationError(
                    f"{self.path} is a symbolic link, which is not followed", remedy="Remove it."
                ) from None
        except OSError as error:
            raise Unavailable(
                f"{self.path}: {error.strerror}", remedy="Make room, or let this user write there."
            ) from error

    def _moved_aside(self) -> Path:
        aside = self.path.with_name(f"{self.path.name}.aside-{time.time_ns()}")
        with contextlib.suppress(FileNotFoundError):
            self.path.rename(aside)
        log.warning("%s is damaged: moved to %s; bans hold, their particulars are lost", self.path, aside)
        return aside


def _row(ban: Ban) -> tuple[str | float | int, ...]:
    texts = map(_plain, (ban.client, ban.rule, ban.reason, ban.evidence, ban.by))
    client, rule, reason, evidence, by = texts
    return client, rule, ban.since, ban.until, reason, evidence, ban.level, by


def _ban(row: tuple[str, str, float, float, str, str, int, str, int]) -> Ban:
    return Ban(*row[:8])


def _plain(text: str) -> str:
    """Text that SQLite can hold: without halves of surrogate pairs."""
    return text.encode("utf-8", "backslashreplace").decode()
