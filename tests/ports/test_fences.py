"""What comes late, twice or from the wrong cell spoils nothing: leases have owners, attempts add up."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Closing, WrapUp
from dialer.domain.cells import Holder
from dialer.domain.lead import Lead, next_try, unchanged
from dialer.domain.types import CallId, CampaignId, CellId, LeadId, LeadStatus, OperatorId, Outcome
from dialer.ports.stores import Stores
from tests.ports.made import AT, CELL, SOON, entries, record

WEST = CellId("west")
LATER = SOON + timedelta(minutes=10)
RULES = Campaign(CampaignId(1), "c")  # busy: again in five minutes


async def one(stores: Stores, campaign: CampaignId, cell: CellId = CELL) -> Lead:
    """Leased to this cell."""
    (lead,) = await stores.leases.lease(campaign, 1, cell=cell, now=AT, until_at=SOON)
    return lead


@pytest.fixture
async def lead(stores: Stores, campaign: CampaignId) -> Lead:
    await stores.leads.import_list(campaign, "a.csv", entries(1), now=AT)
    return await one(stores, campaign)


def busy(lead: Lead, call: str, cell: CellId = CELL) -> Closing:
    return Closing(record(call, lead), next_try(lead, RULES, Outcome.BUSY, AT), CallId(call), cell)


async def test_a_cell_gives_back_and_renews_what_is_its_own_only(
    stores: Stores, campaign: CampaignId, lead: Lead
) -> None:
    assert await stores.leases.renew([lead.id], cell=WEST, until_at=LATER) == set()
    await stores.leases.give_back([lead.id], cell=WEST)
    assert (await stores.leads.get(lead.id)).status is LeadStatus.LEASED
    assert await stores.leases.renew([lead.id, LeadId(99)], cell=CELL, until_at=LATER) == {lead.id}
    assert await stores.leases.release_run_out(SOON + timedelta(seconds=1), gone_s=0) == 0
    await stores.leases.give_back([lead.id], cell=CELL)
    assert await stores.leases.renew([lead.id], cell=CELL, until_at=LATER) == set()


async def test_leases_of_a_cell_at_work_never_run_out_for_others(
    stores: Stores, campaign: CampaignId, lead: Lead
) -> None:
    """Neither a clock that differs nor a database that was away takes them from it, nor a short absence."""
    await stores.cells.take(CELL, Holder("ann", "host", 1), lease_s=600)
    assert await stores.leases.release_run_out(LATER, gone_s=0) == 0
    await stores.cells.release(CELL, "ann", in_order=False)
    assert await stores.leases.release_run_out(LATER, gone_s=300) == 0, "somebody's clock is ahead"
    await asyncio.sleep(0.002)  # SQLite's clock shows milliseconds
    assert await stores.leases.release_run_out(LATER, gone_s=0) == 1
    assert (await stores.leads.get(lead.id)).status is LeadStatus.NEW


async def test_a_lease_whose_answer_was_lost_comes_back_and_those_that_are_known_stay(
    stores: Stores, campaign: CampaignId, lead: Lead
) -> None:
    await stores.leads.import_list(campaign, "b.csv", entries(2, 10), now=AT)
    known, lost = await stores.leases.lease(campaign, 2, cell=CELL, now=AT, until_at=SOON)
    assert await stores.leases.reclaim(CELL, but=[known.id, lead.id], now=SOON) == 0
    assert await stores.leases.reclaim(WEST, but=[], now=LATER) == 0
    assert await stores.leases.reclaim(CELL, but=[known.id, lead.id], now=LATER) == 1
    assert (await stores.leads.get(lost.id)).status is LeadStatus.NEW
    assert (await stores.leads.get(known.id)).status is LeadStatus.LEASED


async def test_an_attempt_that_is_recorded_late_is_added_not_written_over(
    stores: Stores, campaign: CampaignId, lead: Lead
) -> None:
    """Leased again from a row that knew nothing of the first call: two calls are two attempts."""
    await stores.leases.give_back([lead.id], cell=CELL)
    again = await one(stores, campaign)
    no_answer = next_try(again, RULES, Outcome.NO_ANSWER, AT + timedelta(seconds=40))
    second = Closing(record("c-2", again), no_answer, CallId("c-2"), CELL)
    await stores.ledger.close([second])
    await stores.ledger.close([busy(lead, "c-1")])
    kept = await stores.leads.get(lead.id)
    assert kept.attempts == 2
    assert kept.tried == {Outcome.BUSY: 1, Outcome.NO_ANSWER: 1}
    assert (kept.last_outcome, kept.last_at) == (Outcome.NO_ANSWER, AT + timedelta(seconds=40))
    assert kept.status is LeadStatus.RETRY
    assert second.lead is not None
    assert kept.next_at == second.lead.next_at


async def test_of_one_batch_every_attempt_counts(stores: Stores, campaign: CampaignId, lead: Lead) -> None:
    await stores.ledger.close([busy(lead, "c-1"), busy(lead, "c-2"), busy(lead, "c-3")])
    kept = await stores.leads.get(lead.id)
    assert (kept.attempts, kept.tried) == (3, {Outcome.BUSY: 3})


async def test_a_late_record_does_not_end_the_lease_that_another_cell_has_by_now(
    stores: Stores, campaign: CampaignId, lead: Lead
) -> None:
    await stores.leases.give_back([lead.id], cell=CELL)
    theirs = await one(stores, campaign, WEST)
    await stores.ledger.close([busy(lead, "c-1")])
    kept = await stores.leads.get(lead.id)
    assert (kept.status, kept.attempts) == (LeadStatus.LEASED, 1)
    assert await stores.leases.renew([lead.id], cell=WEST, until_at=LATER) == {lead.id}
    await stores.ledger.close([busy(theirs, "w-1", WEST)])
    after = await stores.leads.get(lead.id)
    assert (after.status, after.attempts) == (LeadStatus.RETRY, 2)


async def test_given_back_after_a_late_record_a_lead_keeps_the_pause_of_that_record(
    stores: Stores, campaign: CampaignId, lead: Lead
) -> None:
    await stores.leases.give_back([lead.id], cell=CELL)
    await one(stores, campaign, WEST)
    closing = busy(lead, "c-1")
    await stores.ledger.close([closing])
    await stores.leases.give_back([lead.id], cell=WEST)
    kept = await stores.leads.get(lead.id)
    assert closing.lead is not None
    assert (kept.status, kept.next_at) == (LeadStatus.RETRY, closing.lead.next_at)


async def test_what_is_finished_stays_finished_whatever_comes_late(
    stores: Stores, campaign: CampaignId, lead: Lead
) -> None:
    await stores.leases.give_back([lead.id], cell=CELL)
    again = await one(stores, campaign)
    talk = next_try(again, RULES, Outcome.CONNECTED, AT)
    await stores.ledger.close([Closing(record("c-2", again), talk, CallId("c-2"), CELL)])
    await stores.ledger.close([busy(lead, "c-1")])
    kept = await stores.leads.get(lead.id)
    assert (kept.status, kept.next_at, kept.attempts) == (LeadStatus.DONE, None, 2)
    await stores.ledger.close([Closing(None, unchanged(lead), CallId("c-3"), CELL)])
    assert (await stores.leads.get(lead.id)).status is LeadStatus.DONE


async def test_a_talk_that_is_recorded_late_takes_the_lead_out_of_another_cells_hands(
    stores: Stores, campaign: CampaignId, lead: Lead
) -> None:
    await stores.leases.give_back([lead.id], cell=CELL)
    await one(stores, campaign, WEST)
    talk = next_try(lead, RULES, Outcome.CONNECTED, AT)
    await stores.ledger.close([Closing(record("c-1", lead), talk, CallId("c-1"), CELL)])
    assert (await stores.leads.get(lead.id)).status is LeadStatus.DONE
    assert await stores.leases.renew([lead.id], cell=WEST, until_at=LATER) == set()


async def test_a_wrap_up_that_comes_before_its_record_counts_its_attempt(
    stores: Stores, campaign: CampaignId, lead: Lead
) -> None:
    moved = next_try(lead, RULES, Outcome.CONNECTED, AT)
    after = replace(moved, status=LeadStatus.RETRY, next_at=LATER, base=1)
    await stores.ledger.wrap([WrapUp(CallId("c-1"), OperatorId("101"), 1.0, "callback", AT, after)])
    await stores.ledger.close([Closing(record("c-1", lead), moved, CallId("c-1"), CELL)])
    kept = await stores.leads.get(lead.id)
    assert (kept.status, kept.next_at, kept.attempts) == (LeadStatus.RETRY, LATER, 1)


async def test_an_older_versions_word_is_taken_as_it_is(
    stores: Stores, campaign: CampaignId, lead: Lead
) -> None:
    older = replace(next_try(lead, RULES, Outcome.BUSY, AT), base=None)
    await stores.ledger.close([Closing(record("c-1", lead), older, CallId("c-1"))])
    kept = await stores.leads.get(lead.id)
    assert (kept.attempts, kept.status) == (1, LeadStatus.RETRY)


async def test_what_a_damaged_journal_may_have_dialled_is_given_to_nobody_until_a_person_decides(
    stores: Stores, campaign: CampaignId, lead: Lead
) -> None:
    await stores.leads.import_list(campaign, "b.csv", entries(4, 10), now=AT)
    known, *unsure = await stores.leases.lease(campaign, 3, cell=CELL, now=AT, until_at=SOON)
    theirs = await one(stores, campaign, WEST)
    assert await stores.leases.hold_back(CELL, but=[known.id]) == 3
    assert await stores.leases.hold_back(CELL, but=[known.id]) == 0
    assert await stores.leases.held_back() == {CELL: 3}
    assert await stores.leases.release_cell(CELL, but=[known.id]) == 0
    assert await stores.leases.reclaim(CELL, but=[known.id], now=LATER) == 0
    await stores.leases.give_back([theirs.id], cell=WEST)
    assert await stores.leases.release_run_out(LATER, gone_s=0) == 1  # the one that is known
    taken = await stores.leases.lease(campaign, 99, cell=WEST, now=LATER, until_at=LATER)
    assert {each.id for each in taken}.isdisjoint({lead.id, *(each.id for each in unsure)})
    assert await stores.leases.decide(WEST, dial=True) == 0
    assert await stores.leases.decide(CELL, dial=True) == 3
    assert await stores.leases.held_back() == {}
    assert {(await stores.leads.get(each.id)).status for each in (lead, *unsure)} == {LeadStatus.NEW}


async def test_taken_out_by_a_person_they_are_never_dialled(
    stores: Stores, campaign: CampaignId, lead: Lead
) -> None:
    await stores.leases.hold_back(CELL, but=[])
    assert await stores.leases.decide(CELL, dial=False) == 1
    assert (await stores.leads.get(lead.id)).status is LeadStatus.EXCLUDED
    assert await stores.leases.held_back() == {}
