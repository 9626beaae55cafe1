"""JSON lines for Timesketch: ``message``, ``datetime`` and ``timestamp_desc``, and all else as attributes."""

from __future__ import annotations

from stockade.actions import BEHAVIOUR_OF, UNKNOWN
from stockade.events import Entry
from stockade.search.formats.plain import on_a_line, rfc3339, without_nothing
from stockade.search.said import leaves, micros


def as_timesketch(entry: Entry) -> dict[str, object]:
    """The entry with what Timesketch asks for (its guide, "Create timeline from JSON/JSONL/CSV file")."""
    event = entry.event
    details: dict[str, object] = {}
    for path, value in leaves(event.details):
        name = "details_" + path.replace(".", "_").replace(" ", "_")
        details[name] = f"{details[name]}, {value}" if name in details else value
    return {
        "message": message(entry),
        "datetime": rfc3339(event.time).removesuffix("Z") + "+00:00",
        "timestamp": micros(event.time),
        "timestamp_desc": "Event Logged",
        "data_type": "stockade:audit:entry",
        **without_nothing(
            {
                "entry": str(entry),
                "recorded": rfc3339(entry.recorded),
                "action": event.action,
                "behaviour": BEHAVIOUR_OF.get(event.action),
                "outcome": event.outcome,
                "actor": None if event.actor is None else str(event.actor),
                "username": event.actor.id if event.actor is not None and event.actor.kind == "user" else None,
                "target": None if event.target is None else str(event.target),
                "source_ip": event.source,
            }
        ),
        **details,
    }


def message(entry: Entry) -> str:
    """The entry in a sentence."""
    event = entry.event
    said = [*([str(event.actor)] if event.actor is not None else []), event.action or UNKNOWN]
    said += [str(event.target)] if event.target is not None else []
    said += [f"from {event.source}"] if event.source else []
    return " ".join(said) + ("" if event.outcome == "success" else f" ({event.outcome})")


def line(entry: Entry) -> str:
    """The entry on a line."""
    return on_a_line(as_timesketch(entry))
