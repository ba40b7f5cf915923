"""Closed facts in SQL; whatever is told twice is taken once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, tzinfo
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Executable,
    Integer,
    RowMapping,
    Select,
    case,
    func,
    select,
    type_coerce,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.fitting import fitted, is_id
from dialer.adapters.sql import remarks as remarked
from dialer.adapters.sql import sidecalls
from dialer.adapters.sql.database import Database
from dialer.adapters.sql.days import at_of, ordinal_of, quarter_of
from dialer.adapters.sql.depth import depth_of
from dialer.adapters.sql.hours import paused, spent
from dialer.adapters.sql.insert import chunks, insert, insert_for, insert_new
from dialer.adapters.sql.moves import apply
from dialer.adapters.sql.records import change_of, columns_of_change, columns_of_record, record_of
from dialer.adapters.sql.tables import Instant, cdrs, recordings, remarks, state_changes, undialled, wrap_ups
from dialer.domain.cdr import Cdr, Closing, Remark, Tally, WrapUp
from dialer.domain.days import offsets
from dialer.domain.depth import Depth
from dialer.domain.errors import Missing
from dialer.domain.kpi import Hour, Key, Slot
from dialer.domain.operators import State, StateChange
from dialer.domain.said import said
from dialer.domain.spending import SideCall, SideKind, Spent
from dialer.domain.today import Part
from dialer.domain.types import (
    CallId,
    CampaignId,
    CellId,
    Direction,
    OperatorId,
    Outcome,
    PhoneNumber,
    TrunkId,
)
from dialer.ports.stores import CdrQuery

HOUR_US = 3_600_000_000
SAID = func.coalesce(remarks.c.disposition, wrap_ups.c.disposition)


@fitted
class SqlLedger:
    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def close(self, closings: Sequence[Closing]) -> None:
        first: dict[CallId, Closing] = {}
        for closing in closings:
            first.setdefault(closing.call, closing)
        rows = [columns_of_record(closing.cdr) for closing in first.values() if closing.cdr is not None]
        without = [{"call": closing.call} for closing in first.values() if closing.cdr is None]
        async with self._database.write() as connection:
            new = await insert_new(connection, cdrs, rows, "id")
            new |= await insert_new(connection, undialled, without, "call")
            new -= await _moved_by_wrap_up(connection, new)
            ends = [closing for call, closing in first.items() if call in new]
            await apply(connection, [(end.lead, end.cell) for end in ends if end.lead is not None])

    async def wrap(self, wraps: Sequence[WrapUp]) -> None:
        async with self._database.write() as connection:
            for some in _rounds(wraps):
                await _wrap(connection, some)

    async def remark(self, remarks: Sequence[Remark]) -> None:
        await remarked.keep(self._database, remarks)

    async def remarked(self, call: CallId) -> Remark | None:
        return await remarked.found(self._database, call)

    async def log(self, changes: Sequence[StateChange]) -> None:
        if not changes:
            return
        async with self._database.write() as connection:
            query = _change_query(connection.dialect.name)
            await connection.execute(query, [columns_of_change(change) for change in changes])

    async def side(self, calls: Sequence[SideCall]) -> None:
        await sidecalls.keep(self._database, calls)

    async def side_calls(
        self, *, trunk: TrunkId | None = None, kind: SideKind | None = None, limit: int = 100
    ) -> Sequence[SideCall]:
        return await sidecalls.found(self._database, trunk=trunk, kind=kind, limit=limit)

    async def spent(self, since_at: datetime, until_at: datetime) -> Mapping[tuple[CellId, TrunkId], Spent]:
        return await sidecalls.spent(self._database, since_at, until_at)

    async def recorded(self, call: CallId, file: str, *, seconds: float) -> None:
        values = {"call": call, "file": file, "seconds": seconds, "at": self._clock()}
        async with self._database.write() as connection:
            query = insert(connection, recordings).values(values)
            await connection.execute(query.on_conflict_do_update(index_elements=["call"], set_=values))

    async def cdr(self, call: CallId) -> Cdr:
        row = await self._database.row(_records().where(cdrs.c.id == call))
        if row is None:
            raise Missing(said("there is no record of the call {call}", call=call))
        return record_of(row)

    async def cdrs(self, query: CdrQuery) -> Sequence[Cdr]:
        if not all(is_id(id_) for id_ in (query.campaign, query.lead) if id_ is not None):
            return []
        asked = {
            cdrs.c.campaign: query.campaign,
            cdrs.c.operator: query.operator,
            cdrs.c.lead: query.lead,
            cdrs.c.outcome: query.outcome or None,
            cdrs.c.number: query.number or None,
            cdrs.c.trunk: query.trunk or None,
            cdrs.c.direction: query.direction or None,
            SAID: query.disposition or None,
        }
        page = _records()
        if query.after:
            page = page.where(cdrs.c.id < query.after if query.newest_first else cdrs.c.id > query.after)
        page = page.where(*(column == value for column, value in asked.items() if value is not None))
        if query.since_at is not None:
            page = page.where(cdrs.c.dialled_at >= query.since_at)
        if query.until_at is not None:
            page = page.where(cdrs.c.dialled_at < query.until_at)
        if query.at_least_s is not None:
            page = page.where(cdrs.c.talk_us >= round(query.at_least_s * 1e6))
        order = cdrs.c.id.desc() if query.newest_first else cdrs.c.id
        rows = await self._database.rows(page.order_by(order).limit(query.limit))
        return [record_of(row) for row in rows]

    async def tallies(self, since_at: datetime, until_at: datetime, zone: tzinfo) -> Mapping[Key, Tally]:
        who = func.coalesce(cdrs.c.operator, "").label("who")
        known = offsets(since_at, until_at, zone)
        day = ordinal_of(cdrs.c.dialled_at, known, is_sqlite=self._database.is_sqlite).label("ordinal")
        rows = await self._database.rows(_sums_by(who, cdrs.c.campaign, day, span=(since_at, until_at)))
        days = {
            ordinal: date.fromordinal(ordinal).isoformat() for ordinal in {row["ordinal"] for row in rows}
        }
        return {(row["who"], row["campaign"], days[row["ordinal"]]): _tally(row) for row in rows}

    async def quarters(self, since_at: datetime, until_at: datetime) -> Mapping[Slot, Tally]:
        who = func.coalesce(cdrs.c.operator, "").label("who")
        quarter = quarter_of(cdrs.c.dialled_at, is_sqlite=self._database.is_sqlite).label("quarter")
        rows = await self._database.rows(_sums_by(who, cdrs.c.campaign, quarter, span=(since_at, until_at)))
        return {(row["who"], row["campaign"], at_of(row["quarter"])): _tally(row) for row in rows}

    async def parts(self, since_at: datetime, until_at: datetime, at_least_s: float) -> Sequence[Part]:
        by = (cdrs.c.operator, cdrs.c.campaign, cdrs.c.outcome)
        sums = select(
            *by,
            func.count().label("calls"),
            func.count(cdrs.c.answer_at).label("live"),
            func.sum(case((cdrs.c.talk_us >= round(at_least_s * 1e6), 1), else_=0)).label("long"),
            func.sum(cdrs.c.talk_us).label("talk_us"),
        )
        span = sums.where(cdrs.c.dialled_at >= since_at, cdrs.c.dialled_at < until_at)
        rows = await self._database.rows(span.group_by(*by))
        return [
            Part(
                OperatorId(row["operator"]) if row["operator"] else None,
                row["campaign"],
                Outcome(row["outcome"]),
                row["calls"],
                row["live"],
                int(row["long"]),
                int(row["talk_us"]),
            )
            for row in rows
        ]

    async def answers_by_hour(
        self, campaign: CampaignId | None, since_at: datetime
    ) -> Mapping[Hour, tuple[int, int]]:
        if campaign is not None and not is_id(campaign):
            return {}
        hour = _hour_of(cdrs.c.answer_at, is_sqlite=self._database.is_sqlite).label("hour")
        counts = (func.count().label("answered"), _number_of(Outcome.ABANDONED).label("abandoned"))
        sums = select(cdrs.c.campaign, hour, *counts).group_by(cdrs.c.campaign, hour)
        sums = sums.where(cdrs.c.answer_at >= since_at, cdrs.c.direction == Direction.OUT.value)
        if campaign is not None:
            # "+ 0" keeps SQLite from the index of campaigns, by which it would read every call of this one
            sums = sums.where(cdrs.c.campaign + 0 == campaign)
        rows = await self._database.rows(sums)
        return {(row["campaign"], row["hour"]): (row["answered"], row["abandoned"]) for row in rows}

    async def depth(self, campaign: CampaignId, since_at: datetime, until_at: datetime) -> Depth:
        return await depth_of(self._database, campaign, since_at, until_at)

    async def changes(
        self,
        operator: OperatorId | None,
        since_at: datetime,
        until_at: datetime,
        *,
        skip: int = 0,
        limit: int | None = None,
    ) -> Sequence[StateChange]:
        at = state_changes.c.at
        query = select(state_changes).where(at >= since_at, at < until_at).order_by(at, state_changes.c.n)
        if operator is not None:
            query = query.where(state_changes.c.operator == operator)
        # SQLite wants a limit before an offset
        page = query.limit(2**31 - 1 if limit is None else limit).offset(skip)
        return [change_of(row) for row in await self._database.rows(page)]

    async def hours(
        self, operator: OperatorId | None, since_at: datetime, until_at: datetime
    ) -> Mapping[OperatorId, Mapping[State, float]]:
        query = spent(operator, since_at, until_at, is_sqlite=self._database.is_sqlite)
        found: dict[OperatorId, dict[State, float]] = {}
        for row in await self._database.rows(query):
            of_operator = found.setdefault(OperatorId(row["operator"]), {})
            of_operator[State(row["state"])] = int(row["us"]) / 1e6
        return found

    async def paused(
        self, operator: OperatorId | None, since_at: datetime, until_at: datetime
    ) -> Mapping[OperatorId, Mapping[str, float]]:
        query = paused(operator, since_at, until_at, is_sqlite=self._database.is_sqlite)
        found: dict[OperatorId, dict[str, float]] = {}
        for row in await self._database.rows(query):
            found.setdefault(OperatorId(row["operator"]), {})[row["reason"]] = int(row["us"]) / 1e6
        return found

    async def last_operator_of(self, number: PhoneNumber) -> tuple[OperatorId, CampaignId] | None:
        """Read backwards from the index of numbers until a talk is found."""
        talks = (cdrs.c.number == number, cdrs.c.operator.is_not(None), cdrs.c.bridge_at.is_not(None))
        query = select(cdrs.c.operator, cdrs.c.campaign).where(*talks)
        row = await self._database.row(query.order_by(cdrs.c.end_at.desc(), cdrs.c.id.desc()).limit(1))
        return (row["operator"], row["campaign"]) if row else None


def _records() -> Select[Any]:
    """Records with what became known after the call: wrap-up and the recording's file."""
    file = func.coalesce(recordings.c.file, cdrs.c.recording).label("recording")
    columns = [column for column in cdrs.c if column.key != "recording"]
    whole = cdrs.outerjoin(wrap_ups, wrap_ups.c.call == cdrs.c.id)
    whole = whole.outerjoin(recordings, recordings.c.call == cdrs.c.id)
    whole = whole.outerjoin(remarks, remarks.c.call == cdrs.c.id)
    note = func.coalesce(remarks.c.note, wrap_ups.c.note).label("note")
    said = (wrap_ups.c.wrap_up_s, SAID.label("disposition"), note, remarks.c.callback_at)
    return select(*columns, file, *said).select_from(whole)


