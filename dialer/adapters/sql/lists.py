"""Imports of lists: all or nothing, each number once, and without holding up others who write."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, any_, bindparam, delete, insert, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.fitting import is_id
from dialer.adapters.sql import pieces
from dialer.adapters.sql.database import Database
from dialer.adapters.sql.hidden import COMING, hidden, is_hidden
from dialer.adapters.sql.insert import chunks
from dialer.adapters.sql.revise import as_text, kept, leased_among, revise, why_it_stays
from dialer.adapters.sql.tables import Words, campaigns, imports, lead_numbers, leads
from dialer.adapters.sql.zonesets import codes_for
from dialer.domain.errors import Missing
from dialer.domain.intake import Arrived, Batch
from dialer.domain.lead import Lead, fresh, key_of
from dialer.domain.said import said
from dialer.domain.types import CampaignId, LeadId, LeadStatus

CHUNK = 1_000  # leads; the event loop waits while so many are made ready
PIECE = 50_000  # leads that one statement of PostgreSQL takes: it ends within seconds
WAIT_S = 0.1
Rows = list[tuple[Any, ...]]

# tables of one connection alone, which take the file: column -> type on PostgreSQL
STAGES = {
    "staged_leads": {"n": "bigint", **dict.fromkeys(pieces.OF_FILE, "text")}
    | {"priority": "integer", "zones": "json", "zone_set": "bigint", "extra": "json"},
    "staged_numbers": {"n": "bigint", "position": "integer", "number": "text", "extension": "text"},
    "staged_changes": {"n": "bigint", "lead": "bigint", "before": "json", "after": "json"},
}
# own column names only, every value is bound
TAKE_LEADS = text(
    "INSERT INTO leads (id, campaign, import_id, number_index, status, attempts, tried, dead,"  # noqa: S608 - names of this module
    f" {', '.join(pieces.OF_FILE)})"
    f" SELECT n, :campaign, :import_id, 0, 'new', 0, '{{}}', '[]', {', '.join(pieces.OF_FILE)}"
    " FROM staged_leads WHERE n > :after AND n <= :last ORDER BY n"
)
# a number that another import has brought meanwhile, or that the file has twice, is left out
TAKE_NUMBERS = text(
    "INSERT INTO lead_numbers (lead, position, campaign, number, extension)"
    " SELECT n, position, :campaign, number, extension FROM staged_numbers"
    " WHERE n > :after AND n <= :last ORDER BY n, position ON CONFLICT DO NOTHING"
)
TAKE_CHANGES = text(
    "INSERT INTO import_changes (import_id, n, lead, before, after)"
    " SELECT :import_id, n, lead, before, after FROM staged_changes"
)
LEAVE_OUT = text(
    "DELETE FROM leads WHERE import_id = :import_id"
    " AND NOT EXISTS (SELECT 1 FROM lead_numbers WHERE lead_numbers.lead = leads.id)"
)
TAKE_IDS = text("SELECT array_agg(nextval('leads_id_seq')) FROM generate_series(1, :n)")
# one import into a campaign at a time: two with the same numbers in another order would wait for each other
ALONE = text("SELECT pg_advisory_xact_lock(hashtext('obzvon import'), hashtext(:campaign))")
ALONE_NOW = text("SELECT pg_try_advisory_xact_lock(hashtext('obzvon import'), hashtext(:campaign))")


async def take(
    database: Database,
    campaign: CampaignId,
    file_name: str,
    batches: AsyncIterable[Batch],
    now: datetime,
    *,
    keeps_empty: bool = False,
) -> Arrived:
    """Enter a list into the campaign's; without `keeps_empty` nothing is kept of one that brings nothing."""
    entry = {"campaign": campaign, "file_name": file_name, "at": now, "leads": 0}
    async with database.imports[not keeps_empty], database.connection() as connection:
        async with connection.begin():
            await check_campaign(connection, campaign)  # before the file is read, and behind it
        mine = _fresh(batches, campaign)
        if database.is_sqlite:
            return await pieces.take(database, connection, entry, mine, keeps_empty=keeps_empty)
        try:
            staged = await _stage(database, connection, mine)
            if not staged.has_something and not keeps_empty:
                return Arrived()
            return await _take_alone(connection, entry, staged)
        finally:
            async with connection.begin():
                await _clear(connection)


async def batches_of(entries: Iterable[Lead]) -> AsyncIterator[Batch]:
    for some in chunks(entries, CHUNK):
        yield Batch(some)


