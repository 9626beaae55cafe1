"""What the intake remembers between two runs: how far each source was read, and the identities of what it handed on.

Everything that belongs together is written in one transaction. When the last of them is lost in a power cut, the log's
own tail says what was handed on after the one before: see :mod:`stockade.intake.handover`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Lock
from typing import Final

from stockade.errors import ConfigurationError, Unavailable

TABLES: Final = """
CREATE TABLE IF NOT EXISTS place (source TEXT PRIMARY KEY, place TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS handed (id BLOB PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS handed_at ON handed (at);
CREATE TABLE IF NOT EXISTS mark (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL);
"""
AT_ONCE: Final = 500
"""Identities that are asked for in one statement."""


class Ledger:
    """An SQLite file that one process has open. Safe for any number of threads."""

    def __init__(self, path: Path) -> None:
        """Open it, and make it when it is not there. Raises Unavailable while another process has it open."""
        self.path = path
        self._lock = Lock()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._db = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(TABLES)
        except OSError as error:
            raise ConfigurationError(f"the ledger {path} cannot be made: {error.strerror}") from error
        except sqlite3.OperationalError as error:
            raise Unavailable(
                f"the ledger {path} cannot be opened: {error}", remedy="One intake at a time may have it open."
            ) from error
        except sqlite3.DatabaseError as error:
            raise ConfigurationError(
                f"{path} is no ledger of an intake: {error}",
                remedy="Move it away: the intake reads the whole log once, and takes in nothing twice.",
            ) from error

    @property
    def mark(self) -> int:
        """The number of the log's entry up to which all that was taken in is remembered here."""
        with self._lock:
            found = self._db.execute("SELECT number FROM mark").fetchone()
        return int(found[0]) if found else 0

    def place(self, source: str) -> str | None:
        """How far a source was read, in its receiver's own words."""
        with self._lock:
            found = self._db.execute("SELECT place FROM place WHERE source = ?", (source,)).fetchone()
        return str(found[0]) if found else None

    def known(self, ids: Iterable[bytes]) -> set[bytes]:
        """Those of some identities that were handed on."""
        asked, found = list(ids), set[bytes]()
        with self._lock:
            for at in range(0, len(asked), AT_ONCE):
                some = asked[at : at + AT_ONCE]
                marks = ",".join("?" * len(some))
                rows = self._db.execute(f"SELECT id FROM handed WHERE id IN ({marks})", some)  # noqa: S608  only marks
                found.update(row[0] for row in rows)
        return found

    def write(self, ids: Iterable[bytes], *, at: float, mark: int, places: Mapping[str, str] | None = None) -> None:
        """Remember, in one step, what was handed on at a time (seconds since the epoch) and how far was read."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT OR IGNORE INTO handed VALUES (?, ?)", [(each, at) for each in ids])
            self._db.executemany("INSERT OR REPLACE INTO place VALUES (?, ?)", list((places or {}).items()))
            self._db.execute("INSERT OR REPLACE INTO mark VALUES (1, ?)", (mark,))

    def forget(self, *, before: float, most: int) -> int:
        """Forget what was handed on before a time, and of more than ``most`` the oldest; answers how many that were."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            gone = self._db.execute("DELETE FROM handed WHERE at < ?", (before,)).rowcount
            (count,) = self._db.execute("SELECT count(*) FROM handed").fetchone()
            if count > most:
                oldest = "DELETE FROM handed WHERE id IN (SELECT id FROM handed ORDER BY at LIMIT ?)"
                gone += self._db.execute(oldest, (count - most,)).rowcount
        return gone

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()
