"""Imports that come in pieces and are seen at once, and what they change in leads that were there.

On SQLite a version before that runs beside this one sees the leads of an import before it is through.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dialer.adapters.sql.tables import BigId, Instant, Words

revision = "0015"
down_revision = "0014"

IS_OPEN = sa.text("stage IN ('coming', 'going')")


def upgrade() -> None:
    op.add_column("imports", sa.Column("stage", Words, nullable=False, server_default="here"))
    op.add_column("imports", sa.Column("until_at", Instant))
    op.add_column("imports", sa.Column("hidden", sa.JSON(), nullable=False, server_default="[]"))
    op.create_index(
        "ix_imports_open", "imports", ["campaign"], sqlite_where=IS_OPEN, postgresql_where=IS_OPEN
    )
    op.create_table(
        "import_changes",
        sa.Column("import_id", BigId, nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("lead", BigId, nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("import_id", "n", name="pk_import_changes"),
        sa.ForeignKeyConstraint(
            ["import_id"], ["imports.id"], name="fk_import_changes_import_id", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
