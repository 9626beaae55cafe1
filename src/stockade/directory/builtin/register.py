"""What all parts of the built-in directory share: the database, the clock, the passwords, and the ear for what
happens.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, select, tuple_

from stockade.directory.accounts import SYSTEM, Account, AccountKind, AccountState
from stockade.directory.builtin.database import Database
from stockade.directory.builtin.schema import accounts, factors
from stockade.directory.names import account_name
from stockade.directory.passwords import Passwords
from stockade.directory.refusals import AccountBlocked, BadName, UnknownAccount, UnknownCredentials
from stockade.directory.sealing import Sealing
from stockade.directory.standing import refuse_unusable
from stockade.errors import ConfigurationError, StockadeError
from stockade.events import Event, Outcome, Ref

AT_ONCE: Final = 16
"""How many events of one change are handed to the log at a time."""
PAGE = 5_000
"""How many rows of a long list are held in memory at a time."""

_BY_NAME = select(accounts).where(accounts.c.name == bindparam("wanted"))  # built once: it runs at every request

_FACTOR_OF = select(factors.c.id).where(
    factors.c.account_id == bindparam("holder"), factors.c.revoked.is_(None), factors.c.kind.in_(["totp", "webauthn"])
)


def unheard(_event: Event) -> None:
    """Where events go when nobody asked for them."""


class Change:
    """A transaction, and what it does in words."""

    def __init__(self, sql: Connection, said: list[Event], clock: Callable[[], float]) -> None:
        self.sql = sql
        self._said, self._clock = said, clock

    def say(
        self,
        action: str,
        target: Ref | None,
        *,
        now: float | None = None,
        by: Ref | None = None,
        source: str | None = None,
        **details: object,
    ) -> None:
        """Have this on record when the transaction is committed."""
        when = self._clock() if now is None else now
        self._said.append(_event(when, action, target, by, source, **details))


class Register:
    """The common ground of the parts; each part is one noun and adds its verbs."""

    def __init__(
        self,
        url: str,
        *,
        record: Callable[[Event], None] = unheard,
        insist: Callable[[Event], None] | None = None,
        clock: Callable[[], float] = time.time,
        passwords: Passwords | None = None,
        sealing: Sealing | None = None,
    ) -> None:
        self._database = Database(url)
        self._record = record
        self._insist = insist or record
        self._clock = clock
        self._passwords = passwords or Passwords()
        self._kept_sealing = sealing

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._database!r})"

    @property
    def _sealing(self) -> Sealing:
        if self._kept_sealing is None:
            raise ConfigurationError("This directory was opened without a key to seal what must be read again.")
        return self._kept_sealing

    def now(self) -> float:
        """Seconds since the epoch by the directory's clock."""
        return self._clock()

    def account(self, name: str) -> Account:
        """The account of this name, however it is spelt; raises UnknownAccount."""
        with self._database.reading() as sql:
            return account_named(sql, name)

    @contextmanager
    def _changing(self) -> Iterator[Change]:
        """A transaction that changes an account or what belongs to it. What it says is on record before it is
        committed, so that nothing changes unrecorded, whatever is killed meanwhile; when it cannot be recorded, nothing
        changes. Should the commit fail after that, this is recorded too.
        """
        said: list[Event] = []
        try:
            with self._database.writing() as sql:
                change = Change(sql, said, self._clock)
                yield change
                self._insist_on(said)
        except BaseException as error:
            for event in said:
                self._record(replace(event, outcome="failure", details={**event.details, "error": _reason(error)}))
            raise

    def _insist_on(self, said: list[Event]) -> None:
        """Have all of it on record; of many, several share a turn of the log's disk."""
        if len(said) < 2:
            for event in said:
                self._insist(event)
            return
        with ThreadPoolExecutor(min(AT_ONCE, len(said))) as many:
            for _ in many.map(self._insist, said):
                pass

    def _report(
        self,
        action: str,
        target: Ref | None,
        *,
        now: float | None = None,
        by: Ref | None = None,
        source: str | None = None,
        outcome: Outcome = "success",
        **details: object,
    ) -> None:
        """Record what has happened and changes no account, such as a sign-in."""
        when = self._clock() if now is None else now
        self._record(_event(when, action, target, by, source, outcome=outcome, **details))

    def _report_refusal(self, refusal: UnknownCredentials | AccountBlocked, now: float, source: str | None) -> None:
        """Record it with the account's name, if there is one, never with what was typed: that may be a password."""
        outcome: Outcome = "refused" if isinstance(refusal, AccountBlocked) else "failure"
        target, reason = refusal.account, refusal.reason
        self._report("authentication.failure", target, now=now, source=source, outcome=outcome, reason=reason)

    def _pages(self, query: Select[Any], *key: ColumnElement[Any]) -> Iterator[Row[Any]]:
        """The rows of a query in the order of a unique key, a page at a time, with no transaction open in between."""
        query = query.order_by(*key).limit(PAGE)
        page = query
        while True:
            with self._database.reading() as sql:
                rows = sql.execute(page).all()
            yield from rows
            if len(rows) < PAGE:
                return
            last = [rows[-1]._mapping[column] for column in key]
            page = query.where(key[0] > last[0] if len(key) == 1 else tuple_(*key) > tuple_(*last))


