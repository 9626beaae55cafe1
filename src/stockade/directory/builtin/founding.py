"""A made-up organisation entered into the directory, all at once, for trials and measurements."""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import dataclass
from random import Random
from typing import Final

from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import IntegrityError

from stockade.directory.accounts import CredentialKind
from stockade.directory.belongings import Belongings, Rows, Secrets, counted
from stockade.directory.builtin.register import Register
from stockade.directory.builtin.schema import metadata
from stockade.directory.organisation import organisation
from stockade.directory.refusals import NameTaken
from stockade.directory.secret import Secret
from stockade.directory.tokens import PREFIXES, digest, make_code, make_token
from stockade.errors import Refused
from stockade.events import Ref

CHUNK: Final = 2_000
"""Rows of one statement."""


@dataclass(frozen=True, slots=True)
class Founded:
    """How many rows of what there are now; ``password`` opens every person's account, and is told this once."""

    rows: dict[str, int]
    password: Secret
    seconds: float


class Founding(Register):
    """The directory filled for trials."""

    def found_organisation(
        self, people: int = 300, seed: int = 7, *, by: Ref | None = None, beside: bool = False
    ) -> Founded:
        """Enter a believable organisation; the same seed makes the same one, but for its secrets.

        Raises Refused in a directory that has people already, unless ``beside`` is said; NameTaken when they are of the
        same names; ConfigurationError for too few or too many people.
        """
        began, password = time.monotonic(), Secret(secrets.token_urlsafe(12))
        chance = Random(seed)  # noqa: S311  names and dates, no secrets
        made, source = organisation(people, self._clock(), chance), self._secrets(password)
        try:
            with self._changing() as change:
                last = _last(change.sql)
                if last["accounts"] and not beside:
                    raise Refused(
                        "somebody has an account in this directory already; nothing was entered",
                        remedy="Take an empty directory for a trial, or say --beside if you mean this one.",
                    )
                rows = Belongings(made, self._clock(), chance, source, last).fill()
                _enter(change.sql, rows)
                change.sql.exec_driver_sql("ANALYZE")  # both kinds plan by what they last looked at
                change.say("directory.seed", None, by=by, people=people, seed=seed, rows=counted(rows))
        except IntegrityError as error:
            raise NameTaken("account, group or project of the organisation", f"seed {seed}") from error
        return Founded(counted(rows), password, time.monotonic() - began)

    def _secrets(self, password: str) -> Secrets:
        hashed = self._passwords.hash(password, name="")

        def fresh(kind: CredentialKind | None) -> str:
            return digest(make_code() if kind is None or kind not in PREFIXES else make_token(kind))

        def sealed(purpose: str) -> tuple[str, str]:
            value = secrets.token_urlsafe(24)
            return self._sealing.seal(value, purpose), self._sealing.fingerprint(value)

        return Secrets(fresh, sealed, hashed, os.urandom)


def _last(sql: Connection) -> dict[str, int]:
    """The last number given in each table that numbers its rows."""
    return {
        table.name: sql.scalar(select(func.max(table.c.id))) or 0 for table in metadata.sorted_tables if "id" in table.c
    }


def _enter(sql: Connection, rows: Rows) -> None:
    """Insert the rows, those first that others refer to, and have the database go on counting behind them."""
    for table in metadata.sorted_tables:
        found = rows.get(table.name, [])
        for at in range(0, len(found), CHUNK):
            sql.execute(insert(table), found[at : at + CHUNK])
        if found and "id" in table.c and sql.dialect.name == "postgresql":
            sql.execute(select(func.setval(func.pg_get_serial_sequence(table.name, "id"), found[-1]["id"])))
