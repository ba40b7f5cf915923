"""Campaigns: list, make, change, start, pause, stop, and why one dials or does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from dialer.domain import depth, law
from dialer.domain.access import Caller, Permission
from dialer.domain.callerid import check_caller_id
from dialer.domain.campaign import Campaign
from dialer.domain.errors import BadValue, Conflict, Forbidden, Missing
from dialer.domain.said import listed, said, word
from dialer.domain.types import CampaignId, CampaignStatus
from dialer.domain.verdict import Gate
from dialer.web.api.campaign_fields import CampaignChange, CampaignOut, CampaignSaved, NewCampaign
from dialer.web.api.commands import Pushed, try_later
from dialer.web.auth import Needs
from dialer.web.paging import AfterId, Limit, Page
from dialer.web.parts import Given, Key, Parts, Spoken
from dialer.web.problem import documented
from dialer.web.values import Day, Id

router = APIRouter(prefix="/campaigns", tags=["campaigns"])
Sees = Annotated[Caller, Depends(Needs(Permission.SEE_CAMPAIGNS))]
SeesLeads = Annotated[Caller, Depends(Needs(Permission.SEE_LEADS))]
Changes = Annotated[Caller, Depends(Needs(Permission.CHANGE_CAMPAIGNS))]
Runs = Annotated[Caller, Depends(Needs(Permission.RUN_CAMPAIGNS))]


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


@router.get("", responses=documented())
async def list_campaigns(
    parts: Given,
    _: Sees,
    status: Annotated[CampaignStatus | None, Query()] = None,
    after: AfterId = 0,
    limit: Limit = 100,
) -> Page[CampaignOut]:
    """Every campaign, oldest first."""
    rows = sorted(await parts.stores.campaigns.all(), key=lambda row: row.id)
    found = [row for row in rows if row.id > after and status in (None, row.status)]
    page = found[:limit]
    return Page(
        items=[CampaignOut.of(row) for row in page], next=str(page[-1].id) if len(found) > limit else None
    )


@router.post("", status_code=201, responses=documented(409))
async def create_campaign(parts: Given, _: Changes, body: NewCampaign) -> CampaignOut:
    """Make a campaign. Next: upload its message, import a list, start it."""
    campaign = replace(Campaign(CampaignId(0), body.name), **body.changes())
    await _check(parts, campaign, body.changes())
    return CampaignOut.of(await parts.stores.campaigns.add(campaign))


@router.get("/{campaign}", responses=documented(404))
async def get_campaign(parts: Given, _: Sees, campaign: Id) -> CampaignOut:
    """One campaign as it is set."""
    return CampaignOut.of(await parts.stores.campaigns.get(CampaignId(campaign)))


@router.patch("/{campaign}", responses=documented(404, 409))
async def change_campaign(parts: Given, who: Changes, campaign: Id, body: CampaignChange) -> CampaignSaved:
    """Change what is named. A running campaign takes it up at its next decision."""
    was = await parts.stores.campaigns.get(CampaignId(campaign))
    changed = replace(was, **body.changes())
    await _check(parts, changed, body.changes())
    await parts.stores.campaigns.save(changed)
    pushed = Pushed()
    if was.status is CampaignStatus.RUNNING:
        pushed = await try_later(parts, who, "reload", f"campaign:{campaign}")
    return CampaignSaved(**CampaignOut.of(changed).model_dump(), **pushed.model_dump())


@router.get("/{campaign}/leads/count", tags=["leads"], responses=documented(404))
async def count_leads(parts: Given, _: SeesLeads, campaign: Id) -> dict[str, int]:
    """How many leads stand where; `retry` is split into due and later."""
    await parts.stores.campaigns.get(CampaignId(campaign))
    return dict(await parts.stores.leads.count(CampaignId(campaign), parts.tools.clock()))


@router.get("/{campaign}/explain", responses=documented(404, 504, 502))
async def explain_campaign(parts: Given, _: Sees, campaign: Id, speak: Spoken) -> ExplanationOut:
    """Why it dials, or why nothing is being dialled: each gate, and when it opens; by Accept-Language."""
    await parts.stores.campaigns.get(CampaignId(campaign))
    told = await parts.tools.explain(CampaignId(campaign))
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
    _: Sees,
    campaign: Id,
    speak: Spoken,
    day: Annotated[Day | None, Query(description="in UTC; today where it is not given")] = None,
) -> DepthOut:
    """How far down its list it is, and how far down a day went; with `best_first`, what was passed over."""
    known = await parts.stores.campaigns.get(CampaignId(campaign))
    on = day or parts.tools.clock().date().isoformat()
    since_at = datetime.fromisoformat(on).replace(tzinfo=UTC)
    found = await parts.stores.records.depth(known.id, since_at, since_at + timedelta(days=1))
    span = found.span
    return DepthOut(
        campaign=campaign,
        leads=found.leads,
        dialled=found.dialled,
        deepest=found.deepest,
        passed_over=found.passed_over,
        at_hand=found.at_hand,
        day=on,
        day_leads=span.leads,
        day_dials=span.dials,
        day_contacts=span.contacts,
        day_contacts_per_1000=span.contacts_per_1000,
        day_first=span.first,
        day_last=span.last,
        sentence=speak(depth.told(found, on, best_first=known.best_first)),
    )


@router.post("/{campaign}/start", responses=documented(404, 409))
async def start_campaign(parts: Given, who: Runs, campaign: Id, key: Key = "") -> StatusSet:
    """Begin, or go on, dialing. Refused with the reason when something is missing or a law forbids it."""
    row = await parts.stores.campaigns.get(CampaignId(campaign))
    problems = law.check_start(row, lab=parts.shortest_ring_s < law.LAWFUL_RING_S)
    if problems:
        kind = Forbidden if any(one.gate is Gate.LAW for one in problems) else Conflict
        raise kind(
            said(
                "campaign {campaign} cannot start: {problems}",
                campaign=campaign,
                problems=listed((one.reason for one in problems), "; "),
            )
        )
    return await _set_status(parts, who, CampaignStatus.RUNNING, campaign, key)


@router.post("/{campaign}/pause", responses=documented(404, 409))
async def pause_campaign(parts: Given, who: Runs, campaign: Id, key: Key = "") -> StatusSet:
    """Dial nobody new until it is started again; calls in flight go on."""
    row = await parts.stores.campaigns.get(CampaignId(campaign))
    if row.status not in (CampaignStatus.RUNNING, CampaignStatus.PAUSED):
        raise Conflict(
            said(
                "campaign {campaign} is {status}: only a running one can be paused",
                campaign=campaign,
                status=word(row.status),
            )
        )
    return await _set_status(parts, who, CampaignStatus.PAUSED, campaign, key)


@router.post("/{campaign}/stop", responses=documented(404))
async def stop_campaign(parts: Given, who: Runs, campaign: Id, key: Key = "") -> StatusSet:
    """Dial nobody new and give the leads back; calls in flight go on."""
    await parts.stores.campaigns.get(CampaignId(campaign))
    return await _set_status(parts, who, CampaignStatus.STOPPED, campaign, key)


async def _set_status(
    parts: Parts, who: Caller, status: CampaignStatus, campaign: int, key: str
) -> StatusSet:
    """The database first: a cell that is away now reads it when it is back."""
    await parts.stores.campaigns.set_status(CampaignId(campaign), status)
    verb = {CampaignStatus.RUNNING: "start", CampaignStatus.PAUSED: "pause"}.get(status, "stop")
    pushed = await try_later(parts, who, verb, f"campaign:{campaign}", key)
    return StatusSet(campaign=campaign, status=status, **pushed.model_dump())


async def _check(parts: Parts, campaign: Campaign, sent: Mapping[str, Any]) -> None:
    """What the shape of a body cannot say."""
    if "ring_s" in sent and campaign.ring_s < parts.shortest_ring_s:
        raise BadValue(
            said(
                "body/ring_s: a call must ring at least {shortest_ring_s:g} s before it is given"
                " up; {ring_s:g} s is too short",
                shortest_ring_s=parts.shortest_ring_s,
                ring_s=campaign.ring_s,
            )
        )
    if "operators" in sent:
        known = {account.id for account in await parts.stores.accounts.all()}
        if unknown := sorted(campaign.operators - known):
            raise BadValue(
                said(
                    "body/operators: there is no operator {unknown}: add them first",
                    unknown=", ".join(unknown[:5]),
                )
            )
    for at, trunk in enumerate(campaign.trunks if "trunks" in sent else ()):
        try:
            await parts.stores.trunks.get(trunk)
        except Missing:
            raise BadValue(
                said("body/trunks/{at}: there is no trunk {trunk}: add it first", at=at, trunk=trunk)
            ) from None
    if "trunks" in sent or "caller_id" in sent:
        check_caller_id(campaign, await parts.stores.trunks.all())
