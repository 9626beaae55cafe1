"""How much of a line is read, what it is when it is JSON, and the one way in which a line is refused."""

from __future__ import annotations

import json
from typing import Any, Final

MAX_LINE: Final = 262_144
"""Octets of a line, or of an object within a delivery, that are read at most."""


class Unreadable(ValueError):
    """A line that a reader cannot make sense of: its one refusal, whatever the line may hold."""


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
