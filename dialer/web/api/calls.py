"""Calls in flight: see them, end one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from dialer.domain.access import Caller, Permission
from dialer.domain.call import Call, State
from dialer.domain.cdr import Remark
from dialer.domain.types import CallId, Direction, OperatorId
from dialer.office import calls, records
from dialer.office.records import number_seen
from dialer.web.api.commands import Done
from dialer.web.auth import Needs
from dialer.web.paging import After, Limit, Page, cut
from dialer.web.parts import Given, Key
from dialer.web.problem import VERB_ERRORS, documented
from dialer.web.queries import resource
from dialer.web.values import CallName, Id, OperatorNumber

router = resource("calls", "/calls")
Sees = Annotated[Caller, Depends(Needs(Permission.SEE_CALLS))]
Reads = Annotated[Caller, Depends(Needs(Permission.SEE_RECORDS))]
Ends = Annotated[Caller, Depends(Needs(Permission.END_CALLS))]


class CallOut(BaseModel):
    """A call in flight."""

    id: str
    campaign: int
    lead: int | None
    number: str
    trunk: str
    direction: Direction
    attempt_no: int
    state: State
    operator: str | None = Field(description="reserved for it, or talking to the person")
    on_hold: bool
    dialled_at: datetime | None
    ring_at: datetime | None
    answer_at: datetime | None
    bridge_at: datetime | None

    @classmethod
    def of(cls, call: Call, who: Caller) -> Self:
        shown = cls.model_validate(call, from_attributes=True)
        return shown.model_copy(update={"number": number_seen(who, call.number)})


class RemarkOut(BaseModel):
    """The latest word on a call."""

    call: str
    operator: str
    at: datetime
    disposition: str = Field(description="empty: none yet")
    callback_at: datetime | None
    note: str

    @classmethod
    def of(cls, remark: Remark) -> Self:
        return cls.model_validate(remark, from_attributes=True)


@router.get("", responses=documented())
async def list_calls(
    parts: Given,
    who: Sees,
    *,
    state: Annotated[State | None, Query()] = None,
    campaign: Annotated[Id | None, Query()] = None,
    operator: Annotated[OperatorNumber | None, Query()] = None,
    after: After = "",
    limit: Limit = 100,
) -> Page[CallOut]:
    """Every call in flight, of all cells; the token of an operator sees that operator's."""
    whose = None if operator is None else OperatorId(operator)
    found = [
        call
        for call in await calls.in_flight(who, parts.live, operator=whose)
        if state in (None, call.state) and campaign in (None, call.campaign)
    ]
    rows, following = cut(found, lambda call: call.id, after=after, limit=limit)
    return Page(items=[CallOut.of(call, who) for call in rows], next=following)


@router.get("/{call}", responses=documented(404))
async def get_call(parts: Given, who: Sees, call: CallName) -> CallOut:
    """One call in flight."""
    return CallOut.of(await calls.one(CallId(call), who, parts.live), who)


@router.get("/{call}/remark", responses=documented(404))
async def get_remark(parts: Given, who: Reads, call: CallName) -> RemarkOut:
    """What the operator has said of a call so far, in the talk, in the wrap-up, and ever after."""
    return RemarkOut.of(await records.remarked(CallId(call), who, parts.stores))


@router.post("/{call}/hang_up", responses=documented(*VERB_ERRORS))
async def hang_up_call(parts: Given, who: Ends, call: CallName, key: Key) -> Done:
    """End a call, whatever its state."""
    answer = await calls.hang_up(CallId(call), who, parts.live, parts.desk, key=key)
    return Done.of("hang_up", f"call:{call}", answer)
