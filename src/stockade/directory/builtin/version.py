"""Whether a database has the newest schema already: asked at every start, and answered without Alembic, whose import
takes longer than most commands.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sqlalchemy import inspect, text

from stockade.directory.builtin.database import Database
from stockade.errors import Unavailable

VERSIONS = Path(__file__).parent.parent / "migrations" / "versions"


def is_current(database: Database) -> bool:
    """Whether no migration is left to run; False also where that cannot be told, and whoever migrates says why."""
    try:
        with database.reading() as sql:
            known = inspect(sql).has_table("alembic_version")
            return known and sql.scalar(text("SELECT version_num FROM alembic_version")) == newest()
    except Unavailable:
        return False


@cache
def newest() -> str:
    """The newest revision of this release: ``0003`` of ``v0003_second_step.py``."""
    return max(path.name[1:5] for path in VERSIONS.glob("v*.py"))
