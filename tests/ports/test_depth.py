"""How far down its list a campaign is: the same places and figures from every store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Closing
from dialer.domain.depth import Depth, Span
from dialer.domain.lead import Lead, excluded
from dialer.domain.types import CallId, CampaignId, Direction, LeadStatus, Outcome
from dialer.ports.stores import Stores
from tests.ports.made import AT, CELL, SOON, entry, record, update

DAY = AT.replace(hour=0, minute=0, second=0, microsecond=0)
NEXT = DAY + timedelta(days=1)
LONG_LIST = (0, 0, 5, 0, 0, 0, 0, 0)  # priorities; in the order of the list: lead 3, 1, 2, 4, 5, 6, 7, 8


async def _leased(stores: Stores, campaign: CampaignId) -> Mapping[int, Lead]:
    """The whole list, by the number in its name."""
    rows = [replace(entry(n), priority=priority) for n, priority in enumerate(LONG_LIST, 1)]
    await stores.leads.import_list(campaign, "a.csv", rows, now=AT)
    held = await stores.leases.lease(campaign, len(rows), cell=CELL, now=AT, until_at=SOON)
    return {int(lead.name.removeprefix("lead ")): lead for lead in held}


def _closing(name: str, lead: Lead, outcome: Outcome, at: datetime = AT) -> Closing:
    answered = at + timedelta(seconds=6) if outcome is Outcome.CONNECTED else None
    cdr = record(name, lead, dialled_at=at, answer_at=answered, outcome=outcome)
    status = LeadStatus.DONE if answered else LeadStatus.RETRY
    return Closing(cdr, update(lead, outcome, status, SOON), CallId(name))


async def test_places_go_by_priority_and_then_by_the_order_of_the_list(
    stores: Stores, campaign: CampaignId
) -> None:
    leads = await _leased(stores, campaign)
    closings = [
        _closing("c-1", leads[2], Outcome.CONNECTED),
        _closing("c-2", leads[6], Outcome.BUSY),
        _closing("c-3", replace(leads[6], attempts=1), Outcome.NO_ANSWER, AT + timedelta(hours=2)),
    ]
    await stores.ledger.close(closings)
    span = Span(leads=2, dials=3, contacts=1, first=3, last=6)
    # passed over: leads 3, 1, 4 and 5, all of them still leased
    assert await stores.records.depth(campaign, DAY, NEXT) == Depth(8, 2, 6, 4, 4, span)


async def test_who_may_not_be_dialled_any_more_is_not_passed_over(
    stores: Stores, campaign: CampaignId
) -> None:
    leads = await _leased(stores, campaign)
    refused = Closing(None, excluded(leads[1]), CallId("c-2"))
    await stores.ledger.close([_closing("c-1", leads[5], Outcome.BUSY), refused])
    await stores.leads.exclude(leads[2].id)
    await stores.leases.give_back([leads[3].id], cell=CELL, not_before_at=SOON)  # waits for its hours
    await stores.leases.give_back([leads[8].id], cell=CELL)
    depth = await stores.records.depth(campaign, DAY, NEXT)
    # lead 3 waits, lead 4 is leased; behind lead 5 nothing counts
    assert (depth.deepest, depth.passed_over, depth.at_hand) == (5, 2, 1)


async def test_a_day_is_told_apart_from_the_days_before_and_other_campaigns(
    stores: Stores, campaign: CampaignId
) -> None:
    leads = await _leased(stores, campaign)
    other = (await stores.campaigns.add(Campaign(CampaignId(0), "autumn"))).id
    strange = (await _leased(stores, other))[8]
    inbound = record("c-9", leads[8], direction=Direction.IN, dialled_at=NEXT)
    await stores.ledger.close(
        [
            _closing("c-1", leads[3], Outcome.BUSY, NEXT - timedelta(microseconds=1)),
            _closing("c-2", leads[1], Outcome.CONNECTED, NEXT),
            _closing("c-3", leads[4], Outcome.NO_ANSWER, NEXT + timedelta(hours=9)),
            _closing("c-4", leads[7], Outcome.BUSY, NEXT + timedelta(days=1)),
            _closing("c-5", strange, Outcome.BUSY, NEXT),
            Closing(inbound, None, CallId("c-9")),
        ]
    )
    depth = await stores.records.depth(campaign, NEXT, NEXT + timedelta(days=1))
    assert depth.span == Span(leads=2, dials=2, contacts=1, first=2, last=4)
    assert depth.span.contacts_per_1000 == 500
    assert (depth.dialled, depth.deepest) == (4, 7)


async def test_a_list_that_nobody_has_begun_has_no_depth(stores: Stores, campaign: CampaignId) -> None:
    assert await stores.records.depth(campaign, DAY, NEXT) == Depth()
    await _leased(stores, campaign)
    assert await stores.records.depth(campaign, DAY, NEXT) == Depth(leads=8)
    assert await stores.records.depth(CampaignId(2**66), DAY, datetime.now(UTC)) == Depth()
