"""The tables of the built-in directory, as the newest migration leaves them.

Times are seconds since the epoch, UTC. Of tokens, cookies and codes only the SHA-256 is kept, of passwords only
argon2id hashes. Names, logins and paths are canonical before they get here.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKey, Index, Integer, MetaData, String, Table

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
    Column("created", Double, nullable=False),
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
    Column("within", String(255)),
    Column("scopes", String(255), nullable=False),
    Column("digest", String(DIGEST), nullable=False, unique=True),
    Column("made", Double, nullable=False),
    Column("expires", Double),
    Column("last_used", Double),
    Column("last_address", String(64)),
    Column("revoked", Double),
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
)

memberships = Table(
    "memberships",
    metadata,
    Column("account_id", Number, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("path", String(255), primary_key=True),
    Column("level", Integer, nullable=False),
    Index("ix_memberships_path", "path"),
)
