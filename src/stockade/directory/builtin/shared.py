"""What an inventory has to know beside each credential: who is gone, and what several people or places have."""

from __future__ import annotations

from sqlalchemy import String, cast, func, select, union

from stockade.directory.accounts import AccountState
from stockade.directory.builtin.register import Register
from stockade.directory.builtin.schema import accounts, keys, variables


class Shared(Register):
    """Looked up once for a whole list."""

    def gone(self) -> dict[str, str]:
        """The accounts that are refused although nobody ended what they hold: ``blocked``, or their owner has
        ``left``.
        """
        blocked = accounts.c.state == AccountState.BLOCKED.value
        known = select(accounts.c.name, accounts.c.departed).where(blocked | accounts.c.departed.is_not(None))
        with self._database.reading() as sql:
            return {name: "blocked" if departed is None else "left" for name, departed in sql.execute(known)}

    def shared_fingerprints(self) -> frozenset[str]:
        """The fingerprints of keys that are alive in several accounts or projects, and of values that several places
        have.
        """
        whose = func.coalesce(keys.c.within, "") + "/" + cast(func.coalesce(keys.c.account_id, 0), String)
        hands = func.count(func.distinct(whose))
        places = func.count(func.distinct(variables.c.place))
        alive = select(keys.c.fingerprint).where(keys.c.revoked.is_(None)).group_by(keys.c.fingerprint)
        values = select(variables.c.fingerprint).where(variables.c.revoked.is_(None)).group_by(variables.c.fingerprint)
        with self._database.reading() as sql:
            return frozenset(sql.scalars(union(alive.having(hands > 1), values.having(places > 1))))
