"""What an operator may set about searching."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PAGE: Final = 50


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """Where the index is kept, and how many entries a page shows.

    ``index`` is a file or the URL of a PostgreSQL database, ``postgresql://user@host/name``; the password stands in
    ``~/.pgpass`` or the file that ``PGPASSFILE`` names (libpq, "The Password File"), never in the URL.
    """

    index: str
    page: int = PAGE
