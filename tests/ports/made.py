"""Values for the tests of stores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from dialer.domain.cdr import Cdr
from dialer.domain.lead import Lead, LeadUpdate
from dialer.domain.types import (
    Alerting,
    CallId,
    CampaignId,
    CellId,
    Direction,
    EndedBy,
    LeadId,
    LeadStatus,
    OperatorId,
    Outcome,
    PhoneNumber,
    TrunkId,
)

AT = datetime(2026, 1, 31, 9, 0, 0, 123456, tzinfo=UTC)
CELL = CellId("main")
SOON = AT + timedelta(minutes=5)
ODD_DAYS = (
    ("Asia/Vladivostok", date(2026, 2, 3)),
    ("Asia/Kolkata", date(2026, 2, 3)),  # 5:30 ahead
    ("Asia/Kathmandu", date(2026, 2, 3)),  # 5:45
    ("America/St_Johns", date(2026, 2, 3)),  # 3:30 behind
    ("Europe/Berlin", date(2026, 3, 29)),  # 23 hours
    ("Europe/Berlin", date(2026, 10, 25)),  # 25
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # 24 and a half
    ("Asia/Beirut", date(2026, 3, 29)),  # without a midnight
)


def entry(n: int) -> Lead:
    """What a line of a file becomes."""
    return Lead(LeadId(0), CampaignId(0), (PhoneNumber(f"+7916{n:07}"),), name=f"lead {n}")


def entries(count: int, start: int = 1) -> Iterator[Lead]:
    return (entry(n) for n in range(start, start + count))


def around(since_at: datetime, until_at: datetime) -> list[Cdr]:
    """Records of several days, the first and the last instant of a span among them."""
    step, tick = timedelta(minutes=7, microseconds=11), timedelta(microseconds=1)
    edges = [since_at - tick, since_at, until_at - tick, until_at]
    spread = [since_at - timedelta(days=1, minutes=3) + n * step for n in range(600)]
    return [
        record(
            f"c-{n:03}",
            dialled_at=at,
            operator=[OperatorId("101"), None][n % 2],
            campaign=CampaignId(1 + n % 3),
            talk_s=n * 0.1,
            end_at=at + timedelta(microseconds=n * 333_333),
        )
        for n, at in enumerate([*edges, *spread])
    ]


def update(
    lead: Lead, outcome: Outcome, status: LeadStatus = LeadStatus.RETRY, next_at: datetime | None = None
) -> LeadUpdate:
    """What one more attempt makes of a lead."""
    return LeadUpdate(
        lead=lead.id,
        status=status,
        number_index=lead.number_index,
        attempts=lead.attempts + 1,
        tried={**lead.tried, outcome: lead.tried.get(outcome, 0) + 1},
        next_at=next_at,
        last_at=AT,
        last_outcome=outcome,
    )


def record(name: str, of: Lead | None = None, **changes: object) -> Cdr:
    """The record of a talk of 40.25 s; what is given is otherwise."""
    cdr = Cdr(
        id=CallId(name),
        cell=CELL,
        campaign=of.campaign if of else CampaignId(1),
        lead=of.id if of else None,
        direction=Direction.OUT,
        number=of.number if of else PhoneNumber("+79160000001"),
        trunk=TrunkId("main"),
        attempt_no=1,
        dialled_at=AT,
        ring_at=AT + timedelta(seconds=1),
        answer_at=AT + timedelta(seconds=6.5),
        bridge_at=AT + timedelta(seconds=6.503),
        message_at=None,
        end_at=AT + timedelta(seconds=46.753),
        setup_s=1.0,
        ring_s=5.5,
        wait_s=0.003,
        talk_s=40.25,
        outcome=Outcome.CONNECTED,
        alerting=Alerting.RINGING,
        cause=16,
        sip_code=None,
        ended_by=EndedBy.PERSON,
        operator=OperatorId("101"),
        recording="",
        reason="",
        estimated=False,
    )
    return replace(cdr, **changes)  # type: ignore[arg-type]  # any of its fields
