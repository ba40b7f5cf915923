"""What operators say of calls, kept at once. Only adds: the version before keeps it with the wrap-up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dialer.adapters.sql.tables import Instant, Words

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "remarks",
        sa.Column("call", Words, nullable=False),
        sa.Column("operator", Words, nullable=False),
        sa.Column("disposition", Words),
        sa.Column("callback_at", Instant),
        sa.Column("said_at", Instant),
        sa.Column("note", Words),
        sa.Column("noted_at", Instant),
        sa.PrimaryKeyConstraint("call", name="pk_remarks"),
    )
