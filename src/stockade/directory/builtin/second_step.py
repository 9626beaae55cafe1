"""The second step of signing in: a factor is shown in a session that opens nothing before."""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, func, select, update

from stockade.directory.accounts import Account, CredentialKind
from stockade.directory.builtin.register import account_of, turn_of
from stockade.directory.builtin.schema import accounts, factors, recovery_codes, sessions
from stockade.directory.builtin.sessions import LONGEST_COOKIE, Sessions
from stockade.directory.builtin.tokens import note_use
from stockade.directory.factors import recovery_code, totp_step
from stockade.directory.refusals import UnknownCredentials, WrongFactor
from stockade.directory.secret import Secret
from stockade.directory.security_keys import SecurityKey, Site, asserted, assertion, handle_of
from stockade.directory.standing import refuse_unusable
from stockade.directory.tokens import digest, make_code
from stockade.events import Ref

MOST_WRONG: Final = 5
"""Wrong codes after which a session is over: a guess among a million needs a new sign-in for each five."""
CHALLENGE_SECONDS: Final = 300.0
_SESSION: Final = (
    select(sessions, accounts).join_from(sessions, accounts).where(sessions.c.digest == bindparam("wanted"))
)


class SecondStep(Sessions):
    """Showing a factor. What is shown is a code of an authenticator, a recovery code, or the answer of a security key
    as JSON.
    """

    def challenge(self, cookie: str, now: float, site: Site) -> str | None:
        """What to ask the account's security keys, as JSON for a browser; None when it has none. Raises
        UnknownCredentials.
        """
        with self._database.writing() as sql:
            row = live_session(sql, cookie, now)
            known = list(sql.scalars(select(factors.c.handle).where(_own(row, CredentialKind.WEBAUTHN))))
            if not known:
                return None
            challenge = self._new_challenge(sql, row, now)
        return assertion(site, known, challenge)

    def second_factor(
        self, cookie: str, shown: str, now: float, lifetime: float, *, site: Site, source: str | None = None
    ) -> Secret:
        """Show a factor: the session is whole, ``lifetime`` seconds long from now on, and has the cookie returned.

        Raises WrongFactor, which is recorded, UnknownCredentials when there is no such session, and AccountBlocked.
        """
        account, factor = self._prove(cookie, shown, now, site, source)
        fresh = make_code()
        whole = {"digest": digest(fresh), "factor": now, "expires": now + lifetime, "pending": None, "wrong": None}
        with self._database.writing() as sql:
            sql.execute(update(sessions).where(sessions.c.digest == digest(cookie)).values(whole))
        kind, ref = factor
        self._report(
            "authentication.success",
            account.ref,
            now=now,
            by=account.ref,
            source=source,
            kind=kind,
            credential=str(ref),
        )
        return fresh

    def _prove(
        self, cookie: str, shown: str, now: float, site: Site, source: str | None
    ) -> tuple[Account, tuple[str, Ref]]:
        """Whose session it is, and by which factor they have proved that it is theirs. A wrong one is counted before
        the next is looked at, so that many at once are no more guesses than one after another.
        """
        with self._database.writing() as sql:
            row = live_session(sql, cookie, now)
            account = account_of(row)
            refuse_unusable(account, now)
            try:
                number, kind = self._shown(sql, row, shown, now, site)
            except WrongFactor as wrong:
                refusal = _counted(sql, row, wrong)
            else:
                note_use(sql, factors, number, now, source)
                return account, (kind, Ref("stockade", "factor", str(number)))
        reason = refusal.reason
        self._report("authentication.failure", account.ref, now=now, source=source, outcome="failure", reason=reason)
        raise refusal

    def _shown(self, sql: Connection, row: Row[Any], shown: str, now: float, site: Site) -> tuple[int, str]:
        if shown.startswith("{"):
            return self._by_key(sql, row, shown, now, site), "webauthn"
        number = self._by_code(sql, row, shown, now)
        if number is not None:
            return number, "totp"
        return _by_recovery_code(sql, row, shown, now), "recovery"

    def _by_code(self, sql: Connection, row: Row[Any], code: str, now: float) -> int | None:
        for factor in sql.execute(select(factors).where(_own(row, CredentialKind.TOTP))):
            key = self._sealing.open(factor.sealed, f"factor/{factor.id}")
            step = totp_step(key, code, now, last=factor.counter)
            once = (factors.c.id == factor.id) & (factors.c.counter == factor.counter)
            if step is not None and sql.execute(update(factors).where(once).values(counter=step)).rowcount:
                return int(factor.id)
        return None

    def _by_key(self, sql: Connection, row: Row[Any], answer: str, now: float, site: Site) -> int:
        challenge = self._challenge_of(sql, row, now)
        own = _own(row, CredentialKind.WEBAUTHN) & (factors.c.handle == handle_of(answer))
        factor = sql.execute(select(factors).where(own)).one_or_none()
        if factor is None:
            raise WrongFactor("a security key of somebody else")
        counter = asserted(answer, site, challenge, SecurityKey(factor.handle, factor.public, factor.counter))
        sql.execute(update(factors).where(factors.c.id == factor.id).values(counter=counter))
        return int(factor.id)

    # ── what a session is to answer for ──────────────────────────────────────────────────────────

    def _keep(self, sql: Connection, row: Row[Any], **what: object) -> None:
        number = row._mapping[sessions.c.id]
        sealed = self._sealing.seal(json.dumps(what), f"session/{number}")
        sql.execute(update(sessions).where(sessions.c.id == number).values(pending=sealed))

    def _kept(self, row: Row[Any]) -> dict[str, Any]:
        sealed = row._mapping[sessions.c.pending]
        if sealed is None:
            return {}
        found: dict[str, Any] = json.loads(self._sealing.open(sealed, f"session/{row._mapping[sessions.c.id]}"))
        return found

    def _new_challenge(self, sql: Connection, row: Row[Any], now: float) -> bytes:
        challenge = os.urandom(32)
        self._keep(sql, row, challenge=b64encode(challenge).decode(), until=now + CHALLENGE_SECONDS)
        return challenge

    def _challenge_of(self, sql: Connection, row: Row[Any], now: float) -> bytes:
        """The challenge that was given out, which is answered once."""
        kept = self._kept(row)
        sql.execute(update(sessions).where(sessions.c.id == row._mapping[sessions.c.id]).values(pending=None))
        if "challenge" not in kept or now >= kept["until"]:
            raise WrongFactor("no challenge, or one that is too old")
        return b64decode(kept["challenge"])


