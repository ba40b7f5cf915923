"""A number stands once in a campaign, however many imports bring it at the same time.

What older versions let in twice stays as it is, marked. One that runs beside this version has its import
refused where it would bring a number again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

MARK = """
UPDATE lead_numbers SET twin = lead * 16 + position WHERE EXISTS (
    SELECT 1 FROM lead_numbers AS other
    WHERE other.campaign = lead_numbers.campaign
    AND other.number = lead_numbers.number AND other.extension = lead_numbers.extension
    AND (
        other.lead < lead_numbers.lead
        OR (other.lead = lead_numbers.lead AND other.position < lead_numbers.position)
    )
)
"""


def upgrade() -> None:
    op.add_column("lead_numbers", sa.Column("twin", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute(MARK)
    op.create_index(
        "uq_lead_numbers_number", "lead_numbers", ["campaign", "number", "extension", "twin"], unique=True
    )
    op.drop_index("ix_lead_numbers_number", "lead_numbers")
