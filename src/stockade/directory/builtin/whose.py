"""Whose a secret is that was found somewhere: what to ask when a credential has leaked."""

from __future__ import annotations

from typing import Final

from sqlalchemy import or_

from stockade.directory.accounts import Credential
from stockade.directory.builtin.held import Held
from stockade.directory.builtin.holdings import HOLDINGS, credential_of
from stockade.directory.builtin.schema import grants
from stockade.directory.refusals import UnknownCredentials
from stockade.directory.tokens import digest

_DIGESTED: Final = ("token", "grant", "runner", "application", "session", "reset")


class Whose(Held):
    """Credentials by their secret, dead ones too; nothing is recorded, and nothing opened."""

    def whose(self, secret: str) -> Credential:
        """The token, grant, runner, application, session or reset code that this is the secret of.

        Raises UnknownCredentials when it is none of this directory.
        """
        wanted = digest(secret.strip())
        with self._database.reading() as sql:
            for noun in _DIGESTED:
                holding = HOLDINGS[noun]
                if holding.credentials is None:
                    continue
                same = holding.table.c.digest == wanted
                if noun == "grant":
                    same = or_(same, grants.c.refresh == wanted)
                if (row := sql.execute(holding.credentials.where(same)).first()) is not None:
                    return credential_of(row)
        raise UnknownCredentials("no such secret")
