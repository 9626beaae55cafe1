"""The directory knows who exists and what they hold.

``BuiltinDirectory(url, record=..., clock=...)`` keeps it in SQLite or PostgreSQL. All methods are synchronous and safe
among threads; ``now`` is in seconds since the epoch; ``by`` is the Ref of who does it and ``source`` the client's
address, both for the record only. Whatever is refused raises a subclass of ``stockade.errors.Refused``; a database
that is down raises ``Unavailable``.

::

    migrate()                                                bring the database to this release's schema, first of all
    close()

    create_account(name, kind, password, email, *, admin, by) -> Account
    account(name) -> Account                                 accounts() -> Iterator[Account]
    block(name, *, by, reason) -> Account                    unblock(name, *, by, reason) -> Account

    authenticate(name, secret, now, *, source) -> Authenticated          password or token, as in HTTP Basic
    sign_in(name, password, now, *, source) -> Authenticated             a form, which asks for a second factor next
    authenticate_token(token, now, *, source) -> Authenticated           a token alone, as in HTTP Bearer
    authenticate_session(cookie, now, *, source) -> Authenticated        session(cookie, now) -> Account

    open_session(account, now, lifetime, *, source) -> Secret            the cookie's value
    sessions(name) -> list[Credential]
    close_session(cookie, *, by)                             close_sessions(account, *, by) -> int

    issue_token(holder, name, scopes, *, kind, expires, username, within, by) -> (Credential, Secret)
    revoke_token(id, *, by, reason) -> Credential            tokens(holder=None) -> Iterator[Credential]

    set_password(name, new, *, by)
    request_reset(email_or_name, now, *, source) -> (Account, Secret) | None     send the code to account.email only
    reset_password(code, new_password, now, *, source) -> Account

    create_repository(path, visibility, *, by) -> Repository
    repository(path) -> Repository                           repositories() -> Iterator[Repository]
    add_member(name, path, level, *, by) -> Membership       remove_member(name, path, *, by)
    memberships(name) -> Iterator[Membership]
    allowed(who, path, service) -> frozenset of "read", "write"          service: "repository" or "registry"

``authenticate`` raises ``UnknownCredentials`` or ``AccountBlocked``. A ``Secret`` is a str that hides itself in reprs.
"""

from __future__ import annotations

from stockade.directory.accounts import (
    EVERY_SCOPE,
    Account,
    AccountKind,
    AccountState,
    Authenticated,
    Credential,
    CredentialKind,
    Level,
    Membership,
    Scope,
)
from stockade.directory.builtin import BuiltinDirectory
from stockade.directory.passwords import Passwords
from stockade.directory.permissions import Action, Repository, Service, Visibility, allowed
from stockade.directory.refusals import (
    AccountBlocked,
    AccountDeparted,
    AccountLocked,
    BadName,
    FactorOverdue,
    NameTaken,
    PasswordAlone,
    UnknownAccount,
    UnknownCredentials,
    UnknownRepository,
    UnknownToken,
    WeakPassword,
    WrongFactor,
)
from stockade.directory.secret import Secret

__all__ = [
    "EVERY_SCOPE",
    "Account",
    "AccountBlocked",
    "AccountDeparted",
    "AccountKind",
    "AccountLocked",
    "AccountState",
    "Action",
    "Authenticated",
    "BadName",
    "BuiltinDirectory",
    "Credential",
    "CredentialKind",
    "FactorOverdue",
    "Level",
    "Membership",
    "NameTaken",
    "PasswordAlone",
    "Passwords",
    "Repository",
    "Scope",
    "Secret",
    "Service",
    "UnknownAccount",
    "UnknownCredentials",
    "UnknownRepository",
    "UnknownToken",
    "Visibility",
    "WeakPassword",
    "WrongFactor",
    "allowed",
]
