"""What people let OAuth applications do: consented to, redeemed for tokens, refreshed and ended (RFC 6749, RFC 9700).

A consent makes a grant whose only secret is a code, good for a minute and for as long as the session in which it was
given. Redeemed, it has an access token, and a refresh token that is another after each use. Each refresh token begins
with that code, so that one that was used up is known again without keeping it: somebody has a copy of it, and the grant
ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, insert, update
from sqlalchemy.exc import IntegrityError

from stockade.directory.accounts import Account, Credential, CredentialKind, Scope
from stockade.directory.builtin.applications import Application, joined
from stockade.directory.builtin.held import Held, credential_in, facts
from stockade.directory.builtin.holdings import HOLDINGS, credential_of, with_holder
from stockade.directory.builtin.register import Change, account_of, has_factor, usable_account
from stockade.directory.builtin.schema import applications, codes, grants
from stockade.directory.builtin.sessions import SignedIn
from stockade.directory.pkce import proves
from stockade.directory.refusals import AccountBlocked, UnknownCredentials, UnknownHolding
from stockade.directory.secret import Secret
from stockade.directory.standing import refuse_overdue, refuse_unusable
from stockade.directory.tokens import digest, make_code, make_token
from stockade.errors import ConfigurationError
from stockade.events import Ref

LIFETIME: Final = 7200.0
"""Seconds for which an access token works; the refresh token gets another (RFC 6749 section 1.5)."""
IDLE: Final = 90 * 86400.0
"""Seconds for which a refresh token works that nobody uses, unless told: whoever has one that was forgotten, in a
backup or on a disk that was sold, has nothing (RFC 9700, section 4.14.2).
"""
CODE_SECONDS: Final = 60.0
"""Seconds in which a code has to be redeemed; RFC 6749, section 4.1.2, allows ten minutes."""
LONGEST: Final = 512
_PARTS: Final = "."
_GRANT = with_holder("grant").add_columns(grants.c.application_id, grants.c.refresh)
_BY_CODE = (
    _GRANT.add_columns(codes.c.redirect, codes.c.challenge)
    .join(codes, codes.c.grant_id == grants.c.id)
    .where(grants.c.digest == bindparam("wanted"), grants.c.application_id == bindparam("application"))
)
_BY_REFRESH = _GRANT.where(grants.c.refresh == bindparam("wanted"), applications.c.revoked.is_(None)).with_for_update(
    of=grants
)  # of two that come at once, the second finds nothing any more
_BY_FAMILY = _GRANT.where(grants.c.family == bindparam("wanted"), grants.c.application_id == bindparam("application"))

Tokens = tuple[Credential, Secret, Secret]
Refusal = UnknownCredentials | AccountBlocked


@dataclass(frozen=True, slots=True)
class Consent:
    """What somebody agrees to: the ``redirect`` as the client named it, None when it named none, and its ``challenge``
    (RFC 7636).
    """

    application: Application
    scopes: frozenset[Scope]
    redirect: str | None = None
    challenge: str | None = None


@dataclass(frozen=True, slots=True)
class _Asking:
    """Which application asks for tokens, when, and from where; ``idle`` is how long the refresh token works unused."""

    application: Application | None
    now: float
    source: str | None
    idle: float

    @property
    def number(self) -> int:
        return 0 if self.application is None else self.application.known.id

    @property
    def ref(self) -> Ref | None:
        return None if self.application is None else self.application.ref


class Grants(Held):
    """The grants of the directory."""

    # ── by who lets it ───────────────────────────────────────────────────────────────────────────

    def consent(self, who: SignedIn, consent: Consent, now: float, *, source: str | None = None) -> Secret:
        """Let an application act for who is signed in: the code that it redeems, within CODE_SECONDS, once, and while
        the session lasts. Raises UnknownCredentials when that is over, AccountBlocked, and ConfigurationError for more
        than the application may ask.
        """
        asks, code = consent.application, make_code()
        _within(consent.scopes, asks.known)
        try:
            with self._changing() as change:
                holder = usable_account(change.sql, who.account.name, now)
                _forget_unredeemed(change.sql, holder, now)
                values = _values(asks.known, holder, consent.scopes) | {"made": now, "expires": now + CODE_SECONDS}
                values |= {"digest": digest(code), "family": digest(code)}
                made = self._granted(change, values, None, source)
                kept = {"redirect": consent.redirect, "challenge": consent.challenge}
                change.sql.execute(insert(codes).values(grant_id=made.id, session_id=who.session.id, **kept))
        except IntegrityError as error:
            raise UnknownCredentials("no such session", who.account.ref) from error
        return code

    def refuse_application(self, who: SignedIn, application: Application, *, source: str | None = None) -> None:
        """Note that somebody does not let an application act for them."""
        account = who.account
        with self._changing() as change:
            change.say("application.deny", application.ref, by=account.ref, source=source, name=application.known.name)

    def granted(self, account: Account, now: float) -> Iterator[tuple[Ref, Credential]]:
        """The live grants of an account, each with its application, oldest first."""
        live = _GRANT.where(grants.c.account_id == account.id, applications.c.revoked.is_(None))
        for row in self._pages(live, grants.c.id):
            if (found := credential_of(row)).live(now):
                yield Ref(found.ref.system, "application", str(row._mapping[grants.c.application_id])), found

    def grant(
        self,
        application: Ref,
        account: str,
        scopes: Iterable[Scope],
        *,
        expires: float | None = None,
        by: Ref | None = None,
    ) -> Tokens:
        """Let an application act for an account without any code: the access token, good until ``expires`` or for
        LIFETIME, and the refresh token, good for IDLE. Neither is seen again.

        Raises UnknownHolding, UnknownAccount, AccountBlocked; ConfigurationError for more than the application may ask.
        """
        wanted = frozenset(map(Scope, scopes))
        with self._changing() as change:
            asks = credential_in(change.sql, application)
            if asks.kind is not CredentialKind.APPLICATION or asks.revoked is not None:
                raise UnknownHolding(application)
            _within(wanted, asks)
            holder = usable_account(change.sql, account, self._clock())
            ends = self._clock() + LIFETIME if expires is None else expires
            access, refresh, values = _tokens(make_code(), ends, self._clock() + IDLE)
            made = self._granted(change, values | _values(asks, holder, wanted), by)
        return made, access, refresh

    def _granted(self, change: Change, values: dict[str, Any], by: Ref | None, source: str | None = None) -> Credential:
        """A grant of an application's, which is on record under its own number."""
        made = self._make_credential(change, "grant", by, values)
        application = Ref(made.ref.system, "application", str(values["application_id"]))
        by = by or Ref(made.ref.system, "user", made.holder)
        change.say("application.authorize", made.ref, by=by, source=source, application=str(application), **facts(made))
        return made

    # ── by the application ───────────────────────────────────────────────────────────────────────

    def redeem(
        self,
        application: Application,
        code: str,
        redirect: str | None,
        verifier: str | None,
        now: float,
        *,
        idle: float = IDLE,
        source: str | None = None,
    ) -> Tokens:
        """The grant, the access token and the refresh token for a code, which is used up whatever becomes of it (RFC
        6749, section 4.1.3; RFC 7636, section 4.6). One that was used before ends the grant (RFC 6749, section 4.1.2).
        The refresh token works for ``idle`` seconds.

        Raises UnknownCredentials and AccountBlocked, which are recorded.
        """
        asking = _Asking(application, now, source, idle)
        refusal: Refusal | None
        with self._changing() as change:
            wanted = {"wanted": digest(code[:LONGEST]), "application": asking.number}
            row = change.sql.execute(_BY_CODE, wanted).one_or_none()
            if row is None or not _use_up(change.sql, credential_of(row)):
                refusal = _used_before(change, asking, code, "code")
            else:
                refusal = _refusal(change.sql, row, now) or _mismatch(row, redirect, verifier)
                if refusal is None:
                    return _renewed(change, row, asking, "grant.redeem", code)
        self._report_refusal(refusal, now, source)
        raise refusal

    def refresh_grant(
        self,
        refresh: str,
        now: float,
        *,
        application: Application | None = None,
        idle: float = IDLE,
        source: str | None = None,
    ) -> Tokens:
        """Another access token and another refresh token for this one, which is used up (RFC 6749, section 6); for this
        ``application`` alone, where it is told. One that was used before ends the grant (RFC 9700, section 4.14.2). The
        new one works for ``idle`` seconds.

        Raises UnknownCredentials and AccountBlocked, which are recorded.
        """
        code, dot, _ = refresh[:LONGEST].partition(_PARTS)
        asking = _Asking(application, now, source, idle)
        refusal: Refusal | None
        with self._changing() as change:
            row = change.sql.execute(_BY_REFRESH, {"wanted": digest(refresh[:LONGEST])}).one_or_none()
            if row is None or asking.number not in {0, row._mapping[grants.c.application_id]}:
                refusal = _used_before(change, asking, code, "refresh token")
            else:
                refusal = _refusal(change.sql, row, now)
                if refusal is None:
                    return _renewed(change, row, asking, "grant.refresh", code if dot else make_code())
        self._report_refusal(refusal, now, source)
        raise refusal

    def give_back(
        self, application: Application, token: str, now: float, *, source: str | None = None
    ) -> Credential | None:
        """End the grant of which this is the access or the refresh token (RFC 7009); None when it is of none. Raises
        UnknownCredentials when it is of another application.
        """
        wanted = digest(token[:LONGEST])
        same = (grants.c.digest == wanted) | (grants.c.refresh == wanted)
        with self._database.reading() as sql:
            row = sql.execute(_GRANT.where(same)).one_or_none()
        if row is None:
            return None
        found = credential_of(row)
        if row._mapping[grants.c.application_id] != application.known.id:
            refusal = UnknownCredentials("token of another application", account_of(row).ref)
            self._report_refusal(refusal, now, source)
            raise refusal
        self.revoke(found.ref, by=application.ref, reason="given back by the application")
        return found


