"""What kinds of value a setting may have: each reads one, or says what to write instead."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, Generic, TypeVar

from stockade.config.source import Place
from stockade.errors import ConfigurationError

T = TypeVar("T")

UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhdw])\s*)+")
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(B|kB|KB|MB|GB)", re.ASCII)
_SIZES: Final = {"B": 1, "kB": 1000, "KB": 1000, "MB": 1_000_000, "GB": 1_000_000_000}


@dataclass(frozen=True)
class Kind(Generic[T]):
    """``read`` takes a TOML value and where it stands; ``said`` is the kind in words, for the reference."""

    said: str
    read: Callable[[object, Place], T]


def shown(value: object) -> str:
    """A value as an error may repeat it: as TOML writes it, bounded, escaped."""
    if isinstance(value, bool):
        return str(value).lower()
    text = f'"{value}"' if isinstance(value, str) else "a table" if isinstance(value, dict) else str(value)
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text if len(text) <= 80 else f"{text[:79]}…"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that somebody may have meant."""
    by_fold = {k.casefold().replace("-", "_"): k for k in known}
    found = get_close_matches(name.casefold().replace("-", "_"), by_fold, n=1, cutoff=0.5)
    return by_fold[found[0]] if found else None


def meant(name: str, known: Iterable[str]) -> str:
    """``; did you mean "limit"?``, or nothing."""
    found = nearest(name, known)
    return f'; did you mean "{found}"?' if found else ""


def _of(said: str, kind: type | tuple[type, ...], remedy: str) -> Callable[[object, Place], Any]:
    def read(value: object, place: Place) -> Any:
        if not isinstance(value, kind) or isinstance(value, bool) != (kind is bool):
            raise place.wrong(f"{place.key} is {shown(value)}, not {said}", remedy)
        return value

    return read


TEXT: Final[Kind[str]] = Kind("text", _of("text", str, 'Write it between quotes: "…".'))
FLAG: Final[Kind[bool]] = Kind("true or false", _of("true or false", bool, "Write true or false, without quotes."))


def _texts(value: object, place: Place) -> tuple[str, ...]:
    if isinstance(value, str):
        return (TEXT.read(value, place),)
    if not isinstance(value, list):
        raise place.wrong(f"{place.key} is {shown(value)}, not a list of texts", 'Write it as ["one", "two"].')
    return tuple(TEXT.read(each, place) for each in value)


TEXTS: Final[Kind[tuple[str, ...]]] = Kind("list of texts", _texts)


def number(least: float, most: float = 1e12) -> Kind[float]:
    """A number within bounds, both included."""

    def read(value: object, place: Place) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
            bounds = f"at least {least:g}" if most >= 1e12 else f"from {least:g} to {most:g}"
            raise place.wrong(f"{place.key} is {shown(value)}", f"Write a number {bounds}.")
        return value

    return Kind("number", read)


def whole(least: int, most: int) -> Kind[int]:
    """A whole number within bounds, both included."""

    def read(value: object, place: Place) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise place.wrong(f"{place.key} is {shown(value)}", f"Write a whole number from {least} to {most}.")
        return value

    return Kind("whole number", read)


def one_of(*words: str) -> Kind[str]:
    """One of a few words."""

    def read(value: object, place: Place) -> str:
        if value not in words:
            said = meant(value, words) if isinstance(value, str) else ""
            raise place.wrong(f"{place.key} is {shown(value)}{said}", f"Write one of {', '.join(map(shown, words))}.")
        return str(value)

    return Kind(" or ".join(f'"{w}"' for w in words), read)


def seconds_of(written: float | str) -> float:
    """Seconds from a number of them, or from ``"90s"``, ``"5m"``, ``"1h30m"``, ``"1d"``. Raises ConfigurationError."""
    if isinstance(written, str):
        if re.fullmatch(r"\d+(\.\d+)?", written):
            written = float(written)
        elif _DURATION.fullmatch(written.strip()):
            written = sum(float(n) * UNITS[unit] for n, unit in _PART.findall(written))
    if isinstance(written, (str, bool)) or not 0 < written < 1e12 or not math.isfinite(written):
        raise ConfigurationError(
            f"{shown(written)} is not a duration", remedy='Write seconds as a number, or "90s", "5m", "1h30m", "1d".'
        )
    return float(written)


def _duration(value: object, place: Place) -> float:
    try:
        return seconds_of(value if isinstance(value, (int, float, str)) else "")
    except ConfigurationError as error:
        raise place.wrong(f"{place.key} is {shown(value)}, not a duration", error.remedy) from error


DURATION: Final[Kind[float]] = Kind("duration", _duration)


def _durations(value: object, place: Place) -> tuple[float, ...]:
    found = tuple(_duration(each, place) for each in (value if isinstance(value, list) else [value]))
    if not found:
        raise place.wrong(f"{place.key} is an empty list", 'Write at least one duration, such as "1h".')
    return found


DURATIONS: Final[Kind[tuple[float, ...]]] = Kind("duration or list of durations", _durations)


def _size(value: object, place: Place) -> int:
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if found:
        return int(float(found[1]) * _SIZES[found[2]])
    return whole(1, 10**15).read(value, place)


SIZE: Final[Kind[int]] = Kind("size in octets", _size)


def written_duration(seconds: float) -> str:
    """Seconds as people write them: ``1h``, ``3m``, ``90s``, ``0.5s``."""
    for unit in ("d", "h", "m"):
        if seconds >= UNITS[unit] and seconds % UNITS[unit] == 0:
            return f"{seconds / UNITS[unit]:g}{unit}"
    return f"{seconds:g}s"
