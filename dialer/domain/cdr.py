"""The record of one attempt, folded from the call that it was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dialer.domain.call import Call
from dialer.domain.campaign import Campaign
from dialer.domain.errors import IllegalMove
from dialer.domain.lead import Lead, LeadUpdate, next_try
from dialer.domain.types import (
    Alerting,
    CallId,
    CampaignId,
    CellId,
    Direction,
    EndedBy,
    LeadId,
    OperatorId,
    Outcome,
    PhoneNumber,
    TrunkId,
)


@dataclass(frozen=True, slots=True)
class Cdr:
    """One attempt. Instants are UTC; seconds are None where the call never got so far."""

    id: CallId
    cell: CellId
    campaign: CampaignId
    lead: LeadId | None
    direction: Direction
    number: PhoneNumber
    trunk: TrunkId
    attempt_no: int
    dialled_at: datetime
    ring_at: datetime | None
    answer_at: datetime | None
    bridge_at: datetime | None
    message_at: datetime | None
    end_at: datetime
    setup_s: float | None  # request to the first 180 or 183
    ring_s: float | None  # first 180 or 183 to answer, or to the end
    wait_s: float | None  # answer to bridge
    talk_s: float  # air time
    outcome: Outcome
    alerting: Alerting
    cause: int | None
    sip_code: int | None
    ended_by: EndedBy | None
    operator: OperatorId | None
    recording: str = ""
    reason: str = ""
    estimated: bool = False
    wrap_up_s: float | None = None  # known later
    disposition: str = ""
    note: str = ""
    caller_id: str = ""  # which of our numbers the person saw
    callback_at: datetime | None = None  # when the person is called again, as the operator agreed


@dataclass(frozen=True, slots=True)
class Closing:
    """A closed attempt as the journal and the ledger take it: one transaction."""

    cdr: Cdr | None  # None: the number was never dialled, only the lease goes back
    lead: LeadUpdate | None
    call: CallId
    cell: CellId | None = None  # whose lease ends with it; None: an older version's word


@dataclass(frozen=True, slots=True)
class WrapUp:
    """What the operator added after the call; may move the lead on."""

    call: CallId
    operator: OperatorId
    wrap_up_s: float
    disposition: str
    at: datetime
    lead: LeadUpdate | None = None  # where the disposition puts the lead
    note: str = ""  # an older version's; now a remark
    block: PhoneNumber | None = None  # asked never to be called again
    block_also: tuple[PhoneNumber, ...] = ()  # the person's other numbers


@dataclass(frozen=True, slots=True)
class Remark:
    """What an operator says of a call, kept at once: a crash before the end of the wrap-up loses nothing.

    An empty disposition or note says nothing new; of each the latest word counts.
    """

    call: CallId
    operator: OperatorId
    at: datetime
    disposition: str = ""
    callback_at: datetime | None = None  # goes with the disposition
    note: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """Live sums of one operator, campaign and span: equal to the fold over the records."""

    attempts: int = 0
    answered: int = 0
    connected: int = 0
    abandoned: int = 0
    talk_s: float = 0.0
    duration_s: float = 0.0  # request to end, all attempts


def close(call: Call, cell: CellId, lead: Lead | None, campaign: Campaign) -> Closing:
    """What an ended call leaves: its record, and where its lead stands now."""
    if call.outcome is None or call.end_at is None:
        raise IllegalMove(f"call {call.id} is {call.state}: only an ended call can be closed")
    update = None if lead is None else next_try(lead, campaign, call.outcome, call.end_at)
    if call.outcome is Outcome.NOT_DIALLED:
        return Closing(cdr=None, lead=update, call=call.id, cell=cell)
    record = _record(call, cell, call.outcome, call.end_at)
    return Closing(cdr=record, lead=update, call=call.id, cell=cell)


def _record(call: Call, cell: CellId, outcome: Outcome, end_at: datetime) -> Cdr:
    return Cdr(
        id=call.id,
        cell=cell,
        campaign=call.campaign,
        lead=call.lead,
        direction=call.direction,
        number=call.number,
        trunk=call.trunk,
        attempt_no=call.attempt_no,
        dialled_at=call.dialled_at or call.leased_at or end_at,
        ring_at=call.ring_at,
        answer_at=call.answer_at,
        bridge_at=call.bridge_at,
        message_at=call.message_at,
        end_at=end_at,
        setup_s=_span(call.dialled_at, call.ring_at),
        ring_s=_span(call.ring_at, call.answer_at or end_at),
        wait_s=_span(call.answer_at, call.bridge_at),
        talk_s=round(call.talk_s, 3),
        outcome=outcome,
        alerting=call.alerting,
        cause=call.cause,
        sip_code=call.sip_code,
        ended_by=call.ended_by,
        operator=call.talked_with,
        recording=call.id if call.rules.record and call.bridge_at is not None else "",
        reason=call.reason,
        caller_id=call.rules.caller_id,
        estimated=call.estimated,
    )


def _span(start: datetime | None, end: datetime | None) -> float | None:
    if start is None or end is None:
        return None
    return round(max(0.0, (end - start).total_seconds()), 3)
