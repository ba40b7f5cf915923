"""Which of our numbers an attempt showed. The version before may run beside it: what it writes shows none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dialer.adapters.sql.tables import Words

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("cdrs", sa.Column("caller_id", Words, nullable=False, server_default=""))