def _renewed(change: Change, row: Row[Any], asking: _Asking, action: str, code: str) -> Tokens:
    """Other tokens for a grant, in place of what it had."""
    found = credential_of(row)
    access, refresh, values = _tokens(code, asking.now + LIFETIME, asking.now + asking.idle)
    change.sql.execute(update(grants).where(grants.c.id == found.id).values(values))
    change.say(action, found.ref, now=asking.now, by=account_of(row).ref, source=asking.source, **facts(found))
    return credential_in(change.sql, found.ref), access, refresh


def _used_before(change: Change, asking: _Asking, code: str, what: str) -> UnknownCredentials:
    """Why there is no grant for this; where there was one, it is ended, for two have had the same secret."""
    wanted = {"wanted": digest(code[:LONGEST]), "application": asking.number}
    row = change.sql.execute(_BY_FAMILY, wanted).first()
    if row is None:
        return UnknownCredentials(f"no such {what}")
    if row._mapping[grants.c.refresh] is None:
        return UnknownCredentials("code tried before, or of a session that is over", account_of(row).ref)
    found, reason = credential_of(row), f"{what} used twice"
    live = update(grants).where(grants.c.id == found.id, grants.c.revoked.is_(None))
    if change.sql.execute(live.values(revoked=asking.now)).rowcount:
        told = {"reason": reason, **facts(found)}
        ended = HOLDINGS["grant"].ended
        change.say(ended, found.ref, now=asking.now, by=asking.ref, source=asking.source, **told)
    return UnknownCredentials(reason, account_of(row).ref)


