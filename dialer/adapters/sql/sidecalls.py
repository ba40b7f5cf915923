"""Calls of no campaign in SQL, and what trunks have used within a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, and_, case, func, literal, select

from dialer.adapters.sql.database import Database
from dialer.adapters.sql.hours import epoch_us, epoch_us_on_sqlite
from dialer.adapters.sql.insert import insert
from dialer.adapters.sql.tables import Instant, cdrs, side_calls
from dialer.domain.spending import SideCall, SideKind, Spent, merged
from dialer.domain.types import CellId, ChannelId, Direction, TrunkId

LONGEST = timedelta(days=1)  # of an attempt: the day before is read as well, for talks over midnight
COLUMNS = tuple(column.name for column in side_calls.c)


async def keep(database: Database, calls: Sequence[SideCall]) -> None:
    """Each as the last word on it says; few at a time."""
    if not calls:
        return
    async with database.write() as connection:
        ids = {side.id for side in calls}
        found = await connection.execute(select(side_calls).where(side_calls.c.id.in_(ids)))
        kept: dict[ChannelId, SideCall] = {row["id"]: _side_of(row) for row in found.mappings()}
        for side in calls:
            kept[side.id] = merged(kept.get(side.id), side)
        query = insert(connection, side_calls)
        changed = {name: query.excluded[name] for name in COLUMNS if name != "id"}
        query = query.on_conflict_do_update(index_elements=["id"], set_=changed)
        await connection.execute(query, [_columns(kept[name]) for name in sorted(ids)])


async def found(
    database: Database, *, trunk: TrunkId | None, kind: SideKind | None, limit: int
) -> Sequence[SideCall]:
    """The newest first."""
    query = select(side_calls).order_by(side_calls.c.begun_at.desc(), side_calls.c.id.desc())
    if trunk is not None:
        query = query.where(side_calls.c.trunk == trunk)
    if kind is not None:
        query = query.where(side_calls.c.kind == kind.value)
    return [_side_of(row) for row in await database.rows(query.limit(limit))]


async def spent(
    database: Database, since_at: datetime, until_at: datetime
) -> Mapping[tuple[CellId, TrunkId], Spent]:
    """By cell and trunk: attempts made in the span, answered time within it."""
    calls = _sums(cdrs, cdrs.c.dialled_at, since_at, until_at, is_sqlite=database.is_sqlite)
    sides = _sums(side_calls, side_calls.c.begun_at, since_at, until_at, is_sqlite=database.is_sqlite)
    sums: dict[tuple[CellId, TrunkId], Spent] = {}
    asked = (
        calls.where(cdrs.c.direction == Direction.OUT.value, cdrs.c.dialled_at >= since_at - LONGEST),
        sides.where(side_calls.c.trunk != ""),
    )
    for rows in await database.several(*((query, None) for query in asked)):
        for row in rows:
            key = CellId(row["cell"]), TrunkId(row["trunk"])
            more = Spent(int(row["us"] or 0) / 1e6, int(row["attempts"]))
            sums[key] = sums.get(key, Spent()) + more
    return sums


def _sums(
    table: Any, dialled_at: ColumnElement[Any], since_at: datetime, until_at: datetime, *, is_sqlite: bool
) -> Select[Any]:
    us = epoch_us_on_sqlite if is_sqlite else epoch_us
    since, c = literal(since_at, Instant), table.c
    begin = case((c.answer_at >= since, us(c.answer_at)), else_=us(since))
    within = and_(c.answer_at.is_not(None), c.end_at > since)
    return (
        select(
            c.cell,
            c.trunk,
            func.sum(case((dialled_at >= since, 1), else_=0)).label("attempts"),
            func.sum(case((within, us(c.end_at) - begin), else_=0)).label("us"),
        )
        .where(dialled_at < until_at, c.end_at >= since_at)
        .group_by(c.cell, c.trunk)
    )


def _columns(side: SideCall) -> dict[str, Any]:
    return {name: getattr(side, name) for name in COLUMNS} | {"kind": side.kind.value}


def _side_of(row: RowMapping) -> SideCall:
    return SideCall(**{**row, "kind": SideKind(row["kind"])})
