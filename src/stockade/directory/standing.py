"""Whether an account may be used at all at a moment, whatever it shows: pure, and the same for every door."""

from __future__ import annotations

from stockade.directory.accounts import Account
from stockade.directory.refusals import AccountBlocked, AccountDeparted, AccountLocked, FactorOverdue


def refuse_unusable(account: Account, now: float) -> None:
    """Raise AccountBlocked, AccountLocked or AccountDeparted when the account is refused everywhere."""
    if account.blocked:
        raise AccountBlocked(account.ref)
    if account.locked is not None and now < account.locked:
        raise AccountLocked(account.ref, account.locked)
    if account.departed is not None and account.departed <= now:
        raise AccountDeparted(account.ref)


def shut_out_as(account: Account, now: float) -> str:
    """Why it is refused everywhere: ``blocked``, ``left``, or ``locked``, which lapses; empty when it is not."""
    if account.blocked:
        return "blocked"
    if account.departed is not None and account.departed <= now:
        return "left"
    return "locked" if account.shut_out(now) else ""


def refuse_overdue(account: Account, now: float, *, factor: bool) -> None:
    """Raise FactorOverdue when the account must have a second factor by now and has none."""
    if not factor and overdue(account, now):
        raise FactorOverdue(account.ref)


def overdue(account: Account, now: float) -> bool:
    """Whether the time in which the account may do without a second factor is up."""
    return account.factor_due is not None and account.factor_due <= now
