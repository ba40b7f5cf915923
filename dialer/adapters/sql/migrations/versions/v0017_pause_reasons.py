"""What is set once for the site: pause reasons. Only adds: the version before has the default list."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dialer.adapters.sql.tables import Words

<<<<<<<< HEAD:dialer/adapters/sql/migrations/versions/v0017_pause_reasons.py
revision = "0017"
down_revision = "0016"
========
revision = "0017"
down_revision = "0016"
>>>>>>>> ee0eb68 (What an operator says of a call is kept at once, by call: the live operator has a code and an instant):dialer/adapters/sql/migrations/versions/v0016_pause_reasons.py


def upgrade() -> None:
    op.create_table(
        "site",
        sa.Column("id", Words, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_site"),
    )
