"""Whom nobody shuts out by mistake: the last administrators who are let in, and whoever gives the command."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from stockade.directory.accounts import Account, AccountKind
from stockade.errors import Refused
from stockade.events import Ref
from stockade.steps import Step


def blocked(steps: Iterable[Step]) -> frozenset[str]:
    """The accounts that these steps shut out, by name."""
    return frozenset(step.target.id for step in steps if step.verb == "user.block")


def refuse_lockout(names: Collection[str], accounts: Iterable[Account], by: Ref, now: float) -> None:
    """Raises Refused where shutting out these accounts, all of them together, would leave no person who administrates,
    or shut out ``by`` themselves.
    """
    admins = [each for each in accounts if each.admin]
    last = sorted(each.name for each in admins if each.name in names)
    if last and not any(_is_let_in(each, now) for each in admins if each.name not in names):
        said = f"{last[0]} is the last administrator" if len(last) == 1 else f"{_all(last)} are the last administrators"
        _refuse(f"{said} who {'is' if len(last) == 1 else 'are'} let in")
    if by.id.casefold() in names:
        _refuse(f"{by.id} is you")


def _is_let_in(account: Account, now: float) -> bool:
    return account.kind is AccountKind.HUMAN and account.departed is None and not account.shut_out(now)


def _all(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _refuse(why: str) -> None:
    raise Refused(why, remedy="If that is meant, say so when the plan is drawn or the lock is set: --even-me.")
