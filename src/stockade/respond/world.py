"""What a playbook is shown: the account, what it holds, what it has made and what it could reach, all at one moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from stockade.directory.accounts import FACTOR_KINDS, Account, Credential, CredentialKind, Integration, Membership
from stockade.events import Ref

Made = Credential | Integration | Account | Membership


@dataclass(frozen=True, slots=True)
class Reached:
    """A secret that the account could have read or used. ``verb`` makes it worthless by its API; without one, a person
    does that, and ``by_hand`` says why. ``why`` says through what it was within reach, ``owner`` whom to ask, ``used``
    what the log shows.
    """

    target: Ref
    name: str
    why: str
    verb: str = ""
    owner: str = ""
    used: str = ""
    by_hand: str = ""


@dataclass(frozen=True, slots=True)
class World:
    """All that a playbook may know. Times are seconds since the epoch, UTC.

    ``holds`` are the credentials of the account that are alive; ``made`` is what it made from ``since`` to ``until``,
    whoever holds it, and is still there. ``known`` are the addresses it was seen at before ``since``, ``strange`` those
    since then that are not among them; ``enrolled`` says from which address a credential was made, where the log tells.
    ``observe`` shows a target as its system does.
    """

    now: float
    account: Account
    since: float
    until: float
    holds: tuple[Credential, ...] = ()
    made: tuple[Made, ...] = ()
    reached: tuple[Reached, ...] = ()
    known: frozenset[str] = frozenset()
    strange: tuple[str, ...] = ()
    enrolled: Mapping[Ref, str] = field(default_factory=dict)
    observe: Callable[[Ref], Mapping[str, object]] = lambda _target: {}
    token: Credential | None = None
    incident: str = ""
    rotate: bool = False

    def within(self, moment: float | None) -> bool:
        """Whether something happened in the window."""
        return moment is not None and self.since <= moment <= self.until

    def foreign(self, factor: Credential) -> str:
        """Why a second factor may be somebody else's; empty when nothing says so."""
        came = self.enrolled.get(factor.ref)
        if came is not None and self.known and came not in self.known:
            return f"enrolled from {came}, where the account was never seen before"
        return "enrolled in the window" if self.within(factor.made) else ""

    def factors(self) -> Iterator[tuple[Credential, str]]:
        """The second factors that may be somebody else's, with the reason."""
        for each in self.holds:
            if each.kind in FACTOR_KINDS and (why := self.foreign(each)):
                yield each, why


OWN_WAYS_IN: Final = frozenset({CredentialKind.EMAIL, CredentialKind.IDENTITY})
"""What leads into an account beside its password: taken away only where it was added in the window."""