async def _moved_by_wrap_up(connection: AsyncConnection, calls: set[CallId]) -> set[CallId]:
    """Calls whose wrap-up was told before their end: where it put the lead stays."""
    moved: set[CallId] = set()
    for some in chunks(sorted(calls)):
        query = select(wrap_ups.c.call).where(wrap_ups.c.call.in_(some), wrap_ups.c.moved_lead)
        moved.update((await connection.execute(query)).scalars())
    return moved


async def _wrap(connection: AsyncConnection, wraps: Sequence[WrapUp]) -> None:
    """The latest word counts; the lead is moved by a word that is new. One word per call."""
    rows = [
        {
            "call": wrap.call,
            "operator": wrap.operator,
            "wrap_up_s": wrap.wrap_up_s,
            "disposition": wrap.disposition,
            "note": wrap.note,
            "at": wrap.at,
            "moved_lead": wrap.lead is not None,
        }
        for wrap in wraps
    ]
    query = _wrap_query(connection.dialect.name)
    news = set((await connection.execute(query, rows)).scalars())
    await apply(
        connection, [(wrap.lead, None) for wrap in wraps if wrap.lead is not None and wrap.call in news]
    )


@cache
def _change_query(dialect: str) -> Executable:
    return insert_for(dialect, state_changes).on_conflict_do_nothing()


