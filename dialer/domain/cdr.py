"""The record of one attempt, folded from the call that it was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dialer.domain.lead import LeadUpdate
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


@dataclass(frozen=True, slots=True)
class Closing:
    """A closed attempt as the journal and the ledger take it: one transaction."""

    cdr: Cdr | None  # None: the number was never dialled, only the lease goes back
    lead: LeadUpdate | None
    call: CallId


@dataclass(frozen=True, slots=True)
class WrapUp:
    """What the operator added after the call; may move the lead on."""

    call: CallId
    operator: OperatorId
    wrap_up_s: float
    disposition: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Tally:
    """Live sums of one operator, campaign and day: equal to the fold over the records."""

    attempts: int = 0
    answered: int = 0
    connected: int = 0
    abandoned: int = 0
    talk_s: float = 0.0
    duration_s: float = 0.0  # request to end, all attempts
