"""Codes that applications redeem for tokens, what tells that a token was used twice, and clients without a secret."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, String, Table, Text

revision = "0004"
down_revision = "0003"

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)
Number = BigInteger().with_variant(Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("applications", Column("public", Boolean))
    op.add_column("grants", Column("family", String(64)))
    op.create_index("ix_grants_family", "grants", ["family"])
    codes.create(op.get_bind())


for _there in ("grants", "sessions"):
    Table(_there, metadata, Column("id", Number, primary_key=True))
codes = Table(
    "codes",
    metadata,
    Column("grant_id", Number, ForeignKey("grants.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("session_id", Number, ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("redirect", Text),
    Column("challenge", String(64)),
)
