"""Leads of imports that are not through yet: they lie in the list already, and nobody may see them.

Only SQLite has such: there an import is many short transactions, PostgreSQL makes one of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, literal_column, not_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.sql.tables import imports, leads
from dialer.domain.types import CampaignId

COMING = "coming"  # rows are on their way in
REVISING = "revising"  # all are in, leads that were there get what the list says of them
HERE = "here"
GOING = "going"  # it is taken back
MOST_SPANS = 20
Spans = Sequence[tuple[int, int]]  # ids of leads, both ends within

# spelt out, not bound: a partial index is used only if the planner sees the values
OPEN = imports.c.stage.in_([literal_column(f"'{COMING}'"), literal_column(f"'{GOING}'")])
NOT_OPEN = leads.c.import_id.not_in(select(imports.c.id).where(OPEN).scalar_subquery())


def open_imports(campaign: CampaignId) -> Select[tuple[int, int, list[list[int]]]]:
    """Id, number of leads and their ids of each import of the campaign that is not through."""
    return select(imports.c.id, imports.c.leads, imports.c.hidden).where(imports.c.campaign == campaign, OPEN)


async def hidden(connection: AsyncConnection, campaign: CampaignId) -> Spans:
    """Where the campaign's hidden leads lie, in the order of their ids."""
    if connection.dialect.name != "sqlite":
        return ()
    return spans_of([row.hidden for row in await connection.execute(open_imports(campaign))])


def spans_of(hidden_: Sequence[Sequence[Sequence[int]]]) -> Spans:
    """As the rows of imports keep them."""
    return sorted((first, last) for each in hidden_ for first, last in each)


def seen(spans: Spans) -> list[ColumnElement[bool]]:
    """Of leads that may be seen."""
    return [not_(leads.c.id.between(first, last)) for first, last in spans]


def is_hidden(lead: int, spans: Spans) -> bool:
    return any(first <= lead <= last for first, last in spans)


def grown(spans: Spans, first: int, last: int, *, joins: bool) -> Spans:
    """With more ids behind the others; `joins`: nobody else's lead of the campaign lies between."""
    if spans and (joins or len(spans) >= MOST_SPANS):
        return [*spans[:-1], (spans[-1][0], last)]
    return [*spans, (first, last)]
