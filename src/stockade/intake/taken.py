"""What a reader makes of one foreign line or object, and how it refuses one."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from stockade.events import Event

MAX_LINE: Final = 262_144
"""Octets of a line, or of an object within a delivery, that are read at most."""


class Unreadable(ValueError):
    """A line that a reader cannot make sense of: its one refusal, whatever the line may hold."""


class Taken(NamedTuple):
    """An event, and the identity that its own system gave it; empty where it gave none."""

    event: Event
    id: str = ""


Read = Callable[[str], Sequence[Taken]]
"""``read(text)``: what a line says. Empty for one that is understood and tells of nothing, such as a comment.

Raises Unreadable, and nothing else. A reader may remember a little of the lines before: it is made anew for every
source.
"""


def json_object(text: str) -> dict[str, Any]:
    """The JSON object (RFC 8259) that a line is. Raises Unreadable when it is something else."""
    found = json_value(text)
    if not isinstance(found, dict):
        raise Unreadable("JSON, and not an object")
    return found


def json_value(text: str | bytes) -> Any:
    """Any JSON value. Raises Unreadable."""
    try:
        return json.loads(text)
    except RecursionError:
        raise Unreadable("JSON that is nested too deep") from None
    except ValueError as error:
        raise Unreadable(f"not JSON: {str(error)[:80]}") from None
