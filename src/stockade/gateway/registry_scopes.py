"""What a registry client asks to be allowed, read from ``scope`` parameters (Docker Registry v2; pure)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from stockade.directory import Action
from stockade.gateway.registry_token import Access

NEEDS: Final[dict[str, Action]] = {"pull": "read", "push": "write", "delete": "write", "*": "write"}
MOST: Final = 20


def wanted(parameters: Iterable[str]) -> list[Access]:
    """Each scope once, ``TYPE:NAME:ACTIONS`` where a name may hold colons; what cannot be read is left out."""
    return list(dict.fromkeys(_read(" ".join(parameters).split()[: 2 * MOST])))[:MOST]


def _read(scopes: Iterable[str]) -> Iterator[Access]:
    for scope in scopes:
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        if kind == "repository" and name:
            yield Access(kind, name, tuple(actions.split(",")))


def granted(access: Access, allowed: Collection[Action]) -> Access:
    """What is left of it when only this is allowed."""
    return Access(access.type, access.name, tuple(a for a in access.actions if NEEDS.get(a) in allowed))
