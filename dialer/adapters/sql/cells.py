"""Who has which cell, in SQL: taken in one statement, by the clock of the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    RowMapping,
    cast,
    func,
    literal,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.fitting import fitted
from dialer.adapters.sql.database import Database
from dialer.adapters.sql.insert import insert
from dialer.adapters.sql.tables import Instant, cells
from dialer.domain.cells import Held, Holder, Taken
from dialer.domain.types import CellId

NOBODY = ""
JULIAN_1970 = 2_440_587.5
DAY_MS = 86_400_000.0


@fitted
class SqlCells:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(
        self, cell: CellId, holder: Holder, *, lease_s: float, after: Sequence[str] = ()
    ) -> Taken | Held:
        now = clock_now(is_sqlite=self._database.is_sqlite)
        until_at = later(self._database, lease_s)
        values = {
            "holder": holder.id,
            "host": holder.host,
            "pid": holder.pid,
            "since_at": now,
            "until_at": until_at,
        }
        async with self._database.write() as connection:
            query = insert(connection, cells).values(cell=cell, before=NOBODY, **values)
            free = or_(cells.c.holder.in_([NOBODY, *after]), cells.c.until_at < now)
            taken = query.on_conflict_do_update(
                index_elements=["cell"], set_={**values, "before": cells.c.holder}, where=free
            )
            row = (await connection.execute(taken.returning(cells.c.before))).one_or_none()
            if row is not None:
                return Taken(row.before)
            held = await self._read(connection, cell)
        return held[0]  # somebody has it, or the row would have been taken

    async def keep(self, cell: CellId, holder: str, *, lease_s: float) -> bool:
        its = (cells.c.cell == cell, cells.c.holder == holder)
        async with self._database.write() as connection:
            query = update(cells).where(*its).values(until_at=later(self._database, lease_s))
            return bool((await connection.execute(query)).rowcount)

    async def release(self, cell: CellId, holder: str, *, in_order: bool) -> None:
        now = clock_now(is_sqlite=self._database.is_sqlite)
        values = {"holder": NOBODY, "until_at": now} if in_order else {"until_at": now}
        its = (cells.c.cell == cell, cells.c.holder == holder)
        async with self._database.write() as connection:
            await connection.execute(update(cells).where(*its).values(values))

    async def all(self) -> Sequence[Held]:
        async with self._database.connection() as connection:
            return await self._read(connection)

    async def _read(self, connection: AsyncConnection, cell: CellId | None = None) -> Sequence[Held]:
        is_over = (cells.c.until_at < clock_now(is_sqlite=self._database.is_sqlite)).label("is_over")
        query = select(cells, is_over).where(cells.c.holder != NOBODY).order_by(cells.c.cell)
        if cell is not None:
            query = query.where(cells.c.cell == cell)
        return [_held(row) for row in (await connection.execute(query)).mappings()]


def held_lately(database: Database, seconds: float) -> ColumnElement[bool]:
    """A service held the cell at some time within these last seconds."""
    return cells.c.until_at >= later(database, -seconds)


def later(database: Database, seconds: float) -> ColumnElement[Any]:
    """Seconds from now, by the database's clock."""
    if database.is_sqlite:
        now = type_coerce(clock_now(is_sqlite=True), BigInteger)
        return type_coerce(now + round(seconds * 1e6), Instant)
    return type_coerce(func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, seconds), Instant)


def clock_now(*, is_sqlite: bool) -> ColumnElement[Any]:
    """The database's clock, also where a transaction began a while ago."""
    if not is_sqlite:
        return type_coerce(func.clock_timestamp(), Instant)
    days = func.julianday(literal("now")) - JULIAN_1970
    return type_coerce(cast(func.round(days * DAY_MS), BigInteger) * 1000, Instant)


def _held(row: RowMapping) -> Held:
    holder = Holder(row["holder"], row["host"], row["pid"])
    return Held(row["cell"], holder, row["since_at"], row["until_at"], bool(row["is_over"]))
