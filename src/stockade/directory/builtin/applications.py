"""OAuth applications: made, found by their client id, and known by their secret (RFC 6749, section 2)."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Connection, Row, bindparam, update

from stockade.directory.accounts import Credential, CredentialKind, Scope
from stockade.directory.builtin.held import Held, facts
from stockade.directory.builtin.holdings import credential_of, with_holder
from stockade.directory.builtin.register import account_of, usable_account
from stockade.directory.builtin.schema import accounts, applications
from stockade.directory.builtin.tokens import NOTED_EVERY
from stockade.directory.names import label
from stockade.directory.refusals import AccountBlocked, BadName, UnknownCredentials
from stockade.directory.secret import Secret
from stockade.directory.standing import refuse_unusable
from stockade.directory.tokens import digest, make_token
from stockade.errors import ConfigurationError
from stockade.events import Ref

_BY_CLIENT = (
    with_holder("application")
    .add_columns(applications.c.redirect, applications.c.digest)
    .where(applications.c.client == bindparam("wanted"), applications.c.revoked.is_(None))
)
_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
_HERE: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Application:
    """An OAuth application as a client of ours: ``redirect`` is where people are sent back to, that and nowhere else
    (RFC 9700, section 2.1). A ``public`` one can keep no secret, and a ``trusted`` one asks nobody.
    """

    known: Credential
    redirect: str

    @property
    def ref(self) -> Ref:
        """The application in an event."""
        return self.known.ref

    @property
    def client(self) -> str:
        """Its client id."""
        return self.known.username or ""

    @property
    def public(self) -> bool:
        """Whether it is known by nothing but its client id (RFC 6749, section 2.1)."""
        return "public" in self.known.traits

    @property
    def trusted(self) -> bool:
        """Whether people are not asked."""
        return "trusted" in self.known.traits


class Applications(Held):
    """The OAuth applications of the directory."""

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
        values = _values(name, redirect, scopes) | {"digest": digest(secret), "trusted": trusted, "public": False}
        return self._create(owner, by, values), secret

    def create_public_application(
        self, owner: str | None, name: str, redirect: str, scopes: Iterable[Scope], *, by: Ref | None = None
    ) -> Credential:
        """Make one that can keep no secret, as it runs on people's own machines or in their browsers (RFC 6749, section
        2.1). It proves by RFC 7636 that it redeems what it has asked for. Raises as ``create_application``.
        """
        nobodys = digest(make_token(CredentialKind.APPLICATION))
        values = _values(name, redirect, scopes) | {"digest": nobodys, "trusted": False, "public": True}
        return self._create(owner, by, values)

    def _create(self, owner: str | None, by: Ref | None, values: dict[str, Any]) -> Credential:
        with self._changing() as change:
            if owner is not None:
                values["account_id"] = usable_account(change.sql, owner, self._clock()).id
            application = self._make_credential(change, "application", by, values)
            traits = {"trusted": values["trusted"], "public": values["public"] or None}
            change.say("application.create", application.ref, by=by, **traits, **facts(application))
        return application

    def application(self, client: str, now: float) -> Application:
        """The application of this client id. Raises UnknownCredentials when there is none, and AccountBlocked while its
        owner is shut out.
        """
        with self._database.reading() as sql:
            return _in_use(_row(sql, client), now)

    def authenticate_application(
        self, client: str, secret: str | None, now: float, *, source: str | None = None
    ) -> Application:
        """The application that shows its client id and its secret, or no secret when it is public (RFC 6749, section
        2.3). Raises UnknownCredentials and AccountBlocked, which are recorded.
        """
        try:
            with self._database.reading() as sql:
                row = _row(sql, client)
                found = _in_use(row, now)
            _must_show(row, found, secret)
        except (UnknownCredentials, AccountBlocked) as refusal:
            self._report_refusal(refusal, now, source)
            raise
        self._note_application(found, now)
        return found

    def _note_application(self, found: Application, now: float) -> None:
        last = found.known.last_used
        if last is None or not 0 <= now - last < NOTED_EVERY:
            with self._database.writing() as sql:
                sql.execute(update(applications).where(applications.c.id == found.known.id).values(last_used=now))


def joined(scopes: Iterable[Scope]) -> str:
    """Scopes as they are kept; raises ConfigurationError when there is none."""
    wanted = sorted(set(map(Scope, scopes)))
    if not wanted:
        raise ConfigurationError("Without a scope this opens nothing.", remedy=f"Choose of {', '.join(Scope)}.")
    return " ".join(wanted)


def _values(name: str, redirect: str, scopes: Iterable[Scope]) -> dict[str, Any]:
    told = {"name": label(name), "redirect": _redirect(redirect), "scopes": joined(scopes)}
    return told | {"client": secrets.token_hex(16)}


def _row(sql: Connection, client: str) -> Row[Any]:
    known = client.isascii() and client.isalnum()  # anything else a database may choke on
    row = sql.execute(_BY_CLIENT, {"wanted": client[:64]}).one_or_none() if known else None
    if row is None:
        raise UnknownCredentials("no such application")
    return row


def _in_use(row: Row[Any], now: float) -> Application:
    if row._mapping[accounts.c.id] is not None:
        refuse_unusable(account_of(row), now)
    return Application(credential_of(row), row._mapping[applications.c.redirect])


def _must_show(row: Row[Any], found: Application, secret: str | None) -> None:
    if found.public or secret is None:
        right = found.public and secret is None
    else:
        right = hmac.compare_digest(digest(secret), row._mapping[applications.c.digest])
    if not right:
        raise UnknownCredentials("wrong secret of an application", found.ref)


def _redirect(text: str) -> str:
    """Over HTTPS, or to this machine; without a fragment (RFC 6749, section 3.1.2)."""
    rule = "https://host/path, or http:// on this machine; no #."
    try:
        parts = urlsplit(text) if text.isascii() and text.isprintable() and len(text) < 2048 else None
    except ValueError:
        parts = None
    if parts is None or not _HOST.fullmatch(parts.netloc) or not label(text[:255]) or set(text) & set(' #"<>\\^`{|}'):
        raise BadName("where an application is told", rule)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _HERE):
        raise BadName("where an application is told", rule)
    return text
