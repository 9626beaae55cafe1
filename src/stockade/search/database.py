"""The database of an index: a file of SQLite, or PostgreSQL by its URL."""

from __future__ import annotations

from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from stockade.errors import ConfigurationError
from stockade.sql import POSTGRESQL, Terms
from stockade.sql import Database as Pool

TERMS: Final = Terms(
    called="the index",
    remedy="See that it can be reached and written; an index that is broken may be deleted and is made anew.",
    patience=10.0,
    pragmas=(
        "journal_mode = WAL",
        "synchronous = NORMAL",  # what a power cut takes away is indexed again
        "cache_size = -65536",  # 64 MiB
    ),
    # nothing is prepared: a plan has to be made for the tokens that are asked for, and not for any
    postgresql={"application_name": "stockade search", "prepare_threshold": None},
    lock="stockade.search",  # one at a time, whoever indexes
)
_SCHEMES: Final = ("postgresql://", "postgres://", "postgresql+psycopg://")
_FILE: Final = "sqlite:///"
_REMEDY: Final = "Write postgresql://user@host/name, or the name of a file."


class Database(Pool):
    """``where`` is a file, ``sqlite:///`` and a file, or ``postgresql://user@host/name``. Raises ConfigurationError."""

    def __init__(self, where: str) -> None:
        super().__init__(_server(where) if where.startswith(_SCHEMES) else _file(where), TERMS)


def _server(where: str) -> URL:
    try:
        return make_url(where).set(drivername=POSTGRESQL)
    except (ArgumentError, ValueError) as error:
        raise ConfigurationError("this is not the URL of a database for an index", remedy=_REMEDY) from error


def _file(where: str) -> URL:
    path = where.removeprefix(_FILE)
    if "://" in path:
        raise ConfigurationError(f"{path.partition('://')[0]}:// is no database for an index", remedy=_REMEDY)
    return URL.create("sqlite", database=path)
