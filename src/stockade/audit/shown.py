"""Whether an index, or any copy that was made of a log's entries, still shows what the log holds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from stockade.audit.reading import entries
from stockade.errors import Tampered
from stockade.events import Entry

REMEDY = "An index proves nothing: make it anew from the log, and find out who could write it."


def compare_shown(log: Path, shown: Iterable[Entry]) -> int:
    """How many entries are shown; as many as the log has must be, and each as it is there, in any order.

    Raises Tampered naming the first entry that is shown otherwise, that is missing, or that the log does not have.
    """
    by_number = {entry.index: entry for entry in shown}
    number = -1
    for number, entry in enumerate(entries(log, 0)):
        other = by_number.pop(number, None)
        if other is None:
            raise Tampered(f"entry {number} is in the log and is not shown", remedy=REMEDY)
        if (other.recorded, other.event) != (entry.recorded, entry.event):
            raise Tampered(f"entry {number} is shown otherwise than it is in the log", remedy=REMEDY)
    if by_number:
        raise Tampered(f"entry {min(by_number)} is shown and is not in the log", remedy=REMEDY)
    return number + 1
