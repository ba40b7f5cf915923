"""Leads in SQL: leases, pages and counts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    RowMapping,
    Select,
    and_,
    case,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.fitting import fitted, is_id
from dialer.adapters.sql import lists
from dialer.adapters.sql.cells import held_lately
from dialer.adapters.sql.database import Database
from dialer.adapters.sql.due import add_up, best_of, counted, is_, next_due_at, paused_leads
from dialer.adapters.sql.hidden import NOT_OPEN, hidden, is_hidden, seen
from dialer.adapters.sql.insert import IDS, chunks
from dialer.adapters.sql.tables import cells, lead_numbers, leads
from dialer.adapters.sql.whole import with_numbers
from dialer.domain.errors import Missing
from dialer.domain.lead import Lead, key_of
from dialer.domain.said import said
from dialer.domain.types import CampaignId, CellId, LeadId, LeadStatus

NEW, RETRY, LEASED, EXCLUDED = (
    status.value for status in (LeadStatus.NEW, LeadStatus.RETRY, LeadStatus.LEASED, LeadStatus.EXCLUDED)
)
NEVER_AT = datetime.max.replace(tzinfo=UTC)
HELD_BACK = leads.c.leased_until_at.is_(None)  # of a leased one: until a person decides
FREED: Mapping[str, Any] = {"cell": None, "leased_until_at": None}
TAKEN_OUT: Mapping[str, Any] = {"status": EXCLUDED, "next_at": None, "promised_at": None, **FREED}


@fitted
class SqlLeads:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def lease(
        self, campaign: CampaignId, n: int, *, cell: CellId, now: datetime, until_at: datetime
    ) -> Sequence[Lead]:
        if not n or not is_id(campaign):
            return []
        async with self._database.write() as connection:
            best = await best_of(connection, campaign, n, now, skip_locked=not self._database.is_sqlite)
            query = update(leads).where(leads.c.id.in_(best))
            taken = query.values(status=LEASED, cell=cell, leased_until_at=until_at).returning(leads)
            rows = (await connection.execute(taken)).mappings().all()
            return sorted(await with_numbers(connection, rows), key=_order)

    async def give_back(
        self, leads_: Iterable[LeadId], *, cell: CellId, not_before_at: datetime | None = None
    ) -> None:
        await self._update_leased(leads_, cell, _given_back(not_before_at))

    async def renew(self, leads_: Iterable[LeadId], *, cell: CellId, until_at: datetime) -> set[LeadId]:
        return await self._update_leased(leads_, cell, {"leased_until_at": until_at})

    async def release_cell(self, cell: CellId, *, but: Iterable[LeadId]) -> int:
        kept = set(but)
        async with self._database.write() as connection:
            held = select(leads.c.id).where(is_(LEASED), leads.c.cell == cell, ~HELD_BACK)
            return await _free(connection, held, kept)

    async def hold_back(self, cell: CellId, *, but: Iterable[LeadId]) -> int:
        kept = set(but)
        async with self._database.write() as connection:
            held = select(leads.c.id).where(is_(LEASED), leads.c.cell == cell, ~HELD_BACK)
            unsure = [lead for lead in (await connection.execute(held)).scalars() if lead not in kept]
            for some in chunks(unsure):
                await connection.execute(
                    update(leads).where(leads.c.id.in_(some)).values(leased_until_at=None)
                )
        return len(unsure)

    async def held_back(self) -> Mapping[CellId, int]:
        query = select(leads.c.cell, func.count().label("n")).where(is_(LEASED), HELD_BACK)
        rows = await self._database.rows(query.group_by(leads.c.cell))
        return {CellId(row["cell"]): row["n"] for row in rows}

    async def decide(self, cell: CellId, *, dial: bool) -> int:
        values = _given_back() if dial else TAKEN_OUT
        async with self._database.write() as connection:
            query = update(leads).where(is_(LEASED), HELD_BACK, leads.c.cell == cell)
            return (await connection.execute(query.values(values))).rowcount

    async def reclaim(self, cell: CellId, *, but: Iterable[LeadId], now: datetime) -> int:
        kept = set(but)
        async with self._database.write() as connection:
            run_out = and_(is_(LEASED), leads.c.cell == cell, leads.c.leased_until_at < now)
            return await _free(connection, select(leads.c.id).where(run_out), kept)

    async def release_run_out(self, now: datetime, *, gone_s: float) -> int:
        known = select(cells.c.cell)
        lately = known.where(held_lately(self._database, gone_s))
        is_over = or_(leads.c.cell.in_(known), leads.c.leased_until_at < now)
        run_out = and_(is_(LEASED), ~HELD_BACK, leads.c.cell.not_in(lately), is_over)
        async with self._database.write() as connection:
            await add_up(connection)
            return (await connection.execute(update(leads).where(run_out).values(_given_back()))).rowcount

    async def get(self, lead: LeadId) -> Lead:
        async with self._database.connection() as connection:
            return await _get(connection, lead)

    async def find(
        self,
        campaign: CampaignId,
        *,
        status: LeadStatus | None = None,
        number: str = "",
        after: int = 0,
        limit: int = 100,
    ) -> Sequence[Lead]:
        if not is_id(campaign):
            return []
        asked = [leads.c.campaign == campaign, leads.c.id > after]
        if status is not None:
            asked.append(leads.c.status == status.value)
        if number:
            # a range, not LIKE: it can use the index of numbers in both databases
            its = select(lead_numbers.c.lead).where(
                lead_numbers.c.campaign == campaign,
                lead_numbers.c.number >= number,
                lead_numbers.c.number < number + "\U0010ffff",
            )
            asked.append(leads.c.id.in_(its))
        async with self._database.connection() as connection:
            query = select(leads).where(*asked, *seen(await hidden(connection, campaign)))
            query = query.order_by(leads.c.id).limit(limit)
            return await with_numbers(connection, (await connection.execute(query)).mappings().all())

    async def count(self, campaign: CampaignId, now: datetime) -> Mapping[str, int]:
        return await counted(self._database, campaign, now)

    async def next_due_at(self, campaign: CampaignId, now: datetime) -> datetime | None:
        return await next_due_at(self._database, campaign, now)

    async def numbers_of(self, campaign: CampaignId) -> set[str]:
        found: set[str] = set()
        if not is_id(campaign):
            return found
        key = tuple_(lead_numbers.c.number, lead_numbers.c.extension)
        its = select(*key, lead_numbers.c.lead).where(lead_numbers.c.campaign == campaign)
        its, after = its.order_by(*key).limit(IDS), ("", "")
        async with self._database.connection() as connection:
            spans = await hidden(connection, campaign)
            while True:  # in pages: a million rows at once would hold up whatever else runs in this process
                some = (await connection.execute(its.where(key > after))).all()
                there = (row for row in some if not is_hidden(row.lead, spans))
                found.update(key_of(row.number, row.extension) for row in there)
                if len(some) < IDS:
                    return found
                after = (some[-1].number, some[-1].extension)

    async def known_numbers(self, campaign: CampaignId, numbers: Iterable[str]) -> set[str]:
        async with self._database.connection() as connection:
            return set(await lists.known(connection, campaign, numbers))

    async def import_list(
        self, campaign: CampaignId, file_name: str, leads: Iterable[Lead], *, now: datetime
    ) -> tuple[int, int]:
        batches = lists.batches_of(leads)
        told = await lists.take(self._database, campaign, file_name, batches, now, keeps_empty=True)
        return told.import_id or 0, told.leads

    async def undo_import(self, import_id: int) -> int:
        return await lists.undo_import(self._database, import_id)

    async def imports(self, campaign: CampaignId) -> Sequence[Mapping[str, Any]]:
        return await lists.imports_of(self._database, campaign)

    async def find_import(self, import_id: int) -> Mapping[str, Any]:
        return await lists.find_import(self._database, import_id)

    async def paused(self, campaign: CampaignId) -> Mapping[int, int]:
        return await paused_leads(self._database, campaign)

    async def exclude(self, lead: LeadId) -> Lead:
        async with self._database.write() as connection:
            await _get(connection, lead)
            query = update(leads).where(leads.c.id == lead).values(TAKEN_OUT)
            await connection.execute(query)
            return await _get(connection, lead)

    async def _update_leased(
        self, ids: Iterable[LeadId], cell: CellId, values: Mapping[str, Any]
    ) -> set[LeadId]:
        """Gives those that were this cell's."""
        done: set[LeadId] = set()
        async with self._database.write() as connection:
            for some in chunks(sorted(set(ids))):
                held = and_(leads.c.id.in_(some), is_(LEASED), leads.c.cell == cell)
                query = update(leads).where(held).values(values).returning(leads.c.id)
                done.update((await connection.execute(query)).scalars())
        return done