def _event(when: float, action: str, target: Ref | None, by: Ref | None, source: str | None, **rest: Any) -> Event:
    outcome: Outcome = rest.pop("outcome", "success")
    return Event(when, action, by, target, source, outcome, {k: v for k, v in rest.items() if v is not None})


def _reason(error: BaseException) -> str:
    """Why a change was not made. A database's own words may hold what was written, and are not repeated."""
    return error.message if isinstance(error, StockadeError) else type(error).__name__


def account_of(row: Row[Any]) -> Account:
    """The account in a row that has the columns of the accounts table, whatever else it has."""
    cell = row._mapping
    return Account(
        id=cell[accounts.c.id],
        name=cell[accounts.c.name],
        kind=AccountKind(cell[accounts.c.kind]),
        state=AccountState(cell[accounts.c.state]),
        email=cell[accounts.c.email],
        created=cell[accounts.c.created],
        admin=cell[accounts.c.admin],
        locked=cell[accounts.c.locked],
        departed=cell[accounts.c.departed],
        factor_due=cell[accounts.c.factor_due],
    )


def row_named(sql: Connection, name: str) -> Row[Any] | None:
    """The row of the account of this name, however it is spelt; None when there is none."""
    try:
        canonical = account_name(name)
    except BadName:
        return None
    return sql.execute(_BY_NAME, {"wanted": canonical}).one_or_none()


def account_named(sql: Connection, name: str) -> Account:
    """The account of this name, however it is spelt; raises UnknownAccount."""
    row = row_named(sql, name)
    if row is None:
        raise UnknownAccount(name)
    return account_of(row)


def has_factor(sql: Connection, account_id: int) -> bool:
    """Whether the account has a second factor; codes for when it is lost are none by themselves."""
    return sql.execute(_FACTOR_OF.limit(1), {"holder": account_id}).first() is not None


def take_turns(sql: Connection, account: Account) -> None:
    """Wait until nobody else is changing what belongs to the account. SQLite has only one writer anyway."""
    turn_of(sql, accounts.c.id == account.id)


def turn_of(sql: Connection, which: ColumnElement[bool]) -> None:
    """The same for the account of which this is so. Whoever blocks it waits too, until what is being made for it can be
    seen, and so be ended.
    """
    sql.execute(select(accounts.c.id).where(which).with_for_update(key_share=True))


def usable_account(sql: Connection, name: str, now: float) -> Account:
    """As ``account_named``, once nobody else is changing it; raises AccountBlocked too, when it is shut out."""
    take_turns(sql, account_named(sql, name))
    account = account_named(sql, name)
    refuse_unusable(account, now)
    return account


def maker(sql: Connection, by: Ref | None) -> int | None:
    """The number of the account that does something, where it is one of this directory's."""
    if by is None or (by.system, by.kind) != (SYSTEM, "user"):
        return None
    row = row_named(sql, by.id)
    return None if row is None else row._mapping[accounts.c.id]
