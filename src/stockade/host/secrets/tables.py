"""Columns of databases, looked through for secrets: each cell of a column that is named for that, read row by row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from stockade.events import Secret
from stockade.host.oddity import Unseen
from stockade.host.secrets import harmless
from stockade.host.secrets.found import Candidate, Grade, Place, Sighting, Where
from stockade.host.secrets.scanning import Scanner

AT_ONCE: Final = 500
"""Rows that are fetched at a time."""
LONGEST: Final = 1 << 20
"""Characters of a cell that are looked at."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where in a database secrets are kept. ``key`` names the column that tells a row; ``owner`` who is asked."""

    name: str
    url: str
    table: str
    columns: tuple[str, ...]
    key: str = "id"
    owner: str = ""


def scan(scanner: Scanner, columns: Columns) -> Iterator[Sighting | Unseen]:
    """The secrets of one table; nothing of it is changed. What cannot be read is said without a password in it, and
    once there are rows, without what the database says of them: it may quote one.
    """
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    begun = False
    try:
        for found in _rows(scanner, columns):
            begun = True
            yield found
    except SQLAlchemyError as error:
        told = error.orig if isinstance(error, DBAPIError) and error.orig else error
        reason = f"{type(told).__name__} while its rows were read" if begun else str(told).partition("\n")[0]
        yield Unseen(f"table {columns.table} of {columns.name}", reason, "Let Stockade read it, or mend the mapping.")


def _rows(scanner: Scanner, columns: Columns) -> Iterator[Sighting]:
    from sqlalchemy import column, create_engine, event, select, table

    engine = create_engine(_read_only(columns.url), hide_parameters=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _as_it_is)
    names = (columns.key, *columns.columns)
    schema, _, name = columns.table.rpartition(".")
    asked: Any = select(*(column(each) for each in names)).select_from(table(name, schema=schema or None))
    try:
        options: dict[str, Any] = {"stream_results": True, "yield_per": AT_ONCE}
        if engine.dialect.name == "postgresql":
            options["postgresql_readonly"] = True
        with engine.connect().execution_options(**options) as connection:
            for row in connection.execute(asked):
                for name, cell in zip(columns.columns, row[1:], strict=True):
                    yield from _cell(scanner, columns, name, str(row[0]), cell)
    finally:
        engine.dispose()


def _as_it_is(connection: Any, _record: object) -> None:
    """Texts come as they are, also those that are no UTF-8, of which SQLite's own words would quote the value."""
    connection.text_factory = lambda octets: octets.decode("utf-8", "surrogateescape")


def _read_only(url: str) -> Any:
    """The URL, so that SQLite neither makes nor changes the file."""
    from sqlalchemy import make_url

    read = make_url(url)
    if read.get_backend_name() == "sqlite" and read.database and not read.database.startswith("file:"):
        return read.set(database=f"file:{read.database}", query={"mode": "ro", "uri": "true"})
    return read.set(drivername="postgresql+psycopg") if read.drivername == "postgresql" else read


def _cell(scanner: Scanner, columns: Columns, name: str, row: str, cell: object) -> Iterator[Sighting]:
    """A cell is searched as any text; where nothing in it has a form that is known, all of it is the secret."""
    text = cell.decode("utf-8", "surrogateescape") if isinstance(cell, bytes) else str(cell or "")
    text = text[:LONGEST]
    place = Place(Where.DATABASE, f"{columns.name}:{columns.table}", name, f"row {row}", columns.owner)
    found = [
        each for each in scanner.look(text, f"database:{columns.name}", whole=False) if each.grade is not Grade.NOTE
    ]
    if not found and len(text) >= harmless.SHORTEST:
        why = harmless.by_value(text)
        found = [Candidate("secret in a database", Secret(text), 0, name, Grade.NOTE if why else Grade.LIKELY, why)]
    for each in found:
        yield scanner.sighting(each, place)
