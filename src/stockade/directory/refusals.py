"""What the directory refuses, and what to do about it.

::

    Refused
    ├── UnknownCredentials   the name, the secret, or both are wrong, expired or revoked: never says which
    ├── AccountBlocked       the secret was right, the account is blocked
    ├── UnknownAccount, UnknownToken, UnknownRepository
    ├── NameTaken            an account, e-mail address, login or repository of that name exists
    ├── BadName              not a name that the directory keeps
    └── WeakPassword         too short, too long, or not a password
"""

from __future__ import annotations

from stockade.errors import Refused
from stockade.events import Ref


class UnknownCredentials(Refused):
    """Nobody is known by these credentials.

    The message is fit for the client and always the same. ``reason`` and ``account`` are for the log only.
    """

    def __init__(self, reason: str = "unknown", account: Ref | None = None) -> None:
        super().__init__("The name or the secret is not right.", remedy="Check both, or make a new token.")
        self.reason = reason
        self.account = account


class AccountBlocked(Refused):
    """The account exists and is blocked. Raised only to who has shown a right secret, or asked by name as an
    operator.
    """

    def __init__(self, account: Ref) -> None:
        super().__init__(f"The account {account.id} is blocked.", remedy="Ask an administrator why.")
        self.account = account
        self.reason = "blocked"


class UnknownAccount(Refused):
    """No account has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no account {name[:255]!r}.", remedy="Look at the list of accounts.")


class UnknownToken(Refused):
    """No token has this number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"There is no token {number}.", remedy="Look at the list of tokens.")


class UnknownRepository(Refused):
    """No repository has this path."""

    def __init__(self, path: str) -> None:
        super().__init__(f"There is no repository {path[:255]!r}.", remedy="Look at the list of repositories.")


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
