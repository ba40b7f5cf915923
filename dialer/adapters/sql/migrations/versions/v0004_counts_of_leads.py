"""Counts of leads by status, kept by the database itself, and retries in the order of their lease.

The version before may run beside it: the triggers count what that one does too, and without its index its
lease of retries is only slower.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dialer.adapters.sql.tables import BigId, Words

revision = "0004"
down_revision = "0003"

IS_RETRY = sa.text("status = 'retry'")
STATUSES = "(VALUES ('new'), ('leased'), ('retry'), ('done'), ('exhausted'), ('excluded')) AS statuses"
ADD = "INSERT INTO lead_counts (campaign, status, n) SELECT"
BY = "GROUP BY campaign, status"

# SQLite has one writer: a row for each status of a campaign is there from the beginning, counted in place.
SQLITE = (
    f"{ADD} campaigns.id, statuses.column1, 0 FROM campaigns, {STATUSES}",
    "UPDATE lead_counts SET n = (SELECT count(*) FROM leads WHERE leads.campaign = lead_counts.campaign"
    " AND leads.status = lead_counts.status)",
    "CREATE TRIGGER campaigns_count_leads AFTER INSERT ON campaigns BEGIN"
    f" {ADD} NEW.id, statuses.column1, 0 FROM {STATUSES}; END",
    "CREATE TRIGGER leads_count_in AFTER INSERT ON leads BEGIN"
    " UPDATE lead_counts SET n = n + 1 WHERE campaign = NEW.campaign AND status = NEW.status; END",
    "CREATE TRIGGER leads_count_out AFTER DELETE ON leads BEGIN"
    " UPDATE lead_counts SET n = n - 1 WHERE campaign = OLD.campaign AND status = OLD.status; END",
    "CREATE TRIGGER leads_count_moves AFTER UPDATE OF status ON leads WHEN OLD.status <> NEW.status BEGIN"
    " UPDATE lead_counts SET n = n - 1 WHERE campaign = OLD.campaign AND status = OLD.status;"
    " UPDATE lead_counts SET n = n + 1 WHERE campaign = NEW.campaign AND status = NEW.status; END",
)
# On PostgreSQL cells write side by side: each statement adds rows of its own, so that nobody waits for a
# count; `SqlLeads.release_run_out` adds them up now and then.
POSTGRESQL = (
    f"{ADD} campaign, status, count(*) FROM leads {BY}",
    "CREATE FUNCTION count_leads() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"  # noqa: S608 - own names
    " IF TG_OP = 'INSERT' THEN"
    f"  {ADD} campaign, status, count(*) FROM came {BY};"
    " ELSIF TG_OP = 'DELETE' THEN"
    f"  {ADD} campaign, status, -count(*) FROM went {BY};"
    " ELSE"
    f"  {ADD} campaign, status, sum(n) FROM (SELECT campaign, status, 1 AS n FROM came"
    f"  UNION ALL SELECT campaign, status, -1 FROM went) AS moved {BY} HAVING sum(n) <> 0;"
    " END IF; RETURN NULL; END $$",
    "CREATE TRIGGER leads_count_in AFTER INSERT ON leads REFERENCING NEW TABLE AS came"
    " FOR EACH STATEMENT EXECUTE FUNCTION count_leads()",
    "CREATE TRIGGER leads_count_out AFTER DELETE ON leads REFERENCING OLD TABLE AS went"
    " FOR EACH STATEMENT EXECUTE FUNCTION count_leads()",
    "CREATE TRIGGER leads_count_moves AFTER UPDATE ON leads REFERENCING OLD TABLE AS went NEW TABLE AS came"
    " FOR EACH STATEMENT EXECUTE FUNCTION count_leads()",
)


def upgrade() -> None:
    op.create_index(
        "ix_leads_due",
        "leads",
        ["campaign", sa.text("priority DESC"), "next_at", "id"],
        sqlite_where=IS_RETRY,
        postgresql_where=IS_RETRY,
    )
    op.drop_index("ix_leads_retry", "leads")
    op.create_table(
        "lead_counts",
        sa.Column("id", BigId, nullable=False),
        sa.Column("campaign", BigId, nullable=False),
        sa.Column("status", Words, nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_lead_counts"),
    )
    op.create_index("ix_lead_counts_campaign_status", "lead_counts", ["campaign", "status"])
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if not is_sqlite:  # what is counted and what is counted from then on must meet
        op.execute("LOCK TABLE leads IN SHARE ROW EXCLUSIVE MODE")
    for statement in SQLITE if is_sqlite else POSTGRESQL:
        op.execute(statement)
