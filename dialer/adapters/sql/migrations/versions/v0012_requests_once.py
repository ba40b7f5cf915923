"""Requests that bring a key, and their answers. Only adds: the version before runs beside it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dialer.adapters.sql.tables import BigId, Instant, Words

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "requests",
        sa.Column("token", BigId, nullable=False, autoincrement=False),
        sa.Column("key", Words, nullable=False),
        sa.Column("asked", Words, nullable=False),
        sa.Column("holder", Words, nullable=False),
        sa.Column("until_at", Instant, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("media_type", Words, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("token", "key", name="pk_requests"),
    )
    op.create_index("ix_requests_until_at", "requests", ["until_at"])
