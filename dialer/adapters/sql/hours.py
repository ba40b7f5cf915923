"""Hours worked, folded by the database: a week of two hundred operators has half a million changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    cast,
    extract,
    func,
    literal,
    select,
    union_all,
)

from dialer.adapters.sql.tables import Instant, Words, state_changes
from dialer.domain.types import OperatorId


def spent(
    operator: OperatorId | None, since_at: datetime, until_at: datetime, *, is_sqlite: bool
) -> Select[Any]:
    """Rows of (operator, state, us): whole microseconds between the two instants.

    As `domain.hours.fold`: each state lasts until the operator's next change, or until `until_at`; the one of
    the last change before `since_at` opens the span.
    """
    c, us = state_changes.c, epoch_us_on_sqlite if is_sqlite else epoch_us
    since, until = literal(since_at, Instant), literal(until_at, Instant)
    inside = select(c.operator, c.became.label("state"), c.at, c.n).where(c.at >= since, c.at < until)
    if operator is None:
        who: FromClause = _everybody()
    else:
        who = select(literal(operator, Words).label("operator")).subquery("who")
        inside = inside.where(c.operator == operator)
    before = select(c.became).where(c.operator == who.c.operator, c.at < since)
    state = before.order_by(c.at.desc(), c.n.desc()).limit(1).scalar_subquery().label("state")
    first = literal(0, BigInteger).label("n")
    opening = select(who.c.operator, state, since.label("at"), first).where(since < until)
    moves = union_all(inside, opening).subquery("moves")
    known = select(moves).where(moves.c.state.is_not(None)).subquery("known")
    following = func.lead(known.c.at, type_=Instant).over(
        partition_by=known.c.operator, order_by=(known.c.at, known.c.n)
    )
    spans = select(
        known.c.operator,
        known.c.state,
        (us(func.coalesce(following, until, type_=Instant)) - us(known.c.at)).label("us"),
    ).subquery("spans")
    by = (spans.c.operator, spans.c.state)
    lasted = func.sum(spans.c.us)
    return select(*by, lasted.label("us")).group_by(*by).having(lasted > 0)


def _everybody() -> FromClause:
    """Every operator with a change on record, found by leaps through the index: a step for each of them."""
    c = state_changes.c
    found = select(func.min(c.operator).label("operator")).cte("everybody", recursive=True)
    following = select(func.min(c.operator)).where(c.operator > found.c.operator).scalar_subquery()
    found = found.union_all(select(following).where(found.c.operator.is_not(None)))
    return select(found.c.operator).where(found.c.operator.is_not(None)).subquery("who")


def epoch_us_on_sqlite(at: ColumnElement[Any]) -> ColumnElement[int]:
    """That is how an instant is kept there; the cast is for the values that are given."""
    return cast(at, BigInteger)


def epoch_us(at: ColumnElement[Any]) -> ColumnElement[int]:
    """Microseconds since 1970."""
    return cast(extract("epoch", at) * 1_000_000, BigInteger)
