"""The inventory of the accounts' own directory: what is known beside each credential, and each as a line of JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from stockade.directory.accounts import SYSTEM, Credential, CredentialKind
from stockade.directory.inventory import STALE, Filter, Inventory, Known, Listed, revocable

if TYPE_CHECKING:
    from stockade.directory import BuiltinDirectory

LINES = 500
"""How many lines are written at once."""


def inventory(directory: BuiltinDirectory, wanted: Filter, now: float, stale: float = STALE) -> Inventory:
    """The inventory for what is asked for; ``stale`` is after how many seconds without use something is unused."""
    known = Known(now, directory.gone(), directory.shared_fingerprints(), stale)
    return Inventory(wanted, known)


def listed(directory: BuiltinDirectory, counted: Inventory) -> Iterator[Listed]:
    """The credentials that are asked for, streamed."""
    return counted.of(directory.credentials(counted.wanted.holder))


class Line(msgspec.Struct, omit_defaults=True, gc=False):
    """A credential as a line of JSON says it; what has a default here is left out where it is empty."""

    ref: str
    kind: str
    holder: str
    name: str
    scopes: tuple[str, ...]
    within: str | None
    made: float
    made_by: str | None
    last_used: float | None
    last_address: str | None
    expires: float | None
    revoked: float | None
    paused: float | None
    revocable: str
    why: tuple[str, ...]
    traits: tuple[str, ...] = ()
    fingerprint: str | None = None


def lines(found: Iterable[Listed]) -> Iterator[bytes]:
    """Each credential as a line of JSON, some hundred lines at a time."""
    encode, found = msgspec.json.Encoder().encode_lines, iter(found)
    while some := list(islice(found, LINES)):
        yield encode([line(each.credential, each.why) for each in some])


def line(each: Credential, why: tuple[str, ...]) -> Line:
    """What is said of one credential."""
    prefix, kind, ends = _of_kind(each.kind)
    return Line(
        f"{prefix}{each.id}",
        kind,
        each.holder,
        each.name,
        _sorted(each.scopes),
        each.within,
        each.made,
        each.made_by,
        each.last_used,
        each.last_address,
        each.expires,
        each.revoked,
        each.paused,
        ends,
        why,
        _sorted(each.traits),
        each.fingerprint,
    )


@cache
def _of_kind(kind: CredentialKind) -> tuple[str, str, str]:
    """What is the same for all of a kind: how references begin, its name, and how it is ended."""
    return f"{SYSTEM}:{kind.noun}/", kind.value, revocable(kind)


@lru_cache(maxsize=256)
def _sorted(words: frozenset[str]) -> tuple[str, ...]:
    """There are few sets of scopes and traits, and many credentials."""
    return tuple(sorted(words))
