"""Leads as they are kept: rows with their numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.sql.insert import chunks
from dialer.adapters.sql.tables import lead_numbers
from dialer.adapters.sql.zonesets import names_of
from dialer.domain.lead import Lead
from dialer.domain.types import LeadStatus, Outcome, PhoneNumber


async def with_numbers(connection: AsyncConnection, rows: Sequence[RowMapping]) -> list[Lead]:
    numbers: dict[int, list[tuple[PhoneNumber, str]]] = defaultdict(list)
    its = select(lead_numbers.c.lead, lead_numbers.c.number, lead_numbers.c.extension)
    for some in chunks(row["id"] for row in rows):
        query = its.where(lead_numbers.c.lead.in_(some))
        for lead, number, extension in await connection.execute(
            query.order_by(lead_numbers.c.lead, lead_numbers.c.position)
        ):
            numbers[lead].append((number, extension))
    sets = await names_of(connection, {row["zone_set"] for row in rows})
    return [_lead(row, numbers[row["id"]], sets) for row in rows]


def _lead(
    row: RowMapping, numbers: Sequence[tuple[PhoneNumber, str]], sets: Mapping[int, tuple[str, ...]]
) -> Lead:
    return Lead(
        id=row["id"],
        campaign=row["campaign"],
        numbers=tuple(number for number, _ in numbers),
        extensions={number: extension for number, extension in numbers if extension},
        number_index=row["number_index"],
        status=LeadStatus(row["status"]),
        attempts=row["attempts"],
        tried={Outcome(outcome): times for outcome, times in row["tried"].items()},
        next_at=row["next_at"],
        last_at=row["last_at"],
        last_outcome=Outcome(row["last_outcome"]) if row["last_outcome"] else None,
        priority=row["priority"],
        zones=tuple(row["zones"]) if row["zone_set"] is None else sets[row["zone_set"]],
        name=row["name"],
        company=row["company"],
        inn=row["inn"],
        email=row["email"],
        extra=row["extra"],
        ref=row["ref"],
        dead=tuple(row["dead"]),
        promised_at=row["promised_at"],
        import_id=row["import_id"],
    )
