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
from dialer.domain.operators import State
from dialer.domain.types import OperatorId


def spent(
    operator: OperatorId | None, since_at: datetime, until_at: datetime, *, is_sqlite: bool
) -> Select[Any]:
    """Rows of (operator, state, us): whole microseconds between the two instants.

    As `domain.hours.fold`: each state lasts until the operator's next change, or until `until_at`; the one of
    the last change before `since_at` opens the span.
    """
    spans = _spans(operator, since_at, until_at, is_sqlite=is_sqlite)
    return _summed(select(spans.c.operator, spans.c.state), spans)


def paused(
    operator: OperatorId | None, since_at: datetime, until_at: datetime, *, is_sqlite: bool
) -> Select[Any]:
    """Rows of (operator, reason, us), as `domain.hours.paused`."""
    spans = _spans(operator, since_at, until_at, is_sqlite=is_sqlite, with_reason=True)
    query = select(spans.c.operator, spans.c.reason).where(spans.c.state == State.PAUSED.value)
    return _summed(query, spans)


def _summed(query: Select[Any], spans: FromClause) -> Select[Any]:
    lasted = func.sum(spans.c.us)
    return query.add_columns(lasted.label("us")).group_by(*query.selected_columns).having(lasted > 0)


def _spans(
    operator: OperatorId | None,
    since_at: datetime,
    until_at: datetime,
    *,
    is_sqlite: bool,
    with_reason: bool = False,
) -> FromClause:
    """A row for each change that begins or opens a state in the span, with how long that lasts within it."""
    c, us = state_changes.c, epoch_us_on_sqlite if is_sqlite else epoch_us
    since, until = literal(since_at, Instant), literal(until_at, Instant)
    told = {"state": c.became, **({"reason": c.reason} if with_reason else {})}
    inside = select(c.operator, *(column.label(name) for name, column in told.items()), c.at, c.n)
    inside = inside.where(c.at >= since, c.at < until)
    if operator is None:
        who: FromClause = _everybody()
    else:
        who = select(literal(operator, Words).label("operator")).subquery("who")
        inside = inside.where(c.operator == operator)
    last = [
        select(column)
        .where(c.operator == who.c.operator, c.at < since)
        .order_by(c.at.desc(), c.n.desc())
        .limit(1)
        .scalar_subquery()
        .label(name)
        for name, column in told.items()
    ]
    first = literal(0, BigInteger).label("n")
    opening = select(who.c.operator, *last, since.label("at"), first).where(since < until)
    moves = union_all(inside, opening).subquery("moves")
    known = select(moves).where(moves.c.state.is_not(None)).subquery("known")
    following = func.lead(known.c.at, type_=Instant).over(
        partition_by=known.c.operator, order_by=(known.c.at, known.c.n)
    )
    lasts = us(func.coalesce(following, until, type_=Instant)) - us(known.c.at)
    return select(known.c.operator, *(known.c[name] for name in told), lasts.label("us")).subquery("spans")


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
