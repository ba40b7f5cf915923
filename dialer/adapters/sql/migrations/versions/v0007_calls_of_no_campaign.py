"""Tests and operators' outside phones on record. Only adds: the version before runs beside it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dialer.adapters.sql.tables import Instant, Words

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "side_calls",
        sa.Column("id", Words, nullable=False),
        sa.Column("cell", Words, nullable=False),
        sa.Column("kind", Words, nullable=False),
        sa.Column("trunk", Words, nullable=False),
        sa.Column("number", Words, nullable=False),
        sa.Column("who", Words, nullable=False),
        sa.Column("begun_at", Instant, nullable=False),
        sa.Column("end_at", Instant, nullable=False),
        sa.Column("answer_at", Instant),
        sa.Column("outcome", Words, nullable=False),
        sa.Column("cause", sa.Integer),
        sa.Column("sip_code", sa.Integer),
        sa.Column("is_over", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_side_calls"),
    )
    op.create_index("ix_side_calls_begun_at", "side_calls", ["begun_at", "id"])
    op.create_index("ix_side_calls_end_at", "side_calls", ["end_at"])
