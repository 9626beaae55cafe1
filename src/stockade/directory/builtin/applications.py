"""OAuth applications, and what people let them do (RFC 6749)."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import bindparam, update

from stockade.directory.accounts import Credential, CredentialKind, Scope
from stockade.directory.builtin.held import Held, credential_in, facts
from stockade.directory.builtin.holdings import credential_of, with_holder
from stockade.directory.builtin.register import account_of, usable_account
from stockade.directory.builtin.schema import applications, grants
from stockade.directory.names import label
from stockade.directory.refusals import BadName, UnknownCredentials, UnknownHolding
from stockade.directory.secret import Secret
from stockade.directory.standing import refuse_unusable
from stockade.directory.tokens import digest, make_code, make_token
from stockade.errors import ConfigurationError
from stockade.events import Ref

LIFETIME: Final = 7200.0
"""Seconds for which an access token works; the refresh token gets another (RFC 6749 section 1.5)."""
_BY_REFRESH = with_holder("grant").where(grants.c.refresh == bindparam("wanted"), applications.c.revoked.is_(None))


class Applications(Held):
    """The OAuth applications of the directory and their grants."""

    def create_application(
        self,
        owner: str | None,
        name: str,
        redirect: str,
        scopes: Iterable[Scope],
        *,
        trusted: bool = False,
        by: Ref | None = None,
    ) -> tuple[Credential, Secret]:
        """Make an application, somebody's or the instance's; its client id is the ``username``, and its secret is
        never seen again. A ``trusted`` one asks nobody. Raises BadName, UnknownAccount, AccountBlocked and
        ConfigurationError.
        """
        secret = make_token(CredentialKind.APPLICATION)
        values: dict[str, Any] = {"name": label(name), "redirect": _redirect(redirect), "scopes": _joined(scopes)}
        values |= {"client": secrets.token_hex(16), "digest": digest(secret), "trusted": trusted}
        with self._changing() as change:
            if owner is not None:
                values["account_id"] = usable_account(change.sql, owner, self._clock()).id
            application = self._make_credential(change, "application", by, values)
            change.say("application.create", application.ref, by=by, trusted=trusted, **facts(application))
        return application, secret

    def grant(
        self,
        application: Ref,
        account: str,
        scopes: Iterable[Scope],
        *,
        expires: float | None = None,
        by: Ref | None = None,
    ) -> tuple[Credential, Secret, Secret]:
        """Let an application act for an account: the access token, good until ``expires`` or for LIFETIME, and the
        refresh token, good until the grant is revoked. Neither is seen again.

        Raises UnknownHolding, UnknownAccount, AccountBlocked; ConfigurationError for more than the application may ask.
        """
        wanted = frozenset(map(Scope, scopes))
        with self._changing() as change:
            asks = credential_in(change.sql, application)
            if asks.kind is not CredentialKind.APPLICATION or asks.revoked is not None:
                raise UnknownHolding(application)
            if not wanted <= asks.scopes:
                raise ConfigurationError("The application may not ask for so much.", remedy="Grant some of its scopes.")
            holder = usable_account(change.sql, account, self._clock())
            access, refresh, values = self._codes(expires)
            values |= {"application_id": asks.id, "account_id": holder.id, "scopes": _joined(wanted)}
            made = self._make_credential(change, "grant", by, values)
            change.say(
                "application.authorize", made.ref, by=by or holder.ref, application=str(application), **facts(made)
            )
        return made, access, refresh

    def refresh_grant(
        self, refresh: str, now: float, *, source: str | None = None
    ) -> tuple[Credential, Secret, Secret]:
        """Another access token and another refresh token for this one, which is used up (RFC 6749 section 6).

        Raises UnknownCredentials and AccountBlocked.
        """
        with self._database.writing() as sql:
            row = sql.execute(_BY_REFRESH, {"wanted": digest(refresh)}).one_or_none()
            found = None if row is None else credential_of(row)
            if row is None or found is None or found.revoked is not None:
                raise UnknownCredentials("no such refresh token")
            account = account_of(row)
            refuse_unusable(account, now)
            access, another, values = self._codes(now + LIFETIME)
            sql.execute(update(grants).where(grants.c.id == found.id).values(values))
        self._report(
            "authentication.success", account.ref, now=now, by=account.ref, source=source, credential=str(found.ref)
        )
        return found, access, another

    def _codes(self, expires: float | None) -> tuple[Secret, Secret, dict[str, Any]]:
        access, refresh = make_token(CredentialKind.GRANT), make_code()
        ends = self._clock() + LIFETIME if expires is None else expires
        return access, refresh, {"digest": digest(access), "refresh": digest(refresh), "expires": ends}


def _joined(scopes: Iterable[Scope]) -> str:
    wanted = sorted(set(map(Scope, scopes)))
    if not wanted:
        raise ConfigurationError("Without a scope this opens nothing.", remedy=f"Choose of {', '.join(Scope)}.")
    return " ".join(wanted)


def _redirect(text: str) -> str:
    if not text.startswith(("https://", "http://127.0.0.1", "http://localhost")) or not label(text[:255]):
        raise BadName("where an application is told", "https://host/path, or http:// on this machine.")
    return text