async def _fresh(batches: AsyncIterable[Batch], campaign: CampaignId) -> AsyncIterator[Batch]:
    """What a lead has behind it is not written: see `pieces.of_file`."""
    async for batch in batches:
        for lead in batch.new:
            if not lead.numbers:
                fresh(lead, campaign)  # says why not
        yield batch


async def known(
    connection: AsyncConnection, campaign: CampaignId, keys: Iterable[str]
) -> Mapping[str, LeadId]:
    """By key, whose the numbers are; leads that are hidden have none yet."""
    found: dict[str, LeadId] = {}
    asked = set(keys)
    if not is_id(campaign) or not asked:
        return found
    spans = await hidden(connection, campaign)
    is_sqlite = connection.dialect.name == "sqlite"
    for some in chunks(sorted(asked | {key.rpartition(";ext=")[0] for key in asked})):
        given = {"campaign": campaign, "numbers": json.dumps(some) if is_sqlite else some}
        for number, extension, lead in await connection.execute(_owners(is_sqlite=is_sqlite), given):
            if (key := key_of(number, extension)) in asked and not is_hidden(lead, spans):
                found[key] = LeadId(lead)
    return found


@cache
def _owners(*, is_sqlite: bool) -> Select[Any]:
    """By one statement, however many numbers are asked for: they are one value."""
    c = lead_numbers.c
    query = select(c.number, c.extension, c.lead).where(c.campaign == bindparam("campaign"))
    if is_sqlite:
        return query.where(c.number.in_(text("SELECT value FROM json_each(:numbers)")))
    return query.where(c.number == any_(bindparam("numbers", type_=ARRAY(Words))))


async def undo_import(database: Database, import_id: int) -> int:
    """Take the leads of an import out again, and the import itself."""
    if database.is_sqlite:
        return await pieces.undo(database, import_id)
    async with database.write() as connection:
        row = None
        if is_id(import_id):
            query = select(imports.c.id).where(imports.c.id == import_id)
            row = (await connection.execute(query)).first()
        if row is None:
            raise Missing(said("there is no import {import_id}", import_id=import_id))
        if (await connection.execute(leased_among(import_id))).first() is not None:
            raise why_it_stays(import_id, was_dialled=False)
        # delete first, look afterwards: a lead that is being leased in this moment is waited for, and stays
        its = leads.c.import_id == import_id
        free = (leads.c.attempts == 0, leads.c.status != LeadStatus.LEASED.value)
        count = (await connection.execute(delete(leads).where(its, *free))).rowcount  # numbers go with them
        left = select(leads.c.attempts).where(its).order_by(leads.c.attempts.desc()).limit(1)
        if (busy := (await connection.execute(left)).first()) is not None:
            raise why_it_stays(import_id, was_dialled=busy.attempts > 0)
        await _revise_all(connection, import_id, back=True)
        await connection.execute(delete(imports).where(imports.c.id == import_id))
    return count


async def find_import(database: Database, import_id: int) -> Mapping[str, Any]:
    columns = (imports.c.id, imports.c.campaign, imports.c.file_name, imports.c.at, imports.c.leads)
    query = select(*columns).where(imports.c.id == import_id, imports.c.stage != COMING)
    row = await database.row(query) if is_id(import_id) else None
    if row is None:
        raise Missing(said("there is no import {import_id}", import_id=import_id))
    return dict(row)


async def imports_of(database: Database, campaign: CampaignId) -> Sequence[Mapping[str, Any]]:
    if not is_id(campaign):
        return []
    columns = (imports.c.id, imports.c.file_name, imports.c.at, imports.c.leads)
    its = select(*columns).where(imports.c.campaign == campaign, imports.c.stage != COMING)
    return [dict(row) for row in await database.rows(its.order_by(imports.c.id))]


async def check_campaign(connection: AsyncConnection, campaign: CampaignId) -> None:
    its = select(campaigns.c.id).where(campaigns.c.id == campaign)
    if not is_id(campaign) or (await connection.execute(its)).first() is None:
        raise Missing(said("there is no campaign {campaign}", campaign=campaign))


# --- PostgreSQL: the file is staged, then taken in one transaction ----------------------------------------


