"""Searching the audit log as it is written in a configuration: where the index is kept."""

# ruff: noqa: RUF009  a field that is a setting is made by a call, and is a plain dataclass field

from __future__ import annotations

from dataclasses import dataclass

from stockade.config.kinds import DATABASE
from stockade.config.secrets import Url
from stockade.config.tables import setting


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """How the audit log is searched."""

    index: Url | None = setting(
        DATABASE,
        "Where the index is kept; several nodes may share one in PostgreSQL. It can be made anew at will.",
        None,
        shown_default="search.db in the state directory",
    )
