"""Extensions of numbers. The version before may run beside it: what it writes has none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dialer.adapters.sql.tables import Words

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("lead_numbers", sa.Column("extension", Words, nullable=False, server_default=""))
