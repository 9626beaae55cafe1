"""The records of a review in a database of its own (DuckDB, on disk, in a folder that is gone afterwards).

Zeek's logs are read by the database itself, many times faster than by lines; all others by their readers.
"""

from __future__ import annotations

import csv
import itertools
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import duckdb

from stockade.errors import Unavailable
from stockade.host.traffic.flow import BIGGEST, LONGEST_TIME, Flow
from stockade.lines.stamps import LAST

COLUMNS: Final = (
    *("t DOUBLE", "src VARCHAR", "dst VARCHAR", "dport INTEGER", "proto VARCHAR", "sport INTEGER", "dur DOUBLE"),
    *("sent BIGINT", "got BIGINT", "psent BIGINT", "pgot BIGINT", "state VARCHAR", "failed BOOLEAN"),
    *("service VARCHAR", "host VARCHAR", "asked VARCHAR", "asked_type VARCHAR", "layer VARCHAR"),
)
"""One for each part of a ``Flow``, in their order."""
MEMORY: Final = "400MB"
"""What DuckDB may hold in memory; beyond it, it writes to its folder."""
DISK: Final = "20GB"
BATCH: Final = 50_000
"""Flows that are written to the database at once."""
DIALECT: Final = "delim=',', quote='\"', escape='\"'"
NOTHING: Final = "\\N"
BREAKS: Final = str.maketrans({"\n": " ", "\r": " ", "\0": " "})


class Table:
    """All flows of a review. ``whole`` says that records of connections are among Zeek's logs, so that those of what
    was said within them count no connection twice.
    """

    def __init__(self, folder: Path, *, memory: str = MEMORY, threads: int = 2) -> None:
        self.folder, self.whole = folder, False
        limits = {"memory_limit": memory, "threads": str(threads), "max_temp_directory_size": DISK}
        closed = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
        settings: dict[str, str | bool | int | float | list[str]] = {
            **limits,
            **closed,
            "temp_directory": str(folder / "spill"),
            "preserve_insertion_order": "false",
        }
        self._database = duckdb.connect(str(folder / "flows.duckdb"), config=settings)
        self.run(f"CREATE TABLE flow ({', '.join(COLUMNS)})")

    def run(self, query: str, given: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """What a query answers."""
        return self._database.execute(query, list(given)).fetchall()

    def one(self, query: str, given: Sequence[object] = ()) -> tuple[Any, ...]:
        """The one row that a query answers."""
        return self.run(query, given)[0]

    def add(self, flows: Iterable[Flow]) -> int:
        """Add flows; answers how many."""
        flows, count = iter(flows), 0
        while batch := list(itertools.islice(flows, BATCH)):
            self.fill("flow", batch, COLUMNS)
            count += len(batch)
        return count

    def fill(self, table: str, rows: Iterable[Sequence[object]], columns: Sequence[str]) -> None:
        """Add rows to a table. They go by way of a file, which DuckDB reads far faster than it takes values."""
        with tempfile.NamedTemporaryFile("w", dir=self.folder, suffix=".csv", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(map(_written, row) for row in rows)
            file.flush()
            typed = ", ".join(f"'{name}': '{kind}'" for name, kind in (column.split() for column in columns))
            source = (
                f"read_csv(?, auto_detect=false, header=false, nullstr='{NOTHING}', {DIALECT}, columns={{{typed}}})"
            )
            self.run(f"INSERT INTO {table} SELECT * FROM {source}", [file.name])  # noqa: S608

    def close(self) -> None:
        """Let go of it."""
        self._database.close()


TooMuch = duckdb.OutOfMemoryException
"""A question that cannot be answered within the memory that a table may have."""


@contextmanager
def table(*, memory: str = MEMORY, threads: int = 2) -> Iterator[Table]:
    """A table in a folder of its own, which goes with it. What the database cannot do is raised as Unavailable."""
    with tempfile.TemporaryDirectory(prefix="stockade-traffic-") as folder:
        made = Table(Path(folder), memory=memory, threads=threads)
        try:
            yield made
        except duckdb.Error as error:
            said = str(error).partition("\n")[0][:300]
            remedy = f"See whether {folder} has room (TMPDIR says where it is), and look at fewer records at once."
            raise Unavailable(f"the records cannot be looked at: {said}", remedy=remedy) from error
        finally:
            made.close()


def _written(value: object) -> object:
    """Nothing is told from an empty text. Line breaks only a writer who means harm would have brought in."""
    if value is None:
        return NOTHING
    return value.translate(BREAKS) if isinstance(value, str) else value


SANE: Final = f"t >= 0 AND t < {LAST} AND src <> '' AND dst <> ''"
"""What must hold of a record for it to be one."""
LENGTH: Final = f"CASE WHEN {{0}} >= 0 AND {{0}} < {LONGEST_TIME:.0f} THEN {{0}} END"
COUNTER: Final = f"CASE WHEN {{0}} BETWEEN 0 AND {BIGGEST} THEN {{0}} END"
