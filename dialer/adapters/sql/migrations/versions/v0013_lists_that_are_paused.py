"""Leads of a paused list are stepped over in the index; the version before leases as it did, but slower."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

BEST = ("campaign", sa.text("priority DESC"))
INDEXES = {
    "ix_leads_new": ((*BEST, "import_id", "id"), sa.text("status = 'new'")),
    "ix_leads_due": ((*BEST, "next_at", "id", "import_id"), sa.text("status = 'retry'")),
}


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":  # it renames no index
        for name, (columns, its) in INDEXES.items():
            op.drop_index(name, "leads")
            op.create_index(name, "leads", list(columns), sqlite_where=its)
        return
    for name, (
        columns,
        its,
    ) in INDEXES.items():  # a build lets others read, a drop does not
        op.create_index(f"{name}_anew", "leads", list(columns), postgresql_where=its)
    for name in INDEXES:
        op.drop_index(name, "leads")
        op.execute(f"ALTER INDEX {name}_anew RENAME TO {name}")
