"""A callback that a person asked for is known as one; the version before may run beside it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dialer.adapters.sql.tables import Instant

revision = "0010"
down_revision = "0009"

WAITS = sa.text("status = 'retry' AND promised_at IS NOT NULL")


def upgrade() -> None:
    op.add_column("leads", sa.Column("promised_at", Instant))
    op.create_index(
        "ix_leads_promised",
        "leads",
        ["campaign", "next_at", "id"],
        sqlite_where=WAITS,
        postgresql_where=WAITS,
    )
