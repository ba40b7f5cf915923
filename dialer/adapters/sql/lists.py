"""Imports of lists: all or nothing, fast, and without holding up the engine's own writing."""

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
from dialer.adapters.sql.tables import campaigns, imports, lead_numbers, leads
from dialer.domain.errors import Conflict, Missing
from dialer.domain.lead import Lead, fresh
from dialer.domain.said import Said, said
from dialer.domain.types import CampaignId, LeadStatus, PhoneNumber

CHUNK = 1_000  # leads; the event loop waits while so many are made ready
OF_FILE = ("priority", "zones", "name", "company", "inn", "email", "extra", "ref")
OF_LIST = ("id", "campaign", "import_id", "number_index", "status", "attempts", "tried", "dead")
OF_NUMBER = ("lead", "position", "campaign", "number", "extension")
Rows = list[tuple[Any, ...]]

STAGES = {
    "staged_leads": ("n", *OF_FILE),
    "staged_numbers": ("n", "position", "number", "extension"),
}
# own column names only, every value is bound
TAKE_LEADS = text(
    f"INSERT INTO leads ({', '.join((*OF_LIST, *OF_FILE))})"  # noqa: S608 - names of this module
    f" SELECT :base + n, :campaign, :import_id, 0, 'new', 0, '{{}}', '[]', {', '.join(OF_FILE)}"
    " FROM staged_leads"
)
TAKE_NUMBERS = text(
    f"INSERT INTO lead_numbers ({', '.join(OF_NUMBER)})"  # noqa: S608 - names of this module
    " SELECT :base + n, position, :campaign, number, extension FROM staged_numbers"
)
# the highest id ever given: that of an undone lead is not given again
LAST_ID = text("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'leads'")
TAKE_IDS = text("SELECT nextval('leads_id_seq') FROM generate_series(1, :n)")


async def import_list(
    database: Database, campaign: CampaignId, file_name: str, entries: Iterable[Lead], now: datetime
) -> tuple[int, int]:
    """Enter the leads into the campaign's list; gives (import id, how many)."""
    entry = {"campaign": campaign, "file_name": file_name, "at": now, "leads": 0}
    rows = (fresh(lead, campaign) for lead in entries)
    async with database.connection() as connection:
        if database.is_sqlite:
            async with connection.begin():
                await _check_campaign(connection, campaign)  # before the file is read, and behind it
            return await _import_staged(database, connection, entry, rows)
        async with database.writing(connection):
            import_id = await _begin(connection, entry)
            count = 0
            for some in chunks(rows, CHUNK):
                await _copy(connection, campaign, import_id, some)
                count += len(some)
            await _finish(connection, import_id, count)
    return import_id, count


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


async def imports_of(database: Database, campaign: CampaignId) -> Sequence[Mapping[str, Any]]:
    if not is_id(campaign):
        return []
    columns = (imports.c.id, imports.c.file_name, imports.c.at, imports.c.leads)
    rows = await database.rows(select(*columns).where(imports.c.campaign == campaign).order_by(imports.c.id))
    return [dict(row) for row in rows]


async def _import_staged(
    database: Database, connection: AsyncConnection, entry: dict[str, Any], rows: Iterator[Lead]
) -> tuple[int, int]:
    """SQLite: tables of this connection alone take the file; the writer's lock is held for the last step."""
    try:
        await _stage(connection, rows)
        async with database.writing(connection):
            import_id = await _begin(connection, entry)
            base = (await connection.execute(LAST_ID)).scalar_one()
            given = {"base": base, "campaign": entry["campaign"], "import_id": import_id}
            count = (await connection.execute(TAKE_LEADS, given)).rowcount
            await connection.execute(TAKE_NUMBERS, given)
            await _finish(connection, import_id, count)
    finally:
        async with connection.begin():
            for table in STAGES:
                await connection.exec_driver_sql(f"DROP TABLE IF EXISTS temp.{table}")
    return import_id, count


async def _stage(connection: AsyncConnection, rows: Iterator[Lead]) -> None:
    async with connection.begin():
        for table, columns in STAGES.items():
            await connection.exec_driver_sql(f"CREATE TEMP TABLE {table} ({', '.join(columns)})")
        n = 0
        for some in chunks(rows, CHUNK):
            numbered = list(enumerate(some, n + 1))
            n += len(some)
            of_leads = [(number, *_of_file(lead)) for number, lead in numbered]
            of_numbers = [(number, *each) for number, lead in numbered for each in _numbers(lead)]
            await _insert(connection, "staged_leads", of_leads)
            await _insert(connection, "staged_numbers", of_numbers)


async def _insert(connection: AsyncConnection, table: str, rows: Rows) -> None:
    marks = ", ".join("?" * len(STAGES[table]))
    await connection.exec_driver_sql(f"INSERT INTO temp.{table} VALUES ({marks})", rows)  # noqa: S608 - names of this module


async def _check_campaign(connection: AsyncConnection, campaign: CampaignId) -> None:
    its = select(campaigns.c.id).where(campaigns.c.id == campaign)
    if not is_id(campaign) or (await connection.execute(its)).first() is None:
        raise Missing(said("there is no campaign {campaign}", campaign=campaign))


async def _begin(connection: AsyncConnection, entry: dict[str, Any]) -> int:
    await _check_campaign(connection, entry["campaign"])
    new = insert(imports).values(entry).returning(imports.c.id)
    import_id: int = (await connection.execute(new)).scalar_one()
    return import_id


async def _finish(connection: AsyncConnection, import_id: int, count: int) -> None:
    await connection.execute(update(imports).where(imports.c.id == import_id).values(leads=count))


async def _copy(connection: AsyncConnection, campaign: CampaignId, import_id: int, some: list[Lead]) -> None:
    """PostgreSQL: COPY, in the same transaction; several times faster than INSERT."""
    ids = (await connection.execute(TAKE_IDS, {"n": len(some)})).scalars().all()
    numbered = list(zip(ids, some, strict=True))
    listed = (campaign, import_id, 0, LeadStatus.NEW.value, 0, "{}", "[]")
    of_leads = [(lead_id, *listed, *_of_file(lead)) for lead_id, lead in numbered]
    of_numbers = [
        (lead_id, position, campaign, number, extension)
        for lead_id, lead in numbered
        for position, number, extension in _numbers(lead)
    ]
    driver = (await connection.get_raw_connection()).driver_connection
    if driver is None:  # it was lost in this very moment, and the transaction with it
        raise ConnectionError("the connection is closed")
    await driver.copy_records_to_table(leads.name, records=of_leads, columns=(*OF_LIST, *OF_FILE))
    await driver.copy_records_to_table(lead_numbers.name, records=of_numbers, columns=OF_NUMBER)


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
