"""Tokens: issued once in plain, kept as a digest, listed, replaced, revoked, and their use noted."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Table, insert, select, update
from sqlalchemy.exc import IntegrityError

from stockade.directory.accounts import SYSTEM, TOKEN_KINDS, Credential, CredentialKind, Scope
from stockade.directory.builtin.held import Held, credential_in, facts
from stockade.directory.builtin.register import Change, maker, usable_account
from stockade.directory.builtin.schema import tokens
from stockade.directory.names import account_name, label, project_path
from stockade.directory.refusals import NameTaken, UnknownToken
from stockade.directory.secret import Secret
from stockade.directory.tokens import digest, make_token
from stockade.errors import ConfigurationError
from stockade.events import Ref

NOTED_EVERY = 60.0
"""Seconds between two notes of a credential's last use, unless the address changes: a clone must not write at every
request.
"""
_OPENS_NOTHING = frozenset({CredentialKind.TRIGGER, CredentialKind.REGISTRATION})
_NEEDS_A_PLACE = frozenset({CredentialKind.PROJECT, CredentialKind.GROUP, CredentialKind.TRIGGER})


class Tokens(Held):
    """The tokens of the directory, of every kind."""

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
        confines it to a project or group, which project, group and trigger tokens must be. Trigger and registration
        tokens need no scope: they open no repository. Raises UnknownAccount, AccountBlocked, BadName, NameTaken;
        ConfigurationError for a kind that is no token, no scope at all, or a job token without an end.
        """
        values = _checked(kind=kind, name=name, scopes=scopes, expires=expires, username=username, within=within)
        plain = make_token(kind)
        try:
            with self._changing() as change:
                account = usable_account(change.sql, holder, self._clock())
                values |= {"account_id": account.id, "made_by": maker(change.sql, by)}
                token = self._insert_token(change, values, plain)
                change.say("token.create", token.ref, by=by, **facts(token))
        except IntegrityError as error:
            raise NameTaken("deploy login", str(values["username"])) from error
        return token, plain

    def revoke_token(self, number: int, *, by: Ref | None = None, reason: str | None = None) -> Credential:
        """End a token for good; one already revoked stays so. Raises UnknownToken."""
        revoked = self.revoke(Ref(SYSTEM, "token", str(number)), by=by, reason=reason)
        assert isinstance(revoked, Credential)  # noqa: S101  a token is one
        return revoked

    def tokens(self, holder: str | None = None) -> Iterator[Credential]:
        """The tokens of one holder, or of everybody, revoked and expired ones too, oldest first, streamed.

        Raises UnknownAccount at once.
        """
        return self._credentials_of("token", None if holder is None else self.account(holder).id)

    def token_in_plain(self, plain: str) -> Credential:
        """The token with this plain text, dead or alive; nothing is signed in by asking. Raises UnknownToken."""
        with self._database.reading() as sql:
            number = sql.execute(select(tokens.c.id).where(tokens.c.digest == digest(plain))).scalar()
            if number is None:
                raise UnknownToken(Ref(SYSTEM, "token", "with this text"))
            return credential_in(sql, Ref(SYSTEM, "token", str(number)))

    def _insert_token(self, change: Change, values: dict[str, Any], plain: Secret) -> Credential:
        values = values | {"digest": digest(plain), "made": self._clock()}
        number = change.sql.execute(insert(tokens).values(values).returning(tokens.c.id)).scalar_one()
        return credential_in(change.sql, Ref(SYSTEM, "token", str(number)))

    def _replace_token(self, change: Change, old: Credential, by: Ref | None, ends: float) -> tuple[Credential, Secret]:
        """Another token on the same terms, as long-lived; the old one works until ``ends``, and not at all if that is
        now. A deploy login goes to the new one unless the old one still needs it.
        """
        row = change.sql.execute(select(tokens).where(tokens.c.id == old.id)).one()._asdict()
        kept = {name: row[name] for name in ("account_id", "kind", "name", "within", "scopes", "username")}
        now = self._clock()
        expires = None if old.expires is None else now + (old.expires - old.made)
        if ends <= now:
            finish: dict[str, Any] = {"revoked": now, "username": None}
        else:
            finish = {"expires": min(ends, old.expires or ends)}
            kept["username"] = row["username"] and _login(None)
        change.sql.execute(update(tokens).where(tokens.c.id == old.id).values(finish))
        plain = make_token(old.kind)
        values = kept | {"expires": expires, "made_by": maker(change.sql, by)}
        return self._insert_token(change, values, plain), plain


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
    if kind not in TOKEN_KINDS:
        known = ", ".join(sorted(TOKEN_KINDS))
        raise ConfigurationError(f"A {kind} is not a token.", remedy=f"Choose of {known}.")
    if not wanted and kind not in _OPENS_NOTHING:
        raise ConfigurationError("A token without a scope opens nothing.", remedy=f"Choose of {', '.join(Scope)}.")
    if kind is CredentialKind.CI_JOB and expires is None:
        raise ConfigurationError(
            "A CI job token must expire.", remedy="Give it the time at which the job is over at the latest."
        )
    if kind in _NEEDS_A_PLACE and not within:
        raise ConfigurationError(f"A {kind} token belongs to a place.", remedy="Say which project or group.")
    return {
        "kind": kind,
        "name": label(name),
        "scopes": " ".join(wanted),
        "expires": expires,
        "username": _login(username) if kind is CredentialKind.DEPLOY else None,
        "within": project_path(within) if within else None,
    }


def _login(username: str | None) -> str:
    return f"deploy-token-{secrets.token_hex(4)}" if username is None else account_name(username)
