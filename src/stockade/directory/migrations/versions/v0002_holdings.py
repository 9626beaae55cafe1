"""What an account may hold or make: groups, keys, second factors, applications, variables, runners, hooks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKey, Integer, String, Table, Text, UniqueConstraint

revision = "0002"
down_revision = "0001"

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)
Number = BigInteger().with_variant(Integer(), "sqlite")
DIGEST = 64


def upgrade() -> None:
    metadata.create_all(op.get_bind())  # what is there already, the accounts, stays as it is
    for table in ("tokens", "repositories", "memberships"):
        _add_maker(table)
    for table, columns in ADDED.items():
        for column in columns:
            op.add_column(table, column)
    op.create_index("ix_tokens_within", "tokens", ["within"])


def _add_maker(table: str) -> None:
    """SQLite must write the whole table anew for a reference; its numbers stay such as are never given twice."""
    last = _last_number(table)
    with op.batch_alter_table(table, table_kwargs={"sqlite_autoincrement": table == "tokens"}) as batch:
        batch.add_column(Column("made_by", Number))
        batch.create_foreign_key(f"fk_{table}_made_by", "accounts", ["made_by"], ["id"], ondelete="SET NULL")
    if last is not None:
        op.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :name").bindparams(name=table))
        op.execute(
            sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)").bindparams(name=table, last=last)
        )


def _last_number(table: str) -> int | None:
    """The last number that SQLite gave in a table, of a row that may be gone."""
    if op.get_bind().dialect.name != "sqlite":
        return None
    query = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name").bindparams(name=table)
    number: int | None = op.get_bind().execute(query).scalar()
    return number


def _holder(*, optional: bool = False, index: bool = True) -> Column[int]:
    """The account that a thing belongs to; with it, the thing goes."""
    key = ForeignKey("accounts.id", ondelete="CASCADE")
    return Column("account_id", Number, key, nullable=optional, index=index)


def _maker(name: str = "made_by") -> Column[int]:
    """The account that made a thing, which may be somebody else's."""
    return Column(name, Number, ForeignKey("accounts.id", ondelete="SET NULL"))


def _used() -> tuple[Column[float], Column[str]]:
    return Column("last_used", Double), Column("last_address", String(64))


accounts = Table("accounts", metadata, Column("id", Number, primary_key=True))

groups = Table(
    "groups",
    metadata,
    Column("path", String(255), primary_key=True),
    Column("visibility", String(16), nullable=False),
    Column("made", Double, nullable=False),
    _maker(),
    Column("two_factor", Boolean, nullable=False),  # members must have a second factor
    Column("grace", Double, nullable=False),  # seconds that they have to enrol one
)

keys = Table(
    "keys",
    metadata,
    Column("id", Number, primary_key=True),
    _holder(optional=True),  # a deploy key belongs to a project
    Column("kind", String(16), nullable=False),  # ssh_key, deploy_key, gpg_key
    Column("name", String(255), nullable=False),
    Column("algorithm", String(32), nullable=False),
    Column("bits", Integer, nullable=False),
    Column("fingerprint", String(128), nullable=False, index=True),
    Column("public", Text, nullable=False),
    Column("within", String(255), index=True),
    Column("writes", Boolean, nullable=False),
    Column("made", Double, nullable=False),
    _maker(),
    Column("expires", Double),
    *_used(),
    Column("revoked", Double),
    sqlite_autoincrement=True,
)

