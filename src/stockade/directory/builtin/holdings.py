"""Where each kind of thing is kept, how it reads as a Credential or an Integration, and what its end is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    String,
    Table,
    and_,
    bindparam,
    case,
    func,
    literal,
    null,
    or_,
    select,
)

from stockade.directory.accounts import EVERY_SCOPE, Credential, CredentialKind, Integration, IntegrationKind, Scope
from stockade.directory.builtin.schema import (
    accounts,
    applications,
    emails,
    factors,
    githooks,
    grants,
    identities,
    keys,
    mirrors,
    resets,
    runners,
    schedules,
    sessions,
    tokens,
    variables,
    webhooks,
)
from stockade.directory.keys import STRONG_BITS

makers = accounts.alias("makers")
CODE_LIFETIME: Final = 3600.0
"""Seconds for which a reset code works."""
_BEYOND: Final = 1 << 63  # no database counts so far
_WIDTH: Final = len(Credential._fields)
_BREADTH: Final = len(fields(Integration))
_EVERYTHING: Final = " ".join(sorted(EVERY_SCOPE))


@dataclass(frozen=True)
class Holding:
    """One noun: its table, the queries whose columns are the fields of a Credential and of an Integration in their
    order, and the actions that end it and put it into force again. ``number`` is the column that numbers it, ``owner``
    the one that holds the account's number.
    """

    noun: str
    table: Table
    ended: str
    restored: str = ""
    rotated: str = ""
    credentials: Select[Any] | None = None
    integrations: Select[Any] | None = None

    @property
    def number(self) -> Column[Any]:
        """What numbers it."""
        return self.table.c.get("id", self.table.primary_key.columns[0])

    @property
    def secret(self) -> Column[Any] | None:
        """What is another when the secret is another: a digest, a fingerprint, or a value sealed anew."""
        kept = (self.table.c[name] for name in ("digest", "fingerprint", "sealed") if name in self.table.c)
        return next(kept, None)

    @property
    def owner(self) -> Column[Any] | None:
        """What says whose it is."""
        return accounts.c.id if self.table is accounts else self.table.c.get("account_id")


def credential_of(row: Row[Any]) -> Credential:
    """The credential in a row that begins with the columns of a Credential, whatever else it has."""
    cells: tuple[Any, ...] = row[:_WIDTH]
    number, kind, holder, name, scopes = cells[:5]
    traits, weakness = cells[-2:]
    read = number, _KINDS[kind], holder or "", name, _scopes(scopes), *cells[5:-2], _words(traits), weakness
    return _tuple(Credential, read)


def with_holder(noun: str) -> Select[Any]:
    """A query for credentials of a noun that always have a holder, with all the columns of the holder's account."""
    query = HOLDINGS[noun].credentials
    assert query is not None  # noqa: S101
    return query.add_columns(accounts)


def integration_of(row: Row[Any]) -> Integration:
    """The integration in a row that begins with its columns, whatever else it has."""
    make: Callable[..., Integration] = Integration
    number, kind, *rest = list[Any](row)[:_BREADTH]
    return make(number, IntegrationKind(kind), *rest)


def found(sql: Connection, holding: Holding, number: int) -> Credential | Integration | None:
    """The thing of this number, as a Credential where it is one."""
    if not 0 < number < _BEYOND:
        return None
    query = holding.credentials if holding.credentials is not None else holding.integrations
    assert query is not None  # noqa: S101  a holding is one or the other
    row = sql.execute(query.where(holding.number == bindparam("wanted")), {"wanted": number}).one_or_none()
    if row is None:
        return None
    return credential_of(row) if holding.credentials is not None else integration_of(row)


_tuple: Final[Callable[[type[Credential], Iterable[Any]], Credential]] = tuple.__new__
_KINDS: Final = {kind.value: kind for kind in CredentialKind}


@lru_cache(maxsize=256)
def _scopes(text: str | None) -> frozenset[Scope]:
    return frozenset(map(Scope, text.split())) if text else frozenset()


@lru_cache(maxsize=256)
def _words(text: str | None) -> frozenset[str]:
    return frozenset(text.split()) if text else frozenset()


def _read_as(type_: type[Credential | Integration], table: Table, said: dict[str, ColumnElement[Any]]) -> Select[Any]:
    """A query for the fields of a thing: what is said, else the table's column of the name, else nothing."""
    columns = [said.get(name, table.c.get(name, null())) for name in type_.__match_args__]
    source: Any = table
    if "account_id" in table.c:
        source = source.outerjoin(accounts, table.c.account_id == accounts.c.id)
    if "made_by" in table.c:
        source = source.outerjoin(makers, table.c.made_by == makers.c.id)
        columns = [makers.c.name if column is table.c.made_by else column for column in columns]
    if table is grants:
        source = source.join(applications, table.c.application_id == applications.c.id)
    return select(*columns).select_from(source)


def _credentials(table: Table, kind: CredentialKind | None = None, **said: ColumnElement[Any]) -> Select[Any]:
    said.setdefault("kind", table.c.kind if kind is None else literal(kind.value))
    if "account_id" in table.c:
        said.setdefault("holder", accounts.c.name)
    if "place" in table.c:
        said["within"] = table.c.place
    return _read_as(Credential, table, said)


def _integrations(table: Table, kind: IntegrationKind, **said: ColumnElement[Any]) -> Select[Any]:
    return _read_as(Integration, table, {"kind": literal(kind.value), **said})


def _traits(**said: ColumnElement[bool] | Column[bool]) -> ColumnElement[str]:
    """Words that hold of a row, joined by blanks."""
    words = [case((holds, f"{word.replace('_', '-')} "), else_="") for word, holds in said.items()]
    total: ColumnElement[str] = words[0]
    for word in words[1:]:
        total = total + word
    return total


