"""What the directory refuses, and what to do about it.

::

    Refused
    ├── UnknownCredentials   the name, the secret, or both are wrong, expired or revoked: never says which
    │   └── WrongFactor      the second factor is
    ├── AccountBlocked       the secret was right, and the account may not be used
    │   ├── AccountLocked    until a time
    │   ├── AccountDeparted  its owner has left
    │   ├── FactorOverdue    it must have had a second factor by now
    │   └── PasswordAlone    it has a second factor, and here there is no way to show it
    ├── UnknownAccount, UnknownRepository, UnknownGroup
    ├── UnknownHolding       no credential and nothing else of this kind and number
    │   └── UnknownToken
    ├── Impossible           it cannot be restored, paused or rotated; says what to do instead
    ├── NameTaken            an account, e-mail address, login, key or repository of that name exists
    ├── BadName              not a name that the directory keeps
    ├── WeakKey              a key that can be broken, or is none
    └── WeakPassword         too short, too long, or not a password
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from stockade.errors import Refused
from stockade.events import Ref

ENROL: Final = "/users/two_factor"
"""Where a browser adds a second factor."""


class UnknownCredentials(Refused):
    """Nobody is known by these credentials.

    The message is fit for the client and always the same. ``reason`` and ``account`` are for the log only.
    """

    def __init__(self, reason: str = "unknown", account: Ref | None = None) -> None:
        super().__init__("The name or the secret is not right.", remedy="Check both, or make a new token.")
        self.reason = reason
        self.account = account


class WrongFactor(UnknownCredentials):
    """The second factor that was shown is not right, or was used before. ``final`` says that the session is over for
    it, and one has to sign in again.
    """

    def __init__(self, reason: str, account: Ref | None = None, *, final: bool = False) -> None:
        super().__init__(reason, account)
        self.message = "This code is not right, or was used before."
        if final:
            self.message = "That was wrong too often. Please sign in again."
        self.final = final


class FactorNeeded(Refused):
    """The account must have a second factor, so its last one cannot be removed."""

    def __init__(self, account: Ref) -> None:
        super().__init__(
            f"The account {account.id} must have a second factor, and this is its last.", remedy="Add another first."
        )


class AccountBlocked(Refused):
    """The account exists and may not be used, as it is blocked or for what a subclass says. Raised only to who has
    shown a right secret, or asked by name as an operator. The message is fit for the client, ``reason`` for the log.
    """

    reason = "blocked"

    def __init__(self, account: Ref, message: str = "", *, remedy: str = "Ask an administrator why.") -> None:
        super().__init__(message or f"The account {account.id} is blocked.", remedy=remedy)
        self.account = account


class AccountLocked(AccountBlocked):
    """The account is locked for a while."""

    reason = "locked"

    def __init__(self, account: Ref, until: float) -> None:
        super().__init__(account, f"The account {account.id} is locked until {_moment(until)}.")


class AccountDeparted(AccountBlocked):
    """The account's owner has left."""

    reason = "departed"

    def __init__(self, account: Ref) -> None:
        super().__init__(account, f"The account {account.id} is no longer in use.")


class FactorOverdue(AccountBlocked):
    """The account must have a second factor and has none; until then it can only sign in with a browser to add one."""

    reason = "second factor overdue"

    def __init__(self, account: Ref) -> None:
        way = "sign in with a browser and add one"
        super().__init__(account, f"The account {account.id} must have a second factor: {way} at {ENROL}.", remedy=way)


class PasswordAlone(AccountBlocked):
    """The password is right, and does not do: the account has a second factor, which cannot be shown here."""

    reason = "password without the second factor"

    def __init__(self, account: Ref) -> None:
        way = "use a personal access token in the password's place"
        super().__init__(account, f"The account {account.id} has a second factor: {way}.", remedy=way)


class UnknownAccount(Refused):
    """No account has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no account {name[:255]!r}.", remedy="stockade accounts lists them.")


class UnknownHolding(Refused):
    """Nothing of this kind has this number."""

    def __init__(self, ref: Ref) -> None:
        super().__init__(f"There is no {ref.kind[:32]} {ref.id[:255]}.", remedy="stockade credentials lists them.")


class UnknownToken(UnknownHolding):
    """No token has this number."""


class Impossible(Refused):
    """Things of this kind cannot be restored, paused or rotated; the remedy says what to do instead."""

    def __init__(self, verb: str, ref: Ref, remedy: str) -> None:
        super().__init__(f"A {ref.kind[:32]} cannot be {verb}.", remedy=remedy)


class UnknownRepository(Refused):
    """No repository has this path."""

    def __init__(self, path: str) -> None:
        super().__init__(f"There is no repository {path[:255]!r}.", remedy="stockade project list has them.")


class UnknownGroup(Refused):
    """No group has this path."""

    def __init__(self, path: str) -> None:
        super().__init__(f"There is no group {path[:255]!r}.", remedy="stockade group list has them.")


class NameTaken(Refused):
    """Something of this name exists already."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"The {what} {name!r} exists already.", remedy="Choose another.")


class BadName(Refused):
    """Not a name that the directory keeps; ``rule`` says what one looks like."""

    def __init__(self, what: str, rule: str) -> None:
        super().__init__(f"This cannot be {what}.", remedy=rule)


class WeakPassword(Refused):
    """The new password is not good enough; the remedy says what is."""

    def __init__(self, rule: str) -> None:
        super().__init__("This password cannot be used.", remedy=rule)


class WeakKey(Refused):
    """The public key can be broken, or is none that the directory reads; the message says why."""

    def __init__(self, why: str) -> None:
        super().__init__(f"This key cannot be used: {why}.", remedy="Make an Ed25519 key: ssh-keygen -t ed25519.")


def _moment(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%d %H:%M UTC")
