"""What the records say of one address or zone: for whoever looks closer."""

# ruff: noqa: S608  what is put into a query is made of names and numbers of ours; values are handed over

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from stockade.host.traffic import asking
from stockade.host.traffic.conversation import Conversation
from stockade.host.traffic.places import Places
from stockade.host.traffic.reviewing import gathered
from stockade.host.traffic.table import table
from stockade.lines.stamps import Dating

SHOWN: Final = 50


def told(
    files: Sequence[Path], places: Places, dating: Dating, format_: str, about: str
) -> tuple[list[Conversation], list[tuple[str, int]]]:
    """The busiest conversations of an address, or with a name; the names asked for below a zone, with how often.

    Raises ConfigurationError for a file that cannot be read.
    """
    with table() as held:
        gathered(held, files, dating, format=format_)
        asking.prepare(held, places)
        calls = held.run(
            f"SELECT {asking.FIELDS} FROM conversation WHERE ? IN (src, dst, host) ORDER BY n DESC, dst LIMIT {SHOWN}",
            [about],
        )
        below = f".{about.strip('.').lower()}"
        names = held.run(
            f"""SELECT asked, count(*) FROM flow WHERE ends_with('.' || lower(rtrim(asked, '.')), ?)
            GROUP BY asked ORDER BY 2 DESC, 1 LIMIT {SHOWN}""",
            [below],
        )
    return [Conversation(*row) for row in calls], [(name, count) for name, count in names]