@cache
def _wrap_query(dialect: str) -> Executable:
    """Made once: to make it takes longer than to run it."""
    query = insert_for(dialect, wrap_ups)
    said = {column.name: query.excluded[column.name] for column in wrap_ups.c if column.name != "call"}
    newer = wrap_ups.c.at < query.excluded.at
    query = query.on_conflict_do_update(index_elements=["call"], set_=said, where=newer)
    return query.returning(wrap_ups.c.call)


def _rounds(wraps: Sequence[WrapUp]) -> list[list[WrapUp]]:
    """In order, and no call twice in one statement: PostgreSQL refuses that."""
    rounds: list[list[WrapUp]] = []
    turn: Counter[CallId] = Counter()
    for wrap in wraps:
        if turn[wrap.call] == len(rounds):
            rounds.append([])
        rounds[turn[wrap.call]].append(wrap)
        turn[wrap.call] += 1
    return rounds


def _hour_of(at: ColumnElement[Any], *, is_sqlite: bool) -> ColumnElement[Any]:
    """The beginning of the hour in UTC, whatever zone the server lives in."""
    if not is_sqlite:
        return func.date_trunc("hour", at, "UTC", type_=Instant)
    at_us = type_coerce(at, BigInteger)
    return type_coerce(at_us - at_us % HOUR_US, Instant)


def _sums_by(*by: ColumnElement[Any], span: tuple[datetime, datetime]) -> Select[Any]:
    """What records dialled in a span add up to."""
    sums = select(
        *by,
        func.count().label("attempts"),
        func.count(cdrs.c.answer_at).label("answered"),
        _number_of(Outcome.CONNECTED).label("connected"),
        _number_of(Outcome.ABANDONED).label("abandoned"),
        func.sum(cdrs.c.talk_us).label("talk_us"),
        func.sum(cdrs.c.duration_us).label("duration_us"),
    )
    return sums.where(cdrs.c.dialled_at >= span[0], cdrs.c.dialled_at < span[1]).group_by(*by)


def _number_of(outcome: Outcome) -> Any:
    return func.sum(case((cdrs.c.outcome == outcome.value, 1), else_=0), type_=Integer)


def _tally(row: RowMapping) -> Tally:
    return Tally(
        attempts=row["attempts"],
        answered=row["answered"],
        connected=row["connected"],
        abandoned=row["abandoned"],
        talk_s=int(row["talk_us"]) / 1e6,
        duration_s=int(row["duration_us"]) / 1e6,
    )
