"""One key, one account: what tells whose a key is would tell nothing if two had the same."""

from __future__ import annotations

from sqlalchemy import Connection, func, or_, select

from stockade.directory.accounts import CredentialKind
from stockade.directory.builtin.schema import keys
from stockade.directory.refusals import NameTaken

_DEPLOY = CredentialKind.DEPLOY_KEY.value


def refuse_second_holder(sql: Connection, number: int) -> None:
    """Raise NameTaken when the key of this number is in force elsewhere: for another account, or twice for one.

    Several projects may have the same deploy key, but not one that is an account's.
    """
    own = sql.execute(select(keys).where(keys.c.id == number)).one()
    _wait_for(sql, own.fingerprint)
    same = (keys.c.fingerprint == own.fingerprint) & keys.c.revoked.is_(None) & (keys.c.id != number)
    if own.kind == _DEPLOY:
        same &= or_(keys.c.kind != _DEPLOY, keys.c.within == own.within)
    if sql.execute(select(keys.c.id).where(same).limit(1)).first() is not None:
        raise NameTaken("key", own.fingerprint)


def _wait_for(sql: Connection, fingerprint: str) -> None:
    """Let nobody else do this with the same key at the same time. SQLite has only one writer anyway."""
    if sql.dialect.name == "postgresql":
        sql.execute(select(func.pg_advisory_xact_lock(func.hashtext(fingerprint))))
