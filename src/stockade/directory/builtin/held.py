"""Whatever opens something or acts by itself, of every kind: listed, looked up, ended, stopped, and put back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, null, select, update

from stockade.directory.accounts import SYSTEM, Account, Credential, CredentialKind, Integration
from stockade.directory.builtin.fingerprints import refuse_second_holder
from stockade.directory.builtin.holdings import HOLDINGS, Holding, credential_of, found, integration_of
from stockade.directory.builtin.register import PAGE, Change, Register, maker
from stockade.directory.builtin.schema import accounts
from stockade.directory.refusals import Impossible, UnknownHolding, UnknownToken
from stockade.events import Personal, Ref

Thing = Credential | Integration
_ABOUT_PEOPLE: Final = frozenset({CredentialKind.EMAIL, CredentialKind.IDENTITY})
_ADDRESSES: Final = frozenset({"webhook", "mirror"})
_OWN_WAY_BACK: Final = {
    "password": "Have the holder set another by a one-time link.",
    "reset": "Have the holder ask for another code.",
    "session": "The holder signs in again.",
}


class Held(Register):
    """The verbs that every kind has. ``ref`` is such as ``stockade:token/12``; each raises UnknownHolding."""

    def credentials(self, holder: str | None = None) -> Iterator[Credential]:
        """Whatever opens something, dead or alive: one account's, or everybody's and nobody's; streamed kind by kind,
        oldest first. Raises UnknownAccount at once.
        """
        number = None if holder is None else self.account(holder).id
        return chain.from_iterable(self._credentials_of(noun, number) for noun in HOLDINGS)

    def held(self, noun: str, account: Account | None = None) -> Iterator[Credential]:
        """What the account, or anybody, has of one noun, such as ``session``; streamed."""
        return self._credentials_of(noun, None if account is None else account.id)

    def integrations(self) -> Iterator[Integration]:
        """What acts by itself, stopped and removed ones too, streamed kind by kind."""
        for holding in HOLDINGS.values():
            if holding.integrations is not None:
                yield from map(integration_of, self._pages(holding.integrations, holding.number))

    def thing(self, ref: Ref) -> Thing:
        """Whatever has this reference, as a Credential where it is one."""
        with self._database.reading() as sql:
            return _found(sql, ref)

    def secret_mark(self, ref: Ref) -> str | None:
        """Something short that is another once the secret is another, and does not tell it; None without a secret."""
        holding, number = _named(ref)
        if holding.secret is None:
            return None
        with self._database.reading() as sql:
            return sql.execute(select(func.substr(holding.secret, 1, 16)).where(holding.number == number)).scalar()

    def marked(self, noun: str, numbers: Sequence[int]) -> Iterator[tuple[Thing, str | None]]:
        """Things of one noun by their numbers, each with its ``secret_mark``; what is not there is left out."""
        holding = HOLDINGS[noun]
        query = holding.credentials if holding.credentials is not None else holding.integrations
        assert query is not None  # noqa: S101  a holding is one or the other
        mark = null() if holding.secret is None else func.substr(holding.secret, 1, 16)
        for at in range(0, len(numbers), PAGE):
            with self._database.reading() as sql:
                wanted = holding.number.in_(numbers[at : at + PAGE])
                rows = sql.execute(query.add_columns(mark).where(wanted)).all()
            for row in rows:
                thing = credential_of(row) if holding.credentials is not None else integration_of(row)
                yield thing, row[-1]

    def credential(self, ref: Ref) -> Credential:
        """The credential of this reference."""
        with self._database.reading() as sql:
            return credential_in(sql, ref)

    def integration(self, ref: Ref) -> Integration:
        """The integration of this reference; a webhook is one, and a credential too."""
        with self._database.reading() as sql:
            holding, number = _named(ref)
            query = holding.integrations
            row = None if query is None else sql.execute(query.where(holding.number == number)).one_or_none()
        if row is None:
            raise UnknownHolding(ref)
        return integration_of(row)

    def revoke(self, ref: Ref, *, by: Ref | None = None, reason: str | None = None) -> Thing:
        """End it: it opens nothing and does nothing any more. What was ended stays so."""
        holding, number = _named(ref)
        now = self._clock()
        with self._changing() as change:
            thing = _found(change.sql, ref)
            if _end(change.sql, holding, number, now):
                change.say(holding.ended, ref, by=by, reason=reason, **facts(thing))
        if thing.revoked is not None:
            return thing
        return thing._replace(revoked=now) if isinstance(thing, Credential) else replace(thing, revoked=now)

    def revoke_all(self, reasons: Mapping[Ref, str | None], *, by: Ref | None = None) -> None:
        """End many things at once, all or none of them, each for its reason."""
        now = self._clock()
        with self._changing() as change:
            for ref, reason in reasons.items():
                holding, number = _named(ref)
                thing = _found(change.sql, ref)
                if _end(change.sql, holding, number, now):
                    change.say(holding.ended, ref, by=by, reason=reason, **facts(thing))

    def restore(self, ref: Ref, *, by: Ref | None = None, reason: str | None = None) -> Thing:
        """Take ``revoke`` back. Raises Impossible for a password, a reset code and a session, and NameTaken for a key
        that somebody else uses by now.
        """
        holding, _ = _named(ref)
        if not holding.restored:
            raise Impossible("restored", ref, _OWN_WAY_BACK[holding.noun])
        return self._mark(ref, "revoked", None, holding.restored, by=by, reason=reason)

    def pause(self, ref: Ref, *, by: Ref | None = None, reason: str | None = None) -> Thing:
        """Stop it until ``resume``. Raises Impossible for kinds that only have an end."""
        return self._mark(ref, "paused", self._clock(), f"{ref.kind}.pause", by=by, reason=reason)

    def resume(self, ref: Ref, *, by: Ref | None = None, reason: str | None = None) -> Thing:
        """Let it go on. Raises Impossible for kinds that only have an end."""
        return self._mark(ref, "paused", None, f"{ref.kind}.resume", by=by, reason=reason)

    def _make(self, change: Change, noun: str, by: Ref | None, values: dict[str, Any]) -> Thing:
        """Make a thing now, by whom it is, and look at it."""
        table = HOLDINGS[noun].table
        values = {"made": self._clock(), **values}
        if "made_by" in table.c:
            values["made_by"] = maker(change.sql, by)
        number = change.sql.execute(insert(table).values(values).returning(table.c.id)).scalar_one()
        return _found(change.sql, Ref(SYSTEM, noun, str(number)))

    def _make_credential(self, change: Change, noun: str, by: Ref | None, values: dict[str, Any]) -> Credential:
        made = self._make(change, noun, by, values)
        assert isinstance(made, Credential)  # noqa: S101  as the noun is one
        return made

    def _mark(
        self, ref: Ref, column: str, value: float | None, action: str, *, by: Ref | None, reason: str | None
    ) -> Thing:
        """Set a time, or clear it, unless it is so already."""
        holding, number = _named(ref)
        mark = holding.table.c.get(column)
        if mark is None:
            raise Impossible(column, ref, "Revoke it instead.")
        other = mark.is_not(None) if value is None else mark.is_(None)
        with self._changing() as change:
            thing = _found(change.sql, ref)
            turn = update(holding.table).where(holding.number == number, other).values({column: value})
            if change.sql.execute(turn).rowcount:
                if ref.kind == "key":
                    refuse_second_holder(change.sql, number)
                change.say(action, ref, by=by, reason=reason, **facts(thing))
            return _found(change.sql, ref)

    def _credentials_of(self, noun: str, account: int | None) -> Iterator[Credential]:
        holding = HOLDINGS[noun]
        query, owner = holding.credentials, holding.owner
        if query is None or (account is not None and owner is None):
            return iter(())
        if account is not None and owner is not None:
            query = query.where(owner == account)
        return map(credential_of, self._pages(query, holding.number))


def credential_in(sql: Connection, ref: Ref) -> Credential:
    """The credential of this reference, in a transaction; raises UnknownHolding."""
    thing = _found(sql, ref)
    if isinstance(thing, Integration):
        raise UnknownHolding(ref)
    return thing


def facts(thing: Thing) -> dict[str, Any]:
    """What events say of it; never an address of a webhook or a mirror, which may hold a secret."""
    if isinstance(thing, Integration):
        return {"kind": thing.kind.value, "name": thing.name, "place": thing.place, "acts_for": thing.acts_for}
    name: object = None if thing.kind.value in _ADDRESSES else thing.name
    if thing.kind in _ABOUT_PEOPLE:
        name = Personal(thing.name, Ref(SYSTEM, "user", thing.holder))
    return {
        "holder": thing.holder or None,
        "kind": thing.kind.value,
        "name": name,
        "scopes": sorted(map(str, thing.scopes)) or None,
        "place": thing.within,
    }


def _named(ref: Ref) -> tuple[Holding, int]:
    holding = HOLDINGS.get(ref.kind) if ref.system == SYSTEM else None
    if holding is None or not (ref.id.isascii() and ref.id.isdigit() and len(ref.id) < 20):
        raise (UnknownToken if ref.kind == "token" else UnknownHolding)(ref)
    return holding, int(ref.id)


def _found(sql: Connection, ref: Ref) -> Thing:
    holding, number = _named(ref)
    thing = found(sql, holding, number)
    if thing is None:
        raise (UnknownToken if ref.kind == "token" else UnknownHolding)(ref)
    return thing


def _end(sql: Connection, holding: Holding, number: int, now: float) -> bool:
    """Whether there was anything to end: a password is forgotten, a session deleted, all else marked as revoked."""
    table, this = holding.table, holding.number == number
    if table is accounts:
        held = accounts.c.password.is_not(None)
        return bool(sql.execute(update(table).where(this, held).values(password=None, password_changed=now)).rowcount)
    if "revoked" not in table.c:
        return bool(sql.execute(delete(table).where(this)).rowcount)
    return bool(sql.execute(update(table).where(this, table.c.revoked.is_(None)).values(revoked=now)).rowcount)
