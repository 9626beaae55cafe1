"""Authentication by a key whose private half a client has proved to have, as sshd does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, select

from stockade.directory.accounts import Account, Authenticated, Credential, CredentialKind, Scope
from stockade.directory.builtin.projects import Projects
from stockade.directory.builtin.register import account_of, has_factor
from stockade.directory.builtin.schema import accounts, keys
from stockade.directory.builtin.tokens import note_use, use_is_news
from stockade.directory.permissions import NOTHING, READ, READ_AND_WRITE, Action
from stockade.directory.refusals import AccountBlocked, UnknownCredentials
from stockade.directory.standing import overdue, refuse_overdue, refuse_unusable
from stockade.events import Ref

_SSH = (CredentialKind.SSH_KEY.value, CredentialKind.DEPLOY_KEY.value)
_BY_FINGERPRINT = (
    select(keys, accounts)
    .join_from(keys, accounts, keys.c.account_id == accounts.c.id, isouter=True)
    .where(keys.c.fingerprint == bindparam("wanted"), keys.c.kind.in_(_SSH), keys.c.revoked.is_(None))
    .order_by(keys.c.id)
)


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """A key, the account that it acts for, which is None for a project's own, and what may be done with it."""

    key: Credential
    account: Account | None
    may: frozenset[Action]

    @property
    def ref(self) -> Ref:
        """Who acts, for the record: the account, else the key itself."""
        return self.key.ref if self.account is None else self.account.ref

    @property
    def name(self) -> str:
        """The same for people."""
        return f"the deploy key {self.key.name}" if self.account is None else self.account.name


class ByKey(Projects):
    """Whose a key is, and what it opens. Its state and its account's are read afresh each time."""

    def knows_key(self, fingerprint: str, now: float) -> bool:
        """Whether this is a key that anybody may sign in with; the account may still be refused then."""
        with self._database.reading() as sql:
            rows = sql.execute(_BY_FINGERPRINT, {"wanted": fingerprint}).all()
        return any(_live(row, now) for row in rows)

    def authenticate_key(
        self, fingerprint: str, path: str | None, now: float, *, source: str | None = None
    ) -> KeyHolder:
        """Whose key this is, and what it may do to the project at ``path``. Of several who have the same key it is
        the one who may do most there, the first of them.

        Raises UnknownCredentials for a key that nobody has, or has any more, and AccountBlocked when none of those
        who have it may use it. Both are recorded.
        """
        try:
            holder = self.key_holder(fingerprint, path, now)
        except (UnknownCredentials, AccountBlocked) as refusal:
            self._report_key(fingerprint, refusal, now, source)
            raise
        self._note(holder, now, source)
        return holder

    def key_holder(self, fingerprint: str, path: str | None, now: float) -> KeyHolder:
        """The same for who is let in already and may not be any more: nothing is recorded."""
        refusal: UnknownCredentials | AccountBlocked = UnknownCredentials("no such key")
        found: list[KeyHolder] = []
        for row in self._rows(fingerprint, now):
            try:
                found.append(self._holder(row, path, now))
            except AccountBlocked as blocked:
                refusal = blocked
        if not found:
            raise refusal
        return max(found, key=lambda one: len(one.may))  # the first of those who may do most

    def _rows(self, fingerprint: str, now: float) -> Iterator[Row[Any]]:
        with self._database.reading() as sql:
            rows = sql.execute(_BY_FINGERPRINT, {"wanted": fingerprint}).all()
        return (row for row in rows if _live(row, now))

    def _holder(self, row: Row[Any], path: str | None, now: float) -> KeyHolder:
        key = _key_of(row)
        if row._mapping[accounts.c.id] is None:
            may = READ_AND_WRITE if row._mapping[keys.c.writes] else READ
            return KeyHolder(key, None, may if path is not None and path == key.within else NOTHING)
        account = account_of(row)
        refuse_unusable(account, now)
        if overdue(account, now):
            with self._database.reading() as sql:
                refuse_overdue(account, now, factor=has_factor(sql, account.id))
        who = Authenticated(account, key, key.scopes)
        return KeyHolder(key, account, NOTHING if path is None else self.allowed(who, path))

    def _note(self, holder: KeyHolder, now: float, source: str | None) -> None:
        key = holder.key
        if use_is_news(key, now, source):
            with self._database.writing() as sql:
                note_use(sql, keys, key.id, now, source)
        who, kind, credential = holder.ref, key.kind.value, str(key.ref)
        self._report("authentication.success", who, now=now, by=who, source=source, kind=kind, credential=credential)

    def _report_key(
        self, fingerprint: str, refusal: UnknownCredentials | AccountBlocked, now: float, source: str | None
    ) -> None:
        self._report(
            "authentication.failure",
            refusal.account,
            now=now,
            source=source,
            outcome="refused" if isinstance(refusal, AccountBlocked) else "failure",
            reason=refusal.reason,
            fingerprint=fingerprint[:100],
        )


def _live(row: Row[Any], now: float) -> bool:
    expires = row._mapping[keys.c.expires]
    return expires is None or now < expires


def _key_of(row: Row[Any]) -> Credential:
    cell = row._mapping
    writes = cell[keys.c.writes] or cell[keys.c.kind] == CredentialKind.SSH_KEY
    return Credential(
        id=cell[keys.c.id],
        kind=CredentialKind(cell[keys.c.kind]),
        holder=cell[accounts.c.name] or "",
        name=cell[keys.c.name],
        scopes=frozenset({Scope.READ_REPOSITORY} | ({Scope.WRITE_REPOSITORY} if writes else set())),
        made=cell[keys.c.made],
        expires=cell[keys.c.expires],
        last_used=cell[keys.c.last_used],
        last_address=cell[keys.c.last_address],
        within=cell[keys.c.within],
        fingerprint=cell[keys.c.fingerprint],
    )
