"""Imports of lists: all or nothing, fast, each number once, and without holding up others who write."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.fitting import is_id
from dialer.adapters.sql.database import Database
from dialer.adapters.sql.insert import chunks
from dialer.adapters.sql.tables import campaigns, imports, leads
from dialer.domain.errors import Conflict, Missing
from dialer.domain.lead import Lead, fresh
from dialer.domain.said import Said, said
from dialer.domain.types import CampaignId, LeadStatus, PhoneNumber

CHUNK = 1_000  # leads; the event loop waits while so many are made ready
Rows = list[tuple[Any, ...]]

# tables of one connection alone, which take the file: column -> type on PostgreSQL
OF_FILE = {
    **{"priority": "integer", "zones": "json", "name": "text", "company": "text", "inn": "text"},
    **{"email": "text", "extra": "json", "ref": "text"},
}
STAGES = {
    "staged_leads": {"n": "bigint", **OF_FILE},
    "staged_numbers": {"n": "bigint", "position": "integer", "number": "text", "extension": "text"},
}
# own column names only, every value is bound
TAKE_LEADS = text(
    "INSERT INTO leads (id, campaign, import_id, number_index, status, attempts, tried, dead,"  # noqa: S608 - names of this module
    f" {', '.join(OF_FILE)})"
    f" SELECT :base + n, :campaign, :import_id, 0, 'new', 0, '{{}}', '[]', {', '.join(OF_FILE)}"
    " FROM staged_leads ORDER BY n"
)
# a number that another import has brought meanwhile, or that the file has twice, is left out
TAKE_NUMBERS = text(
    "INSERT INTO lead_numbers (lead, position, campaign, number, extension)"
    " SELECT :base + n, position, :campaign, number, extension FROM staged_numbers"
    " WHERE true ORDER BY n, position ON CONFLICT DO NOTHING"
)
LEAVE_OUT = text(
    "DELETE FROM leads WHERE import_id = :import_id"
    " AND NOT EXISTS (SELECT 1 FROM lead_numbers WHERE lead_numbers.lead = leads.id)"
)
# the highest id ever given: that of an undone lead is not given again
LAST_ID = text("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'leads'")
TAKE_IDS = text("SELECT nextval('leads_id_seq') FROM generate_series(1, :n)")
# one import into a campaign at a time: two with the same numbers in another order would wait for each other
ALONE = text("SELECT pg_advisory_xact_lock(hashtext('obzvon import'), hashtext(:campaign))")


async def import_list(
    database: Database, campaign: CampaignId, file_name: str, entries: Iterable[Lead], now: datetime
) -> tuple[int, int]:
    """Enter the leads into the campaign's list; gives (import id, how many)."""
    entry = {"campaign": campaign, "file_name": file_name, "at": now, "leads": 0}
    rows = (fresh(lead, campaign) for lead in entries)
    async with database.connection() as connection:
        async with connection.begin():
            await check_campaign(connection, campaign)  # before the file is read, and behind it
        try:
            numbers = await _stage(connection, rows)
            async with database.writing(connection):
                return await _take(connection, entry, numbers)
        finally:
            async with connection.begin():
                await _clear(connection)


async def undo_import(database: Database, import_id: int) -> int:
    """Take the leads of an import out again, and the import itself."""
    async with database.write() as connection:
        row = None
        if is_id(import_id):
            query = select(imports.c.id).where(imports.c.id == import_id)
            row = (await connection.execute(query)).first()
        if row is None:
            raise Missing(said("there is no import {import_id}", import_id=import_id))
        # delete first, look afterwards: a lead that is being leased in this moment is waited for, and stays
        its = leads.c.import_id == import_id
        free = (leads.c.attempts == 0, leads.c.status != LeadStatus.LEASED.value)
        count = (await connection.execute(delete(leads).where(its, *free))).rowcount  # numbers go with them
        left = select(leads.c.attempts).where(its).order_by(leads.c.attempts.desc()).limit(1)
        if (busy := (await connection.execute(left)).first()) is not None:
            raise Conflict(_why_it_stays(import_id, was_dialled=busy.attempts > 0))
        await connection.execute(delete(imports).where(imports.c.id == import_id))
    return count


def _why_it_stays(import_id: int, *, was_dialled: bool) -> Said:
    if was_dialled:
        return said("import {import_id} stays: some of its leads were dialled already", import_id=import_id)
    return said(
        "import {import_id} is about to be dialled: stop its campaign, then undo it", import_id=import_id
    )


