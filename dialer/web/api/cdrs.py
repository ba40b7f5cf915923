"""Records of closed attempts: search, look up, listen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, Self

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from dialer.domain.access import Caller, Permission
from dialer.domain.cdr import Cdr
from dialer.domain.errors import BadField
from dialer.domain.said import said
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
from dialer.office import records
from dialer.ports.stores import CdrQuery
from dialer.web.auth import Needs
from dialer.web.paging import After, Limit, Page, next_of
from dialer.web.parts import Given
from dialer.web.problem import documented
from dialer.web.queries import resource
from dialer.web.sending import PartResponse
from dialer.web.values import CallName, Code, Id, Number, OperatorNumber, Slug, Utc

router = resource("cdrs")
Sees = Annotated[Caller, Depends(Needs(Permission.SEE_RECORDS))]
Listens = Annotated[Caller, Depends(Needs(Permission.LISTEN))]


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
    callback_at: datetime | None = Field(description="when the person is called again, as was agreed")
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

    number: Annotated[Number | None, Query(description="with its plus (%2B in an address)")] = None
    trunk: Annotated[Slug | None, Query()] = None
    direction: Annotated[Direction | None, Query()] = None
    disposition: Annotated[Code | None, Query(description="its code, of a list of today or of before")] = None
    at_least_s: Annotated[float | None, Query(ge=0, le=86_400, description="of air time")] = None
    order: Annotated[Literal["oldest", "newest"], Query(description="which come first")] = "oldest"

    def query(self, *, after: str = "", limit: int = 100) -> CdrQuery:
        if self.since_at and self.until_at and self.until_at <= self.since_at:
            raise BadField("until_at", said("it is not after since_at"))
        return CdrQuery(
            campaign=None if self.campaign is None else CampaignId(self.campaign),
            operator=None if self.operator is None else OperatorId(self.operator),
            lead=None if self.lead is None else LeadId(self.lead),
            outcome=self.outcome or "",
            since_at=self.since_at,
            until_at=self.until_at,
            number=self.number or "",
            trunk=self.trunk or "",
            direction=self.direction or "",
            disposition=self.disposition or "",
            at_least_s=self.at_least_s,
            newest_first=self.order == "newest",
            after=after,
            limit=limit,
        )


Filtered = Annotated[Filters, Depends()]


@router.get("/cdrs", responses=documented())
async def list_cdrs(
    parts: Given, who: Sees, filters: Filtered, after: After = "", limit: Limit = 100
) -> Page[CdrOut]:
    """Closed attempts in the order in which they were dialled, or the newest first."""
    rows = await records.search(filters.query(after=after, limit=limit), who, parts.stores)
    return Page(items=[CdrOut.of(row) for row in rows], next=next_of(rows, limit, lambda row: row.id))


@router.get("/cdrs/{call}", responses=documented(404))
async def get_cdr(parts: Given, who: Sees, call: CallName) -> CdrOut:
    """The record of one attempt."""
    return CdrOut.of(await records.one(CallId(call), who, parts.stores))


SOUND = {"audio/wav": {"schema": {"type": "string", "format": "binary"}}}


@router.head("/cdrs/{call}/recording", include_in_schema=False)
@router.get(
    "/cdrs/{call}/recording",
    response_class=PartResponse,
    responses=documented(404, 416)
    | {
        200: {"description": "the whole file", "content": SOUND},
        206: {"description": "the part that `Range` asks for", "content": SOUND},
    },
)
async def get_recording(parts: Given, who: Listens, call: CallName) -> PartResponse:
    """A call's recording as WAV, the person on the left; `Range` and `If-Range` are obeyed.

    Who listened is in the log.
    """
    path = await records.recording(CallId(call), who, parts.stores, parts.tools.recordings)
    return PartResponse(
        path, media_type="audio/wav", filename=f"{call}.wav", content_disposition_type="inline"
    )
