"""Tokens: issued once in plain, kept as a digest, listed, revoked, and their use noted."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from stockade.directory.accounts import Credential, CredentialKind, Scope
from stockade.directory.builtin.register import Register, usable_account
from stockade.directory.builtin.schema import accounts, tokens
from stockade.directory.names import account_name, label, project_path
from stockade.directory.refusals import NameTaken, UnknownToken
from stockade.directory.secret import Secret
from stockade.directory.tokens import PREFIXES, digest, make_token
from stockade.errors import ConfigurationError
from stockade.events import Ref

NOTED_EVERY = 60.0
"""Seconds between two notes of a credential's last use, unless the address changes: a clone must not write at every
request.
"""
_BEYOND = 1 << 63  # no database counts so far

_WITH_HOLDER = select(tokens, accounts).join_from(tokens, accounts, tokens.c.account_id == accounts.c.id)
_BY_DIGEST = _WITH_HOLDER.where(tokens.c.digest == bindparam("wanted"))  # built once: it runs at every request


class Tokens(Register):
    """The personal, deploy and CI job tokens of the directory."""

    def issue_token(
        self,
        holder: str,
        name: str,
        scopes: Iterable[Scope],
        *,
        kind: CredentialKind = CredentialKind.PERSONAL,
        expires: float | None = None,
        username: str | None = None,
        within: str | None = None,
        by: Ref | None = None,
    ) -> tuple[Credential, Secret]:
        """Make a token labelled ``name`` for ``holder``, and return it with its plain text, which is never seen again.

        A deploy token has a ``username`` of its own, made up when not given; a CI job token must expire. ``within``
        confines it to a project or group. Raises UnknownAccount, AccountBlocked, BadName, NameTaken;
        ConfigurationError for a kind that is no token, no scope at all, or a job token without an end.
        """
        values = _checked(kind=kind, name=name, scopes=scopes, expires=expires, username=username, within=within)
        plain = make_token(kind)
        try:
            with self._changing() as change:
                account = usable_account(change.sql, holder)
                values |= {"account_id": account.id, "digest": digest(plain), "made": self._clock()}
                row = change.sql.execute(insert(tokens).values(values).returning(tokens)).one()
                token = token_of(row, account.name)
                change.say("token.create", token.ref, by=by, **_facts(token))
        except IntegrityError as error:
            raise NameTaken("deploy login", str(values["username"])) from error
        return token, plain

    def revoke_token(self, number: int, *, by: Ref | None = None, reason: str | None = None) -> Credential:
        """End a token for good; one already revoked stays so. Raises UnknownToken."""
        if not 0 < number < _BEYOND:
            raise UnknownToken(number)
        revoke = update(tokens).where(tokens.c.id == number, tokens.c.revoked.is_(None)).values(revoked=self._clock())
        with self._changing() as change:
            changed = change.sql.execute(revoke).rowcount
            row = change.sql.execute(_WITH_HOLDER.where(tokens.c.id == number)).one_or_none()
            if row is None:
                raise UnknownToken(number)
            token = token_of(row, row._mapping[accounts.c.name])
            if changed:
                change.say("token.revoke", token.ref, by=by, reason=reason, **_facts(token))
        return token

    def tokens(self, holder: str | None = None) -> Iterator[Credential]:
        """The tokens of one holder, or of everybody, revoked and expired ones too, oldest first, streamed.

        Raises UnknownAccount at once.
        """
        query = _WITH_HOLDER
        if holder is not None:
            query = query.where(tokens.c.account_id == self.account(holder).id)
        return (token_of(row, row._mapping[accounts.c.name]) for row in self._pages(query, tokens.c.id))


def token_of(row: Row[Any], holder: str) -> Credential:
    """The token in a row that has the columns of the tokens table, whatever else it has."""
    cell = row._mapping
    return Credential(
        id=cell[tokens.c.id],
        kind=CredentialKind(cell[tokens.c.kind]),
        holder=holder,
        name=cell[tokens.c.name],
        scopes=frozenset(map(Scope, cell[tokens.c.scopes].split())),
        made=cell[tokens.c.made],
        expires=cell[tokens.c.expires],
        last_used=cell[tokens.c.last_used],
        last_address=cell[tokens.c.last_address],
        revoked=cell[tokens.c.revoked],
        username=cell[tokens.c.username],
        within=cell[tokens.c.within],
    )


def row_of_token(sql: Connection, plain: str) -> Row[Any] | None:
    """The row of the token with this plain text, joined with its holder's; None when there is none."""
    return sql.execute(_BY_DIGEST, {"wanted": digest(plain)}).one_or_none()


def use_is_news(credential: Credential, now: float, address: str | None) -> bool:
    """Whether the last use that is on record is too old, or from elsewhere."""
    moved = address is not None and address != credential.last_address
    return moved or credential.last_used is None or not 0 <= now - credential.last_used < NOTED_EVERY


def note_use(sql: Connection, table: Table, number: int, now: float, address: str | None) -> None:
    """Put the use of a token or session on record; without an address the last known one stays."""
    values = {"last_used": now} | ({} if address is None else {"last_address": address[:64]})
    sql.execute(update(table).where(table.c.id == number).values(values))


def _checked(
    *,
    kind: CredentialKind,
    name: str,
    scopes: Iterable[Scope],
    expires: float | None,
    username: str | None,
    within: str | None,
) -> dict[str, object]:
    wanted = sorted(set(map(Scope, scopes)))
    if kind not in PREFIXES:
        raise ConfigurationError(f"A {kind} is not a token.", remedy=f"Choose of {', '.join(PREFIXES)}.")
    if not wanted:
        raise ConfigurationError("A token without a scope opens nothing.", remedy=f"Choose of {', '.join(Scope)}.")
    if kind is CredentialKind.CI_JOB and expires is None:
        raise ConfigurationError(
            "A CI job token must expire.", remedy="Give it the time at which the job is over at the latest."
        )
    return {
        "kind": kind,
        "name": label(name),
        "scopes": " ".join(wanted),
        "expires": expires,
        "username": _login(username) if kind is CredentialKind.DEPLOY else None,
        "within": None if within is None else project_path(within),
    }


def _login(username: str | None) -> str:
    return f"deploy-token-{secrets.token_hex(4)}" if username is None else account_name(username)


def _facts(token: Credential) -> dict[str, Any]:
    return {
        "holder": token.holder,
        "kind": token.kind.value,
        "name": token.name,
        "scopes": sorted(map(str, token.scopes)),
    }
