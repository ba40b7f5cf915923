"""Campaigns: list, make, change, start, pause, stop, and why one dials or does not."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Self

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from dialer.domain import depth, law
from dialer.domain.access import Caller, Permission
from dialer.domain.types import CampaignId, CampaignStatus
from dialer.office import campaigns as office
from dialer.office import cell, copies, figures, leads
from dialer.office.campaigns import Saved
from dialer.web.api.campaign_fields import CampaignChange, CampaignOut, CampaignSaved, NewCampaign
from dialer.web.api.commands import Pushed
from dialer.web.auth import Needs
from dialer.web.paging import AfterId, Limit, Page
from dialer.web.parts import Given, Key, Spoken
from dialer.web.problem import documented
from dialer.web.queries import resource
from dialer.web.values import LARGEST_ID, Body, Flag, Id, OneDay, Title

router = resource("campaigns", "/campaigns")
Sees = Annotated[Caller, Depends(Needs(Permission.SEE_CAMPAIGNS))]
Changes = Annotated[Caller, Depends(Needs(Permission.CHANGE_CAMPAIGNS))]
Runs = Annotated[Caller, Depends(Needs(Permission.RUN_CAMPAIGNS))]


Seen = Annotated[
    int | None,
    Query(ge=1, le=LARGEST_ID, description="the version that you have seen: 409 where it is older"),
]


class CopyAsked(Body):
    """What the new campaign is called."""

    name: Title
    with_operators: Flag = Field(default=False, description="the same people work on it")


class GateOut(BaseModel):
    name: str
    is_open: bool
    value: str = Field(description="a sentence with figures")
    opens_at: datetime | None = None


class ExplanationOut(BaseModel):
    """Every gate in the order in which it is looked at."""

    campaign: int
    at: datetime
    summary: str
    gates: list[GateOut]
    held_back: dict[str, int] = Field(description="leads by what holds them back")


class DepthOut(BaseModel):
    """How far down its list a campaign is; the list goes by priority, then by the order of its coming in."""

    campaign: int
    leads: int = Field(description="in the whole list")
    dialled: int = Field(description="at least once")
    deepest: int = Field(description="place in the list of the last lead that was dialled; 0: none was")
    passed_over: int = Field(description="before that place, never dialled, and may be yet")
    at_hand: int = Field(description="of those, leased ahead of need or in their first call")
    day: str
    day_leads: int = Field(description="dialled on that day")
    day_dials: int
    day_contacts: int = Field(description="dials answered live")
    day_contacts_per_1000: float | None = Field(description="of 1,000 dials; null: there were none")
    day_first: int = Field(description="the place nearest to the head of the list")
    day_last: int = Field(description="the place farthest down")
    sentence: str = Field(description="all of it; by Accept-Language")


class StatusSet(Pushed):
    """The new status, and whether the cell that dials has taken it up already."""

    campaign: int
    status: CampaignStatus

    @classmethod
    def of(cls, told: Saved) -> Self:
        return cls(campaign=told.campaign.id, status=told.campaign.status, **asdict(told.pushed))


@router.get("", responses=documented())
async def list_campaigns(
    parts: Given,
    who: Sees,
    status: Annotated[CampaignStatus | None, Query()] = None,
    after: AfterId = 0,
    limit: Limit = 100,
    *,
    archived: Annotated[bool, Query(description="those in the archive as well")] = False,
) -> Page[CampaignOut]:
    """Every campaign that is not archived, oldest first."""
    shown = await office.every(who, parts.stores, archived=archived)
    found = [row for row in shown if row.id > after and status in (None, row.status)]
    page = found[:limit]
    return Page(
        items=[CampaignOut.of(row) for row in page], next=str(page[-1].id) if len(found) > limit else None
    )


@router.post("", status_code=201, responses=documented(409))
async def create_campaign(parts: Given, who: Changes, body: NewCampaign) -> CampaignOut:
    """Make a campaign. Next: upload its message, import a list, start it."""
    made = await office.add(
        body.changes(),
        who,
        parts.stores,
        shortest_ring_s=parts.shortest_ring_s,
        check_calendar=parts.tools.check_calendar,
    )
    return CampaignOut.of(made)


@router.get("/{campaign}", responses=documented(404))
async def get_campaign(parts: Given, who: Sees, campaign: Id) -> CampaignOut:
    """One campaign as it is set."""
    return CampaignOut.of(await office.one(CampaignId(campaign), who, parts.stores))


@router.patch("/{campaign}", responses=documented(404, 409))
async def change_campaign(parts: Given, who: Changes, campaign: Id, body: CampaignChange) -> CampaignSaved:
    """Change what is named. A running campaign takes it up at its next decision."""
    told = await office.change(
        CampaignId(campaign),
        body.changes(),
        who,
        parts.desk,
        parts.stores,
        shortest_ring_s=parts.shortest_ring_s,
        check_calendar=parts.tools.check_calendar,
        version=body.version,
    )
    return CampaignSaved.saved(told)


@router.post("/{campaign}/copy", status_code=201, responses=documented(404, 409))
async def copy_campaign(parts: Given, who: Changes, campaign: Id, body: CopyAsked) -> CampaignOut:
    """Make a draft with the same settings, rules and message; without leads."""
    made = await copies.copy(
        CampaignId(campaign), body.name, who, parts.stores, with_operators=body.with_operators
    )
    return CampaignOut.of(made)


@router.post("/{campaign}/archive", responses=documented(404, 409))
async def archive_campaign(parts: Given, who: Changes, campaign: Id, version: Seen = None) -> CampaignSaved:
    """Hide it from the list, and let nobody start it; leads and records stay. Refused while it is at work."""
    its = CampaignId(campaign)
    return CampaignSaved.saved(await copies.archive(its, who, parts.desk, parts.stores, version=version))


@router.post("/{campaign}/unarchive", responses=documented(404, 409))
async def unarchive_campaign(parts: Given, who: Changes, campaign: Id, version: Seen = None) -> CampaignSaved:
    """Bring it back from the archive; it does not start by itself."""
    its = CampaignId(campaign)
    return CampaignSaved.saved(await copies.unarchive(its, who, parts.desk, parts.stores, version=version))


@router.get("/{campaign}/leads/count", tags=["leads"], responses=documented(404))
async def count_leads(parts: Given, who: Sees, campaign: Id) -> dict[str, int]:
    """How many leads stand where; `retry` is split into due and later."""
    return dict(await leads.count(CampaignId(campaign), who, parts.stores, now=parts.tools.clock()))


@router.get("/{campaign}/explain", responses=documented(404, 504, 502))
async def explain_campaign(parts: Given, who: Sees, campaign: Id, speak: Spoken) -> ExplanationOut:
    """Why it dials, or why nothing is being dialled: each gate, and when it opens; by Accept-Language."""
    told = await cell.explain(CampaignId(campaign), who, parts.desk, parts.stores)
    return ExplanationOut(
        campaign=told.campaign,
        at=told.at,
        summary=speak(told.summary),
        gates=[
            GateOut(name=gate.name, is_open=gate.is_open, value=speak(gate.value), opens_at=gate.opens_at)
            for gate in told.gates
        ],
        held_back={speak(why): count for why, count in told.held_back.items()},
    )


@router.get("/{campaign}/depth", responses=documented(404))
async def measure_depth(
    parts: Given,
    who: Sees,
    campaign: Id,
    speak: Spoken,
    day: OneDay = None,
) -> DepthOut:
    """How far down its list it is, and how far down a day went; with `best_first`, what was passed over."""
    known = await office.one(CampaignId(campaign), who, parts.stores)
    on = parts.day(day)
    found = await figures.depth(known.id, on, who, parts.stores, zone=parts.tools.zone)
    span = found.span
    return DepthOut(
        campaign=campaign,
        leads=found.leads,
        dialled=found.dialled,
        deepest=found.deepest,
        passed_over=found.passed_over,
        at_hand=found.at_hand,
        day=on.isoformat(),
        day_leads=span.leads,
        day_dials=span.dials,
        day_contacts=span.contacts,
        day_contacts_per_1000=span.contacts_per_1000,
        day_first=span.first,
        day_last=span.last,
        sentence=speak(depth.told(found, on.isoformat(), best_first=known.best_first)),
    )


@router.post("/{campaign}/start", responses=documented(404, 409))
async def start_campaign(parts: Given, who: Runs, campaign: Id, key: Key) -> StatusSet:
    """Begin, or go on, dialing. Refused with the reason when something is missing or a law forbids it."""
    lab = parts.shortest_ring_s < law.LAWFUL_RING_S
    told = await office.start(CampaignId(campaign), who, parts.desk, parts.stores, lab=lab, key=key)
    return StatusSet.of(told)


@router.post("/{campaign}/pause", responses=documented(404, 409))
async def pause_campaign(parts: Given, who: Runs, campaign: Id, key: Key) -> StatusSet:
    """Dial nobody new until it is started again; calls in flight go on."""
    return StatusSet.of(await office.pause(CampaignId(campaign), who, parts.desk, parts.stores, key=key))


@router.post("/{campaign}/stop", responses=documented(404))
async def stop_campaign(parts: Given, who: Runs, campaign: Id, key: Key) -> StatusSet:
    """Dial nobody new and give the leads back; calls in flight go on."""
    return StatusSet.of(await office.stop(CampaignId(campaign), who, parts.desk, parts.stores, key=key))
