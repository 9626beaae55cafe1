"""What the formats share: times in UTC, texts that any program can read, JSON on a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Final

RELEASE: Final = version("stockade")
"""Of the program that says all this."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
FIRST: Final = datetime(1, 1, 1, tzinfo=UTC)
LAST: Final = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


def rfc3339(seconds: float) -> str:
    """A moment to the microsecond in UTC; one beyond the years 1 to 9999 becomes the nearest within."""
    try:
        moment = EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        moment = LAST if seconds > 0 else FIRST
    return moment.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def milliseconds(seconds: float) -> int:
    """A moment in milliseconds since the epoch."""
    return round(seconds * 1000)


def clean(text: str) -> str:
    """A text without halves of characters, which are no Unicode."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def on_a_line(value: Mapping[str, object]) -> str:
    """JSON on one line, ASCII only, so that nothing in it ends the line or moves a cursor."""
    return json.dumps(value, separators=(",", ":"), default=str) + "\n"


def without_nothing(fields: Mapping[str, object]) -> dict[str, object]:
    """Only the fields that say something."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def readable(fields: Mapping[str, object]) -> dict[str, object]:
    """Only the fields that say something, with every text in them clean."""
    return {clean(name): _clean(value) for name, value in without_nothing(fields).items()}


def _clean(value: object) -> object:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(str(name)): _clean(each) for name, each in value.items()}
    return [_clean(each) for each in value] if isinstance(value, (list, tuple)) else value
