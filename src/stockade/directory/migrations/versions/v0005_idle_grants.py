"""Until when a refresh token can be used; those there are, for 90 days from when they were handed out."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Double, String, column, table, update

revision = "0005"
down_revision = "0004"

ACCESS, IDLE = 7200.0, 90 * 86400.0
grants = table("grants", column("refresh", String), column("expires", Double), column("refresh_until", Double))


def upgrade() -> None:
    op.add_column("grants", Column("refresh_until", Double))
    handed_out = grants.c.expires - ACCESS
    op.execute(update(grants).where(grants.c.refresh.is_not(None)).values(refresh_until=handed_out + IDLE))
