"""Whether somebody who was let in would be let in still: for what lasts, such as a clone."""

from __future__ import annotations

from stockade.directory.accounts import Authenticated
from stockade.directory.builtin.in_force import refuse_changed
from stockade.directory.builtin.register import Register, has_factor
from stockade.directory.refusals import UnknownAccount, UnknownCredentials
from stockade.directory.standing import overdue, refuse_overdue, refuse_unusable


class Lasting(Register):
    """The question that is asked again and again; nothing is recorded."""

    def look_again(self, who: Authenticated, now: float) -> None:
        """Raises AccountBlocked when the account is shut out by now, and UnknownCredentials when what it showed opens
        nothing any more.
        """
        try:
            account = self.account(who.account.name)
        except UnknownAccount as gone:
            raise UnknownCredentials("gone") from gone
        with self._database.reading() as sql:
            refuse_changed(sql, who.by.ref, who.by.made, now)
        refuse_unusable(account, now)
        if overdue(account, now):
            with self._database.reading() as sql:
                refuse_overdue(account, now, factor=has_factor(sql, account.id))