def _mark(column: Column[str]) -> ColumnElement[str]:
    """As much of a digest as tells two apart."""
    return func.substr(column, 1, 16)


_reads = Scope.READ_REPOSITORY.value
_every = literal(_EVERYTHING)
_of_old_make = and_(keys.c.algorithm == "rsa", keys.c.bits < STRONG_BITS)
_with_environment = case(
    (variables.c.environment == "*", variables.c.key),
    else_=variables.c.key + literal(" (", String) + variables.c.environment + literal(")", String),
)
KIND, OWN = CredentialKind, IntegrationKind

HOLDINGS: Final[dict[str, Holding]] = {
    holding.noun: holding
    for holding in (
        Holding(
            "password",
            accounts,
            "password.reset",
            credentials=_credentials(
                accounts,
                KIND.PASSWORD,
                holder=accounts.c.name,
                name=literal("password"),
                scopes=_every,
                made=func.coalesce(accounts.c.password_changed, accounts.c.created),
            ).where(accounts.c.password.is_not(None)),
        ),
        Holding(
            "reset",
            resets,
            "password.reset.cancel",
            credentials=_credentials(
                resets,
                KIND.RESET,
                id=resets.c.account_id,
                name=literal("reset code"),
                made=resets.c.expires - CODE_LIFETIME,
            ),
        ),
        Holding(
            "session",
            sessions,
            "session.end",
            credentials=_credentials(sessions, KIND.SESSION, name=literal("session"), scopes=_every),
        ),
        Holding("token", tokens, "token.revoke", "token.restore", "token.rotate", credentials=_credentials(tokens)),
        Holding(
            "key",
            keys,
            "key.remove",
            "key.restore",
            credentials=_credentials(
                keys,
                scopes=case(
                    (keys.c.kind == KIND.GPG_KEY.value, ""),
                    (or_(keys.c.kind == KIND.SSH_KEY.value, keys.c.writes), _reads + " " + Scope.WRITE_REPOSITORY),
                    else_=_reads,
                ),
                traits=_traits(read_only=and_(keys.c.kind == KIND.DEPLOY_KEY.value, ~keys.c.writes)),
                weakness=case((_of_old_make, literal(f"RSA of fewer than {STRONG_BITS} bits")), else_=null()),
            ),
        ),
        Holding("factor", factors, "factor.remove", "factor.restore", credentials=_credentials(factors)),
        Holding(
            "application",
            applications,
            "application.remove",
            "application.restore",
            "application.rotate",
            credentials=_credentials(
                applications,
                KIND.APPLICATION,
                username=applications.c.client,
                fingerprint=_mark(applications.c.digest),
                traits=_traits(trusted=applications.c.trusted, public=applications.c.public),
            ),
        ),
        Holding(
            "grant",
            grants,
            "grant.revoke",
            "grant.restore",
            credentials=_credentials(
                grants,
                KIND.GRANT,
                name=applications.c.name,
                expires=case((grants.c.refresh.is_(None), grants.c.expires), else_=grants.c.refresh_until),
                revoked=func.coalesce(grants.c.revoked, applications.c.revoked),
                fingerprint=_mark(grants.c.digest),
            ),
        ),
        Holding(
            "variable",
            variables,
            "variable.remove",
            "variable.restore",
            credentials=_credentials(
                variables,
                KIND.VARIABLE,
                name=_with_environment,
                traits=_traits(protected=variables.c.protected, masked=variables.c.masked, hidden=variables.c.hidden),
            ),
        ),
        Holding(
            "runner",
            runners,
            "runner.remove",
            "runner.restore",
            "runner.token.reset",
            credentials=_credentials(
                runners, KIND.RUNNER, fingerprint=_mark(runners.c.digest), traits=_traits(protected=runners.c.protected)
            ),
            integrations=_integrations(runners, OWN.RUNNER),
        ),
        Holding(
            "webhook",
            webhooks,
            "webhook.remove",
            "webhook.restore",
            "webhook.rotate",
            credentials=_credentials(webhooks, KIND.WEBHOOK, name=webhooks.c.url),
            integrations=_integrations(webhooks, OWN.WEBHOOK, name=webhooks.c.url),
        ),
        Holding(
            "mirror",
            mirrors,
            "mirror.remove",
            "mirror.restore",
            credentials=_credentials(mirrors, KIND.MIRROR, name=mirrors.c.url, traits=_traits(pushes=mirrors.c.pushes)),
            integrations=_integrations(mirrors, OWN.MIRROR, name=mirrors.c.url),
        ),
        Holding(
            "githook",
            githooks,
            "githook.remove",
            "githook.restore",
            integrations=_integrations(githooks, OWN.GITHOOK),
        ),
        Holding(
            "schedule",
            schedules,
            "schedule.remove",
            "schedule.restore",
            integrations=_integrations(schedules, OWN.SCHEDULE, acts_for=accounts.c.name),
        ),
        Holding(
            "email",
            emails,
            "email.remove",
            "email.restore",
            credentials=_credentials(
                emails, KIND.EMAIL, name=emails.c.address, traits=_traits(unconfirmed=emails.c.confirmed.is_(None))
            ),
        ),
        Holding(
            "identity",
            identities,
            "identity.unlink",
            "identity.link",
            credentials=_credentials(
                identities,
                KIND.IDENTITY,
                name=identities.c.provider + literal(" ", String) + identities.c.subject,
            ),
        ),
    )
}
"""Every noun that an account may hold or make, by its name in references."""
