"""The directory's database: which URLs name one, and on what terms it is spoken to."""

from __future__ import annotations

from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError

from stockade.errors import ConfigurationError
from stockade.sql import POSTGRESQL, Terms
from stockade.sql import Database as Pool

PATIENCE: Final = 5.0
"""Seconds to wait for a connection or for another process's lock."""
TERMS: Final = Terms(
    called="the directory's database",
    remedy="See that it runs, can be reached, and has been migrated.",
    patience=PATIENCE,
    pragmas=(
        "foreign_keys = ON",
        "synchronous = FULL",  # a block that was acknowledged survives a power cut
    ),
    postgresql={"application_name": "stockade"},
    lets_through=(IntegrityError,),
)
_DRIVERS: Final = {"sqlite": "sqlite", "postgresql": POSTGRESQL, "postgres": POSTGRESQL}


class Database(Pool):
    """One database by URL: ``sqlite:////path/to/file`` or ``postgresql://user@host/name``.

    Raises ConfigurationError for a URL that names neither. A broken constraint comes through as SQLAlchemy's
    IntegrityError, for the caller knows what it means.
    """

    def __init__(self, url: str) -> None:
        super().__init__(_parsed(url), TERMS)


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
