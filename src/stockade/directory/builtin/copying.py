"""A directory copied for a trial: everybody and everything is there, and no secret of the original opens anything."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import func, insert, select

from stockade.directory.builtin.register import Register
from stockade.directory.builtin.schema import metadata

_CHUNK: Final = 2_000
_NOUNS: Final = {"variables": "variable", "webhooks": "webhook", "mirrors": "mirror", "factors": "factor"}


def copied(source: Register, target: Register) -> dict[str, int]:
    """Fill the empty ``target`` with what ``source`` has; how many rows of what.

    Digests become those of nothing, sealed values others, passwords none: who reads the copy learns no secret.
    """
    counts = {}
    with target._database.writing() as sql:
        for table in metadata.sorted_tables:
            rows = [_without_secrets(table.name, row, target._sealing.seal) for row in _rows(source, table)]
            for at in range(0, len(rows), _CHUNK):
                sql.execute(insert(table), rows[at : at + _CHUNK])
            if rows and "id" in table.c and sql.dialect.name == "postgresql":
                sql.execute(select(func.setval(func.pg_get_serial_sequence(table.name, "id"), rows[-1]["id"])))
            counts[table.name] = len(rows)
    return counts


def _rows(source: Register, table: Any) -> Iterator[dict[str, Any]]:
    with source._database.reading() as sql:
        rows = sql.execute(select(table).order_by(*table.primary_key.columns)).mappings().all()
    return (dict(row) for row in rows)


def _without_secrets(table: str, row: Mapping[str, Any], seal: Callable[[str, str], str]) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    for column in {"digest", "refresh", "family", "handle"} & row.keys():
        if row[column] is not None:
            changed[column] = sha256(secrets.token_bytes(32)).hexdigest()
    if row.get("sealed") is not None:
        changed["sealed"] = seal(secrets.token_urlsafe(24), f"{_NOUNS.get(table, table)}/{row['id']}")
    if "password" in row:
        changed["password"] = None
    return {**row, **changed}
