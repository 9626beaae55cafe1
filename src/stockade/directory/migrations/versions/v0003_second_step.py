"""What a session is asked to prove, and how often it was wrong."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Integer, Text

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("sessions", Column("pending", Text))
    op.add_column("sessions", Column("wrong", Integer))
