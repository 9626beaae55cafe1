"""Looks through a whole log for events of an action, so that somebody can say that there are none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

from stockade.audit.absence import Absence
from stockade.audit.checkpoint import Checkpoint
from stockade.audit.keys import PublicKey
from stockade.audit.layout import read_tile
from stockade.audit.prove import newest_head
from stockade.audit.reading import entries
from stockade.audit.tiles import roots_from
from stockade.audit.verify import verify
from stockade.errors import ConfigurationError, Refused


def absence(log: Path, action: str, start: int, end: int | None, keys: Sequence[PublicKey]) -> Absence:
    """That entries ``start`` up to ``end``, or to the last signed one, hold no such action; the log is verified first.

    Raises Refused when one does, naming it; Tampered when the log is not what was signed; ConfigurationError for a
    range that is not signed.
    """
    head, _ = newest_head(log)
    end = head.size if end is None else end
    if not 0 <= start <= end <= head.size:
        raise ConfigurationError(f"entries {start} to {end} are not all signed: {head.size} are")
    roots = roots_from(lambda path: read_tile(log, path), head.size)
    statement = Absence(action, *(Checkpoint(head.origin, size, roots(0, size)) for size in (start, end)))
    look_again(log, statement, keys)
    return statement


def look_again(log: Path, statement: Absence, keys: Sequence[PublicKey]) -> None:
    """Raises Refused at an entry that the statement denies, Tampered when the log is not the one it speaks of."""
    verify(log, keys, remembered=[statement.start, statement.end])
    for entry in entries(log, statement.start.size, statement.end.size):
        if fnmatchcase(entry.event.action, statement.action):
            message = f"entry {entry.index} is {entry.event.action}"
            raise Refused(
                f"such an event is there: {message}", remedy=f"See it with: stockade audit prove {entry.index}"
            )


def size_at(log: Path, moment: str) -> int:
    """How many entries were recorded before a moment in RFC 3339, or a date. Raises ConfigurationError for others."""
    try:
        asked = datetime.fromisoformat(moment)
    except ValueError:
        remedy = "Write the number of an entry, a date such as 2026-11-01, a time in RFC 3339, or the file of a head."
        raise ConfigurationError(f"not a point in the log: {moment!r}", remedy=remedy) from None
    seconds = (asked if asked.tzinfo else asked.replace(tzinfo=UTC)).timestamp()
    head, _ = newest_head(log)
    return next((entry.index for entry in entries(log, 0, head.size) if entry.recorded >= seconds), head.size)