async def _free(connection: AsyncConnection, query: Select[Any], kept: Collection[int]) -> int:
    freed = [lead for lead in (await connection.execute(query)).scalars() if lead not in kept]
    for some in chunks(freed):
        await connection.execute(update(leads).where(leads.c.id.in_(some)).values(_given_back()))
    return len(freed)


def _given_back(not_before_at: datetime | None = None) -> Mapping[str, Any]:
    """As it was before the lease: new if nothing was ever tried and nothing is to be waited for."""
    if not_before_at is not None:
        return {"status": RETRY, "next_at": not_before_at, **FREED}
    untouched = and_(leads.c.attempts == 0, leads.c.next_at.is_(None))
    return {"status": case((untouched, NEW), else_=RETRY), **FREED}


async def _get(connection: AsyncConnection, lead: LeadId) -> Lead:
    rows: Sequence[RowMapping] = []
    if is_id(lead):
        query = select(leads).where(leads.c.id == lead, NOT_OPEN)
        rows = (await connection.execute(query)).mappings().all()
    for found in await with_numbers(connection, rows):
        return found
    raise Missing(said("there is no lead {lead}", lead=lead))


def _order(lead: Lead) -> tuple[bool, int, datetime, int]:
    """What was promised; priority, then retries by the instant they are due, then new leads as listed."""
    is_promised = lead.promised_at is not None
    return (not is_promised, 0 if is_promised else -lead.priority, lead.next_at or NEVER_AT, lead.id)
