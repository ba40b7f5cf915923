"""What closed attempts change in their leads: read, worked out by the core, written, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping, Update, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.sql.insert import chunks
from dialer.adapters.sql.tables import leads
from dialer.domain.lead import Lead, LeadUpdate, landed
from dialer.domain.types import CellId, LeadId, LeadStatus, Outcome

Change = tuple[LeadUpdate, CellId | None]  # and whose lease it ends
READ = (
    "id", "campaign", "number_index", "status", "attempts", "tried", "dead",
    "next_at", "last_at", "last_outcome", "promised_at", "cell", "leased_until_at",
)  # fmt: skip
WRITTEN = (
    "status", "next_at", "number_index", "attempts", "dead", "tried", "last_at", "last_outcome",
    "promised_at", "cell", "leased_until_at",
)  # fmt: skip


async def apply(connection: AsyncConnection, changes: Sequence[Change]) -> None:
    """A lead that was taken out meanwhile stays out, attempts that were recorded meanwhile stay counted."""
    rows = await _rows(connection, {change.lead for change, _ in changes})
    moved: dict[LeadId, Lead] = {}
    for change, cell in changes:
        row = rows.get(change.lead)
        if row is None:  # its import was undone
            continue
        ends_lease = None if cell is None else row["cell"] in (None, cell)
        before = moved.get(change.lead) or _lead(row)
        moved[change.lead] = landed(before, change, ends_lease=ends_lease)
    if moved:
        await connection.execute(_WRITE, [_values(lead, rows[lead.id]) for lead in moved.values()])


async def _rows(connection: AsyncConnection, ids: Iterable[LeadId]) -> Mapping[LeadId, RowMapping]:
    found: dict[LeadId, RowMapping] = {}
    for some in chunks(sorted(ids)):
        query = select(*(leads.c[name] for name in READ)).where(leads.c.id.in_(some))
        rows = await connection.execute(query.order_by(leads.c.id).with_for_update())
        found.update((row["id"], row) for row in rows.mappings())
    return found


def _lead(row: RowMapping) -> Lead:
    """As far as its place in the list goes: what a person reads of it stays in the database."""
    return Lead(
        id=row["id"],
        campaign=row["campaign"],
        numbers=(),
        number_index=row["number_index"],
        status=LeadStatus(row["status"]),
        attempts=row["attempts"],
        tried={Outcome(outcome): times for outcome, times in row["tried"].items()},
        next_at=row["next_at"],
        last_at=row["last_at"],
        last_outcome=Outcome(row["last_outcome"]) if row["last_outcome"] else None,
        dead=tuple(row["dead"]),
        promised_at=row["promised_at"],
    )


def _values(lead: Lead, row: RowMapping) -> dict[str, Any]:
    is_leased = lead.status is LeadStatus.LEASED
    return {
        "its_id": lead.id,
        "its_status": lead.status.value,
        "its_next_at": lead.next_at,
        "its_number_index": lead.number_index,
        "its_attempts": lead.attempts,
        "its_dead": list(lead.dead),
        "its_tried": {outcome.value: times for outcome, times in lead.tried.items()},
        "its_last_at": lead.last_at,
        "its_last_outcome": lead.last_outcome and lead.last_outcome.value,
        "its_promised_at": lead.promised_at,
        "its_cell": row["cell"] if is_leased else None,
        "its_leased_until_at": row["leased_until_at"] if is_leased else None,
    }


def _write() -> Update:
    """Made once: to make it takes longer than to run it."""
    values = {column: bindparam(f"its_{column}", type_=leads.c[column].type) for column in WRITTEN}
    return update(leads).where(leads.c.id == bindparam("its_id")).values(**values)


_WRITE = _write()
