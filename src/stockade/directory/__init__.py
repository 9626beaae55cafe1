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
    lock(name, until, *, by, reason) -> Account              unlock(name, *, by, reason) -> Account
    depart(name, *, back, by) -> Account                     set_admin(name, admin, *, by) -> Account
    require_factor(name, due, *, waive, by) -> Account

    authenticate(name, secret, now, *, source) -> Authenticated          password or token, as in HTTP Basic
    sign_in(name, password, now, *, source) -> Authenticated             a form, which asks for a second factor next
    authenticate_token(token, now, *, source) -> Authenticated           a token alone, as in HTTP Bearer
    authenticate_session(cookie, now, *, source) -> Authenticated        session(cookie, now) -> Account

    open_session(account, now, lifetime, *, by, source) -> Secret            the cookie's value
    sessions(name) -> list[Credential]
    close_session(cookie, *, by)                             close_sessions(account, *, by) -> int

    issue_token(holder, name, scopes, *, kind, expires, username, within, by) -> (Credential, Secret)
    revoke_token(id, *, by, reason) -> Credential            tokens(holder=None) -> Iterator[Credential]

    credentials(holder=None) -> Iterator[Credential]         whatever opens something, of every kind, dead or alive
    integrations() -> Iterator[Integration]                  whatever acts by itself
    credential(ref), integration(ref), thing(ref)            whose(secret) -> Credential
    revoke(ref, *, by, reason)                               restore(ref, *, by, reason)
    pause(ref, *, by, reason)                                resume(ref, *, by, reason)
    rotate(ref, *, overlap, by, reason) -> (Credential, Secret)

    add_key(holder, name, public, *, kind, within, writes, expires, by) -> Credential
    set_variable(place, key, value, *, environment, masked, protected, hidden, by) -> Credential
    read_variable(ref, *, by) -> Secret                      on record before it is told
    register_runner(place, name, *, protected, tags, by) -> (Credential, Secret)
    authenticate_runner(token, now, *, source) -> Credential
    add_webhook(place, url, *, secret, events, by), add_mirror(place, url, *, secret, pushes, by) -> Credential
    add_githook(place, name, content, *, by), add_schedule(place, owner, name, cron, *, by) -> Integration
    create_application(owner, name, redirect, scopes, *, trusted, by) -> (Credential, Secret)
    create_public_application(owner, name, redirect, scopes, *, by) -> Credential
    application(client, now), authenticate_application(client, secret, now, *, source) -> Application
    grant(application, account, scopes, *, expires, by) -> (Credential, access Secret, refresh Secret)
    consent(signed_in, consent, now, *, source) -> Secret                a code; granted(account, now) lists
    redeem(application, code, redirect, verifier, now, *, source) -> the same three
    refresh_grant(refresh, now, *, application, source) -> the same three
    give_back(application, token, now, *, source)
    add_email(name, address, *, by), confirm_email(ref, *, by), link_identity(name, provider, subject, *, by)

    set_password(name, new, *, by)                           clear_password(name, *, by, reason)
    request_reset(email_or_name, now, *, source) -> (Account, Secret) | None     send the code to account.email only
    reset_password(code, new_password, now, *, source) -> Account

    create_group(path, visibility, *, by) -> Group           groups() -> Iterator[Group]
    create_repository(path, visibility, *, by) -> Repository
    repository(path) -> Repository                           repositories() -> Iterator[Repository]
    add_member(name, path, level, *, expires, by) -> Membership      remove_member(name, path, *, by)
    memberships(name=None) -> Iterator[Membership]
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
    Integration,
    IntegrationKind,
    Level,
    Membership,
    Scope,
)
from stockade.directory.builtin import BuiltinDirectory
from stockade.directory.passwords import Passwords
from stockade.directory.permissions import Action, Group, Repository, Service, Visibility, allowed
from stockade.directory.refusals import (
    AccountBlocked,
    AccountDeparted,
    AccountLocked,
    BadName,
    FactorOverdue,
    Impossible,
    NameTaken,
    PasswordAlone,
    UnknownAccount,
    UnknownCredentials,
    UnknownHolding,
    UnknownRepository,
    UnknownToken,
    WeakKey,
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
    "Group",
    "Impossible",
    "Integration",
    "IntegrationKind",
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
    "UnknownHolding",
    "UnknownRepository",
    "UnknownToken",
    "Visibility",
    "WeakKey",
    "WeakPassword",
    "WrongFactor",
    "allowed",
]
