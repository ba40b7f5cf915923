"""Leads at hand: chosen by odds, and still none of them waits for ever."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from time import monotonic

import pytest

from dialer.adapters.memory import memory_stores
from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Closing
from dialer.domain.errors import StoreDown
from dialer.domain.lead import Lead, next_try, unchanged
from dialer.domain.pacing.decision import Snapshot, TrunkView
from dialer.domain.pacing.supply import Supply
from dialer.domain.schedule import every_day
from dialer.domain.types import CallId, CampaignId, CellId, LeadId, Outcome, PhoneNumber, TrunkId
from dialer.engine.hopper import EMPTY_PAUSE_S, LEASE_S, Hopper
from dialer.ports.stores import Stores

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
    hopper = Hopper(stores.leases, CellId("main"), lambda: AT, seconds=monotonic, size=SIZE)
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


MAIN_CELL = CellId("main")


async def filled(
    stores: Stores, seconds: Callable[[], float] = monotonic, clock: Callable[[], datetime] = lambda: AT
) -> tuple[Hopper, CampaignId]:
    """A hopper with all ten leads of a list in it."""
    campaign = (await stores.campaigns.add(Campaign(CampaignId(0), "list"))).id
    rows = [Lead(LeadId(0), campaign, (PhoneNumber(f"+7916{n:07}"),)) for n in range(SIZE // 2)]
    await stores.leads.import_list(campaign, "list.csv", rows, now=AT)
    hopper = Hopper(stores.leases, MAIN_CELL, clock, seconds=seconds, size=SIZE)
    assert await hopper.fill(campaign) == SIZE // 2
    return hopper, campaign


async def test_a_lead_that_is_leased_again_while_it_is_ours_comes_once() -> None:
    """Its lease ran out, or was given back by somebody: here, in a call, or in a record on its way."""
    stores = memory_stores()
    hopper, campaign = await filled(stores)
    first, second, third = hopper.candidates(campaign)[:3]
    hopper.take(campaign, second)
    hopper.take(campaign, third)
    hopper.busy = lambda: {second.id}
    hopper.moved(next_try(third, Campaign(campaign, "list"), Outcome.BUSY, AT))
    await stores.leases.release_run_out(AT + timedelta(days=1), gone_s=0)
    assert await hopper.fill(campaign) == 0
    ids = [lead.id for lead in hopper.candidates(campaign)]
    assert sorted(ids) == sorted(set(ids))
    assert {second.id, third.id}.isdisjoint(ids)
    assert first.id in ids


async def test_a_lead_that_came_back_from_the_database_with_its_attempt_is_dialled_again() -> None:
    stores = memory_stores()
    hopper, campaign = await filled(stores)
    lead = hopper.candidates(campaign)[0]
    hopper.take(campaign, lead)
    again = replace(next_try(lead, Campaign(campaign, "list"), Outcome.BUSY, AT), next_at=AT)
    hopper.moved(again)
    await stores.ledger.close([Closing(None, again, CallId("c-1"), MAIN_CELL)])
    assert await hopper.fill(campaign) == 1
    assert lead.id in {each.id for each in hopper.candidates(campaign)}


async def test_what_somebody_else_has_by_now_is_not_dialled() -> None:
    stores = memory_stores()
    hopper, campaign = await filled(stores)
    await stores.leases.release_run_out(AT + timedelta(days=1), gone_s=0)
    until_at = AT + timedelta(hours=1)
    west = await stores.leases.lease(campaign, 4, cell=CellId("west"), now=AT, until_at=until_at)
    await stores.leases.lease(campaign, 99, cell=MAIN_CELL, now=AT, until_at=AT + timedelta(hours=1))
    hopper.must_renew()
    await hopper.renew()
    left = {lead.id for lead in hopper.candidates(campaign)}
    assert len(left) == SIZE // 2 - 4
    assert left.isdisjoint(lead.id for lead in west)


async def test_while_leases_may_have_run_out_nothing_is_at_hand_and_a_renewal_brings_it_back() -> None:
    passed = [0.0]
    stores = memory_stores()
    hopper, campaign = await filled(stores, lambda: passed[0])
    passed[0] = LEASE_S
    assert hopper.candidates(campaign) == ()
    assert hopper.ages()
    await hopper.renew()
    assert len(hopper.candidates(campaign)) == SIZE // 2
    assert not hopper.ages()


@pytest.mark.parametrize("by", [timedelta(hours=1), timedelta(hours=-1)])
async def test_what_is_at_hand_stays_so_when_the_clock_is_set(by: timedelta) -> None:
    shows = [AT]
    hopper, campaign = await filled(memory_stores(), clock=lambda: shows[0])
    shows[0] += by
    assert len(hopper.candidates(campaign)) == SIZE // 2
    assert not hopper.ages()


async def test_leads_given_back_count_anew() -> None:
    stores = memory_stores()
    campaign = (await stores.campaigns.add(Campaign(CampaignId(0), "list"))).id
    rows = [Lead(LeadId(0), campaign, (PhoneNumber(f"+7916{n:07}"),)) for n in range(9 * SIZE)]
    await stores.leads.import_list(campaign, "list.csv", rows, now=AT)
    hopper = Hopper(stores.leases, CellId("main"), lambda: AT, seconds=monotonic, size=SIZE)
    for _ in range(2 * SIZE):
        if hopper.wants(campaign):
            await hopper.fill(campaign)
        hopper.take(campaign, hopper.candidates(campaign)[-1])
    assert hopper.overdue(campaign) > 0
    await hopper.give_back(campaign)
    await hopper.fill(campaign)
    assert hopper.overdue(campaign) == 0


class Lent:
    """A lease store that says what it is asked and gives what it is told."""

    def __init__(self, *leads: Lead) -> None:
        self.leads = list(leads)
        self.asked: list[int] = []
        self.away = False

    async def lease(self, campaign: CampaignId, n: int, **rest: object) -> list[Lead]:
        self.asked.append(n)
        if self.away:
            raise StoreDown("gone")
        came, self.leads = self.leads[:n], self.leads[n:]
        return came


ONE_LIST = CampaignId(1)


def lent(n: int, seconds: Callable[[], float], size: int = 4) -> tuple[Hopper, Lent]:
    leads = (
        Lead(LeadId(i), ONE_LIST, (PhoneNumber(f"+7916{i:07}"),), attempts=i % 2) for i in range(1, n + 1)
    )
    leases = Lent(*leads)
    return Hopper(leases, MAIN_CELL, lambda: AT, seconds=seconds, size=size), leases  # type: ignore[arg-type]


async def test_a_hopper_is_filled_up_when_it_is_half_empty() -> None:
    hopper, leases = lent(9, lambda: 0.0)
    assert hopper.wants(ONE_LIST)
    assert await hopper.fill(ONE_LIST) == 4
    assert (hopper.wants(ONE_LIST), hopper.waiting(), hopper.campaigns()) == (False, [1, 2, 3, 4], [ONE_LIST])
    hopper.take(ONE_LIST, hopper.candidates(ONE_LIST)[0])
    assert not hopper.wants(ONE_LIST)
    hopper.take(ONE_LIST, hopper.candidates(ONE_LIST)[1])
    assert hopper.wants(ONE_LIST)
    assert await hopper.fill(ONE_LIST) == 2
    assert (hopper.waiting(), leases.asked) == ([2, 4, 5, 6], [4, 2])


@pytest.mark.parametrize("away", [False, True])
async def test_a_list_that_gave_nothing_is_asked_again_after_a_pause(away: bool) -> None:
    passed = 0.0
    hopper, leases = lent(0, lambda: passed)
    leases.away = away
    assert await hopper.fill(ONE_LIST) == 0
    passed = EMPTY_PAUSE_S - 0.01
    assert not hopper.wants(ONE_LIST)
    passed = EMPTY_PAUSE_S
    assert hopper.wants(ONE_LIST)


async def test_rows_that_know_of_fewer_attempts_than_we_do_are_older_and_left_out() -> None:
    hopper, _ = lent(4, lambda: 0.0)
    lead = Lead(LeadId(2), ONE_LIST, (PhoneNumber("+79160000002"),), attempts=0)
    stale = replace(unchanged(replace(lead, id=LeadId(1))), attempts=2)
    hopper.moved(stale)
    hopper.moved(replace(unchanged(lead), attempts=0))
    hopper.busy = lambda: [LeadId(3)]
    assert await hopper.fill(ONE_LIST) == 2
    assert hopper.waiting() == [2, 4]


async def test_a_persons_word_that_an_attempt_does_not_count_brings_the_row_back() -> None:
    hopper, _ = lent(1, lambda: 0.0)
    hopper.moved(replace(unchanged(Lead(LeadId(1), ONE_LIST, (PhoneNumber("+79160000001"),))), attempts=2))
    hopper.unmade([LeadId(1), LeadId(99)])
    assert await hopper.fill(ONE_LIST) == 1


async def test_leases_age_and_are_at_hand_no_longer_than_they_last() -> None:
    passed = 0.0
    hopper, _ = lent(2, lambda: passed)
    await hopper.fill(ONE_LIST)
    assert [len(hopper.candidates(ONE_LIST)), hopper.ages()] == [2, False]
    passed = LEASE_S / 2
    assert not hopper.ages()
    passed = LEASE_S / 2 + 1
    assert hopper.ages()
    passed = LEASE_S - 0.01
    assert len(hopper.candidates(ONE_LIST)) == 2
    passed = LEASE_S
    assert len(hopper.candidates(ONE_LIST)) == 0
    assert hopper.candidates(CampaignId(2)) == ()
