"""The inventory of the accounts' own directory: what is known beside each credential, and each as a line of JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import msgspec

from stockade.directory.accounts import SYSTEM, CredentialKind
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


def lines(found: Iterable[Listed]) -> Iterator[bytes]:
    """Each credential as a line of JSON, some hundred lines at a time."""
    encode, some = msgspec.json.Encoder().encode, bytearray()
    for at, each in enumerate(found, 1):
        some += encode(as_json(each))
        some += b"\n"
        if at % LINES == 0:
            yield bytes(some)
            some.clear()
    if some:
        yield bytes(some)


def as_json(found: Listed) -> dict[str, object]:
    """A credential as JSON values, without what is empty."""
    each = found.credential
    prefix, kind, ends = _of_kind(each.kind)
    said: dict[str, object] = {
        "ref": f"{prefix}{each.id}",
        "kind": kind,
        "holder": each.holder,
        "name": each.name,
        "scopes": _sorted(each.scopes),
        "within": each.within,
        "made": each.made,
        "made_by": each.made_by,
        "last_used": each.last_used,
        "last_address": each.last_address,
        "expires": each.expires,
        "revoked": each.revoked,
        "paused": each.paused,
        "revocable": ends,
        "why": found.why,
    }
    if each.traits:
        said["traits"] = _sorted(each.traits)
    if each.fingerprint:
        said["fingerprint"] = each.fingerprint
    return said


@cache
def _of_kind(kind: CredentialKind) -> tuple[str, str, str]:
    """What is the same for all of a kind: how references begin, its name, and how it is ended."""
    return f"{SYSTEM}:{kind.noun}/", kind.value, revocable(kind)


@lru_cache(maxsize=256)
def _sorted(words: frozenset[str]) -> tuple[str, ...]:
    """There are few sets of scopes and traits, and many credentials."""
    return tuple(sorted(words))
