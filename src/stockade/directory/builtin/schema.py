"""The tables of the built-in directory, as the newest migration leaves them.

Times are seconds since the epoch, UTC. Of tokens, cookies and codes only the SHA-256 is kept, of passwords only
argon2id hashes; what must be read again (variables, hook secrets, TOTP keys) is sealed. Names, logins and paths are
canonical before they get here. ``made_by`` is the account that made a thing; ``paused`` is when it was put out of use
and ``revoked`` when it was ended: the row stays, so that who comes later can see what there was.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)
Number = BigInteger().with_variant(Integer(), "sqlite")  # only INTEGER PRIMARY KEY counts by itself in SQLite
DIGEST = 64


def _holder(*, optional: bool = False, index: bool = True) -> Column[int]:
    """The account that a thing belongs to; with it, the thing goes."""
    key = ForeignKey("accounts.id", ondelete="CASCADE")
    return Column("account_id", Number, key, nullable=optional, index=index)


def _maker(name: str = "made_by") -> Column[int]:
    """The account that made a thing, which may be somebody else's."""
    return Column(name, Number, ForeignKey("accounts.id", ondelete="SET NULL"))


def _used() -> tuple[Column[float], Column[str]]:
    return Column("last_used", Double), Column("last_address", String(64))


accounts = Table(
    "accounts",
    metadata,
    Column("id", Number, primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("admin", Boolean, nullable=False),
    Column("email", String(255)),
    Column("email_key", String(255), unique=True),
    Column("password", String(255)),
    Column("password_changed", Double),
    Column("created", Double, nullable=False),
    Column("locked", Double),  # until then, and by itself no longer
    Column("departed", Double),  # when its owner left the organisation
    Column("factor_due", Double),  # by then it needs a second factor
    sqlite_autoincrement=True,  # a number is never given twice
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Number, primary_key=True),
    Column("account_id", Number, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("name", String(255), nullable=False),
    Column("username", String(255), unique=True),
    Column("within", String(255), index=True),
    Column("scopes", String(255), nullable=False),
    Column("digest", String(DIGEST), nullable=False, unique=True),
    Column("made", Double, nullable=False),
    Column("expires", Double),
    Column("last_used", Double),
    Column("last_address", String(64)),
    Column("revoked", Double),
    _maker(),
    sqlite_autoincrement=True,
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Number, primary_key=True),
    Column("account_id", Number, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("digest", String(DIGEST), nullable=False, unique=True),
    Column("made", Double, nullable=False),
    Column("expires", Double, nullable=False, index=True),
    Column("last_used", Double),
    Column("last_address", String(64)),
    Column("factor", Double),  # when a second factor was shown in it
    Column("pending", Text),  # sealed: the challenge or the new TOTP key that it is to answer for
    Column("wrong", Integer),  # wrong codes so far
    sqlite_autoincrement=True,
)

resets = Table(
    "resets",
    metadata,
    Column("account_id", Number, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("digest", String(DIGEST), nullable=False, unique=True),
    Column("expires", Double, nullable=False),
)

repositories = Table(
    "repositories",
    metadata,
    Column("path", String(255), primary_key=True),
    Column("visibility", String(16), nullable=False),
    Column("made", Double),
    _maker(),
)

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

memberships = Table(
    "memberships",
    metadata,
    Column("account_id", Number, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("path", String(255), primary_key=True),
    Column("level", Integer, nullable=False),
    Column("since", Double),
    Column("expires", Double),
    _maker(),
    Index("ix_memberships_path", "path"),
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
    Column("public", Boolean),  # it can keep no secret, as a program on people's own machines
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
    Column("digest", String(DIGEST), nullable=False, unique=True),  # of the access token, or of the code before it
    Column("refresh", String(DIGEST), unique=True),
    Column("refresh_until", Double),
    Column("family", String(DIGEST), index=True),  # of the code, with which its refresh tokens begin
    Column("made", Double, nullable=False),
    Column("expires", Double),
    *_used(),
    Column("revoked", Double),
    sqlite_autoincrement=True,
)

codes = Table(  # of grants that nobody has redeemed; with the session in which it was made, a code goes
    "codes",
    metadata,
    Column("grant_id", Number, ForeignKey("grants.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("session_id", Number, ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("redirect", Text),  # as the client named it; none when it named none
    Column("challenge", String(DIGEST)),  # of RFC 7636
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