factors = Table(
    "factors",
    metadata,
    Column("id", Number, primary_key=True),
    _holder(),
    Column("kind", String(16), nullable=False),  # totp, webauthn, recovery
    Column("name", String(255), nullable=False),
    Column("sealed", Text),  # the TOTP key
    Column("public", Text),  # the WebAuthn public key
    Column("handle", String(1024), unique=True),  # the WebAuthn credential id
    Column("counter", BigInteger, nullable=False),  # of signatures, or the last TOTP step that was used
    Column("made", Double, nullable=False),
    _maker(),
    *_used(),
    Column("revoked", Double),
    sqlite_autoincrement=True,
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("factor_id", Number, ForeignKey("factors.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("digest", String(DIGEST), primary_key=True),
    Column("used", Double),
)

applications = Table(
    "applications",
    metadata,
    Column("id", Number, primary_key=True),
    _holder(optional=True),
    Column("name", String(255), nullable=False),
    Column("client", String(64), nullable=False, unique=True),
    Column("digest", String(DIGEST), nullable=False),
    Column("redirect", Text, nullable=False),
    Column("scopes", String(255), nullable=False),
    Column("trusted", Boolean, nullable=False),
    Column("made", Double, nullable=False),
    _maker(),
    Column("last_used", Double),
    Column("revoked", Double),
    sqlite_autoincrement=True,
)

grants = Table(
    "grants",
    metadata,
    Column("id", Number, primary_key=True),
    Column("application_id", Number, ForeignKey("applications.id", ondelete="CASCADE"), nullable=False, index=True),
    _holder(),
    Column("scopes", String(255), nullable=False),
    Column("digest", String(DIGEST), nullable=False, unique=True),
    Column("refresh", String(DIGEST), unique=True),
    Column("made", Double, nullable=False),
    Column("expires", Double),
    *_used(),
    Column("revoked", Double),
    sqlite_autoincrement=True,
)

variables = Table(
    "variables",
    metadata,
    Column("id", Number, primary_key=True),
    Column("place", String(255), nullable=False, index=True),  # a project, a group, or "" for the instance
    Column("key", String(255), nullable=False),
    Column("environment", String(255), nullable=False),
    Column("sealed", Text, nullable=False),
    Column("fingerprint", String(DIGEST), nullable=False),  # keyed, to tell whether the value has changed
    Column("masked", Boolean, nullable=False),
    Column("protected", Boolean, nullable=False),
    Column("hidden", Boolean, nullable=False),
    Column("made", Double, nullable=False),
    _maker(),
    Column("changed", Double, nullable=False),
    _maker("changed_by"),
    Column("revoked", Double),
    UniqueConstraint("place", "key", "environment", name="uq_variables_place"),
    sqlite_autoincrement=True,
)

runners = Table(
    "runners",
    metadata,
    Column("id", Number, primary_key=True),
    Column("place", String(255), nullable=False, index=True),
    Column("name", String(255), nullable=False),
    Column("digest", String(DIGEST), nullable=False, unique=True),
    Column("protected", Boolean, nullable=False),
    Column("tags", String(255), nullable=False),
    Column("made", Double, nullable=False),
    _maker(),
    *_used(),
    Column("paused", Double),
    Column("revoked", Double),
    sqlite_autoincrement=True,
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Number, primary_key=True),
    Column("place", String(255), nullable=False, index=True),
    Column("url", Text, nullable=False),
    Column("sealed", Text),
    Column("events", String(255), nullable=False),
    Column("made", Double, nullable=False),
    _maker(),
    Column("last_used", Double),
    Column("paused", Double),
    Column("revoked", Double),
    sqlite_autoincrement=True,
)

githooks = Table(
    "githooks",
    metadata,
    Column("id", Number, primary_key=True),
    Column("place", String(255), nullable=False, index=True),
    Column("name", String(32), nullable=False),  # pre-receive, update, post-receive …
    Column("content", Text, nullable=False),
    Column("made", Double, nullable=False),
    _maker(),
    Column("paused", Double),
    Column("revoked", Double),
    sqlite_autoincrement=True,
)

mirrors = Table(
    "mirrors",
    metadata,
    Column("id", Number, primary_key=True),
    Column("place", String(255), nullable=False, index=True),
    Column("url", Text, nullable=False),
    Column("sealed", Text),
    Column("pushes", Boolean, nullable=False),
    Column("made", Double, nullable=False),
    _maker(),
    Column("last_used", Double),
    Column("paused", Double),
    Column("revoked", Double),
    sqlite_autoincrement=True,
)

schedules = Table(
    "schedules",
    metadata,
    Column("id", Number, primary_key=True),
    Column("place", String(255), nullable=False, index=True),
    _holder(),  # whose rights its jobs have
    Column("name", String(255), nullable=False),
    Column("cron", String(255), nullable=False),
    Column("made", Double, nullable=False),
    _maker(),
    Column("paused", Double),
    Column("revoked", Double),
    sqlite_autoincrement=True,
)

emails = Table(
    "emails",
    metadata,
    Column("id", Number, primary_key=True),
    _holder(),
    Column("address", String(255), nullable=False),
    Column("address_key", String(255), nullable=False, unique=True),
    Column("made", Double, nullable=False),
    _maker(),
    Column("confirmed", Double),
    Column("revoked", Double),
    sqlite_autoincrement=True,
)

identities = Table(
    "identities",
    metadata,
    Column("id", Number, primary_key=True),
    _holder(),
    Column("provider", String(64), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("made", Double, nullable=False),
    _maker(),
    Column("last_used", Double),
    Column("revoked", Double),
    UniqueConstraint("provider", "subject", name="uq_identities_provider"),
    sqlite_autoincrement=True,
)

settings = Table(
    "settings",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

ADDED = {
    "accounts": [Column(name, Double) for name in ("password_changed", "locked", "departed", "factor_due")],
    "sessions": [Column("factor", Double)],
    "repositories": [Column("made", Double)],
    "memberships": [Column("since", Double), Column("expires", Double)],
}
