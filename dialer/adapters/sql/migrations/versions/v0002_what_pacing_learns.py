"""What pacing has learned, and an index for answers by hour. Only adds: the version before runs beside it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dialer.adapters.sql.tables import Instant, Words

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "learned",
        sa.Column("id", Words, nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_learned"),
    )
    op.create_index(
        "ix_cdrs_answer_at",
        "cdrs",
        ["answer_at", "campaign", "direction", "outcome"],
        sqlite_where=sa.text("answer_at IS NOT NULL"),
        postgresql_where=sa.text("answer_at IS NOT NULL"),
    )
