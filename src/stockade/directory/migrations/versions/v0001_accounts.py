"""Accounts, tokens, sessions, password resets, repositories and memberships."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _accounts()
    _tokens()
    _sessions()
    _resets()
    _projects()


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", _number, nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("admin", sa.Boolean, nullable=False),
        sa.Column("email", sa.String(255)),
        sa.Column("email_key", sa.String(255)),
        sa.Column("password", sa.String(255)),
        sa.Column("created", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint("name", name="uq_accounts_name"),
        sa.UniqueConstraint("email_key", name="uq_accounts_email_key"),
        sqlite_autoincrement=True,
    )


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", _number, nullable=False),
        _holder("tokens"),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("username", sa.String(255)),
        sa.Column("within", sa.String(255)),
        sa.Column("scopes", sa.String(255), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("made", sa.Double, nullable=False),
        sa.Column("expires", sa.Double),
        sa.Column("last_used", sa.Double),
        sa.Column("last_address", sa.String(64)),
        sa.Column("revoked", sa.Double),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.UniqueConstraint("username", name="uq_tokens_username"),
        sa.UniqueConstraint("digest", name="uq_tokens_digest"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_tokens_account_id", "tokens", ["account_id"])


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", _number, nullable=False),
        _holder("sessions"),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("made", sa.Double, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
        sa.Column("last_used", sa.Double),
        sa.Column("last_address", sa.String(64)),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.UniqueConstraint("digest", name="uq_sessions_digest"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_sessions_account_id", "sessions", ["account_id"])
    op.create_index("ix_sessions_expires", "sessions", ["expires"])


def _resets() -> None:
    op.create_table(
        "resets",
        _holder("resets"),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_resets"),
        sa.UniqueConstraint("digest", name="uq_resets_digest"),
    )


def _projects() -> None:
    op.create_table(
        "repositories",
        sa.Column("path", sa.String(255), nullable=False),
        sa.Column("visibility", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("path", name="pk_repositories"),
    )
    op.create_table(
        "memberships",
        _holder("memberships"),
        sa.Column("path", sa.String(255), nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "path", name="pk_memberships"),
    )
    op.create_index("ix_memberships_path", "memberships", ["path"])


def _holder(table: str) -> sa.Column[int]:
    key = sa.ForeignKey("accounts.id", name=f"fk_{table}_account_id", ondelete="CASCADE")
    return sa.Column("account_id", _number, key, nullable=False)
