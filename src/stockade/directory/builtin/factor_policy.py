"""Who must have a second factor: everybody, or whoever may do something in a group, each from a day of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, delete, exists, insert, or_, select, true, update

from stockade.directory.accounts import Account, AccountKind
from stockade.directory.builtin.register import Register, account_of
from stockade.directory.builtin.schema import accounts, factors, groups, memberships, repositories, settings
from stockade.directory.names import project_path
from stockade.directory.refusals import UnknownGroup
from stockade.events import Ref

INSTANCE: Final = Ref("stockade", "instance", "stockade")
_SETTING: Final = "two_factor_grace"
_HAS_FACTOR: Final = exists().where(
    factors.c.account_id == accounts.c.id, factors.c.revoked.is_(None), factors.c.kind.in_(["totp", "webauthn"])
)
_PEOPLE: Final = accounts.c.kind == AccountKind.HUMAN.value  # programs have no phone


@dataclass(frozen=True, slots=True)
class FactorStanding:
    """Whether an account has a second factor; when it must, if so, is the account's ``factor_due``."""

    account: Account
    has_factor: bool


class FactorPolicy(Register):
    """The rule for the instance and those of groups. Each account is told its own day: when the rule first applied to
    it, and the grace; the earliest counts. What was asked of an account stays so when a rule is lifted, until somebody
    says otherwise of that account.
    """

    def require_two_factor(self, group: str | None, grace: float, *, by: Ref | None = None) -> int:
        """From now on, and ``grace`` seconds after it first applies to them, whoever may do something in the group, or
        in a project of it, must have a second factor; everybody, without a group. How many were told a day by it.

        Raises UnknownGroup.
        """
        path = None if group is None else project_path(group)
        with self._changing() as change:
            if path is None:
                change.sql.execute(delete(settings).where(settings.c.name == _SETTING))
                change.sql.execute(insert(settings).values(name=_SETTING, value=repr(float(grace))))
            else:
                _set_group(change.sql, path, self._clock(), two_factor=True, grace=grace)
            told = _ask(change.sql, true() if path is None else _in_group(path), self._clock() + grace)
            change.say("factor.policy.change", _place(path), by=by, required=True, grace=grace, told=told)
        return told

    def lift_two_factor(self, group: str | None, *, by: Ref | None = None) -> None:
        """Ask it of nobody else; who was told a day keeps it. Raises UnknownGroup."""
        path = None if group is None else project_path(group)
        with self._changing() as change:
            if path is None:
                change.sql.execute(delete(settings).where(settings.c.name == _SETTING))
            else:
                _set_group(change.sql, path, self._clock(), two_factor=False, grace=0.0)
            change.say("factor.policy.change", _place(path), by=by, required=False)

    def two_factor_rules(self) -> dict[str, float]:
        """The grace in seconds by group, that of the instance under ``""``."""
        with self._database.reading() as sql:
            everybody = _grace_of_all(sql)
            rules = sql.execute(select(groups.c.path, groups.c.grace).where(groups.c.two_factor)).all()
        return ({} if everybody is None else {"": everybody}) | {row.path: row.grace for row in rules}

    def two_factor_status(self) -> Iterator[FactorStanding]:
        """Everybody by name, and whether they have a second factor; streamed."""
        query = select(accounts, _HAS_FACTOR.label("has_factor")).where(_PEOPLE)
        for row in self._pages(query, accounts.c.name):
            yield FactorStanding(account_of(row), bool(row.has_factor))


def tell_new_member(sql: Connection, account: Account, path: str, now: float) -> None:
    """Tell an account that has become a member of ``path`` its day, where a rule for a group has one for it."""
    above = _ancestors(path)
    rules = select(groups.c.grace).where(
        groups.c.two_factor, or_(groups.c.path.in_(above), groups.c.path.startswith(f"{path}/", autoescape=True))
    )
    _tell(sql, account, list(sql.scalars(rules)), now)


def tell_new_account(sql: Connection, account: Account, now: float) -> Account:
    """Tell a new account its day, where the rule for everybody has one for it; the account with that day."""
    grace = _grace_of_all(sql)
    if grace is None or account.kind is not AccountKind.HUMAN:
        return account
    _tell(sql, account, [grace], now)
    return replace(account, factor_due=now + grace)


def _tell(sql: Connection, account: Account, graces: list[float], now: float) -> None:
    if graces:
        _ask(sql, accounts.c.id == account.id, now + min(graces))


def _ask(sql: Connection, who: ColumnElement[bool], due: float) -> int:
    """Give people a day, unless they have an earlier one; to how many."""
    later = or_(accounts.c.factor_due.is_(None), accounts.c.factor_due > due)
    return sql.execute(update(accounts).where(who, _PEOPLE, later).values(factor_due=due)).rowcount


def _in_group(path: str) -> ColumnElement[bool]:
    """Accounts with a level in the group, above it, from where it is inherited, or below it."""
    covers = or_(memberships.c.path.in_(_ancestors(path)), memberships.c.path.startswith(f"{path}/", autoescape=True))
    return accounts.c.id.in_(select(memberships.c.account_id).where(covers))


def _set_group(sql: Connection, path: str, now: float, **values: Any) -> None:
    """Set what holds for a group, entering one that is there only because something lies in it."""
    if sql.execute(update(groups).where(groups.c.path == path).values(values)).rowcount:
        return
    below = repositories.c.path.startswith(f"{path}/", autoescape=True)
    if sql.execute(select(repositories.c.path).where(below).limit(1)).first() is None:
        raise UnknownGroup(path)
    sql.execute(insert(groups).values({"path": path, "visibility": "private", "made": now, **values}))


def _grace_of_all(sql: Connection) -> float | None:
    value = sql.scalar(select(settings.c.value).where(settings.c.name == _SETTING))
    return None if value is None else float(value)


def _ancestors(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _place(path: str | None) -> Ref:
    return INSTANCE if path is None else Ref("stockade", "group", path)