async def find_import(database: Database, import_id: int) -> Mapping[str, Any]:
    row = await database.row(select(imports).where(imports.c.id == import_id)) if is_id(import_id) else None
    if row is None:
        raise Missing(said("there is no import {import_id}", import_id=import_id))
    return dict(row)


async def imports_of(database: Database, campaign: CampaignId) -> Sequence[Mapping[str, Any]]:
    if not is_id(campaign):
        return []
    columns = (imports.c.id, imports.c.file_name, imports.c.at, imports.c.leads)
    rows = await database.rows(select(*columns).where(imports.c.campaign == campaign).order_by(imports.c.id))
    return [dict(row) for row in rows]


async def _clear(connection: AsyncConnection) -> None:
    own = "temp" if connection.dialect.name == "sqlite" else "pg_temp"
    for table in STAGES:
        await connection.exec_driver_sql(f"DROP TABLE IF EXISTS {own}.{table}")


async def _stage(connection: AsyncConnection, rows: Iterator[Lead]) -> int:
    """The whole file on the connection's own side, no other writer waits; gives how many numbers it has."""
    is_sqlite = connection.dialect.name == "sqlite"
    count, last = 0, 0
    async with connection.begin():
        await _clear(connection)  # what an import has left that was cut off before it could
        for table, columns in STAGES.items():
            typed = ", ".join(columns if is_sqlite else map(" ".join, columns.items()))
            await connection.exec_driver_sql(f"CREATE TEMP TABLE {table} ({typed})")
        for some in chunks(rows, CHUNK):
            if is_sqlite:
                ids = list(range(last + 1, last + 1 + len(some)))
            else:
                ids = list((await connection.execute(TAKE_IDS, {"n": len(some)})).scalars())
            last = ids[-1]
            numbered = list(zip(ids, some, strict=True))
            of_numbers = [(id_, *each) for id_, lead in numbered for each in _numbers(lead)]
            count += len(of_numbers)
            put = _insert if is_sqlite else _copy
            await put(connection, "staged_leads", [(id_, *_of_file(lead)) for id_, lead in numbered])
            await put(connection, "staged_numbers", of_numbers)
    return count


async def _insert(connection: AsyncConnection, table: str, rows: Rows) -> None:
    marks = ", ".join("?" * len(STAGES[table]))
    await connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608 - names of this module


async def _copy(connection: AsyncConnection, table: str, rows: Rows) -> None:
    """PostgreSQL: several times faster than INSERT."""
    driver = (await connection.get_raw_connection()).driver_connection
    if driver is None:  # it was lost in this very moment, and the transaction with it
        raise ConnectionError("the connection is closed")
    await driver.copy_records_to_table(table, records=rows, columns=tuple(STAGES[table]))


async def _take(connection: AsyncConnection, entry: dict[str, Any], numbers: int) -> tuple[int, int]:
    """What was staged becomes the campaign's; a lead all of whose numbers are there already is left out."""
    base = 0
    if connection.dialect.name == "sqlite":
        base = (await connection.execute(LAST_ID)).scalar_one()
    else:
        await connection.execute(ALONE, {"campaign": str(entry["campaign"])})
    await check_campaign(connection, entry["campaign"])
    import_id: int = (
        await connection.execute(insert(imports).values(entry).returning(imports.c.id))
    ).scalar_one()
    given = {"base": base, "campaign": entry["campaign"], "import_id": import_id}
    count = (await connection.execute(TAKE_LEADS, given)).rowcount
    if (await connection.execute(TAKE_NUMBERS, given)).rowcount < numbers:
        count -= (await connection.execute(LEAVE_OUT, {"import_id": import_id})).rowcount
    await connection.execute(update(imports).where(imports.c.id == import_id).values(leads=count))
    return import_id, count


async def check_campaign(connection: AsyncConnection, campaign: CampaignId) -> None:
    its = select(campaigns.c.id).where(campaigns.c.id == campaign)
    if not is_id(campaign) or (await connection.execute(its)).first() is None:
        raise Missing(said("there is no campaign {campaign}", campaign=campaign))


def _numbers(lead: Lead) -> Iterator[tuple[int, PhoneNumber, str]]:
    for position, number in enumerate(lead.numbers):
        yield position, number, lead.extensions.get(number, "")


def _of_file(lead: Lead) -> tuple[Any, ...]:
    return (
        lead.priority,
        json.dumps(lead.zones),
        lead.name,
        lead.company,
        lead.inn,
        lead.email,
        json.dumps(dict(lead.extra), ensure_ascii=False),
        lead.ref,
    )
