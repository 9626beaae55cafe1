"""When a line was written: the ways of logs to say it, and what some of them leave unsaid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1
    )
}
Parse = Callable[[str], float]
DAY: Final = 86_400.0
REMEMBERED: Final = 4_096
"""Lines of one second follow each other, so a few thousand stamps are as good as all."""


@dataclass(frozen=True)
class Dating:
    """What a stamp may leave unsaid: in which ``zone`` it is (None: this machine's), and which year it is, which is the
    latest that puts no line after ``latest`` (seconds since the epoch: now, or when the file was last written).
    """

    latest: float
    zone: tzinfo | None = None

    def at(self, moment: datetime) -> float:
        """Seconds since the epoch of a moment that says no zone."""
        return (moment.replace(tzinfo=self.zone) if self.zone else moment).timestamp()

    def this_year(self, month: int, day: int, hour: int, minute: int, second: int) -> float:
        """Seconds since the epoch of a moment that says no year. Raises ValueError for a day that never was."""
        year = datetime.fromtimestamp(self.latest + DAY, self.zone or UTC).year
        for candidate in range(year, year - 9, -1):  # as far as the last 29 February
            try:
                found = self.at(datetime(candidate, month, day, hour, minute, second))  # noqa: DTZ001  zone added
            except ValueError:
                if (month, day) == (2, 29):
                    continue
                raise
            if found <= self.latest + DAY:
                return found
        raise ValueError(f"no year has a day {month}/{day}")


def access(stamp: str) -> float:
    """``[17/May/2015:10:05:03 +0000]``, as Apache and nginx write it."""
    if len(stamp) < 28 or stamp[0] != "[" or stamp[21] != " " or stamp[27] != "]":
        raise ValueError(f"not a time: {stamp[:40]!r}")
    zone = timezone(_offset(stamp[22:27]))
    month = MONTHS.get(stamp[4:7])
    if month is None or stamp[12] != ":":
        raise ValueError(f"not a time: {stamp[:40]!r}")
    day, year = _number(stamp[1:3]), _number(stamp[8:12])
    hour, minute, second = (_number(stamp[at : at + 2]) for at in (13, 16, 19))
    return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=zone).timestamp()


def _number(digits: str) -> int:
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"not a number: {digits!r}")
    return int(digits)


def _offset(text: str) -> timedelta:
    minutes = _number(text[1:3]) * 60 + _number(text[3:5])
    return timedelta(minutes=-minutes if text[0] == "-" else minutes)


def iso(text: str, dating: Dating) -> float:
    """ISO 8601 (RFC 3339, or without a zone), as ``2022-04-15T12:58:36.195Z``."""
    moment = datetime.fromisoformat(text)
    return dating.at(moment) if moment.tzinfo is None else moment.timestamp()


def syslog(text: str, dating: Dating) -> float:
    """``Feb 12 14:10:21``, the time of RFC 3164, which says neither year nor zone."""
    month = MONTHS.get(text[:3])
    if month is None or len(text) != 15:
        raise ValueError(f"not a time: {text[:40]!r}")
    hour, minute, second = (_number(part) for part in text[7:].split(":"))
    return dating.this_year(month, _number(text[4:6].strip()), hour, minute, min(second, 59))


def remembered(parse: Parse) -> Parse:
    """The same parse, which knows the stamps it has seen lately."""
    seen: dict[str, float] = {}

    def time_of(text: str) -> float:
        found = seen.get(text)
        if found is None:
            if len(seen) >= REMEMBERED:
                seen.clear()
            found = seen[text] = _parsed(parse, text)
        return found

    return time_of


def _parsed(parse: Parse, text: str) -> float:
    try:
        found = parse(text)
    except (OverflowError, OSError) as error:
        raise ValueError(f"a time that no clock tells: {text[:40]!r}") from error
    if found < 0.0:
        raise ValueError(f"a time before 1970: {text[:40]!r}")
    return found
