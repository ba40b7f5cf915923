"""What is set once for the site: pause reasons. Only adds: the version before has the default list."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dialer.adapters.sql.tables import Words

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "site",
        sa.Column("id", Words, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_site"),
    )
