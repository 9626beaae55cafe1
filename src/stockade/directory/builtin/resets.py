"""Passwords: set, and reset by a code that works once and not for long."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from stockade.directory.accounts import Account
from stockade.directory.builtin.holdings import CODE_LIFETIME
from stockade.directory.builtin.register import Register, account_named, account_of, row_named, take_turns
from stockade.directory.builtin.schema import accounts, emails, resets
from stockade.directory.builtin.sessions import LONGEST_COOKIE, end_sessions
from stockade.directory.names import email_key
from stockade.directory.refusals import BadName, UnknownCredentials
from stockade.directory.secret import Secret
from stockade.directory.standing import refuse_unusable
from stockade.directory.tokens import digest, make_code
from stockade.events import Ref


class Resets(Register):
    """The passwords of the directory and their resets."""

    def set_password(self, name: str, new: str, *, by: Ref | None = None) -> None:
        """Give the account another password and end its sessions. Raises UnknownAccount and WeakPassword."""
        account = self.account(name)
        hashed = self._passwords.hash(new, name=account.name)
        with self._changing() as change:
            ended = _change(change.sql, account.id, hashed, self._clock())
            change.say("password.change", account.ref, by=by, sessions_ended=ended)

    def clear_password(self, name: str, *, by: Ref | None = None, reason: str | None = None) -> None:
        """Put the password out of use, with every code and session: only a one-time link opens the account again.

        Raises UnknownAccount.
        """
        with self._changing() as change:
            account = account_named(change.sql, name)
            ended = _change(change.sql, account.id, None, self._clock())
            change.say("password.reset", account.ref, by=by, reason=reason, sessions_ended=ended)

    def request_reset(
        self, email_or_name: str, now: float, *, source: str | None = None, by: Ref | None = None
    ) -> tuple[Account, Secret] | None:
        """A new one-time code for the account, good for CODE_LIFETIME, in place of any earlier one; None when there
        is no such account or it is shut out. A further address of the account does as well once it is confirmed.

        Send the code to the returned account's e-mail address, which is the one that was asked for as it is kept, never
        to what was typed in, and answer the client the same in both cases.
        """
        code = make_code()
        with self._database.writing() as sql:
            account = _account_for(sql, email_or_name)
            if account is not None and not account.shut_out(now):
                _replace_code(sql, account, code, now)
        if account is None or account.shut_out(now):
            target = None if account is None else account.ref
            self._report("password.reset.request", target, now=now, source=source, outcome="refused")
            return None
        self._report("password.reset.request", account.ref, now=now, source=source, by=by)
        return account, code

    def reset_password(self, code: str, new_password: str, now: float, *, source: str | None = None) -> Account:
        """Use up the code to set a new password, and end every session of the account.

        Raises UnknownCredentials for a code that is wrong, used or too old; AccountBlocked; WeakPassword, and then
        the code still works.
        """
        account = self._holder_of(code, now)
        hashed = self._passwords.hash(new_password, name=account.name)
        with self._changing() as change:
            if change.sql.execute(delete(resets).where(_is_live(code, now))).rowcount != 1:
                raise UnknownCredentials("reset code used meanwhile", account.ref)
            facts = {"sessions_ended": _change(change.sql, account.id, hashed, now), "how": "reset"}
            change.say("password.change", account.ref, now=now, by=account.ref, source=source, **facts)
        return account

    def _holder_of(self, code: str, now: float) -> Account:
        with self._database.reading() as sql:
            row = sql.execute(select(accounts).join(resets).where(_is_live(code, now))).one_or_none()
        if row is None:
            raise UnknownCredentials("no such reset code")
        account = account_of(row)
        refuse_unusable(account, now)
        return account


def _is_live(code: str, now: float) -> ColumnElement[bool]:
    return (resets.c.digest == digest(code[:LONGEST_COOKIE])) & (resets.c.expires > now)


def _replace_code(sql: Connection, account: Account, code: str, now: float) -> None:
    values = {"account_id": account.id, "digest": digest(code), "expires": now + CODE_LIFETIME}
    take_turns(sql, account)
    sql.execute(delete(resets).where(resets.c.account_id == account.id))
    sql.execute(insert(resets).values(values))


def _change(sql: Connection, account_id: int, hashed: str | None, now: float) -> int:
    values = {"password": hashed, "password_changed": now}
    sql.execute(update(accounts).where(accounts.c.id == account_id).values(values))
    sql.execute(delete(resets).where(resets.c.account_id == account_id))
    return end_sessions(sql, account_id)


def _account_for(sql: Connection, email_or_name: str) -> Account | None:
    if "@" in email_or_name:
        return _account_by_email(sql, email_or_name)
    row = row_named(sql, email_or_name)
    return None if row is None else account_of(row)


def _account_by_email(sql: Connection, email: str) -> Account | None:
    """The account of this address; of a further one, with that as its own."""
    try:
        key = email_key(email)
    except BadName:
        return None
    if (row := sql.execute(select(accounts).where(accounts.c.email_key == key)).one_or_none()) is not None:
        return account_of(row)
    confirmed = (emails.c.address_key == key) & emails.c.confirmed.is_not(None) & emails.c.revoked.is_(None)
    further = select(accounts, emails.c.address).join(emails, emails.c.account_id == accounts.c.id).where(confirmed)
    row = sql.execute(further).one_or_none()
    return None if row is None else replace(account_of(row), email=row._mapping[emails.c.address])