class _Staged:
    """What lies on the connection's own side."""

    def __init__(self) -> None:
        self.numbers = 0
        self.changes = 0
        self.ends: list[int] = []  # id of the last lead of each piece
        self._of_piece = 0

    @property
    def has_something(self) -> bool:
        return bool(self.ends or self.changes)

    def add(self, ids: Sequence[int], numbers: int, changes: int) -> None:
        self.numbers += numbers
        self.changes += changes
        if ids:
            if not self.ends or self._of_piece >= PIECE:
                self.ends.append(0)
                self._of_piece = 0
            self.ends[-1] = ids[-1]
            self._of_piece += len(ids)


async def _clear(connection: AsyncConnection) -> None:
    for table in STAGES:
        await connection.exec_driver_sql(f"DROP TABLE IF EXISTS pg_temp.{table}")


async def _stage(database: Database, connection: AsyncConnection, batches: AsyncIterable[Batch]) -> _Staged:
    """The whole file, while no other writer waits."""
    staged = _Staged()
    async with connection.begin():
        await _clear(connection)  # what an import has left that was cut off before it could
        for table, columns in STAGES.items():
            typed = ", ".join(map(" ".join, columns.items()))
            await connection.exec_driver_sql(f"CREATE TEMP TABLE {table} ({typed})")
        async for batch in batches:
            ids = (await connection.execute(TAKE_IDS, {"n": len(batch.new)})).scalar_one() or []
            numbered = list(zip(ids, batch.new, strict=True))
            of_numbers = [(id_, *each) for id_, lead in numbered for each in pieces.numbers_of(lead)]
            changes = [(n, one.lead, *as_text(one)) for n, one in enumerate(batch.revisions, staged.changes)]
            codes = await codes_for(database, connection, {lead.zones for lead in batch.new})
            of_leads = [(id_, *pieces.of_file(lead, codes)) for id_, lead in numbered]
            await _copy(connection, "staged_leads", of_leads)
            await _copy(connection, "staged_numbers", of_numbers)
            await _copy(connection, "staged_changes", changes)
            staged.add(ids, len(of_numbers), len(changes))
        if len(staged.ends) > 1:
            await connection.exec_driver_sql("CREATE INDEX ON pg_temp.staged_leads (n)")
            await connection.exec_driver_sql("CREATE INDEX ON pg_temp.staged_numbers (n)")
    return staged


async def _copy(connection: AsyncConnection, table: str, rows: Rows) -> None:
    """Several times faster than INSERT."""
    driver = (await connection.get_raw_connection()).driver_connection
    if driver is None:  # it was lost in this very moment, and the transaction with it
        raise ConnectionError("the connection is closed")
    if rows:
        await driver.copy_records_to_table(table, records=rows, columns=tuple(STAGES[table]))


async def _take_alone(connection: AsyncConnection, entry: dict[str, Any], staged: _Staged) -> Arrived:
    """Asked for again and again, not waited for: another import may take longer than a statement may."""
    while True:
        async with connection.begin():
            if (await connection.execute(ALONE_NOW, {"campaign": str(entry["campaign"])})).scalar_one():
                return await _take(connection, entry, staged)
        await asyncio.sleep(WAIT_S)


async def _take(connection: AsyncConnection, entry: dict[str, Any], staged: _Staged) -> Arrived:
    """What was staged becomes the campaign's; a lead all of whose numbers are there already is left out."""
    await check_campaign(connection, entry["campaign"])
    query = insert(imports).values(entry).returning(imports.c.id)
    import_id: int = (await connection.execute(query)).scalar_one()
    given = {"campaign": entry["campaign"], "import_id": import_id}
    count = numbers = after = 0
    for last in staged.ends:
        count += (await connection.execute(TAKE_LEADS, {**given, "after": after, "last": last})).rowcount
        of_piece = {"campaign": entry["campaign"], "after": after, "last": last}
        numbers += (await connection.execute(TAKE_NUMBERS, of_piece)).rowcount
        after = last
    if numbers < staged.numbers:
        count -= (await connection.execute(LEAVE_OUT, {"import_id": import_id})).rowcount
    if staged.changes:
        await connection.execute(TAKE_CHANGES, {"import_id": import_id})
        await _revise_all(connection, import_id)
    await connection.execute(update(imports).where(imports.c.id == import_id).values(leads=count))
    return Arrived(import_id, count, staged.changes)


async def _revise_all(connection: AsyncConnection, import_id: int, *, back: bool = False) -> None:
    after: int | None = None
    while some := await kept(connection, import_id, CHUNK, after=after, back=back):
        await revise(connection, [one for _, one in some], back=back)
        after = some[-1][0]
