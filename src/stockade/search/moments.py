"""Moments as somebody types them: ``7d``, ``1h30m``, ``yesterday``, ``09:30``, ``2026-11-01T09:30Z``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final

_SPANS: Final = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_PART = re.compile(r"(\d{1,9})(sec|min|[smhdw])")
_SPAN = re.compile(rf"(?:{_PART.pattern})+")
_CLOCK = re.compile(r"\d{1,2}:\d\d(?::\d\d)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LAST: Final = datetime(2106, 1, 1, tzinfo=UTC)


def moment(text: str, now: float, zone: tzinfo) -> datetime:
    """The moment that is meant, seen from ``now``; days and times of day are those of ``zone``.

    Raises ValueError for anything else, and beyond the years 1970 to 2105.
    """
    written, here = text.lower(), datetime.fromtimestamp(now, zone)
    if _SPAN.fullmatch(written):
        return _bounded(_ago(written, here))
    if written in {"now", "today", "yesterday"}:
        return here if written == "now" else _day(here, -1 if written == "yesterday" else 0)
    if _CLOCK.fullmatch(written):
        return datetime.combine(here.date(), _clock(written), zone)
    return _bounded(_dated(text, zone))


def day(text: str, now: float, zone: tzinfo) -> tuple[datetime, datetime]:
    """The beginning of a day and that of the next. Raises ValueError where ``text`` is no day."""
    if text.lower() not in {"today", "yesterday"} and not _DATE.fullmatch(text):
        raise ValueError(text)
    begins = moment(text, now, zone)
    return begins, _day(begins, 1)


def _clock(written: str) -> time:
    hours, minutes, seconds = (int(part) for part in f"{written}:0".split(":")[:3])
    return time(hours, minutes, seconds)


def _ago(written: str, here: datetime) -> datetime:
    seconds = sum(int(count) * _SPANS[unit] for count, unit in _PART.findall(written))
    try:
        return here - timedelta(seconds=seconds)
    except OverflowError:
        raise ValueError(written) from None


def _dated(text: str, zone: tzinfo) -> datetime:
    if not _DATE.match(text):
        raise ValueError(text)
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=zone)


def _day(here: datetime, days: int) -> datetime:
    return datetime.combine(here.date() + timedelta(days=days), time(), here.tzinfo)


def _bounded(found: datetime) -> datetime:
    if not FIRST <= found < LAST:
        raise ValueError(f"{found} is not between {FIRST.year} and {LAST.year - 1}")
    return found
