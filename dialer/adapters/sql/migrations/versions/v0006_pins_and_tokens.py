"""Wrong PINs, and when tokens expire. Only adds: the version before runs beside it and reads neither."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dialer.adapters.sql.tables import Instant, Words

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("tokens", sa.Column("expires_at", Instant))
    op.create_table(
        "pin_guesses",
        sa.Column("key", Words, nullable=False),
        sa.Column("wrong", sa.Integer, nullable=False),
        sa.Column("locks", sa.Integer, nullable=False),
        sa.Column("locked_until_at", Instant),
        sa.Column("last_at", Instant),
        sa.PrimaryKeyConstraint("key", name="pk_pin_guesses"),
    )
