"""A lead that moves to another campaign is counted there; the version before moves none."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"

# PostgreSQL's trigger counts every update by campaign and status already
MOVES = (
    "CREATE TRIGGER leads_count_campaigns AFTER UPDATE OF campaign ON leads"
    " WHEN OLD.campaign <> NEW.campaign AND OLD.status = NEW.status BEGIN"
    " UPDATE lead_counts SET n = n - 1 WHERE campaign = OLD.campaign AND status = OLD.status;"
    " UPDATE lead_counts SET n = n + 1 WHERE campaign = NEW.campaign AND status = NEW.status; END"
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute(MOVES)
