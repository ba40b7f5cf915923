"""Who has a cell. Only adds: the version before runs beside it, and holds no row here."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dialer.adapters.sql.tables import Instant, Words

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "cells",
        sa.Column("cell", Words, nullable=False),
        sa.Column("holder", Words, nullable=False),
        sa.Column("host", Words, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("since_at", Instant, nullable=False),
        sa.Column("until_at", Instant, nullable=False),
        sa.Column("before", Words, nullable=False),
        sa.PrimaryKeyConstraint("cell", name="pk_cells"),
    )
