"""The inventory of credentials: which ones are asked for, and what is to be said about each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, lru_cache
from typing import Final, NamedTuple

from stockade.directory.accounts import KEY_KINDS, TOKEN_KINDS, Credential, CredentialKind, Scope
from stockade.directory.permissions import covers
from stockade.directory.rotation import BY_HAND, REPLACED

KIND = CredentialKind
DAY: Final = 86_400.0
STALE: Final = 90 * DAY
"""Seconds without use after which a credential is called unused, unless told otherwise."""
USE_IS_NOTED: Final = TOKEN_KINDS | KEY_KINDS | {KIND.SESSION, KIND.GRANT, KIND.APPLICATION, KIND.RUNNER, KIND.TOTP,
                                                KIND.WEBAUTHN, KIND.WEBHOOK, KIND.MIRROR, KIND.IDENTITY}  # fmt: skip
MAY_EXPIRE: Final = (TOKEN_KINDS - {KIND.REGISTRATION, KIND.CI_JOB}) | KEY_KINDS
"""Of these it is worth saying that they never do; a password or a variable has no end."""
HAS_SCOPES: Final = TOKEN_KINDS | {KIND.GRANT, KIND.APPLICATION}


class Mark(StrEnum):
    """What is worth saying about a credential."""

    UNUSED = "unused"
    ENDLESS = "never expires"
    BROAD = "may do everything"
    GONE = "of somebody who is gone"
    WEAK = "weak"
    SHARED = "shared by several"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known beside a credential itself: the time, who is blocked or has left, and since when, and which
    fingerprints several people or places have.
    """

    now: float
    gone: Mapping[str, str] = field(default_factory=dict)
    shared: frozenset[str] = frozenset()
    stale: float = STALE


def marks(each: Credential, known: Known) -> list[tuple[Mark, str]]:
    """All that is worth saying about a credential, each in a few words."""
    found: list[tuple[Mark, str]] = []
    noted, may_expire, has_scopes = _OF_KIND[each.kind]
    if noted and (idle := known.now - (each.last_used or each.made)) > known.stale:
        found.append((Mark.UNUSED, f"{'unused' if each.last_used else 'never used'} for {idle // DAY:.0f} d"))
    if may_expire and each.expires is None:
        found.append(_ENDLESS)
    if has_scopes and _broad(each.scopes):
        found.append(_BROAD)
    if each.holder in known.gone:
        found.append((Mark.GONE, f"{each.holder} {_GONE[known.gone[each.holder]]}"))
    if each.weakness is not None:
        found.append((Mark.WEAK, f"weak: {each.weakness}"))
    if each.fingerprint is not None and each.fingerprint in known.shared:
        found.append(_SHARED)
    return found


_ENDLESS, _BROAD, _SHARED = ((mark, str(mark)) for mark in (Mark.ENDLESS, Mark.BROAD, Mark.SHARED))
_OF_KIND: Final = {kind: (kind in USE_IS_NOTED, kind in MAY_EXPIRE, kind in HAS_SCOPES) for kind in CredentialKind}
"""Looked up once for each credential: members of an enumeration are hashed in Python, which takes its time."""


@lru_cache(maxsize=256)
def _broad(scopes: frozenset[Scope]) -> bool:
    return Scope.API in scopes


_GONE: Final = {"left": "has left", "blocked": "is blocked"}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which credentials are asked for: those of which everything holds that is said. ``place`` stands for all below it,
    "" for what belongs to the whole instance; with ``dead``, also those that open nothing any more.
    """

    kinds: frozenset[CredentialKind] = frozenset()
    holder: str | None = None
    place: str | None = None
    marked: frozenset[Mark] = frozenset()
    dead: bool = False

    def tests(self, now: float) -> list[Callable[[Credential], bool]]:
        """What has to hold of a credential, the cheapest first; marks aside."""
        asked: list[Callable[[Credential], bool]] = []
        if self.kinds:
            asked.append(lambda each: each.kind in self.kinds)
        if self.holder is not None:
            asked.append(lambda each: each.holder == self.holder)
        if not self.dead:
            asked.append(lambda each: each.revoked is None and (each.expires is None or now < each.expires))
        if self.place is not None:
            asked.append(self._is_in_place)
        return asked

    def _is_in_place(self, each: Credential) -> bool:
        if self.place == "":
            return each.within == "" and not each.holder
        return each.within is not None and covers(self.place or "", each.within)


class Listed(NamedTuple):
    """A credential of the list, and what is to be said about it."""

    credential: Credential
    why: tuple[str, ...]


class Inventory:
    """The credentials that are asked for, as they come, and how many of what there were; holds none of them."""

    def __init__(self, wanted: Filter, known: Known) -> None:
        self.wanted, self.known = wanted, known
        self.looked_at = 0
        self.marks = Counter[Mark]()
        self._kinds = {kind: [0] for kind in CredentialKind}

    @property
    def total(self) -> int:
        """How many were listed."""
        return sum(count for (count,) in self._kinds.values())

    @property
    def kinds(self) -> Counter[CredentialKind]:
        """How many of each kind."""
        return Counter({kind: count for kind, (count,) in self._kinds.items() if count})

    def of(self, credentials: Iterable[Credential]) -> Iterator[Listed]:
        """Those that are asked for, each with what was asked to hold, or with all that is worth saying."""
        tests, marked, known = self.wanted.tests(self.known.now), self.wanted.marked, self.known
        kinds, counts = self._kinds, self.marks
        for each in credentials:
            self.looked_at += 1
            if tests and not all(test(each) for test in tests):
                continue
            found = marks(each, known)
            if marked and not marked <= {mark for mark, _ in found}:
                continue
            kinds[each.kind][0] += 1
            for mark, _ in found:
                counts[mark] += 1
            yield Listed(each, tuple([said for _, said in found]) if found else ())


@cache
def revocable(kind: CredentialKind) -> str:
    """How an end is put to a credential of this kind."""
    ends = {"key": "remove", "variable": "remove", "session": "end", "password": "reset", "identity": "unlink"}
    end = ends.get(kind.noun, "revoke" if kind in TOKEN_KINDS or kind is KIND.GRANT else "remove")
    if kind in BY_HAND:
        return f"{end}; new by hand"
    return f"{end} or rotate" if kind.noun in REPLACED and kind.noun != "key" else end
