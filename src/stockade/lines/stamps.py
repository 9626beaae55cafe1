"""When a line was written: the ways of logs to say it, and what some of them leave unsaid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

from stockade.lines.line import Unreadable

MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1
    )
}
DAY: Final = 86_400.0
LAST: Final = 253_402_214_400.0
"""The last day that can be written with four digits of a year, in seconds since the epoch."""
REMEMBERED: Final = 4_096
"""Stamps that are kept: lines of one second follow each other."""


@dataclass(frozen=True)
class Dating:
    """What a stamp may leave unsaid: its ``zone`` (None: this machine's), and its year, which is the latest that puts
    no line more than a day after ``now()``, in seconds since the epoch.
    """

    now: Callable[[], float]
    zone: tzinfo | None = None

    def at(self, moment: datetime) -> float:
        """Seconds since the epoch of a moment that may say no zone."""
        return (moment if moment.tzinfo or not self.zone else moment.replace(tzinfo=self.zone)).timestamp()

    def this_year(self, month: int, day: int, hour: int, minute: int, second: int) -> float:
        """Seconds since the epoch of a moment that says no year. Raises ValueError for a day that never was."""
        latest = self.now() + DAY
        year = datetime.fromtimestamp(latest, self.zone or UTC).year
        for candidate in range(year, year - 9, -1):  # as far as the last 29 February
            try:
                found = self.at(datetime(candidate, month, day, hour, minute, second))  # noqa: DTZ001  zone added
            except ValueError:
                if (month, day) == (2, 29):
                    continue
                raise
            if found <= latest:
                return found
        raise ValueError(f"no year has a day {month}/{day}")


class Clock:
    """Reads stamps of one form, and knows those it has seen lately."""

    def __init__(self, parse: Callable[[str], float]) -> None:
        self._parse = parse
        self._seen: dict[str, float] = {}

    def __call__(self, text: str) -> float:
        """Seconds since the epoch. Raises Unreadable for what is no time, or one before 1970 or after 9999."""
        found = self._seen.get(text)
        if found is None:
            found = sane(self._parse, text)
            if len(self._seen) >= REMEMBERED:
                self._seen.clear()
            self._seen[text] = found
        return found


def sane(parse: Callable[[str], float], text: str) -> float:
    """A time by ``parse``, with every way to fail as one. Raises Unreadable."""
    try:
        found = parse(text)
    except (ValueError, OverflowError, OSError, TypeError) as error:
        raise Unreadable(f"not a time: {text[:40]!r}") from error
    if not 0.0 <= found < LAST:
        raise Unreadable(f"a time that cannot be written down: {text[:40]!r}")
    return found


def iso(dating: Dating) -> Clock:
    """ISO 8601 (RFC 3339, or without a zone), as ``2022-04-15T12:58:36.195Z``, or with ``UTC`` at its end."""

    def parse(text: str) -> float:
        said = text.removesuffix(" UTC") + "Z" if text.endswith(" UTC") else text
        return dating.at(datetime.fromisoformat(said))

    return Clock(parse)


def access() -> Clock:
    """``[17/May/2015:10:05:03 +0000]``, as Apache and nginx write it."""
    return Clock(_access)


def _access(stamp: str) -> float:
    if len(stamp) < 28 or stamp[0] != "[" or stamp[12] != ":" or stamp[21] != " " or stamp[27] != "]":
        raise ValueError(stamp)
    minutes = _number(stamp[23:25]) * 60 + _number(stamp[25:27])
    zone = timezone(timedelta(minutes=-minutes if stamp[22] == "-" else minutes))
    hour, minute, second = (_number(stamp[at : at + 2]) for at in (13, 16, 19))
    year, month, day = _number(stamp[8:12]), MONTHS.get(stamp[4:7], 0), _number(stamp[1:3])
    return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=zone).timestamp()


def syslog(dating: Dating) -> Callable[[str], float]:
    """``Feb 12 14:10:21`` (RFC 3164, section 4.1.2), which says neither year nor zone, or ISO 8601."""
    modern = iso(dating)

    def classic(text: str) -> float:
        month = MONTHS.get(text[:3])
        if month is None or len(text) != 15:
            raise ValueError(text)
        hour, minute, second = (_number(part) for part in text[7:].split(":"))
        return dating.this_year(month, _number(text[4:6].strip()), hour, minute, min(second, 59))

    older = Clock(classic)  # what it remembers may become last year's after a year, if nothing else was written
    return lambda text: modern(text) if text[:1].isdigit() else older(text)


def _number(digits: str) -> int:
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"not a number: {digits!r}")
    return int(digits)
