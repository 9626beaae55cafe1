"""What a Django site says of itself: its signals and its administration's log, handed over as plain objects.

::

    {"time": 1700000000.0, "name": "user_login_failed", "user": "alice", "address": "203.0.113.9"}
    {"time": …, "name": "change auth.user", "user": "root", "object": "7", "said": "Changed password."}

The receiver that makes them stands with the framework; here they are put into words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from stockade.events import Event
from stockade.intake import foreign
from stockade.intake.tables import NOTHING, table
from stockade.intake.taken import Read, Taken
from stockade.lines.line import Unreadable, json_object
from stockade.lines.stamps import LAST, Dating

SYSTEM: Final = "django"


def django(_dating: Dating) -> Read:
    """Such an object as a line of JSON."""

    def read(text: str) -> Sequence[Taken]:
        return [Taken(event_of(json_object(text)))] if text.strip() else ()

    return read


def event_of(said: Mapping[str, Any]) -> Event:
    """The event of one object. Raises Unreadable when it has no time or no name."""
    time, name = said.get("time"), said.get("name")
    if not isinstance(time, int | float) or isinstance(time, bool) or not 0 <= time < LAST:
        raise Unreadable("no time in seconds since the epoch")
    if not isinstance(name, str) or not name:
        raise Unreadable("no name of a signal")
    meaning = table("django").meaning(name)
    target = said.get("object")
    model = name.rpartition(" ")[2].rpartition(".")[2] if target is not None else ""
    details = foreign.fields(
        type=name,
        user_id=said.get("user_id"),
        path=said.get("path"),
        message=said.get("said"),
        object_name=said.get("object_name"),
        user_agent=said.get("user_agent"),
        whole=foreign.whole(said) if meaning == NOTHING else None,
    )
    return Event(
        time=float(time),
        action=meaning.action,
        actor=foreign.ref(SYSTEM, "user", said.get("user")),
        target=foreign.ref(SYSTEM, foreign.kind(model), target) if model else None,
        source=foreign.address(said.get("address") if isinstance(said.get("address"), str) else None),
        outcome=meaning.outcome,
        details=details,
    )
