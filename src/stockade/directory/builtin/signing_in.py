"""Authentication: a name and a secret, or a token alone, become an account, or are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Row, bindparam, or_, update

from stockade.directory.accounts import EVERY_SCOPE, Account, Authenticated, Credential, CredentialKind
from stockade.directory.builtin.holdings import HOLDINGS, credential_of, with_holder
from stockade.directory.builtin.in_force import refuse_changed, refuse_others_grant
from stockade.directory.builtin.people import JOB_LOGINS
from stockade.directory.builtin.register import Register, account_of, has_factor, row_named
from stockade.directory.builtin.schema import accounts, applications, grants, tokens
from stockade.directory.builtin.tokens import note_use, use_is_news
from stockade.directory.names import account_name
from stockade.directory.refusals import AccountBlocked, BadName, PasswordAlone, UnknownCredentials
from stockade.directory.standing import overdue, refuse_overdue, refuse_unusable
from stockade.directory.tokens import digest, token_kind
from stockade.events import Ref

_TOKEN = with_holder("token").where(tokens.c.digest == bindparam("wanted"))  # built once: they run at every request
_GRANT = with_holder("grant").where(
    grants.c.digest == bindparam("wanted"),
    applications.c.revoked.is_(None),
    or_(grants.c.expires.is_(None), grants.c.expires > bindparam("now")),  # a refresh token makes the grant outlive it
)


class SigningIn(Register):
    """Every way to prove who one is, but for sessions. The state of the account is read afresh each time."""

    def authenticate(self, name: str, secret: str, now: float, *, source: str | None = None) -> Authenticated:
        """Who this is, by HTTP Basic (RFC 7617). The secret is one of:

        - the account's password, unless it has a second factor;
        - a personal access token of the account;
        - a deploy token, with its own login as the name;
        - a CI job token, with the name ``gitlab-ci-token`` or ``ci-token``.

        Raises UnknownCredentials, after the same time for an unknown name as for a wrong password, and AccountBlocked
        to who has the right secret. Both are recorded.
        """
        if token_kind(secret) is None:
            return self._reported(lambda: self._by_password_alone(name, secret, now), now, source)
        return self._reported(lambda: self._by_token(secret, now, source, login=name), now, source)

    def sign_in(self, name: str, password: str, now: float, *, source: str | None = None) -> Authenticated:
        """Who this is, by a sign-in form, which asks for a second factor next: ``open_session`` says whether it must.
        Raises as ``authenticate`` does, and lets in who has yet to enrol a factor.
        """
        return self._reported(lambda: self._by_password(name, password, now), now, source)

    def authenticate_token(self, token: str, now: float, *, source: str | None = None) -> Authenticated:
        """Who holds this token, of any kind, given without a name (RFC 6750). Raises as ``authenticate`` does."""
        return self._reported(lambda: self._by_token(token, now, source, login=None), now, source)

    def recheck(self, name: str, credential: Ref, made: float, now: float) -> Account:
        """The account that was let in a moment ago, by the credential of this reference that was ``made`` then, if both
        still would be: for a door that has given out a pass of its own. Raises UnknownAccount, UnknownCredentials and
        AccountBlocked.
        """
        account = self.account(name)
        self._refuse(account, now)
        with self._database.reading() as sql:
            shown = refuse_changed(sql, credential, made, now)
            if shown.kind is CredentialKind.PASSWORD and has_factor(sql, account.id):
                raise PasswordAlone(account.ref)
        return account

    def _reported(self, find: Callable[[], Authenticated], now: float, source: str | None) -> Authenticated:
        """What ``find`` finds or raises, on record."""
        try:
            proved = find()
        except (UnknownCredentials, AccountBlocked) as refusal:
            self._report_refusal(refusal, now, source)
            raise
        self._report_success(proved, now, source)
        return proved

    def _by_password_alone(self, name: str, password: str, now: float) -> Authenticated:
        """By a password where no second factor can be shown."""
        proved = self._by_password(name, password, now)
        with self._database.reading() as sql:
            factor = has_factor(sql, proved.account.id)
        refuse_overdue(proved.account, now, factor=factor)
        if factor:
            raise PasswordAlone(proved.account.ref)
        return proved

    def _by_password(self, name: str, password: str, now: float) -> Authenticated:
        if name in JOB_LOGINS:  # no account can have it, which is no secret: a hash would only cost time
            raise UnknownCredentials("a job's login without a token")
        with self._database.reading() as sql:
            row = row_named(sql, name)
        if row is None:
            self._passwords.refuse(password, UnknownCredentials("no such account"))
        account = account_of(row)
        stored = row._mapping[accounts.c.password]
        if stored is None:
            self._passwords.refuse(password, UnknownCredentials("no password", account.ref))
        self._passwords.verify(stored, password, now, holder=account.ref)
        refuse_unusable(account, now)
        self._renew(row, password)
        since = row._mapping[accounts.c.password_changed] or account.created
        made = Credential(account.id, CredentialKind.PASSWORD, account.name, "password", EVERY_SCOPE, since)
        return Authenticated(account, made, EVERY_SCOPE)

    def _renew(self, row: Row[Any], password: str) -> None:
        """Hash the password anew when the parameters have changed since, unless it was changed meanwhile."""
        stored = row._mapping[accounts.c.password]
        if not self._passwords.outdated(stored):
            return
        hashed = self._passwords.rehash(password)
        same = (accounts.c.id == row._mapping[accounts.c.id]) & (accounts.c.password == stored)
        with self._database.writing() as sql:
            sql.execute(update(accounts).where(same).values(password=hashed))

    def _by_token(self, plain: str, now: float, source: str | None, *, login: str | None) -> Authenticated:
        kind, row = token_kind(plain), None
        if kind is not None:
            with self._database.reading() as sql:
                query, asked = (_GRANT, {"now": now}) if kind is CredentialKind.GRANT else (_TOKEN, {})
                row = sql.execute(query, {"wanted": digest(plain), **asked}).one_or_none()
        if row is None:
            raise UnknownCredentials("no such token")
        account, token = account_of(row), credential_of(row)
        if (fault := _fault(token, login, now)) is not None:
            raise UnknownCredentials(fault, account.ref)
        self._refuse(account, now)
        if token.kind is CredentialKind.GRANT:
            with self._database.reading() as sql:
                refuse_others_grant(sql, token, now)
        if use_is_news(token, now, source):
            with self._database.writing() as sql:
                note_use(sql, HOLDINGS[token.kind.noun].table, token.id, now, source)
        return Authenticated(account, token, token.scopes)

    def _refuse(self, account: Account, now: float) -> None:
        """Raise when the account may not be used with a token."""
        refuse_unusable(account, now)
        if overdue(account, now):
            with self._database.reading() as sql:
                refuse_overdue(account, now, factor=has_factor(sql, account.id))

    def _report_success(self, proved: Authenticated, now: float, source: str | None) -> None:
        who, by = proved.account.ref, proved.by
        self._report(
            "authentication.success", who, now=now, by=who, source=source, kind=by.kind.value, credential=str(by.ref)
        )


def _fault(token: Credential, login: str | None, now: float) -> str | None:
    """Why this token does not open anything, if so."""
    if token.revoked is not None:
        return "revoked token"
    if token.expired(now):
        return "expired token"
    if not token.scopes:
        return "token that opens no door"
    if login is not None and not _goes_with(token, login):
        return "token of another login"
    return None


def _goes_with(token: Credential, login: str) -> bool:
    if token.kind is CredentialKind.CI_JOB:
        return login in JOB_LOGINS
    try:
        return account_name(login) == (token.username or token.holder)
    except BadName:
        return False
