"""A value of a Sigma rule becomes a check of one value of an event.

Strings are compared without regard to case unless ``cased``; ``*`` and ``?`` are wildcards. Numbers and booleans are
compared as such and as text. Regular expressions are RE2's, which take time linear in what they read: whoever writes
into a log cannot stall who reads it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from operator import ge, gt, le, lt, ne
from typing import Any, Final

from sigma import types as sigma
from sigma.policy import default_policy

Check = Callable[[object], bool]
"""Whether one value of an event is what the rule asks for."""

MODIFIERS: Final = {
    "all": "every value of the list, not one of them",
    "base64": "the text in Base64",
    "base64offset": "the text in Base64, at each of its three offsets",
    "cased": "upper and lower case differ",
    "cidr": "an address within a network, IPv4 or IPv6",
    "contains": "the text anywhere in it",
    "endswith": "the text at its end",
    "exists": "whether the field is there",
    "fieldref": "what another field holds; with startswith, endswith, contains",
    "lt": "a smaller number",
    "lte": "a smaller or the same number",
    "gt": "a greater number",
    "gte": "a greater or the same number",
    "neq": "none of the values",
    "re": "an RE2 regular expression, anywhere in it",
    "i": "with re: without regard to case",
    "ignorecase": "with re: without regard to case",
    "m": "with re: ^ and $ at each line",
    "multiline": "with re: ^ and $ at each line",
    "s": "with re: . for line breaks, too",
    "dotall": "with re: . for line breaks, too",
    "startswith": "the text at its beginning",
    "utf16": "the text in UTF-16 with a byte order mark; before base64",
    "utf16be": "the text in UTF-16BE; before base64",
    "wide": "the text in UTF-16LE; before base64",
    "windash": "the dashes that Windows takes for one another",
    "minute": "the minute of a time, UTC",
    "hour": "the hour of a time, UTC",
    "day": "the day of the month of a time, UTC",
    "week": "the ISO week of a time, UTC",
    "month": "the month of a time, UTC",
    "year": "the year of a time, UTC",
}
"""Every modifier that is evaluated, and what it asks for. ``expand`` is not: nothing here knows its placeholders."""


class CannotEvaluate(Exception):
    """Nothing here can tell whether this holds."""


def check_of(value: sigma.SigmaType) -> Check:
    """The check that a value asks for. Raises CannotEvaluate."""
    for kind, make in _CHECKS:
        if isinstance(value, kind):
            return make(value)
    raise CannotEvaluate(f"a value of the kind {type(value).__name__}")


def keyword_of(value: sigma.SigmaType) -> Callable[[str], bool]:
    """Whether a keyword is anywhere in the text of an event. Raises CannotEvaluate."""
    match value:
        case sigma.SigmaString():
            if not value.contains_special() and not isinstance(value, sigma.SigmaCasedString):
                needle = "".join(map(str, value.s)).casefold()
                return lambda text: needle in text.casefold()
            return _searching(_pattern(value), cased=isinstance(value, sigma.SigmaCasedString))
        case sigma.SigmaRegularExpression():
            return _regex(value)
        case sigma.SigmaNumber():
            digits = str(value.number)
            return lambda text: digits in text
        case sigma.SigmaExpansion():
            inner = [keyword_of(each) for each in value.values]
            return lambda text: any(check(text) for check in inner)
    raise CannotEvaluate(f"a keyword of the kind {type(value).__name__}")


def text_of(value: object) -> str:
    """A value as Sigma compares it with a string."""
    if isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _string(value: sigma.SigmaString) -> Check:
    cased = isinstance(value, sigma.SigmaCasedString)
    if value.contains_placeholder():
        raise CannotEvaluate("a placeholder")
    if not value.contains_special():
        wanted = "".join(map(str, value.s))
        folded = wanted.casefold()
        return (lambda found: text_of(found) == wanted) if cased else lambda found: text_of(found).casefold() == folded
    return _affix(value, cased=cased) or _matching(_pattern(value), cased=cased)


def _affix(value: sigma.SigmaString, *, cased: bool) -> Check | None:
    """Text with one wildcard before it, behind it, or both: faster than a pattern, and most rules ask no more."""
    fold: Callable[[object], str] = text_of if cased else _folded
    star = sigma.SpecialChars.WILDCARD_MULTI
    match value.s:
        case [a, str(text), b] if a is star and b is star:
            inside = fold(text)
            return lambda found: inside in fold(found)
        case [a, str(text)] if a is star:
            end = fold(text)
            return lambda found: fold(found).endswith(end)
        case [str(text), b] if b is star:
            beginning = fold(text)
            return lambda found: fold(found).startswith(beginning)
        case [a] if a is star:
            return lambda _found: True
    return None


def _folded(value: object) -> str:
    return text_of(value).casefold()


def _pattern(value: sigma.SigmaString) -> str:
    special = {sigma.SpecialChars.WILDCARD_MULTI: ".*", sigma.SpecialChars.WILDCARD_SINGLE: "."}
    return "".join(re.escape(part) if isinstance(part, str) else special[part] for part in value.s)  # type: ignore[index]


def _compiled(pattern: str, flags: int) -> Any:
    return default_policy.regex_engine.compile(pattern, flags)


def _matching(pattern: str, *, cased: bool) -> Check:
    compiled = _compiled(pattern, re.DOTALL if cased else re.DOTALL | re.IGNORECASE)
    return lambda found: compiled.fullmatch(text_of(found)) is not None


def _searching(pattern: str, *, cased: bool) -> Callable[[str], bool]:
    compiled = _compiled(pattern, 0 if cased else re.IGNORECASE)
    return lambda text: compiled.search(text) is not None


def _regex(value: sigma.SigmaRegularExpression) -> Callable[[Any], bool]:
    flags = 0
    for flag in value.flags:
        flags |= value.sigma_to_python_flags[flag]
    compiled = _compiled(str(value.regexp), flags)
    return lambda found: compiled.search(text_of(found)) is not None


def _number(value: sigma.SigmaNumber) -> Check:
    wanted = value.number
    said = str(wanted)
    return lambda found: found == wanted if isinstance(found, (int, float)) else text_of(found) == said


def _boolean(value: sigma.SigmaBool) -> Check:
    wanted, said = value.boolean, str(value.boolean).lower()
    return lambda found: found is wanted or (isinstance(found, str) and found.lower() == said)


def _cidr(value: sigma.SigmaCIDRExpression) -> Check:
    network = value.network

    def check(found: object) -> bool:
        try:
            address = ip_address(text_of(found))
        except ValueError:
            return False
        return (getattr(address, "ipv4_mapped", None) or address) in network

    return check


_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {"LT": lt, "LTE": le, "GT": gt, "GTE": ge, "NEQ": ne}


def _compare(value: sigma.SigmaCompareExpression) -> Check:
    compare, wanted = _OPERATORS[value.op.name], value.number.number
    number = _part(value.number) if isinstance(value.number, sigma.SigmaTimestampPart) else _as_number

    def check(found: object) -> bool:
        known = number(found)
        return known is not None and compare(known, wanted)

    return check


def _as_number(found: object) -> float | None:
    if isinstance(found, bool):
        return None
    try:
        return float(found)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


def _part_of_time(value: sigma.SigmaTimestampPart) -> Check:
    part, wanted = _part(value), value.number
    return lambda found: part(found) == wanted


def _part(value: sigma.SigmaTimestampPart) -> Callable[[object], float | None]:
    name = value.timestamp_part.name.lower()

    def part(found: object) -> float | None:
        moment = _as_moment(found)
        if moment is None:
            return None
        return moment.isocalendar().week if name == "week" else int(getattr(moment, name))

    return part


def _as_moment(found: object) -> datetime | None:
    try:
        if isinstance(found, (int, float)):
            return datetime.fromtimestamp(found, UTC)
        moment = datetime.fromisoformat(text_of(found))
    except (ValueError, OverflowError, OSError):
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _one_of(value: sigma.SigmaExpansion) -> Check:
    checks = [check_of(inner) for inner in value.values]
    return lambda found: any(check(found) for check in checks)


_CHECKS: Final[Sequence[tuple[type, Callable[[Any], Check]]]] = (
    (sigma.SigmaString, _string),
    (sigma.SigmaTimestampPart, _part_of_time),
    (sigma.SigmaNumber, _number),
    (sigma.SigmaBool, _boolean),
    (sigma.SigmaRegularExpression, _regex),
    (sigma.SigmaCIDRExpression, _cidr),
    (sigma.SigmaCompareExpression, _compare),
    (sigma.SigmaExpansion, _one_of),
)
"""The first kind that a value is of; a part of a time is a number, too."""