def _tokens(code: str, ends: float, idle_until: float) -> tuple[Secret, Secret, dict[str, Any]]:
    """An access token until ``ends``, a refresh token until ``idle_until`` and not less, and what is kept of them."""
    access, refresh = make_token(CredentialKind.GRANT), Secret(f"{code}{_PARTS}{make_code()}")
    kept: dict[str, Any] = {"digest": digest(access), "refresh": digest(refresh), "family": digest(code)}
    return access, refresh, kept | {"expires": ends, "refresh_until": max(ends, idle_until)}


def _values(asks: Credential, holder: Account, scopes: frozenset[Scope]) -> dict[str, Any]:
    return {"application_id": asks.id, "account_id": holder.id, "scopes": joined(scopes)}


def _within(wanted: frozenset[Scope], asks: Credential) -> None:
    if not wanted <= asks.scopes:
        raise ConfigurationError("The application may not ask for so much.", remedy="Grant some of its scopes.")


def _use_up(sql: Connection, found: Credential) -> bool:
    """Whether the code of a grant had not been used."""
    return bool(sql.execute(delete(codes).where(codes.c.grant_id == found.id)).rowcount)


def _refusal(sql: Connection, row: Row[Any], now: float) -> Refusal | None:
    """Why there is nothing for this grant at this moment, whoever asks."""
    found, account = credential_of(row), account_of(row)
    if not found.live(now):
        return UnknownCredentials("ended grant" if found.revoked is not None else "too old", account.ref)
    try:
        refuse_unusable(account, now)
        refuse_overdue(account, now, factor=has_factor(sql, account.id))
    except AccountBlocked as blocked:
        return blocked
    return None


def _mismatch(row: Row[Any], redirect: str | None, verifier: str | None) -> UnknownCredentials | None:
    """Why this is not who has asked for the code."""
    asked, account = row._mapping, account_of(row)
    if redirect != asked[codes.c.redirect]:
        return UnknownCredentials("code for another redirect", account.ref)
    if not proves(verifier, asked[codes.c.challenge]):
        return UnknownCredentials("code of another verifier", account.ref)
    return None


def _forget_unredeemed(sql: Connection, holder: Account, now: float) -> None:
    """Consents that came to nothing, whose only secret is their code still, were no tokens ever."""
    old = (grants.c.account_id == holder.id) & (grants.c.expires <= now) & (grants.c.digest == grants.c.family)
    sql.execute(delete(grants).where(old))
