"""CSV (RFC 4180) for a spreadsheet, in which no cell is ever taken for a formula."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Final

from stockade.events import Entry
from stockade.search.formats.plain import clean, rfc3339

COLUMNS: Final = ("time", "recorded", "entry", "action", "outcome", "actor", "target", "source", "details")
FORMULA: Final = frozenset("=+-@\t\r\n|%")
"""What a cell must not begin with (OWASP, "CSV Injection"); an apostrophe goes before it."""


def _row(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue()


HEADING: Final = _row(COLUMNS)


def line(entry: Entry) -> str:
    """The entry as a row."""
    event = entry.event
    cells = [
        rfc3339(event.time),
        rfc3339(entry.recorded),
        str(entry),
        event.action,
        event.outcome,
        str(event.actor or ""),
        str(event.target or ""),
        event.source or "",
        json.dumps(event.details, default=str) if event.details else "",
    ]
    return _row([safe(cell) for cell in cells])


def safe(cell: str) -> str:
    """A cell that is text to every spreadsheet, also where spaces stand before what begins a formula; no NUL."""
    written = clean(cell).replace("\0", "\ufffd")
    begins = written[:1] or " ", written.lstrip(" \u00a0\ufeff")[:1] or " "
    return f"'{written}" if FORMULA.intersection(begins) else written
