"""Samples that the parts are measured with: a call, its record, an event, a snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from dialer.domain.call import Call, Rules
from dialer.domain.call import State as CallState
from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Closing, close
from dialer.domain.lead import Lead
from dialer.domain.operators import State
from dialer.domain.pacing.decision import CallView, OperatorView, Snapshot, TrunkView
from dialer.domain.types import (
    CallId,
    CampaignId,
    CampaignStatus,
    CellId,
    EndedBy,
    LeadId,
    Mode,
    OperatorId,
    Outcome,
    PhoneNumber,
    TrunkId,
)
from dialer.ports.stores import Stores

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TRUNK = TrunkId("carrier")
CAMPAIGN = CampaignId(1)

EVENT = {
    "type": "ChannelStateChange",
    "timestamp": "2026-03-02T12:00:00.123+0300",
    "application": "dialer",
    "asterisk_id": "00:00:5e:00:53:01",
    "channel": {
        "id": "c-0195d3f1a2b01234567",
        "name": "PJSIP/carrier-0000002a",
        "state": "Up",
        "protocol_id": "6f1d7a1e-1b2c-4d3e-8f90-a1b2c3d4e5f6",
        "caller": {"name": "", "number": "+74951234567"},
        "connected": {"name": "", "number": "+74951234567"},
        "accountcode": "",
        "dialplan": {
            "context": "obz-out",
            "exten": "answered",
            "priority": 1,
            "app_name": "AppDial2",
            "app_data": "(Outgoing Line)",
        },
        "creationtime": "2026-03-02T11:59:55.900+0300",
        "language": "ru",
    },
}


def a_call(n: int, lead: LeadId | None = None) -> Call:
    """In the midst of its talk."""
    return Call(
        CallId(f"c-{n:016x}"),
        CAMPAIGN,
        lead or LeadId(n + 1),
        PhoneNumber(f"+7916{n % 10_000_000:07d}"),
        TRUNK,
        rules=Rules(
            message="/srv/obzvon/sounds/message", caller_id="+74951234567", dial_string="79161234567"
        ),
        state=CallState.BRIDGED,
        operator=OperatorId("101"),
        talked_with=OperatorId("101"),
        in_app=True,
        leased_at=AT,
        dialled_at=AT + timedelta(seconds=0.1),
        ring_at=AT + timedelta(seconds=1),
        answer_at=AT + timedelta(seconds=6),
        bridge_at=AT + timedelta(seconds=6.004),
        talk_since_at=AT + timedelta(seconds=6.004),
    )


def a_closing(lead: Lead) -> Closing:
    """The record of a talk and where its lead stands."""
    call = a_call(lead.id, lead.id)
    ended = replace(
        call,
        campaign=lead.campaign,
        state=CallState.ENDED,
        talk_since_at=None,
        talk_s=60.0,
        end_at=AT + timedelta(seconds=66),
        outcome=Outcome.CONNECTED,
        ended_by=EndedBy.PERSON,
        operator=None,
    )
    return close(ended, CellId("bench"), lead, Campaign(lead.campaign, "bench"))


async def leads_of(stores: Stores, campaign: CampaignId, n: int) -> Sequence[Lead]:
    """So many leased leads."""
    fresh = [Lead(LeadId(0), campaign, (PhoneNumber(f"+7926{k:07d}"),)) for k in range(n)]
    await stores.leads.import_list(campaign, "bench", fresh, now=AT)
    return await stores.leases.lease(
        campaign, n, cell=CellId("bench"), now=AT, until_at=AT + timedelta(hours=1)
    )


def a_snapshot(operators: int) -> Snapshot:
    """A busy floor: nine of ten talk, one is free, and one more call per operator is on its way."""
    team = [OperatorId(str(1000 + n)) for n in range(operators)]
    views = [
        OperatorView(
            id=operator,
            state=State.READY if n % 10 == 0 else State.TALKING,
            since_at=AT,
            ready_since_at=AT + timedelta(seconds=n) if n % 10 == 0 else None,
            free=n % 10 == 0,
            summonable=False,
            campaign=CAMPAIGN,
            leaving=False,
        )
        for n, operator in enumerate(team)
    ]
    talks = [_view(n, CallState.BRIDGED, view.id) for n, view in enumerate(views) if not view.free]
    ringing = [_view(operators + n, CallState.RINGING, None) for n in range(operators)]
    campaign = Campaign(
        CAMPAIGN,
        "bench",
        mode=Mode.POWER,
        status=CampaignStatus.RUNNING,
        ratio=12.0,
        operators=frozenset(team),
        trunks=(TRUNK,),
    )
    leads = [Lead(LeadId(n + 1), CAMPAIGN, (PhoneNumber(f"+7936{n:07d}"),)) for n in range(200)]
    trunk = TrunkView(TRUNK, lines_free=5 * operators, calls_now=100, usable=True)
    return Snapshot(AT, [campaign], {CAMPAIGN: leads}, [*talks, *ringing], views, {TRUNK: trunk})


def _view(n: int, state: CallState, operator: OperatorId | None) -> CallView:
    number = PhoneNumber(f"+7916{n:07d}")
    return CallView(CallId(f"c-{n:016x}"), CAMPAIGN, TRUNK, state, AT, AT, operator, number)
