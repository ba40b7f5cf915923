"""Zones of leads by code: new leads keep a number, those that are there keep their names.

A version before that runs beside this one does not know the zones of leads that come from now on, and calls
none of them: it says that the person's time zone is not known.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dialer.adapters.sql.tables import BigId, Words

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "zone_sets",
        sa.Column("id", BigId, nullable=False),
        sa.Column("names", Words, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_zone_sets"),
        sa.UniqueConstraint("names", name="uq_zone_sets_names"),
        sqlite_autoincrement=True,
    )
    op.add_column("leads", sa.Column("zone_set", BigId))
