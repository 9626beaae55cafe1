"""JSON lines: the entry as the log has it, with the name of its log."""

from __future__ import annotations

from stockade.events import Entry
from stockade.search.formats.plain import on_a_line, rfc3339


def as_json(entry: Entry) -> dict[str, object]:
    """The entry as an object of JSON."""
    event = entry.event
    return {
        "entry": str(entry),
        "origin": entry.origin,
        "seq": entry.index,
        "time": rfc3339(event.time),
        "recorded": rfc3339(entry.recorded),
        "action": event.action,
        "actor": None if event.actor is None else str(event.actor),
        "target": None if event.target is None else str(event.target),
        "source": event.source,
        "outcome": event.outcome,
        "details": event.details,
    }


def line(entry: Entry) -> str:
    """The entry on a line."""
    return on_a_line(as_json(entry))
