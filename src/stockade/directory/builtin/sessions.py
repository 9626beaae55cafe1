"""Sessions: opened after a sign-in, looked up by cookie at every request, closed one by one or all at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select

from stockade.directory.accounts import SYSTEM, Account, Authenticated, Credential
from stockade.directory.builtin.held import Held
from stockade.directory.builtin.holdings import credential_of, with_holder
from stockade.directory.builtin.in_force import refuse_changed
from stockade.directory.builtin.register import account_of, has_factor, usable_account
from stockade.directory.builtin.schema import sessions
from stockade.directory.builtin.tokens import note_use, use_is_news
from stockade.directory.refusals import UnknownCredentials
from stockade.directory.secret import Secret
from stockade.directory.standing import overdue, refuse_overdue, refuse_unusable
from stockade.directory.tokens import digest, make_code
from stockade.events import Ref

MOST_SESSIONS = 100
"""Sessions an account may have at a time; the oldest is closed for one more."""
STEP_SECONDS = 600.0
"""Seconds in which a second factor has to be shown."""
LONGEST_COOKIE = 512
_BY_DIGEST = (  # built once: it runs at every request
    with_holder("session").add_columns(sessions.c.factor).where(sessions.c.digest == bindparam("wanted"))
)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session, and how far it has come: ``shown`` is when a second factor was, in seconds since the epoch."""

    account: Account
    session: Credential
    has_factor: bool
    shown: float | None

    @property
    def factor_missing(self) -> bool:
        """Whether the second factor that the account has is still to be shown."""
        return self.has_factor and self.shown is None

    @property
    def due(self) -> float | None:
        """When the account must have the second factor that it has not; None when it need not."""
        return None if self.has_factor else self.account.factor_due

    def overdue(self, now: float) -> bool:
        """Whether nothing is open to it any more but enrolling one."""
        return not self.has_factor and overdue(self.account, now)

    @property
    def whole(self) -> Authenticated:
        """Who it is, for what a session opens."""
        return Authenticated(self.account, self.session, self.session.scopes)


class Sessions(Held):
    """The sessions of the directory."""

    def open_session(
        self,
        account: Account,
        now: float,
        lifetime: float,
        *,
        by: Credential | None = None,
        source: str | None = None,
    ) -> Secret:
        """A new session for who has just authenticated, ``lifetime`` seconds long, and return its cookie's value. When
        the account has a second factor, it opens nothing until that is shown in it, within STEP_SECONDS.

        Raises UnknownAccount and AccountBlocked; UnknownCredentials when ``by``, which was shown, would not do any
        more: a password takes long to verify, and whoever changes it meanwhile means to be alone.
        """
        cookie = make_code()
        values = {"digest": digest(cookie), "made": now, "expires": now + lifetime, "last_used": now}
        with self._database.writing() as sql:
            current = usable_account(sql, account.name, now)
            if by is not None:
                refuse_changed(sql, by.ref, by.made, now)
            sql.execute(delete(sessions).where(sessions.c.expires <= now))
            _make_room(sql, current.id)
            place: dict[str, object] = {"account_id": current.id, "last_address": source and source[:64]}
            if has_factor(sql, current.id):
                place["expires"] = now + min(lifetime, STEP_SECONDS)
            number = sql.execute(insert(sessions).values(values | place).returning(sessions.c.id)).scalar_one()
        self._report("session.create", Ref(SYSTEM, "session", str(number)), now=now, by=current.ref, source=source)
        return cookie

    def session(self, cookie: str, now: float, *, source: str | None = None) -> Account:
        """Whose session this is; raises UnknownCredentials when it is over or never was, AccountBlocked."""
        return self.authenticate_session(cookie, now, source=source).account

    def authenticate_session(self, cookie: str, now: float, *, source: str | None = None) -> Authenticated:
        """As ``session``, with the session itself and what it opens. Raises FactorOverdue too."""
        found = self.signed_in(cookie, now, source=source)
        if found.factor_missing:
            raise UnknownCredentials("second factor not shown", found.account.ref)
        refuse_overdue(found.account, now, factor=found.has_factor)
        return found.whole

    def signed_in(self, cookie: str, now: float, *, source: str | None = None) -> SignedIn:
        """Whose session this is, even when a second factor is still to be shown or enrolled in it. Raises
        UnknownCredentials when it is over or never was, AccountBlocked.
        """
        with self._database.reading() as sql:
            row = row_of_session(sql, cookie)
            session = None if row is None else credential_of(row)
            if row is None or session is None or session.expired(now):
                raise UnknownCredentials("no such session")
            account = account_of(row)
            refuse_unusable(account, now)
            factor = has_factor(sql, account.id)
        if use_is_news(session, now, source):
            with self._database.writing() as sql:
                note_use(sql, sessions, session.id, now, source)
        return SignedIn(account, session, has_factor=factor, shown=row._mapping[sessions.c.factor])

    def sessions(self, name: str) -> list[Credential]:
        """The sessions of one account, oldest first, at most MOST_SESSIONS; raises UnknownAccount."""
        return list(self._credentials_of("session", self.account(name).id))

    def close_session(self, cookie: str, *, by: Ref | None = None) -> None:
        """End the session of this cookie; one that is over already is over."""
        with self._database.writing() as sql:
            row = row_of_session(sql, cookie)
            if row is not None:
                sql.execute(delete(sessions).where(sessions.c.id == credential_of(row).id))
        if row is not None:
            account = account_of(row)
            self._report("session.end", credential_of(row).ref, by=by or account.ref, holder=account.name)

    def close_sessions(self, account: Account, *, by: Ref | None = None, reason: str | None = None) -> int:
        """End every session of the account, and return how many there were."""
        with self._changing() as change:
            count = end_sessions(change.sql, account.id)
            if count:
                change.say("session.end", account.ref, by=by, reason=reason, count=count)
        return count


def end_sessions(sql: Connection, account_id: int) -> int:
    """Delete every session of an account; how many there were."""
    return sql.execute(delete(sessions).where(sessions.c.account_id == account_id)).rowcount


def row_of_session(sql: Connection, cookie: str) -> Row[Any] | None:
    """The row of the session with this cookie, joined with its holder's; None when there is none."""
    if len(cookie) > LONGEST_COOKIE:
        return None
    return sql.execute(_BY_DIGEST, {"wanted": digest(cookie)}).one_or_none()


def _make_room(sql: Connection, account_id: int) -> None:
    own = sessions.c.account_id == account_id
    kept = select(sessions.c.id).where(own).order_by(sessions.c.id.desc()).limit(MOST_SESSIONS - 1)
    sql.execute(delete(sessions).where(own, sessions.c.id.not_in(kept)))