def live_session(sql: Connection, cookie: str, now: float) -> Row[Any]:
    """The row of a session that is not over, once nobody else is changing what its account has; raises
    UnknownCredentials.
    """
    wanted = digest(cookie[:LONGEST_COOKIE])
    turn_of(sql, accounts.c.id == select(sessions.c.account_id).where(sessions.c.digest == wanted).scalar_subquery())
    row = sql.execute(_SESSION, {"wanted": wanted}).one_or_none()
    if row is None or row._mapping[sessions.c.expires] <= now:
        raise UnknownCredentials("no such session")
    return row


def _counted(sql: Connection, row: Row[Any], wrong: WrongFactor) -> WrongFactor:
    """The refusal, counted; the session is over when there were too many."""
    own = sessions.c.id == row._mapping[sessions.c.id]
    sql.execute(update(sessions).where(own).values(wrong=func.coalesce(sessions.c.wrong, 0) + 1, pending=None))
    final = sql.execute(delete(sessions).where(own, sessions.c.wrong >= MOST_WRONG)).rowcount > 0
    return WrongFactor(wrong.reason, account_of(row).ref, final=final)


def _own(row: Row[Any], kind: CredentialKind) -> Any:
    """The live factors of a kind that the session's account has."""
    holder = factors.c.account_id == row._mapping[sessions.c.account_id]
    return holder & (factors.c.kind == kind.value) & factors.c.revoked.is_(None)


def _by_recovery_code(sql: Connection, row: Row[Any], code: str, now: float) -> int:
    number = sql.scalar(select(factors.c.id).where(_own(row, CredentialKind.RECOVERY)))
    wanted = digest(recovery_code(code[:100]))
    once = (recovery_codes.c.factor_id == number) & (recovery_codes.c.digest == wanted)
    unused = once & recovery_codes.c.used.is_(None)
    if number is None or not sql.execute(update(recovery_codes).where(unused).values(used=now)).rowcount:
        raise WrongFactor("wrong second factor")
    return int(number)
