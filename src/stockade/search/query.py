"""A query as a tree: what can be asked of an entry.

Texts in a query are folded (:func:`stockade.search.said.folded`), moments are whole microseconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Final


@dataclass(frozen=True, slots=True)
class Is:
    """A field has this value, or, with ``prefix``, a value that begins with it. ``field`` may be ``details.KEY``."""

    field: str
    value: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Says:
    """Somewhere these words stand, one after the other; with ``prefix`` the last need only begin so."""

    words: tuple[str, ...]
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Within:
    """The event came from an address of this network."""

    network: IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Since:
    """It happened at this moment or later."""

    moment: int


@dataclass(frozen=True, slots=True)
class Before:
    """It happened earlier than this moment."""

    moment: int


@dataclass(frozen=True, slots=True)
class Numbered:
    """It is an entry with this number; every log has its own."""

    number: int


@dataclass(frozen=True, slots=True)
class All:
    """All parts hold; with no part, everything is found."""

    parts: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """At least one part holds."""

    parts: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Query


Query = Is | Says | Within | Since | Before | Numbered | All | Either | Not

EVERYTHING: Final = All(())


def both(one: Query, other: Query) -> Query:
    """Both hold."""
    parts = [part for each in (one, other) for part in (each.parts if isinstance(each, All) else (each,))]
    return parts[0] if len(parts) == 1 else All(tuple(parts))
