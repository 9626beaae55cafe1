"""Whether somebody who was let in would be let in still: for what lasts, such as a clone."""

from __future__ import annotations

from stockade.directory.accounts import Authenticated
from stockade.directory.builtin.held import Held
from stockade.directory.builtin.register import has_factor
from stockade.directory.refusals import UnknownAccount, UnknownCredentials, UnknownHolding
from stockade.directory.standing import overdue, refuse_overdue, refuse_unusable


class Lasting(Held):
    """The question that is asked again and again; nothing is recorded."""

    def look_again(self, who: Authenticated, now: float) -> None:
        """Raises AccountBlocked when the account is shut out by now, and UnknownCredentials when what it showed opens
        nothing any more.
        """
        try:
            account, shown = self.account(who.account.name), self.credential(who.by.ref)
        except (UnknownAccount, UnknownHolding) as gone:
            raise UnknownCredentials("gone") from gone
        if not shown.live(now):
            raise UnknownCredentials("revoked")
        refuse_unusable(account, now)
        if overdue(account, now):
            with self._database.reading() as sql:
                refuse_overdue(account, now, factor=has_factor(sql, account.id))
