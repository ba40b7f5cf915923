"""Hours worked, folded by the database: a week of two hundred operators has half a million changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    cast,
    extract,
    func,
    literal,
    select,
    union_all,
)

from dialer.adapters.sql.tables import Instant, state_changes
from dialer.domain.types import OperatorId


def spent(
    operator: OperatorId | None, since_at: datetime, until_at: datetime, *, is_sqlite: bool
) -> Select[Any]:
    """Rows of (operator, state, us): whole microseconds between the two instants.

    As `domain.hours.fold`: the first change of an operator says by its `was` where he stood since `since_at`,
    each lasts until the next one, the last until `until_at`.
    """
    c, us = state_changes.c, epoch_us_on_sqlite if is_sqlite else epoch_us
    window: dict[str, Any] = {"partition_by": c.operator, "order_by": (c.at, c.n)}
    since, until = literal(since_at, Instant), literal(until_at, Instant)
    query = select(
        c.operator,
        c.was,
        c.became,
        c.at,
        func.lead(c.at, type_=Instant).over(**window).label("next_at"),
        func.row_number().over(**window).label("place"),
    ).where(c.at >= since, c.at < until)
    if operator is not None:
        query = query.where(c.operator == operator)
    its = query.cte("its")
    end = func.coalesce(its.c.next_at, until, type_=Instant)
    lasting = select(its.c.operator, its.c.became.label("state"), (us(end) - us(its.c.at)).label("us"))
    first = select(its.c.operator, its.c.was.label("state"), (us(its.c.at) - us(since)).label("us"))
    spans = union_all(lasting, first.where(its.c.place == 1)).subquery("spans")
    by = (spans.c.operator, spans.c.state)
    return select(*by, func.sum(spans.c.us).label("us")).group_by(*by)


def epoch_us_on_sqlite(at: ColumnElement[Any]) -> ColumnElement[int]:
    """That is how an instant is kept there; the cast is for the values that are given."""
    return cast(at, BigInteger)


def epoch_us(at: ColumnElement[Any]) -> ColumnElement[int]:
    """Microseconds since 1970."""
    return cast(extract("epoch", at) * 1_000_000, BigInteger)
