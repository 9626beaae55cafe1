"""Secrets replaced by others: tokens by another token, runners', webhooks' and applications' in place."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update

from stockade.directory.accounts import Credential, CredentialKind
from stockade.directory.builtin.held import credential_in, facts
from stockade.directory.builtin.holdings import HOLDINGS
from stockade.directory.builtin.register import Change
from stockade.directory.builtin.tokens import Tokens
from stockade.directory.refusals import Impossible
from stockade.directory.secret import Secret
from stockade.directory.tokens import digest, make_code, make_token
from stockade.events import Ref


class Rotating(Tokens):
    """The one verb that makes a new secret for something there is."""

    def rotate(
        self,
        ref: Ref,
        *,
        overlap: float = 0.0,
        in_place: bool = False,
        by: Ref | None = None,
        reason: str | None = None,
    ) -> tuple[Credential, Secret]:
        """Replace a secret; the new one is returned, and never seen again.

        A token is replaced by another one on the same terms, and works for ``overlap`` more seconds, so that whoever
        uses it has time to change. The secret of a runner, a webhook or an application is another one at once, and so
        is a token's ``in_place``: for one that nobody was told. Raises UnknownHolding, and Impossible for what is
        ended, and for kinds whose secret others have made.
        """
        with self._changing() as change:
            old = credential_in(change.sql, ref)
            if not old.live(self._clock()) and old.paused is None:
                raise Impossible("rotated: it is ended", ref, "Have another one made.")
            if old.kind.noun == "token" and not in_place:
                new, secret = self._replace_token(change, old, by, self._clock() + overlap)
            else:
                new, secret = self._renew_in_place(change, old)
            told: dict[str, Any] = {"new": str(new.ref), "overlap": overlap or None} if new.ref != ref else {}
            change.say(HOLDINGS[ref.kind].rotated, ref, by=by, reason=reason, **facts(old), **told)
        return new, secret

    def _renew_in_place(self, change: Change, old: Credential) -> tuple[Credential, Secret]:
        holding = HOLDINGS[old.kind.noun]
        if not holding.rotated or "public" in old.traits:
            raise Impossible("rotated", old.ref, "Revoke it, and have another one made.")
        secret = make_code() if old.kind is CredentialKind.WEBHOOK else make_token(old.kind)
        values: dict[str, Any] = {"digest": digest(secret)}
        if old.kind is CredentialKind.WEBHOOK:
            values = {"sealed": self._sealing.seal(secret, f"webhook/{old.id}")}
        change.sql.execute(update(holding.table).where(holding.number == old.id).values(values))
        return credential_in(change.sql, old.ref), secret
