"""Tables that leave the house as files: who may take which, and a note of each that was taken."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, tzinfo
from typing import Any

from dialer.domain.access import Caller, Permission, demand
from dialer.domain.cdr import Cdr
from dialer.domain.choice import Choice
from dialer.domain.csvtext import MARK, as_csv, safe_cell
from dialer.domain.dnc import Listed
from dialer.domain.errors import Missing
from dialer.domain.export import (
    PAGE,
    Column,
    Kind,
    Reader,
    Row,
    Sheet,
    Shown,
    Taken,
    columns,
    excel_cell,
    for_people,
)
from dialer.domain.operators import State
from dialer.domain.said import titled, word
from dialer.domain.today import Line
from dialer.domain.types import OperatorId, Outcome
from dialer.office import dnc as bars
from dialer.office import figures, lists, records
from dialer.office.records import number_seen
from dialer.ports.stores import CdrQuery, Stores

Pages = AsyncGenerator[Sequence[Row], None]

RECORDS = columns(
    titled(
        "id", "cell", "campaign", "lead", "direction", "number", "trunk", "attempt_no", "dialled_at",
        "ring_at", "answer_at", "bridge_at", "message_at", "end_at", "setup_s", "ring_s", "wait_s", "talk_s",
        "wrap_up_s", "outcome", "disposition", "callback_at", "note", "alerting", "cause", "sip_code",
        "ended_by", "operator", "recording", "reason", "caller_id", "estimated", context="table",
    ),
    inner=("cell", "ring_at", "bridge_at", "message_at", "setup_s", "alerting", "recording", "estimated"),
)  # fmt: skip
LEADS = columns(
    titled(
        "id", "numbers", "extensions", "status", "attempts", "tried", "next_at", "promised_at", "last_at",
        "last_outcome", "priority", "zones", "name", "company", "inn", "email", "extra", "ref", "import_id",
        "list", context="table",
    )
)  # fmt: skip
DNC = columns(
    titled("entry", "campaign", "reason", "source", "by", "at", "until_at", "expired", context="table")
)
OPERATORS = columns(
    titled(
        "id", "name", "phone", "number", "trunk", "leg", "language", "enabled", "campaigns", context="table"
    )
)  # fmt: skip
LINE = titled("calls", "live", "long", "talk_s", context="table")
TITLES = dict(
    zip(
        ("records", "leads", "dnc", "operators", "hours", "today"),
        titled("Records", "Leads", "Do not call", "Operators", "Hours", "Day", context="sheet"),
        strict=True,
    )
)
SPENT = columns(
    titled(
        "offline_s", "connecting_s", "ready_s", "reserved_s", "talking_s", "wrap_up_s", "paused_s",
        context="table",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Export:
    """A table on its way out."""

    table: str
    asked: Mapping[str, Any]
    columns: Sequence[Column]
    pages: Pages


async def of_records(query: CdrQuery, who: Caller, stores: Stores) -> Export:
    """Records of attempts."""
    demand(who, Permission.EXPORT)
    names = [str(one.name) for one in RECORDS]

    def row(cdr: Cdr) -> Row:
        return [getattr(cdr, name) for name in names]

    found = records.pages(query, who, stores)
    pages = ([row(cdr) for cdr in page] async for page in found)
    return Export("records", _asked(query), RECORDS, await _begun(pages))


async def of_leads(choice: Choice, who: Caller, stores: Stores) -> Export:
    """Leads of a campaign that are chosen."""
    demand(who, Permission.EXPORT)
    *names, _ = [str(one.name) for one in LEADS]
    files = _Files(stores)

    async def pages() -> Pages:
        after = 0
        while page := await lists.find(choice, who, stores, after=after, limit=PAGE):
            yield [
                [*(getattr(lead, name) for name in names), await files.of(lead.import_id)] for lead in page
            ]
            if len(page) < PAGE:
                return
            after = page[-1].id

    return Export("leads", _asked(choice), LEADS, await _begun(pages()))


class _Files:
    """Names of the lists that leads came with, each asked for once."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._known: dict[int, str] = {0: ""}  # by no list

    async def of(self, import_id: int) -> str:
        if import_id not in self._known:
            try:
                row = await self._stores.leads.find_import(import_id)
            except Missing:  # taken back: leads that were moved stay
                row = {}
            self._known[import_id] = str(row.get("file_name", ""))
        return self._known[import_id]


async def of_dnc(listed: Listed, who: Caller, stores: Stores, *, now: datetime) -> Export:
    """Entries of the do-not-call list."""
    demand(who, Permission.EXPORT)
    names = [str(one.name) for one in DNC[:-1]]

    async def pages() -> Pages:
        following = replace(listed, limit=PAGE)
        while page := await bars.page(following, who, stores):
            yield [[*(getattr(one, name) for name in names), not one.bars(now)] for one in page]
            following = replace(following, after=page[-1].key)

    return Export("dnc", _asked(listed), DNC, await _begun(pages()))


async def of_operators(who: Caller, stores: Stores) -> Export:
    """Accounts of operators, and the campaigns that they work on."""
    demand(who, Permission.EXPORT)
    demand(who, Permission.SEE_OPERATORS)
    campaigns = await stores.campaigns.all()
    rows = []
    for one in await stores.accounts.all():
        its = [campaign.name for campaign in campaigns if one.id in campaign.operators]
        number = number_seen(who, one.number) if one.number else None
        rows.append([one.id, one.name, one.phone, number, one.trunk, one.leg, one.language, one.enabled, its])
    return Export("operators", {}, OPERATORS, _one(rows))


