"""Zeek's logs, read by the database itself. It says the same of a record as the reader of lines does."""

# ruff: noqa: S608  what is put into a query is made of names and numbers of ours; values are handed over

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from stockade.host.traffic.flow import LONGEST
from stockade.host.traffic.formats.zeek import FAILED, FIELDS, UNSET, layer_of
from stockade.host.traffic.table import COUNTER, LENGTH, SANE, Table

ALL: Final = tuple(dict.fromkeys([*(name for names in FIELDS.values() for name in names), "qtype_name", "status_code"]))
EMPTY: Final = "''"
MARKS: Final = {
    "connection": ("conn_state", "orig_pkts"),
    "dns": ("query", "qtype_name"),
    "http": ("uri", "status_code"),
    "tls": ("server_name", "cipher"),
}
"""Which fields tell the logs apart, in the order in which they are asked."""


class Log(NamedTuple):
    """In SQL: where a log is read from, which fields it has, and what tells its layer."""

    source: str
    names: tuple[str, ...]
    layer: str


def json(table: Table, path: Path, *, gzip: bool, most: int) -> tuple[int, int]:
    """Add what a file of JSON objects holds; answers how many records, and how many lines were damaged."""
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in ALL)
    source = (
        "read_json(?, format='newline_delimited', ignore_errors=true, maximum_object_size=4194304, "
        f"compression='{'gzip' if gzip else 'none'}', columns={{{columns}}})"
    )
    return _added(table, path, most, Log(source, ALL, f"CASE {' '.join(map(_case, MARKS))} ELSE 'connection' END"))


def _case(layer: str) -> str:
    there = " OR ".join(f'"{mark}" IS NOT NULL' for mark in MARKS[layer])
    return f"WHEN {there} THEN '{layer}'"


def tabbed(table: Table, path: Path, names: tuple[str, ...], *, gzip: bool, most: int) -> tuple[int, int]:
    """Add what a tab-separated file holds whose ``#fields`` are these."""
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
    source = (
        "read_csv(?, auto_detect=false, header=false, delim='\t', quote='', escape='', comment='#', "
        f"null_padding=false, ignore_errors=true, store_rejects=true, max_line_size=4194304, "
        f"compression='{'gzip' if gzip else 'none'}', columns={{{columns}}})"
    )
    table.run("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    count, damaged = _added(table, path, most, Log(source, names, f"'{layer_of(names)}'"))
    return count, damaged + table.one("SELECT count(DISTINCT line) FROM reject_errors")[0]


def _added(table: Table, path: Path, most: int, log: Log) -> tuple[int, int]:
    with path.open("rb") as file:  # by its number: a name may hold what DuckDB takes for a pattern
        asked = f"INSERT INTO flow SELECT {', '.join(_parts(log.names))}, {log.layer} FROM {log.source} LIMIT {most}"
        added: int = table.one(asked, [f"/proc/self/fd/{file.fileno()}"])[0]
    damaged: int = table.one(f"DELETE FROM flow WHERE NOT coalesce({SANE}, false)")[0]
    return added - damaged, damaged


def _parts(names: tuple[str, ...]) -> Iterator[str]:
    """What makes each part of a flow, in the order of ``COLUMNS``, but for the last."""
    unset = _quoted(UNSET)

    def said(part: str) -> str:
        there = [f"nullif({_unless(name, unset)}, '')" for name in FIELDS[part] if name in names]
        return f"coalesce({', '.join([*there, EMPTY])})"

    def text(part: str) -> str:
        return f"left({said(part)}, {LONGEST})"

    def counter(part: str) -> str:
        return COUNTER.format(f"try_cast({said(part)} AS BIGINT)")

    def port(part: str) -> str:
        return f"CASE WHEN try_cast({said(part)} AS BIGINT) BETWEEN 0 AND 65535 THEN {said(part)}::INTEGER ELSE 0 END"

    time = said("time")
    iso = f"epoch(try_cast({time} AS TIMESTAMP))"
    yield f"CASE WHEN contains({time}, 'T') THEN {iso} ELSE try_cast({time} AS DOUBLE) END"
    yield from (text("source"), text("destination"), port("destination_port"))
    yield f"coalesce(nullif({text('protocol')}, ''), CASE WHEN {_has('query', names)} THEN 'udp' ELSE 'tcp' END)"
    yield from (port("source_port"), LENGTH.format(f"try_cast({said('duration')} AS DOUBLE)"))
    yield from map(counter, ("out", "back", "packets_out", "packets_back"))
    yield from (text("state"), f"{said('state')} IN ({_quoted(FAILED)})")
    yield f"coalesce(nullif({text('service')}, ''), CASE WHEN {_has('query', names)} THEN 'dns' ELSE '' END)"
    yield from (f"lower({text('host')})", text("asked"), text("asked_type"))


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


def _unless(name: str, unset: str) -> str:
    return f'CASE WHEN "{name}" IN ({unset}) THEN \'\' ELSE "{name}" END'


def _has(name: str, names: tuple[str, ...]) -> str:
    return f'"{name}" IS NOT NULL' if name in names else "false"
