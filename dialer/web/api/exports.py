"""Whole tables as files: CSV for programs, CSV as Excel takes it, XLSX. Each that is taken is in the log."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import IO, Annotated, Any, Literal

from fastapi import Depends, Query, Request
from fastapi.responses import StreamingResponse

from dialer.domain.access import Caller, Permission
from dialer.domain.dnc import Listed
from dialer.domain.today import AT_LEAST_S
from dialer.domain.types import CampaignId, OperatorId
from dialer.office import exports as office
from dialer.web.api.cdrs import Filtered as OfRecords
from dialer.web.api.figures import OneOperator, Since, Until
from dialer.web.api.listwork import Filtered as OfLeads
from dialer.web.auth import Needs
from dialer.web.parts import Given, Parts, Speak, Spoken
from dialer.web.problem import documented
from dialer.web.queries import resource
from dialer.web.values import Id, Line, OneDay

router = resource("exports")
Takes = Annotated[Caller, Depends(Needs(Permission.EXPORT))]
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PART = 64 * 1024
FILE: dict[str, Any] = {
    "response_class": StreamingResponse,
    "responses": documented(404)
    | {
        200: {
            "description": "the file",
            "content": {
                "text/csv": {"schema": {"type": "string"}},
                SHEET: {"schema": {"type": "string", "format": "binary"}},
            },
        }
    },
}


@dataclass(frozen=True, slots=True)
class Form:
    """What kind of a file is wanted."""

    excel: Annotated[
        bool,
        Query(
            description="as Excel opens it: semicolons, decimal sign and words of Accept-Language, times"
            " by the office's clock, names in the place of ids, phones as text"
        ),
    ] = False
    format: Annotated[
        Literal["csv", "xlsx"], Query(description="xlsx: the same as `excel`, as a workbook")
    ] = "csv"


Formed = Annotated[Form, Depends()]


@dataclass(frozen=True, slots=True)
class Asked:
    """Who wants a file, and how."""

    request: Request
    parts: Parts
    who: Caller
    form: Form
    speak: Speak

    async def send(self, export: office.Export, name: str) -> StreamingResponse:
        tools = self.parts.tools
        client = self.request.client
        export = office.noted(export, self.who, client.host if client else "", tools.exported)
        kind = self.form.format
        headers = {"Content-Disposition": f'attachment; filename="{name}.{kind}"'}
        if kind == "csv" and not self.form.excel:
            return _text(office.plain_text(export), headers)
        reader = await office.reader_for(self.speak, tools.zone, self.parts.stores)
        sheet = office.sheet(export, reader)
        if kind == "csv":
            return _text(office.excel_text(sheet, reader.decimal), headers)
        file = await tools.workbook(sheet)
        headers["Content-Length"] = str(os.fstat(file.fileno()).st_size)
        return StreamingResponse(_parts_of(file), media_type=SHEET, headers=headers)


async def _asked(request: Request, parts: Given, who: Takes, form: Formed, speak: Spoken) -> Asked:
    return Asked(request, parts, who, form, speak)


Wanted = Annotated[Asked, Depends(_asked)]


@router.get("/cdrs.csv", **FILE)
async def export_cdrs(parts: Given, wanted: Wanted, filters: OfRecords) -> StreamingResponse:
    """The records that a search finds, whole."""
    return await wanted.send(await office.of_records(filters.query(), wanted.who, parts.stores), "cdrs")


@router.get("/campaigns/{campaign}/leads.csv", **FILE)
async def export_leads(parts: Given, wanted: Wanted, campaign: Id, filters: OfLeads) -> StreamingResponse:
    """The leads that a search finds, whole."""
    export = await office.of_leads(filters.choice(campaign), wanted.who, parts.stores)
    return await wanted.send(export, f"leads-{campaign}")


@router.get("/dnc.csv", **FILE)
async def export_dnc(
    parts: Given,
    wanted: Wanted,
    campaign: Annotated[Id | None, Query(description="only entries of this campaign")] = None,
    source: Annotated[Line | None, Query(description="only entries of this source; empty: of people")] = None,
) -> StreamingResponse:
    """The do-not-call list, those that have expired too."""
    listed = Listed(None if campaign is None else CampaignId(campaign), source)
    now = parts.tools.clock()
    return await wanted.send(await office.of_dnc(listed, wanted.who, parts.stores, now=now), "dnc")


@router.get("/operators.csv", **FILE)
async def export_operators(parts: Given, wanted: Wanted) -> StreamingResponse:
    """The operators, with their phones and campaigns."""
    return await wanted.send(await office.of_operators(wanted.who, parts.stores), "operators")


@router.get("/hours.csv", **FILE)
async def export_hours(
    parts: Given, wanted: Wanted, since_at: Since, until_at: Until, operator: OneOperator = None
) -> StreamingResponse:
    """Hours worked, in seconds by operator and state."""
    one = None if operator is None else OperatorId(operator)
    now = parts.tools.clock()
    export = await office.of_hours(since_at, until_at, wanted.who, parts.stores, operator=one, now=now)
    return await wanted.send(export, "hours")


@router.get("/today.csv", **FILE)
async def export_today(
    parts: Given,
    wanted: Wanted,
    day: OneDay = None,
    at_least_s: Annotated[float, Query(ge=0, le=86_400, description="a long talk begins here")] = AT_LEAST_S,
) -> StreamingResponse:
    """A day: a row for each operator, then one for each campaign."""
    which, tools = parts.day(day), parts.tools
    export = await office.of_today(
        which, wanted.who, parts.stores, zone=tools.zone, at_least_s=at_least_s, now=tools.clock()
    )
    return await wanted.send(export, f"day-{which}")


def _text(lines: AsyncIterator[str], headers: dict[str, str]) -> StreamingResponse:
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


async def _parts_of(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while part := await asyncio.to_thread(file.read, PART):
            yield part
