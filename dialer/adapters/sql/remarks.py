"""What operators say of calls in SQL: of each call the latest disposition and the latest note."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Executable, case, or_, select

from dialer.adapters.sql.database import Database
from dialer.adapters.sql.insert import insert_for
from dialer.adapters.sql.tables import remarks
from dialer.domain.cdr import Remark
from dialer.domain.types import CallId, OperatorId

SAID = ("disposition", "callback_at", "said_at")
NOTED = ("note", "noted_at")


async def keep(database: Database, told: Sequence[Remark]) -> None:
    """Told twice or in any order, they come to the same."""
    rows = [_row(one) for one in told if one.disposition or one.note]
    if not rows:
        return
    async with database.write() as connection:
        query = _query(connection.dialect.name)
        for row in rows:
            await connection.execute(query, row)


async def found(database: Database, call: CallId) -> Remark | None:
    row = await database.row(select(remarks).where(remarks.c.call == call))
    if row is None:
        return None
    return Remark(
        call=CallId(row["call"]),
        operator=OperatorId(row["operator"]),
        at=max(at for at in (row["said_at"], row["noted_at"]) if at is not None),
        disposition=row["disposition"] or "",
        callback_at=row["callback_at"],
        note=row["note"] or "",
    )


def _row(one: Remark) -> dict[str, Any]:
    return {
        "call": one.call,
        "operator": one.operator,
        "disposition": one.disposition or None,
        "callback_at": one.callback_at if one.disposition else None,
        "said_at": one.at if one.disposition else None,
        "note": one.note or None,
        "noted_at": one.at if one.note else None,
    }


@cache
def _query(dialect: str) -> Executable:
    """Made once: to make it takes longer than to run it."""
    query = insert_for(dialect, remarks)

    def latest(columns: tuple[str, ...], at: str) -> dict[str, ColumnElement[Any]]:
        new, known = query.excluded[at], remarks.c[at]
        is_later = new.is_not(None) & or_(known.is_(None), known <= new)
        return {name: case((is_later, query.excluded[name]), else_=remarks.c[name]) for name in columns}

    return query.on_conflict_do_update(
        index_elements=["call"],
        set_=latest(SAID, "said_at") | latest(NOTED, "noted_at"),
    )
