"""What all parts of the built-in directory share: the database, the clock, the passwords, and the ear for what
happens.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, select

from stockade.directory.accounts import Account, AccountKind, AccountState
from stockade.directory.builtin.database import Database
from stockade.directory.builtin.schema import accounts
from stockade.directory.names import account_name
from stockade.directory.passwords import Passwords
from stockade.directory.refusals import AccountBlocked, BadName, UnknownAccount
from stockade.events import Event, Outcome, Ref

PAGE = 500
"""How many rows of a long list are held in memory at a time."""

_BY_NAME = select(accounts).where(accounts.c.name == bindparam("wanted"))  # built once: it runs at every request


def unheard(_event: Event) -> None:
    """Where events go when nobody asked for them."""


class Register:
    """The common ground of the parts; each part is one noun and adds its verbs."""

    def __init__(
        self,
        url: str,
        *,
        record: Callable[[Event], None] = unheard,
        clock: Callable[[], float] = time.time,
        passwords: Passwords | None = None,
    ) -> None:
        self._database = Database(url)
        self._record = record
        self._clock = clock
        self._passwords = passwords or Passwords()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._database!r})"

    def account(self, name: str) -> Account:
        """The account of this name, however it is spelt; raises UnknownAccount."""
        with self._database.reading() as sql:
            return account_named(sql, name)

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
        """Record what has happened, after it was committed, so that nothing is recorded that did not happen."""
        when = self._clock() if now is None else now
        self._record(
            Event(when, action, by, target, source, outcome, {k: v for k, v in details.items() if v is not None})
        )

    def _pages(self, query: Select[Any], key: ColumnElement[Any]) -> Iterator[Row[Any]]:
        """The rows of a query in the order of a unique key, a page at a time, with no transaction open in between."""
        page = query.order_by(key).limit(PAGE)
        while True:
            with self._database.reading() as sql:
                rows = sql.execute(page).all()
            yield from rows
            if len(rows) < PAGE:
                return
            page = query.where(key > rows[-1]._mapping[key]).order_by(key).limit(PAGE)


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


def take_turns(sql: Connection, account: Account) -> None:
    """Wait until nobody else is changing what belongs to the account. SQLite has only one writer anyway."""
    sql.execute(select(accounts.c.id).where(accounts.c.id == account.id).with_for_update())


def usable_account(sql: Connection, name: str) -> Account:
    """As ``account_named``; raises AccountBlocked too."""
    account = account_named(sql, name)
    if account.blocked:
        raise AccountBlocked(account.ref)
    return account
