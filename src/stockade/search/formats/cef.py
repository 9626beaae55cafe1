"""CEF, ArcSight's Common Event Format, revision 25: one header, then extensions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from stockade.actions import BEHAVIOUR_OF, UNKNOWN, VOCABULARY, Behaviour
from stockade.events import Entry, Event, Ref
from stockade.search.formats.plain import RELEASE, clean, milliseconds
from stockade.search.said import address

SEVERITIES: Final[Mapping[str, int]] = {"informational": 1, "low": 3, "medium": 5, "high": 8, "critical": 10}
LONGEST: Final = 1023
"""Characters of ``msg`` (CEF, "Producer Dictionary")."""


def line(entry: Entry) -> str:
    """The entry in CEF, without the header of syslog."""
    event = entry.event
    behaviour = BEHAVIOUR_OF.get(event.action, Behaviour.LOG)
    meaning = VOCABULARY[behaviour].get(event.action, VOCABULARY[Behaviour.LOG][UNKNOWN])
    head = ["CEF:0", "Stockade", "Stockade", RELEASE, event.action, meaning, str(severity(event))]
    return "|".join([head[0], *map(_header, head[1:])]) + "|" + _extensions(_fields(entry, behaviour)) + "\n"


def severity(event: Event) -> int:
    """From 0 to 10: what a finding says; else what did not succeed is a little worse."""
    said = event.details.get("severity") if event.action == "finding.create" else None
    return SEVERITIES.get(str(said), 1 if event.outcome == "success" else 3)


def _fields(entry: Entry, behaviour: Behaviour) -> dict[str, object]:
    event = entry.event
    place = address(event.source)
    return {
        "rt": milliseconds(entry.recorded),
        "end": milliseconds(event.time),
        "externalId": str(entry),
        "cat": behaviour.value,
        "act": event.action,
        "outcome": event.outcome,
        "src" if place is not None and place.version == 4 else "shost": None if _is_v6(event) else event.source,
        **({"c6a2Label": "Source IPv6 Address", "c6a2": str(place)} if _is_v6(event) else {}),
        **_user("s", event.actor),
        **_user("d", event.target),
        "dvchost": entry.origin,
        "msg": json.dumps(event.details, default=str)[:LONGEST] if event.details else None,
    }


def _is_v6(event: Event) -> bool:
    place = address(event.source)
    return place is not None and place.version == 6


def _user(side: str, ref: Ref | None) -> dict[str, object]:
    """``suser`` did it; ``duser`` is to whom it was done, and what is no user is a resource of its own."""
    if ref is None:
        return {}
    if ref.kind == "user" or side == "s":
        return {f"{side}user": ref.id, f"{side}uid": str(ref)}
    return {"cs1Label": "target", "cs1": str(ref)}


def _header(text: str) -> str:
    return _one_line(text).replace("\\", "\\\\").replace("|", "\\|")


def _extensions(fields: Mapping[str, object]) -> str:
    written = [f"{name}={_value(str(value))}" for name, value in fields.items() if value not in (None, "")]
    return " ".join(written)


def _value(text: str) -> str:
    kept = text.replace("\\", "\\\\").replace("=", "\\=").replace("\r", "\\r").replace("\n", "\\n")
    return _one_line(kept)


def _one_line(text: str) -> str:
    """Without control characters, of which some programs take others than a newline for the end of a line."""
    return "".join(c if c.isprintable() else " " for c in clean(text))
