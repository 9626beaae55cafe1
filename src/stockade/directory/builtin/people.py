"""Accounts: made, looked up, blocked and unblocked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from stockade.directory.accounts import Account, AccountKind, AccountState
from stockade.directory.builtin.factor_policy import tell_new_account
from stockade.directory.builtin.register import Register, account_named, account_of
from stockade.directory.builtin.schema import accounts
from stockade.directory.builtin.sessions import end_sessions
from stockade.directory.names import account_name, email_key
from stockade.directory.refusals import BadName, NameTaken
from stockade.events import Personal, Ref

JOB_LOGINS = frozenset({"gitlab-ci-token", "ci-token"})
"""The logins that CI job tokens go with; no account may be named so."""


class People(Register):
    """The accounts of the directory."""

    def create_account(
        self,
        name: str,
        kind: AccountKind = AccountKind.HUMAN,
        password: str | None = None,
        email: str | None = None,
        *,
        admin: bool = False,
        by: Ref | None = None,
    ) -> Account:
        """Make an account; without a password only its tokens open anything. Raises BadName, WeakPassword and
        NameTaken.
        """
        name = account_name(name)
        if name in JOB_LOGINS:
            raise BadName("an account's name", "This login belongs to CI jobs; choose another.")
        values = {
            "name": name,
            "kind": AccountKind(kind),
            "state": AccountState.ACTIVE,
            "email": email,
            "email_key": None if email is None else email_key(email),
            "password": None if password is None else self._passwords.hash(password, name=name),
            "created": self._clock(),
            "admin": admin,
        }
        try:
            with self._changing() as change:
                account = account_of(change.sql.execute(insert(accounts).values(values).returning(accounts)).one())
                account = tell_new_account(change.sql, account, account.created)
                address = None if email is None else Personal(email, account.ref)
                change.say("user.create", account.ref, by=by, kind=account.kind.value, admin=admin, email=address)
        except IntegrityError as error:
            raise NameTaken("account or its e-mail address", name) from error
        return account

    def accounts(self) -> Iterator[Account]:
        """Every account by name, streamed."""
        return map(account_of, self._pages(select(accounts), accounts.c.name))

    def block(self, name: str, *, by: Ref | None = None, reason: str | None = None) -> Account:
        """Refuse the account everywhere from now on; one already blocked stays so. Raises UnknownAccount."""
        return self._enter(AccountState.BLOCKED, "user.block", name, by, reason)

    def unblock(self, name: str, *, by: Ref | None = None, reason: str | None = None) -> Account:
        """Let a blocked account in again, with the credentials it had. Raises UnknownAccount."""
        return self._enter(AccountState.ACTIVE, "user.unblock", name, by, reason)

    def lock(self, name: str, until: float, *, by: Ref | None = None, reason: str | None = None) -> Account:
        """Refuse the account everywhere until then, and end its sessions; the lock lapses by itself.

        Raises UnknownAccount.
        """
        with self._changing() as change:
            account = account_named(change.sql, name)
            ended = end_sessions(change.sql, account.id)
            if account.locked != until or ended:
                change.sql.execute(update(accounts).where(accounts.c.id == account.id).values(locked=until))
                change.say("user.lock", account.ref, by=by, reason=reason, until=until, sessions_ended=ended)
        return replace(account, locked=until)

    def unlock(self, name: str, *, by: Ref | None = None, reason: str | None = None) -> Account:
        """Let a locked account in before its time. Raises UnknownAccount."""
        return self._set(name, "user.unlock", "locked", None, by=by, reason=reason)

    def depart(self, name: str, *, back: bool = False, by: Ref | None = None, reason: str | None = None) -> Account:
        """Note that the owner of the account has left, which shuts it out, or is back. Raises UnknownAccount."""
        when = None if back else self._clock()
        return self._set(name, "user.depart", "departed", when, by=by, reason=reason)

    def set_admin(self, name: str, admin: bool, *, by: Ref | None = None, reason: str | None = None) -> Account:  # noqa: FBT001  what is set
        """Give an account an administrator's rights, or take them. Raises UnknownAccount."""
        return self._set(name, "user.role.change", "admin", admin, by=by, reason=reason)

    def require_factor(
        self,
        name: str,
        due: float | None = None,
        *,
        waive: bool = False,
        by: Ref | None = None,
        reason: str | None = None,
    ) -> Account:
        """Have the account need a second factor from ``due`` on, now unless told; ``waive`` takes it back.

        Raises UnknownAccount.
        """
        when = None if waive else self._clock() if due is None else due
        return self._set(name, "factor.require", "factor_due", when, by=by, reason=reason)

    def _set(
        self, name: str, action: str, column: str, value: float | None, *, by: Ref | None, reason: str | None
    ) -> Account:
        """Set one fact about an account; what is so already is not said again."""
        with self._changing() as change:
            account = account_named(change.sql, name)
            if getattr(account, column) != value:
                fact: dict[str, Any] = {column: value}
                change.sql.execute(update(accounts).where(accounts.c.id == account.id).values(fact))
                change.say(action, account.ref, by=by, reason=reason, **fact)
            return account_named(change.sql, name)

    def _enter(self, state: AccountState, action: str, name: str, by: Ref | None, reason: str | None) -> Account:
        enter = update(accounts).where(accounts.c.state != state).values(state=state)
        with self._changing() as change:
            account = account_named(change.sql, name)
            if change.sql.execute(enter.where(accounts.c.id == account.id)).rowcount:
                change.say(action, account.ref, by=by, reason=reason)
            return account_named(change.sql, name)
