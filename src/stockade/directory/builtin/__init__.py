"""The built-in directory: our own accounts in SQL, one file for each noun."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from stockade.directory.accounts import SYSTEM
from stockade.directory.builtin.applications import Applications
from stockade.directory.builtin.automation import Automation
from stockade.directory.builtin.by_key import ByKey
from stockade.directory.builtin.contacts import Contacts
from stockade.directory.builtin.factor_policy import FactorPolicy
from stockade.directory.builtin.factors import Factors
from stockade.directory.builtin.founding import Founding
from stockade.directory.builtin.grants import Grants
from stockade.directory.builtin.keys import Keys
from stockade.directory.builtin.lasting import Lasting
from stockade.directory.builtin.people import People
from stockade.directory.builtin.resets import Resets
from stockade.directory.builtin.rotating import Rotating
from stockade.directory.builtin.runners import Runners
from stockade.directory.builtin.shared import Shared
from stockade.directory.builtin.signing_in import SigningIn
from stockade.directory.builtin.variables import Variables
from stockade.directory.builtin.version import is_current
from stockade.directory.builtin.whose import Whose

__all__ = ["BuiltinDirectory"]


class BuiltinDirectory(
    People,
    SigningIn,
    Rotating,
    Factors,
    FactorPolicy,
    Resets,
    ByKey,
    Keys,
    Variables,
    Runners,
    Automation,
    Applications,
    Grants,
    Contacts,
    Whose,
    Lasting,
    Founding,
    Shared,
):
    """Accounts, credentials and projects in SQLite or PostgreSQL; synchronous, and safe to use from many threads.

    ``url`` is ``sqlite:////path/to/file`` or ``postgresql://user@host/name``; ``record`` hears an Event of everything
    that happens, and ``insist``, where given, of what changes an account, before it does: when it raises StockadeError,
    nothing changes. ``clock`` tells the seconds since the epoch where a method is not told. Call
    ``migrate`` before the first use. Every method may raise Unavailable; the constructor raises ConfigurationError.
    """

    system: str = SYSTEM

    def migrate(self) -> None:
        """Bring the database to this release's schema; harmless when it is, and when several processes do so at once.

        Raises ConfigurationError when a newer release has been there.
        """
        if is_current(self._database):
            return
        from stockade.directory.builtin.migrate import (
            migrate,
        )  # Alembic takes long to import, and few processes migrate

        migrate(self._database)

    def close(self) -> None:
        """Close the connections; the directory opens new ones when used again."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
