"""What an entry says under each field of a query: the texts that are compared, folded so that case does not matter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from unicodedata import normalize

from stockade.events import Entry, Ref

DETAILS: Final = "details."
READ: Final = "log.read"
WORD: Final = 100
"""Characters by which words are compared; what follows does not count."""
MILLION: Final = 1_000_000
_WORD = re.compile(r"[^\W_]+")


def folded(text: str) -> str:
    """A text as it is compared: without case, accents composed (Unicode TR 15, NFC)."""
    return text.lower() if text.isascii() else normalize("NFC", text.casefold())


def words(text: str) -> list[str]:
    """The words of a text, folded: letters and digits; all else stands between words."""
    return [word[:WORD] for word in _WORD.findall(folded(text))]


def micros(seconds: float) -> int:
    """A moment in whole microseconds since the epoch, the precision of a log."""
    return round(seconds * MILLION)


def values(entry: Entry, field: str) -> Iterator[str]:
    """The values of one field, folded."""
    event = entry.event
    match field:
        case "who":
            yield from forms(event.actor)
        case "whom":
            yield from forms(event.target)
        case "system":
            named = [ref.system for ref in (event.actor, event.target) if ref is not None]
            said = event.details.get("system")
            yield from map(folded, named or ([said] if isinstance(said, str) else []))
        case "action":
            yield folded(event.action)
        case "outcome":
            yield event.outcome
        case "where":
            yield from () if event.source is None else (folded(event.source),)
        case "log":
            yield folded(entry.origin)
        case _:
            path = field.removeprefix(DETAILS)
            yield from (value for name, value in details(event.details) if name == path)


def forms(ref: Ref | None) -> tuple[str, ...]:
    """How somebody may write a reference: ``alice``, ``user/alice``, ``gitlab:user/alice``."""
    if ref is None:
        return ()
    identity, kind, system = folded(ref.id), folded(ref.kind), folded(ref.system)
    return (identity, f"{kind}/{identity}", f"{system}:{kind}/{identity}")


def details(value: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Every value in the details with the names that lead to it, joined by dots; both folded."""
    for path, leaf in leaves(value):
        yield folded(path), folded(leaf)


def leaves(value: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The same as they were written. The places of a list have no names."""
    waiting: list[tuple[str, object]] = [("", value)]
    while waiting:
        path, here = waiting.pop()
        if isinstance(here, Mapping):
            inside = [(f"{path}.{name}" if path else str(name), each) for name, each in here.items()]
            waiting.extend(reversed(inside))
        elif isinstance(here, (list, tuple)):
            waiting.extend((path, each) for each in reversed(here))
        else:
            yield path, written(here)


def written(value: object) -> str:
    """A value of JSON as somebody would type it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def texts(entry: Entry) -> Iterator[str]:
    """Everything that free text is looked for in, in order.

    What somebody looked for in the log is left out: else whoever looks for it again would find that they have.
    """
    event = entry.event
    yield event.action
    yield from (str(ref) for ref in (event.actor, event.target) if ref is not None)
    yield event.source or ""
    if event.action != READ:
        yield from (value for _, value in leaves(event.details))


def all_words(entry: Entry) -> list[str]:
    """The words of the entry, in order."""
    return words("\n".join(texts(entry)))


@lru_cache(maxsize=4096)
def address(source: str | None) -> IPv4Address | IPv6Address | None:
    """The address that an event came from, if it is one; an IPv4 address within IPv6 is the IPv4 address."""
    try:
        found = ip_address(source or "")
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found
