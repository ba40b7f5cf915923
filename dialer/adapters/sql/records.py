"""Records and state changes as rows, and back."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

from sqlalchemy import RowMapping

from dialer.domain.cdr import Cdr
from dialer.domain.days import day_of
from dialer.domain.operators import State, StateChange
from dialer.domain.types import Alerting, Direction, EndedBy, Outcome

MICROSECOND = timedelta(microseconds=1)


def columns_of_record(cdr: Cdr) -> dict[str, Any]:
    """The row of a record; wrap-up and disposition have a table of their own."""
    return {
        "id": cdr.id,
        "cell": cdr.cell,
        "campaign": cdr.campaign,
        "lead": cdr.lead,
        "direction": cdr.direction.value,
        "number": cdr.number,
        "trunk": cdr.trunk,
        "attempt_no": cdr.attempt_no,
        "dialled_at": cdr.dialled_at,
        "ring_at": cdr.ring_at,
        "answer_at": cdr.answer_at,
        "bridge_at": cdr.bridge_at,
        "message_at": cdr.message_at,
        "end_at": cdr.end_at,
        "setup_s": cdr.setup_s,
        "ring_s": cdr.ring_s,
        "wait_s": cdr.wait_s,
        "talk_s": cdr.talk_s,
        "outcome": cdr.outcome.value,
        "alerting": cdr.alerting.value,
        "cause": cdr.cause,
        "sip_code": cdr.sip_code,
        "ended_by": cdr.ended_by.value if cdr.ended_by else None,
        "operator": cdr.operator,
        "recording": cdr.recording,
        "reason": cdr.reason,
        "caller_id": cdr.caller_id,
        "estimated": cdr.estimated,
        "day": day_of(cdr.dialled_at, UTC).isoformat(),
        "duration_us": (cdr.end_at - cdr.dialled_at) // MICROSECOND,
        "talk_us": round(cdr.talk_s * 1e6),
    }


def record_of(row: RowMapping) -> Cdr:
    return Cdr(
        id=row["id"],
        cell=row["cell"],
        campaign=row["campaign"],
        lead=row["lead"],
        direction=Direction(row["direction"]),
        number=row["number"],
        trunk=row["trunk"],
        attempt_no=row["attempt_no"],
        dialled_at=row["dialled_at"],
        ring_at=row["ring_at"],
        answer_at=row["answer_at"],
        bridge_at=row["bridge_at"],
        message_at=row["message_at"],
        end_at=row["end_at"],
        setup_s=row["setup_s"],
        ring_s=row["ring_s"],
        wait_s=row["wait_s"],
        talk_s=row["talk_s"],
        outcome=Outcome(row["outcome"]),
        alerting=Alerting(row["alerting"]),
        cause=row["cause"],
        sip_code=row["sip_code"],
        ended_by=EndedBy(row["ended_by"]) if row["ended_by"] else None,
        operator=row["operator"],
        recording=row["recording"],
        reason=row["reason"],
        caller_id=row["caller_id"],
        estimated=row["estimated"],
        wrap_up_s=row["wrap_up_s"],
        disposition=row["disposition"] or "",
        note=row["note"] or "",
        callback_at=row["callback_at"],
    )


def columns_of_change(change: StateChange) -> dict[str, Any]:
    return {
        "operator": change.operator,
        "was": change.was.value,
        "became": change.became.value,
        "reason": change.reason,
        "at": change.at,
        "call": change.call or "",
        "campaign": change.campaign,
    }


def change_of(row: RowMapping) -> StateChange:
    return StateChange(
        operator=row["operator"],
        was=State(row["was"]),
        became=State(row["became"]),
        reason=row["reason"],
        at=row["at"],
        call=row["call"] or None,
        campaign=row["campaign"],
    )
