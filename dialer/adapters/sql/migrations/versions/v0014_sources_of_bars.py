"""Several sources may bar one number: each entry has its source, who put it there, and until when it holds.

The version before may run beside it and obeys every entry, expired ones too. What its operators bar meanwhile
it cannot write: its journal keeps that until this version takes it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dialer.adapters.sql.tables import BigId, Instant, Words

revision = "0014"
down_revision = "0013"

OF_ONE = sa.text("campaign > 0")


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _anew()
    else:
        op.add_column("dnc", sa.Column("source", Words, nullable=False, server_default=""))
        op.add_column("dnc", sa.Column("by", Words, nullable=False, server_default=""))
        op.add_column("dnc", sa.Column("until_at", Instant))
        op.add_column("dnc", sa.Column("seen_at", Instant))
        op.execute("UPDATE dnc SET seen_at = at")
        op.drop_constraint("pk_dnc", "dnc", type_="primary")
        op.create_primary_key("pk_dnc", "dnc", ["entry", "campaign", "source"])
    op.create_index(
        "ix_dnc_campaign",
        "dnc",
        ["campaign", "entry", "source"],
        sqlite_where=OF_ONE,
        postgresql_where=OF_ONE,
    )
    op.create_index("ix_dnc_source", "dnc", ["source", "entry", "campaign", "seen_at", "until_at"])


def _anew() -> None:
    """SQLite changes no primary key in place."""
    op.create_table(
        "dnc_anew",
        sa.Column("entry", Words, nullable=False),
        sa.Column("campaign", BigId, nullable=False, autoincrement=False),
        sa.Column("source", Words, nullable=False, server_default=""),
        sa.Column("reason", Words, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("by", Words, nullable=False, server_default=""),
        sa.Column("until_at", Instant),
        sa.Column("seen_at", Instant),
        sa.PrimaryKeyConstraint("entry", "campaign", "source", name="pk_dnc"),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO dnc_anew (entry, campaign, reason, at, seen_at)"
        " SELECT entry, campaign, reason, at, at FROM dnc"
    )
    op.drop_table("dnc")
    op.rename_table("dnc_anew", "dnc")
