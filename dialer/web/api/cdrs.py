"""Records of closed attempts: search, look up, export."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from dialer.domain.access import Caller, Permission
from dialer.domain.cdr import Cdr
from dialer.domain.csvtext import MARK, as_csv, safe_cell
from dialer.domain.errors import BadValue
from dialer.domain.types import (
    Alerting,
    CallId,
    CampaignId,
    Direction,
    EndedBy,
    LeadId,
    OperatorId,
    Outcome,
)
from dialer.ports.stores import CdrQuery, Records
from dialer.web.auth import Needs
from dialer.web.paging import After, Limit, Page, next_of
from dialer.web.parts import Given
from dialer.web.problem import documented
from dialer.web.queries import EachNameOnce
from dialer.web.values import CallName, Id, OperatorNumber, Utc

router = APIRouter(route_class=EachNameOnce, tags=["cdrs"])
Sees = Annotated[Caller, Depends(Needs(Permission.SEE_RECORDS))]
EXPORT_PAGE = 1000


class CdrOut(BaseModel):
    """One attempt. Instants are UTC; seconds are null where the call never got so far."""

    id: str
    cell: str
    campaign: int
    lead: int | None
    direction: Direction
    number: str
    trunk: str
    attempt_no: int
    dialled_at: datetime
    ring_at: datetime | None
    answer_at: datetime | None
    bridge_at: datetime | None
    message_at: datetime | None
    end_at: datetime
    setup_s: float | None = Field(description="request to the first 180 or 183")
    ring_s: float | None = Field(description="first 180 or 183 to the answer, or to the end")
    wait_s: float | None = Field(description="answer to bridge")
    talk_s: float = Field(description="air time")
    wrap_up_s: float | None
    outcome: Outcome
    disposition: str
    note: str = Field(description="what the operator wrote about the call")
    alerting: Alerting
    cause: int | None = Field(description="Q.850")
    sip_code: int | None
    ended_by: EndedBy | None
    operator: str | None
    recording: str
    reason: str
    caller_id: str = Field(description="which of our numbers the person saw")
    estimated: bool = Field(description="the end was not seen; end_at is a bound")

    @classmethod
    def of(cls, cdr: Cdr) -> Self:
        return cls.model_validate(cdr, from_attributes=True)


@dataclass(frozen=True, slots=True)
class Filters:
    """What a search or an export is narrowed to."""

    campaign: Annotated[Id | None, Query()] = None
    operator: Annotated[OperatorNumber | None, Query()] = None
    lead: Annotated[Id | None, Query()] = None
    outcome: Annotated[Outcome | None, Query()] = None
    since_at: Annotated[Utc | None, Query(description="dialled at or after")] = None
    until_at: Annotated[Utc | None, Query(description="dialled before")] = None

    def query(self, *, after: str = "", limit: int = 100) -> CdrQuery:
        if self.since_at and self.until_at and self.until_at <= self.since_at:
            raise BadValue("query/until_at: it is not after since_at")
        return CdrQuery(
            campaign=None if self.campaign is None else CampaignId(self.campaign),
            operator=None if self.operator is None else OperatorId(self.operator),
            lead=None if self.lead is None else LeadId(self.lead),
            outcome=self.outcome or "",
            since_at=self.since_at,
            until_at=self.until_at,
            after=after,
            limit=limit,
        )


Filtered = Annotated[Filters, Depends()]


@router.get("/cdrs", responses=documented())
async def list_cdrs(
    parts: Given, _: Sees, filters: Filtered, after: After = "", limit: Limit = 100
) -> Page[CdrOut]:
    """Closed attempts in the order in which they were dialled."""
    rows = await parts.stores.records.cdrs(filters.query(after=after, limit=limit))
    return Page(items=[CdrOut.of(row) for row in rows], next=next_of(rows, limit, lambda row: row.id))


@router.get(
    "/cdrs.csv",
    response_class=StreamingResponse,
    responses=documented()
    | {200: {"description": "the file", "content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def export_cdrs(
    parts: Given,
    _: Sees,
    filters: Filtered,
    excel: Annotated[
        bool, Query(description="with a byte order mark and semicolons, as Excel opens it")
    ] = False,
) -> StreamingResponse:
    """The same search as a CSV file, whole. Cells that a spreadsheet would take for a formula are quoted."""
    query = filters.query(limit=EXPORT_PAGE)
    first = await parts.stores.records.cdrs(query)  # a failing database is told before the file begins
    headers = {"Content-Disposition": 'attachment; filename="cdrs.csv"'}
    lines = _lines(parts.stores.records, query, first, excel=excel)
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/cdrs/{call}", responses=documented(404))
async def get_cdr(parts: Given, _: Sees, call: CallName) -> CdrOut:
    """The record of one attempt."""
    return CdrOut.of(await parts.stores.records.cdr(CallId(call)))


async def _lines(
    records: Records, query: CdrQuery, rows: Sequence[Cdr], *, excel: bool
) -> AsyncIterator[str]:
    names = list(CdrOut.model_fields)
    separator = ";" if excel else ","
    yield (MARK if excel else "") + as_csv([names], separator)
    while rows:
        told = [CdrOut.of(row).model_dump(mode="json") for row in rows]
        yield as_csv([[safe_cell(one[name]) for name in names] for one in told], separator)
        if len(rows) < query.limit:
            return
        rows = await records.cdrs(replace(query, after=rows[-1].id))
