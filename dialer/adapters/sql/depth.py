"""How far down its list a campaign is, counted in two statements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    RowMapping,
    Select,
    and_,
    case,
    func,
    literal_column,
    or_,
    select,
    true,
)

from dialer.adapters.fitting import is_id
from dialer.adapters.sql.database import Database
from dialer.adapters.sql.hidden import Spans, open_imports, seen, spans_of
from dialer.adapters.sql.tables import cdrs, leads
from dialer.domain.depth import OPEN, Depth, Span
from dialer.domain.types import CampaignId, Direction, LeadStatus

Place = tuple[int, int]  # priority, id
NOWHERE: Place = (2**31 - 1, 0)  # before every lead


async def depth_of(database: Database, campaign: CampaignId, since_at: datetime, until_at: datetime) -> Depth:
    """The records of the span first: they say which places the list is asked for."""
    if not is_id(campaign):
        return Depth()
    dialled = await database.rows(_span(campaign, since_at, until_at))
    spans = spans_of([row["hidden"] for row in await database.rows(open_imports(campaign))])
    row = await database.row(_list(campaign, _first(dialled), _last(dialled), spans))
    if row is None:
        return Depth()
    span = Span(
        leads=sum(one["leads"] for one in dialled),
        dials=sum(int(one["dials"]) for one in dialled),
        contacts=sum(int(one["contacts"]) for one in dialled),
        first=row["first"],
        last=row["last"],
    )
    names = ("leads", "dialled", "deepest", "passed_over", "at_hand")
    return Depth(**{name: row[name] for name in names}, span=span)


def _first(dialled: Sequence[RowMapping]) -> Place:
    return max(((one["priority"], one["first"]) for one in dialled), default=NOWHERE)


def _last(dialled: Sequence[RowMapping]) -> Place:
    return min(((one["priority"], one["last"]) for one in dialled), default=NOWHERE)


def _span(campaign: CampaignId, since_at: datetime, until_at: datetime) -> Select[Any]:
    """One row per priority, read from the span's records by the index of instants."""
    its = select(
        cdrs.c.lead, func.count().label("dials"), func.count(cdrs.c.answer_at).label("contacts")
    ).where(
        cdrs.c.dialled_at >= since_at,
        cdrs.c.dialled_at < until_at,
        # "+ 0" keeps SQLite from the index of campaigns, by which it would read every call of this one
        cdrs.c.campaign + 0 == campaign,
        cdrs.c.direction == Direction.OUT.value,
    )
    by_lead = its.group_by(cdrs.c.lead).cte("by_lead")
    return (
        select(
            leads.c.priority,
            func.count().label("leads"),
            func.sum(by_lead.c.dials).label("dials"),
            func.sum(by_lead.c.contacts).label("contacts"),
            func.min(leads.c.id).label("first"),
            func.max(leads.c.id).label("last"),
        )
        .select_from(by_lead.join(leads, leads.c.id == by_lead.c.lead))
        .where(leads.c.campaign == campaign)
        .group_by(leads.c.priority)
    )


def _list(campaign: CampaignId, first: Place, last: Place, spans: Spans) -> Select[Any]:
    """One pass over the campaign's list, after one for the deepest lead that was dialled."""
    its, tried = leads.c.campaign == campaign, leads.c.attempts > 0
    deepest = (
        select(leads.c.priority, leads.c.id)
        .where(its, tried)
        .order_by(leads.c.priority, leads.c.id.desc())
        .limit(1)
        .cte("deepest")
    )
    above = _is_before(deepest.c.priority, deepest.c.id)
    passed = and_(above, ~tried, leads.c.status.in_([status.value for status in OPEN]))
    columns: list[ColumnElement[Any]] = [
        func.count().label("leads"),
        _number(tried).label("dialled"),
        _number(above).label("deepest"),
        _number(passed).label("passed_over"),
        _number(and_(passed, leads.c.status == LeadStatus.LEASED.value)).label("at_hand"),
        _number(_is_before(*first)).label("first"),
        _number(_is_before(*last)).label("last"),
    ]
    counts: Select[Any] = select(*columns)
    return counts.select_from(leads.outerjoin(deepest, true())).where(its, *seen(spans))


def _is_before(priority: Any, id_: Any) -> ColumnElement[bool]:
    """At this place or nearer to the head."""
    return or_(leads.c.priority > priority, and_(leads.c.priority == priority, leads.c.id <= id_))


def _number(what: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((what, 1), else_=0), type_=Integer), literal_column("0", Integer))
