"""Leads that are due: which, how many, and when the next one is, read in the order of an index."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Integer,
    Select,
    and_,
    delete,
    exists,
    func,
    insert,
    literal_column,
    select,
    true,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.fitting import is_id
from dialer.adapters.sql.database import Database
from dialer.adapters.sql.hidden import open_imports
from dialer.adapters.sql.tables import campaigns, lead_counts, leads
from dialer.domain.types import CampaignId, LeadStatus

NEW, RETRY = LeadStatus.NEW.value, LeadStatus.RETRY.value


def is_(status: str) -> ColumnElement[bool]:
    # spelt out, not bound: a partial index is used only if the planner sees the value
    return leads.c.status == literal_column(f"'{status}'")


async def best_of(
    connection: AsyncConnection, campaign: CampaignId, n: int, now: datetime, *, skip_locked: bool
) -> Sequence[int]:
    """Ids of the n best: what was promised to people comes first, by its instant.

    Then by priority, due retries before new leads, retries by instant, new ones as their lists came in.

    Each query reads the rows that it gives and no other, however many are due; of lists that are paused, or
    are not through yet, it steps over new leads as a whole, and over due retries in the index alone. Rows
    that another cell is taking are skipped, not waited for; SQLite has one writer and needs no such thing.
    """
    paused = paused_in((await connection.execute(_settings(campaign))).scalar())
    paused |= {row.id for row in await connection.execute(open_imports(campaign))}
    its = and_(leads.c.campaign == campaign, is_(RETRY), _is_due(now), _is_of_none(paused))
    promised = select(leads.c.id).where(its, leads.c.promised_at.is_not(None))
    promised = promised.order_by(leads.c.next_at, leads.c.id).limit(n)
    found = list((await connection.execute(_locked(promised, skip_locked=skip_locked))).scalars())
    if len(found) >= n:
        return found
    for level, has_due, has_new in await connection.execute(_levels_with_work(campaign, now)):
        at_level = and_(leads.c.campaign == campaign, leads.c.priority == level)
        due = select(leads.c.id).where(at_level, is_(RETRY), _is_due(now), leads.c.promised_at.is_(None))
        due = due.where(_is_of_none(paused)).order_by(leads.c.next_at, leads.c.id)
        new = select(leads.c.id).where(at_level, is_(NEW)).order_by(leads.c.import_id, leads.c.id)
        between = [new.where(*gap) for gap in _gaps(paused)]
        for query in [*([due] if has_due else []), *(between if has_new else [])]:
            wanted = query.limit(n - len(found))
            found.extend((await connection.execute(_locked(wanted, skip_locked=skip_locked))).scalars())
            if len(found) >= n:
                return found
    return found


def paused_in(settings: Any) -> frozenset[int]:
    """The lists that are paused, of the settings of a campaign as they are kept."""
    return frozenset(settings.get("paused_lists", ())) if isinstance(settings, Mapping) else frozenset()


def _settings(campaign: CampaignId) -> Select[Any]:
    return select(campaigns.c.body).where(campaigns.c.id == campaign)


async def paused_lists(database: Database, campaign: CampaignId) -> frozenset[int]:
    row = await database.row(_settings(campaign)) if is_id(campaign) else None
    return paused_in(row["body"]) if row else frozenset()


def _is_of_none(paused: Collection[int]) -> ColumnElement[bool]:
    return leads.c.import_id.not_in(sorted(paused)) if paused else true()


def _gaps(paused: Collection[int]) -> Iterator[Sequence[ColumnElement[bool]]]:
    """The spans of lists between those that are paused: in each of them an index is read in its order."""
    last = 0
    for each in sorted(paused):
        if each > last + 1:
            yield leads.c.import_id > last, leads.c.import_id < each
        last = each
    yield (leads.c.import_id > last,) if paused else ()


def _locked(query: Select[Any], *, skip_locked: bool) -> Select[Any]:
    return query.with_for_update(skip_locked=True) if skip_locked else query


async def counted(database: Database, campaign: CampaignId, now: datetime) -> Mapping[str, int]:
    """By status; retries are split into those that are due and those that are later, paused ones apart."""
    by_status = {status.value: 0 for status in LeadStatus}
    due = 0
    paused = await paused_lists(database, campaign)
    if is_id(campaign):
        sums = select(lead_counts.c.status, func.sum(lead_counts.c.n).label("n"))
        sums = sums.where(lead_counts.c.campaign == campaign).group_by(lead_counts.c.status)
        of_due = select(func.count().label("n")).where(
            leads.c.campaign == campaign,
            is_(RETRY),
            leads.c.priority.in_(_of(_levels(campaign, RETRY))),
            _is_due(now),
            _is_of_none(paused),
        )
        rows, (row,), coming = await database.several(
            (sums, None), (of_due, None), (open_imports(campaign), None)
        )
        by_status |= {row["status"]: int(row["n"]) for row in rows}
        by_status[NEW] = max(0, by_status[NEW] - sum(row["leads"] for row in coming))
        due = row["n"]
    waiting = await _waiting(database, campaign, paused)
    for _, status, n in waiting:
        by_status[status] = max(0, by_status[status] - n)
    retries = by_status.pop(RETRY)
    due = min(due, retries)
    its = sum(n for _, _, n in waiting)
    return {**by_status, "retry_due": due, "retry_later": retries - due, "paused": its}


async def paused_leads(database: Database, campaign: CampaignId) -> Mapping[int, int]:
    """Of each list that is paused, how many leads wait in it."""
    lists = await paused_lists(database, campaign)
    found = dict.fromkeys(sorted(lists), 0)
    for list_, _, n in await _waiting(database, campaign, lists):
        found[list_] += n
    return found


async def _waiting(
    database: Database, campaign: CampaignId, lists: Collection[int]
) -> Sequence[tuple[int, str, int]]:
    """(list, status, leads) of those in these lists that are new or to be tried again."""
    found: list[tuple[int, str, int]] = []
    for status, index in ((NEW, "ix_leads_new"), (RETRY, "ix_leads_due")) if lists else ():
        query = select(leads.c.import_id, func.count().label("n")).where(
            leads.c.campaign == campaign,
            is_(status),
            leads.c.priority.in_(_of(_levels(campaign, status))),
            leads.c.import_id.in_(sorted(lists)),
        )
        # it would take the index of imports, and read every lead of them
        query = query.with_hint(leads, f"INDEXED BY {index}", "sqlite")
        rows = await database.rows(query.group_by(leads.c.import_id))
        found += [(row["import_id"], status, row["n"]) for row in rows]
    return found


async def next_due_at(database: Database, campaign: CampaignId, now: datetime) -> datetime | None:
    """When a lead can be leased: `now` if one can be at once, None if none ever can."""
    if not is_id(campaign):
        return None
    away = await paused_lists(database, campaign)
    away |= {row["id"] for row in await database.rows(open_imports(campaign))}
    its = and_(leads.c.campaign == campaign, _is_of_none(away))
    if await _has_new(database, campaign, away):
        return now
    levels = _levels(campaign, RETRY)
    first = select(func.min(leads.c.next_at)).where(its, is_(RETRY), leads.c.priority == levels.c.level)
    of_level = first.correlate(levels).scalar_subquery()
    row = await database.row(
        select(func.min(of_level, type_=leads.c.next_at.type).label("at")).select_from(levels)
    )
    return max(row["at"], now) if row and row["at"] else None


async def _has_new(database: Database, campaign: CampaignId, paused: Collection[int]) -> bool:
    levels = _levels(campaign, NEW)
    for gap in _gaps(paused):
        new = exists().where(leads.c.campaign == campaign, is_(NEW), leads.c.priority == levels.c.level, *gap)
        query = select(levels.c.level).where(levels.c.level.is_not(None), new.correlate(levels)).limit(1)
        if await database.row(query):
            return True
    return False


async def add_up(connection: AsyncConnection) -> None:
    """Of the rows that count a status one is left; what is added meanwhile is a row of its own, and stays."""
    c = lead_counts.c
    many = select(c.campaign).group_by(c.campaign, c.status).having(func.count() > 1).distinct()
    campaigns = (await connection.execute(many)).scalars().all()
    for campaign in campaigns:
        taken = delete(lead_counts).where(c.campaign == campaign).returning(c.status, c.n)
        sums: dict[str, int] = {}
        for status, n in await connection.execute(taken):
            sums[status] = sums.get(status, 0) + n
        rows = [{"campaign": campaign, "status": status, "n": n} for status, n in sums.items()]
        if rows:
            await connection.execute(insert(lead_counts), rows)


def _levels(campaign: CampaignId, status: str) -> CTE:
    """Every priority that leads of this status have, the highest first: one look into the index for each."""
    its = and_(leads.c.campaign == campaign, is_(status))
    name = f"levels_of_{status}"
    levels = select(func.max(leads.c.priority).label("level")).where(its).cte(name, recursive=True)
    below = select(func.max(leads.c.priority)).where(its, leads.c.priority < levels.c.level)
    lower = select(below.correlate(levels).scalar_subquery()).select_from(levels)
    return levels.union_all(lower.where(levels.c.level.is_not(None)))


def _of(levels: CTE) -> Select[Any]:
    return select(levels.c.level).where(levels.c.level.is_not(None))


def _levels_with_work(campaign: CampaignId, now: datetime) -> Select[Any]:
    """Rows of (priority, whether a retry is due there, whether a new lead is there), the highest first."""
    of_retries, of_new = _levels(campaign, RETRY), _levels(campaign, NEW)
    due = exists().where(
        leads.c.campaign == campaign, is_(RETRY), leads.c.priority == of_retries.c.level, _is_due(now)
    )
    no, yes = literal_column("0", Integer), literal_column("1", Integer)
    found = union_all(
        select(of_retries.c.level, yes.label("has_due"), no.label("has_new")).where(
            due.correlate(of_retries)
        ),
        select(of_new.c.level, no, yes).where(of_new.c.level.is_not(None)),
    ).subquery("levels_with_work")
    flags = (func.max(found.c.has_due), func.max(found.c.has_new))
    return select(found.c.level, *flags).group_by(found.c.level).order_by(found.c.level.desc())


def _is_due(now: datetime) -> ColumnElement[bool]:
    return leads.c.next_at <= now
