"""The first tables: campaigns and their lists, people, the do-not-call list, closed facts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dialer.adapters.sql.tables import BigId, Instant, Words

revision = "0001"
down_revision = None


def upgrade() -> None:
    _settings()
    _lists()
    _cdrs()
    _later_facts()


def _settings() -> None:
    """What the administrator and the supervisors set."""
    op.create_table(
        "campaigns",
        sa.Column("id", BigId, nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("status", Words, nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_campaigns"),
        sa.UniqueConstraint("name", name="uq_campaigns_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "accounts",
        sa.Column("id", Words, nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
    )
    op.create_table(
        "trunks",
        sa.Column("id", Words, nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_trunks"),
    )
    op.create_table(
        "tokens",
        sa.Column("id", BigId, nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("role", Words, nullable=False),
        sa.Column("sha256", Words, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("last_used_at", Instant, nullable=True),
        sa.Column("revoked_at", Instant, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.UniqueConstraint("sha256", name="uq_tokens_sha256"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ux_tokens_name",
        "tokens",
        ["name"],
        unique=True,
        sqlite_where=sa.text("revoked_at IS NULL"),
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_table(
        "dnc",
        sa.Column("entry", Words, nullable=False),
        sa.Column("campaign", BigId, autoincrement=False, nullable=False),
        sa.Column("reason", Words, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("entry", "campaign", name="pk_dnc"),
        sqlite_with_rowid=False,
    )


def _lists() -> None:
    """Leads by import, and their numbers."""
    op.create_table(
        "imports",
        sa.Column("id", BigId, nullable=False),
        sa.Column("campaign", BigId, nullable=False),
        sa.Column("file_name", Words, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("leads", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["campaign"], ["campaigns.id"], name="fk_imports_campaign"),
        sa.PrimaryKeyConstraint("id", name="pk_imports"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_imports_campaign", "imports", ["campaign"])
    op.create_table(
        "leads",
        sa.Column("id", BigId, nullable=False),
        sa.Column("campaign", BigId, nullable=False),
        sa.Column("import_id", BigId, nullable=False),
        sa.Column("number_index", sa.Integer(), nullable=False),
        sa.Column("status", Words, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("tried", sa.JSON(), nullable=False),
        sa.Column("dead", sa.JSON(), nullable=False),
        sa.Column("next_at", Instant, nullable=True),
        sa.Column("last_at", Instant, nullable=True),
        sa.Column("last_outcome", Words, nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("cell", Words, nullable=True),
        sa.Column("leased_until_at", Instant, nullable=True),
        sa.Column("zones", sa.JSON(), nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("company", Words, nullable=False),
        sa.Column("inn", Words, nullable=False),
        sa.Column("email", Words, nullable=False),
        sa.Column("extra", sa.JSON(), nullable=False),
        sa.Column("ref", Words, nullable=False),
        sa.ForeignKeyConstraint(["campaign"], ["campaigns.id"], name="fk_leads_campaign"),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name="fk_leads_import_id"),
        sa.PrimaryKeyConstraint("id", name="pk_leads"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_leads_import_id", "leads", ["import_id"])
    op.create_index(
        "ix_leads_leased",
        "leads",
        ["leased_until_at"],
        sqlite_where=sa.text("status = 'leased'"),
        postgresql_where=sa.text("status = 'leased'"),
    )
    op.create_index("ix_leads_list", "leads", ["campaign", "id"])
    op.create_index("ix_leads_status", "leads", ["campaign", "status", "id"])
    op.create_index(
        "ix_leads_new",
        "leads",
        ["campaign", sa.text("priority DESC"), "id"],
        sqlite_where=sa.text("status = 'new'"),
        postgresql_where=sa.text("status = 'new'"),
    )
    op.create_index(
        "ix_leads_retry",
        "leads",
        ["campaign", "next_at", "priority"],
        sqlite_where=sa.text("status = 'retry'"),
        postgresql_where=sa.text("status = 'retry'"),
    )
    op.create_table(
        "lead_numbers",
        sa.Column("lead", BigId, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("campaign", BigId, nullable=False),
        sa.Column("number", Words, nullable=False),
        sa.ForeignKeyConstraint(["lead"], ["leads.id"], name="fk_lead_numbers_lead", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("lead", "position", name="pk_lead_numbers"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_lead_numbers_number", "lead_numbers", ["campaign", "number"])


def _cdrs() -> None:
    """Records of attempts."""
    op.create_table(
        "cdrs",
        sa.Column("id", Words, nullable=False),
        sa.Column("cell", Words, nullable=False),
        sa.Column("campaign", BigId, nullable=False),
        sa.Column("lead", BigId, nullable=True),
        sa.Column("direction", Words, nullable=False),
        sa.Column("number", Words, nullable=False),
        sa.Column("trunk", Words, nullable=False),
        sa.Column("attempt_no", sa.Integer(), nullable=False),
        sa.Column("dialled_at", Instant, nullable=False),
        sa.Column("ring_at", Instant, nullable=True),
        sa.Column("answer_at", Instant, nullable=True),
        sa.Column("bridge_at", Instant, nullable=True),
        sa.Column("message_at", Instant, nullable=True),
        sa.Column("end_at", Instant, nullable=False),
        sa.Column("setup_s", sa.Float(), nullable=True),
        sa.Column("ring_s", sa.Float(), nullable=True),
        sa.Column("wait_s", sa.Float(), nullable=True),
        sa.Column("talk_s", sa.Float(), nullable=False),
        sa.Column("outcome", Words, nullable=False),
        sa.Column("alerting", Words, nullable=False),
        sa.Column("cause", sa.Integer(), nullable=True),
        sa.Column("sip_code", sa.Integer(), nullable=True),
        sa.Column("ended_by", Words, nullable=True),
        sa.Column("operator", Words, nullable=True),
        sa.Column("recording", Words, nullable=False),
        sa.Column("reason", Words, nullable=False),
        sa.Column("estimated", sa.Boolean(), nullable=False),
        sa.Column("day", Words, nullable=False),
        sa.Column("duration_us", sa.BigInteger(), nullable=False),
        sa.Column("talk_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cdrs"),
    )
    op.create_index("ix_cdrs_campaign", "cdrs", ["campaign", "id"])
    op.create_index("ix_cdrs_dialled_at", "cdrs", ["dialled_at"])
    op.create_index("ix_cdrs_lead", "cdrs", ["lead", "id"])
    op.create_index("ix_cdrs_number", "cdrs", ["number", "end_at"])
    op.create_index("ix_cdrs_operator", "cdrs", ["operator", "id"])


def _later_facts() -> None:
    """What is told beside and after the records."""
    op.create_table(
        "undialled",
        sa.Column("call", Words, nullable=False),
        sa.PrimaryKeyConstraint("call", name="pk_undialled"),
    )
    op.create_table(
        "wrap_ups",
        sa.Column("call", Words, nullable=False),
        sa.Column("operator", Words, nullable=False),
        sa.Column("wrap_up_s", sa.Float(), nullable=False),
        sa.Column("disposition", Words, nullable=False),
        sa.Column("note", Words, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("moved_lead", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("call", name="pk_wrap_ups"),
    )
    op.create_table(
        "recordings",
        sa.Column("call", Words, nullable=False),
        sa.Column("file", Words, nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("call", name="pk_recordings"),
    )
    op.create_table(
        "state_changes",
        sa.Column("n", BigId, nullable=False),
        sa.Column("operator", Words, nullable=False),
        sa.Column("was", Words, nullable=False),
        sa.Column("became", Words, nullable=False),
        sa.Column("reason", Words, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("call", Words, nullable=False),
        sa.Column("campaign", BigId, nullable=True),
        sa.PrimaryKeyConstraint("n", name="pk_state_changes"),
    )
    op.create_index("ix_state_changes_at", "state_changes", ["at"])
    op.create_index(
        "ux_state_changes",
        "state_changes",
        ["operator", "at", "was", "became", "reason", "call"],
        unique=True,
    )