async def of_hours(
    since_at: datetime,
    until_at: datetime,
    who: Caller,
    stores: Stores,
    *,
    operator: OperatorId | None,
    now: datetime,
) -> Export:
    """Hours worked by operator and state."""
    demand(who, Permission.EXPORT)
    found = await figures.hours_worked(since_at, until_at, who, stores, operator=operator, now=now)
    table = (
        *columns(titled("operator", context="table")),
        *SPENT,
        *columns(titled("logged_in_s", "worked_s", "occupancy", context="table")),
    )
    rows = [
        [
            one.operator,
            *(one.states.get(state, 0.0) for state in State),
            one.logged_in_s,
            one.worked_s,
            one.occupancy,
        ]
        for one in found
    ]
    asked = {"since_at": since_at, "until_at": until_at, "operator": operator}
    return Export("hours", asked, table, _one(rows))


async def of_today(
    day: date, who: Caller, stores: Stores, *, zone: tzinfo, at_least_s: float, now: datetime
) -> Export:
    """A day: a row for each operator, then one for each campaign."""
    demand(who, Permission.EXPORT)
    told = await figures.today(day, who, stores, zone=zone, at_least_s=at_least_s, now=now)
    outcomes = [outcome for outcome in Outcome if told.total.outcomes.get(outcome)]
    found = [Column(word(outcome), Kind.WHOLE) for outcome in outcomes]
    hours = (
        *columns(titled("logged_in_s", "worked_s", context="table")),
        *SPENT,
        *columns(titled("occupancy", context="table")),
    )
    table = (*columns(titled("operator", "campaign", context="table")), *columns(LINE), *found, *hours)

    def line(one: Line) -> list[Any]:
        return [one.calls, one.live, one.long, one.talk_s, *(one.outcomes.get(each, 0) for each in outcomes)]

    rows: list[Row] = []
    for each in told.operators:
        worked = [
            each.logged_in_s,
            each.worked_s,
            *(each.states.get(state, 0.0) for state in State),
            each.occupancy,
        ]
        rows.append(
            [each.operator, None, *line(each.line), *(worked if each.operator else [None] * len(hours))]
        )
    rows += [[None, one.campaign, *line(one.line), *([None] * len(hours))] for one in told.campaigns]
    return Export("today", {"day": day, "at_least_s": at_least_s}, table, _one(rows))


async def reader_for(speak: Callable[[str], str], zone: tzinfo, stores: Stores) -> Reader:
    """Names of everything that a table may name by its id."""
    every = await stores.campaigns.all()
    campaigns = {int(one.id): one.name for one in every}
    operators = {str(one.id): one.name for one in await stores.accounts.all()}
    dispositions = {int(one.id): one.dispositions for one in every}
    return Reader(speak, zone, campaigns, operators, dispositions)


def noted(export: Export, who: Caller, origin: str, note: Callable[[Taken], None]) -> Export:
    """The same; when it is out, or breaks off, that is noted with its rows."""
    taken = Taken(export.table, who.user, origin, export.asked, rows=0, whole=False)

    async def pages() -> Pages:
        rows, whole = 0, False
        try:
            async for page in export.pages:
                rows += len(page)
                yield page
            whole = True
        finally:
            note(replace(taken, rows=rows, whole=whole))

    return replace(export, pages=pages())


def sheet(export: Export, reader: Reader) -> Sheet:
    """The table as people read it."""
    shown = [one for one in export.columns if not one.inner]

    async def pages() -> AsyncIterator[Sequence[Sequence[Shown]]]:
        async for page in export.pages:
            yield [for_people(row, export.columns, reader) for row in page]

    headings = [reader.speak(one.name).replace("_", " ") for one in shown]
    return Sheet(reader.speak(TITLES[export.table]), headings, [one.kind for one in shown], pages())


async def excel_text(sheet: Sheet, decimal: str) -> AsyncIterator[str]:
    """A CSV file that Excel opens by a double click and takes no cell of for what it is not."""
    yield MARK + as_csv([list(map(safe_cell, sheet.headings))], ";")
    async for page in sheet.pages:
        yield as_csv([[excel_cell(value, decimal) for value in row] for row in page], ";")


async def plain_text(export: Export) -> AsyncIterator[str]:
    """A CSV file for programs."""
    yield as_csv([[str(one.name) for one in export.columns]], ",")
    async for page in export.pages:
        yield as_csv([list(map(plain_cell, row)) for row in page], ",")


def plain_cell(value: Any) -> str:
    """UTC, ids, the words of the API; several values in one cell. No spreadsheet takes it for a formula."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return safe_cell(json.dumps(dict(value), ensure_ascii=False) if value else "")
    if isinstance(value, (tuple, list, set, frozenset)):
        return safe_cell(" ".join(map(str, value)))
    return safe_cell(value)


async def _begun(pages: Pages) -> Pages:
    """The same pages; the first is asked for now, so that a failing database is told before a file begins."""
    first = await anext(pages, None)

    async def every() -> Pages:
        if first is not None:
            yield first
            async for page in pages:
                yield page

    return every()


async def _one(rows: Sequence[Row]) -> Pages:
    yield rows


def _asked(what: Any) -> dict[str, Any]:
    """The filters that narrow something."""
    given = {one.name: getattr(what, one.name) for one in fields(what)}
    return {name: value for name, value in given.items() if value and name not in ("after", "limit")}
