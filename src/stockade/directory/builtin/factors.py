"""Second factors: enrolled in a session, listed, and removed by who can show one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from stockade.directory.accounts import FACTOR_KINDS, Account, Credential, CredentialKind
from stockade.directory.builtin.register import Change, account_of, has_factor
from stockade.directory.builtin.schema import factors, recovery_codes, sessions
from stockade.directory.builtin.second_step import SecondStep, live_session
from stockade.directory.factors import new_recovery_codes, new_totp_key, recovery_code, totp_step
from stockade.directory.names import label
from stockade.directory.refusals import FactorNeeded, NameTaken, UnknownCredentials, WrongFactor
from stockade.directory.secret import Secret
from stockade.directory.security_keys import Site, registered, registration
from stockade.directory.standing import refuse_unusable
from stockade.directory.tokens import digest
from stockade.events import Ref


class Factors(SecondStep):
    """The second factors of the directory. ``cookie`` is of a session in which one was shown, if there is one to show;
    methods raise UnknownCredentials without, and AccountBlocked.
    """

    def factors(self, name: str) -> list[Credential]:
        """The live second factors of an account and its recovery codes, oldest first; raises UnknownAccount."""
        account = self.account(name)
        live = (factors.c.account_id == account.id) & factors.c.revoked.is_(None)
        with self._database.reading() as sql:
            rows = sql.execute(select(factors).where(live).order_by(factors.c.id)).all()
        return [_factor_of(row, account.name) for row in rows]

    def recovery_codes_left(self, name: str) -> int:
        """How many recovery codes the account has not used yet; raises UnknownAccount."""
        account = self.account(name)
        live = (factors.c.account_id == account.id) & factors.c.revoked.is_(None) & recovery_codes.c.used.is_(None)
        with self._database.reading() as sql:
            return len(sql.execute(select(recovery_codes.c.digest).join(factors).where(live)).all())

    # ── enrol ────────────────────────────────────────────────────────────────────────────────────

    def enrol_totp(self, cookie: str, now: float) -> Secret:
        """The key for an authenticator, which is not a factor yet; the same again until it is confirmed."""
        with self._database.writing() as sql:
            row = whole_session(sql, cookie, now)
            key = self._kept(row).get("totp") or new_totp_key()
            self._keep(sql, row, totp=key)
        return Secret(key)

    def confirm_totp(self, cookie: str, code: str, name: str, now: float, *, source: str | None = None) -> list[Secret]:
        """Make the key a factor, as the authenticator gives the right code; the recovery codes that come with the
        first factor. Raises WrongFactor, and BadName for the label.
        """
        with self._changing() as change:
            row = whole_session(change.sql, cookie, now)
            key = self._kept(row).get("totp", "")
            step = totp_step(key, code, now) if key else None
            if step is None:
                raise WrongFactor("wrong code of a new authenticator", account_of(row).ref)
            number = _insert(change, row, CredentialKind.TOTP, name, now=now, source=source, counter=step)
            sealed = self._sealing.seal(key, f"factor/{number}")
            change.sql.execute(update(factors).where(factors.c.id == number).values(sealed=sealed))
            return _settled(change, row, now, source)

    def enrol_security_key(self, cookie: str, now: float, site: Site) -> str:
        """What to ask a browser for a new security key, as JSON."""
        with self._database.writing() as sql:
            row = whole_session(sql, cookie, now)
            account = account_of(row)
            mine = (factors.c.account_id == account.id) & factors.c.handle.is_not(None) & factors.c.revoked.is_(None)
            known = list(sql.scalars(select(factors.c.handle).where(mine)))
            challenge = self._new_challenge(sql, row, now)
        return registration(site, account, known, challenge)

    def confirm_security_key(
        self, cookie: str, answer: str, name: str, now: float, *, site: Site, source: str | None = None
    ) -> list[Secret]:
        """Make the key a factor; as ``confirm_totp``, and NameTaken for a key that is in use already."""
        try:
            with self._changing() as change:
                row = whole_session(change.sql, cookie, now)
                key = registered(answer, site, self._challenge_of(change.sql, row, now))
                kept = {"handle": key.handle, "public": key.public, "counter": key.counter}
                _insert(change, row, CredentialKind.WEBAUTHN, name, now=now, source=source, **kept)
                return _settled(change, row, now, source)
        except IntegrityError as error:
            raise NameTaken("security key", name) from error

    # ── by who can show one ──────────────────────────────────────────────────────────────────────

    def renew_recovery_codes(
        self, cookie: str, shown: str, now: float, *, site: Site, source: str | None = None
    ) -> list[Secret]:
        """Ten new recovery codes in place of the others, for who shows a factor. Raises WrongFactor."""
        account, _ = self._prove(cookie, shown, now, site, source)
        with self._changing() as change:
            row = whole_session(change.sql, cookie, now)
            _end(change, account, now, source, kinds=[CredentialKind.RECOVERY], action="factor.change")
            return _give_codes(change, row, now, source)

    def remove_factor(
        self, cookie: str, number: int, shown: str, now: float, *, site: Site, source: str | None = None
    ) -> None:
        """Remove a factor, for who shows one; with the last go the recovery codes. Raises WrongFactor, and FactorNeeded
        when the account must have one.
        """
        self._prove(cookie, shown, now, site, source)
        with self._changing() as change:
            account = account_of(whole_session(change.sql, cookie, now))
            _end(change, account, now, source, number=number)
            if not has_factor(change.sql, account.id):
                if account.factor_due is not None:
                    raise FactorNeeded(account.ref)
                _end(change, account, now, source)


def whole_session(sql: Connection, cookie: str, now: float) -> Row[Any]:
    """The row of a session in which a second factor was shown, if there is one to show."""
    row = live_session(sql, cookie, now)
    account = account_of(row)
    refuse_unusable(account, now)
    if row._mapping[sessions.c.factor] is None and has_factor(sql, account.id):
        raise UnknownCredentials("second factor not shown", account.ref)
    return row


def _insert(
    change: Change, row: Row[Any], kind: CredentialKind, name: str, *, now: float, source: str | None, **kept: Any
) -> int:
    account = account_of(row)
    values = {"account_id": account.id, "kind": kind.value, "name": label(name), "made": now, "made_by": account.id}
    number: int = change.sql.execute(
        insert(factors).values({"counter": 0, **values, **kept}).returning(factors.c.id)
    ).scalar_one()
    facts = {"holder": account.name, "kind": kind.value, "name": name}
    change.say("factor.add", _ref(number), now=now, by=account.ref, source=source, **facts)
    return number


def _settled(change: Change, row: Row[Any], now: float, source: str | None) -> list[Secret]:
    """The session in which a factor was enrolled has shown it. Recovery codes, unless there are some."""
    own = sessions.c.id == row._mapping[sessions.c.id]
    change.sql.execute(update(sessions).where(own).values(factor=now, pending=None, wrong=None))
    mine = (factors.c.account_id == account_of(row).id) & (factors.c.kind == CredentialKind.RECOVERY.value)
    if change.sql.execute(select(factors.c.id).where(mine, factors.c.revoked.is_(None))).first() is not None:
        return []
    return _give_codes(change, row, now, source)


def _give_codes(change: Change, row: Row[Any], now: float, source: str | None) -> list[Secret]:
    number = _insert(change, row, CredentialKind.RECOVERY, "Recovery codes", now=now, source=source)
    codes = new_recovery_codes()
    kept = [{"factor_id": number, "digest": digest(recovery_code(code))} for code in codes]
    change.sql.execute(insert(recovery_codes), kept)
    return codes


def _end(
    change: Change,
    account: Account,
    now: float,
    source: str | None,
    *,
    number: int | None = None,
    kinds: list[CredentialKind] | None = None,
    action: str = "factor.remove",
) -> None:
    """End the live factors of an account: the one of this number, those of these kinds, or all."""
    live = (factors.c.account_id == account.id) & factors.c.revoked.is_(None)
    if number is not None:
        live &= factors.c.id == number
    wanted = [kind.value for kind in (kinds or FACTOR_KINDS)]
    ended = update(factors).where(live, factors.c.kind.in_(wanted)).values(revoked=now).returning(factors)
    for row in change.sql.execute(ended).all():
        facts = {"holder": account.name, "kind": row.kind, "name": row.name}
        change.say(action, _ref(row.id), now=now, by=account.ref, source=source, **facts)


def _ref(number: int) -> Ref:
    return Ref("stockade", "factor", str(number))


def _factor_of(row: Row[Any], holder: str) -> Credential:
    return Credential(
        id=row.id,
        kind=CredentialKind(row.kind),
        holder=holder,
        name=row.name,
        scopes=frozenset(),
        made=row.made,
        last_used=row.last_used,
        last_address=row.last_address,
        revoked=row.revoked,
    )
