"""Leads at hand: chosen by odds, and still none of them waits for ever."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, time

from dialer.adapters.memory import memory_stores
from dialer.domain.campaign import Campaign
from dialer.domain.lead import Lead
from dialer.domain.pacing.decision import Snapshot, TrunkView
from dialer.domain.pacing.supply import Supply
from dialer.domain.schedule import every_day
from dialer.domain.types import CampaignId, CellId, LeadId, PhoneNumber, TrunkId
from dialer.engine.hopper import Hopper

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MAIN = TrunkId("main")
SIZE = 20


def ranked_first(hopper: Hopper, campaign: Campaign, odds: Callable[[Lead], float]) -> Lead:
    """What a decision would dial next."""
    trunks = {MAIN: TrunkView(MAIN, 9, 9, True)}
    at_hand, overdue = hopper.candidates(campaign.id), hopper.overdue(campaign.id)
    supply = Supply(Snapshot(AT, [campaign], {campaign.id: at_hand}, [], [], trunks, {campaign.id: overdue}))
    supply.rank(campaign.id, lambda lead: -odds(lead))
    assert supply.obstacle(campaign) == ""
    return supply.dial(campaign).lead


async def dialled(n: int, odds: Callable[[Lead], float], *, of: int) -> AsyncIterator[Lead]:
    stores = memory_stores()
    settings = {"trunks": (MAIN,), "schedule": every_day(time(0), time(0)), "best_first": True}
    campaign = await stores.campaigns.add(Campaign(CampaignId(0), "list", **settings))  # type: ignore[arg-type]
    rows = [Lead(LeadId(0), campaign.id, (PhoneNumber(f"+7916{n:07}"),)) for n in range(of)]
    await stores.leads.import_list(campaign.id, "list.csv", rows, now=AT)
    hopper = Hopper(stores.leads, CellId("main"), lambda: AT, SIZE)
    for _ in range(n):
        if hopper.wants(campaign.id):
            await hopper.fill(campaign.id)
        lead = ranked_first(hopper, campaign, odds)
        hopper.take(campaign.id, lead)
        yield lead


async def test_the_lead_with_the_worst_odds_is_dialled_after_two_hoppers_of_better_ones() -> None:
    worst = LeadId(1)
    order = [lead.id async for lead in dialled(100, lambda lead: lead.id != worst, of=500)]
    assert order.index(worst) == 2 * SIZE


async def test_no_lead_waits_longer_than_three_hoppers_though_every_later_one_has_better_odds() -> None:
    order = [lead.id async for lead in dialled(400, lambda lead: lead.id, of=600)]
    # each refill brings half a hopper: a lead came when at most its number was taken
    assert set(range(1, 400 - 3 * SIZE)) <= set(order)
    waits = [place - max(0, lead - SIZE) for place, lead in enumerate(order)]
    assert max(waits) <= 3 * SIZE
    assert order[0] == SIZE  # and the likeliest of those at hand goes first


async def test_leads_given_back_count_anew() -> None:
    stores = memory_stores()
    campaign = (await stores.campaigns.add(Campaign(CampaignId(0), "list"))).id
    rows = [Lead(LeadId(0), campaign, (PhoneNumber(f"+7916{n:07}"),)) for n in range(9 * SIZE)]
    await stores.leads.import_list(campaign, "list.csv", rows, now=AT)
    hopper = Hopper(stores.leads, CellId("main"), lambda: AT, SIZE)
    for _ in range(2 * SIZE):
        if hopper.wants(campaign):
            await hopper.fill(campaign)
        hopper.take(campaign, hopper.candidates(campaign)[-1])
    assert hopper.overdue(campaign) > 0
    await hopper.give_back(campaign)
    await hopper.fill(campaign)
    assert hopper.overdue(campaign) == 0
