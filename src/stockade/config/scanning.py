"""Where secrets are looked for, as it is written in a configuration: paths, and columns of databases."""

# ruff: noqa: RUF009  a field that is a setting is made by a call, and is a plain dataclass field

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from stockade.config.kinds import DATABASE
from stockade.config.secrets import Url
from stockade.config.tables import named_tables, setting
from stockade.config.values import FLAG, TEXT, TEXTS

PATHS: Final = (
    *(
        "/etc",
        "/home",
        "/opt",
        "/root",
        "/srv",
        "/usr/local/etc",
        "/var/lib",
        "/var/opt",
        "/var/spool/cron",
        "/var/www",
    ),
)


@dataclass(frozen=True, kw_only=True)
class SecretColumns:
    """Columns of a table in which secrets are kept, in clear or hashed; they are read, and never changed."""

    name: str = setting(TEXT, "What the database is called.")
    url: Url = setting(DATABASE, "Where it is.")
    table: str = setting(TEXT, "The table; with its schema, `auth.users`, where it has one.")
    columns: tuple[str, ...] = setting(TEXTS, "The columns that hold secrets.")
    key: str = setting(TEXT, "The column that tells a row.", "id")
    owner: str = setting(TEXT, "Who is asked about them.", "")


@dataclass(frozen=True, kw_only=True)
class SecretsSettings:
    """What `stockade secrets scan` looks through unless it is told paths."""

    paths: tuple[str, ...] = setting(TEXTS, "Files and folders; those that are not there are passed over.", PATHS)
    exclude: tuple[str, ...] = setting(TEXTS, "Files and folders that are left out.", ())
    environment: bool = setting(FLAG, "Look at the environments of processes too.", default=True)
    history: bool = setting(FLAG, "Look at the histories of the Git repositories that are met.", default=True)
    database: tuple[SecretColumns, ...] = setting(
        named_tables(SecretColumns, "[[secrets.database]]"),
        "Columns of databases, each under `[[secrets.database]]`.",
        (),
    )
