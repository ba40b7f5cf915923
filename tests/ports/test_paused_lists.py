"""A list that is paused is stepped over, whatever its leads wait for; the others go on in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Closing
from dialer.domain.errors import Missing
from dialer.domain.lead import Lead
from dialer.domain.types import CallId, CampaignId, Outcome
from dialer.ports.stores import Stores
from tests.ports.made import AT, CELL, SOON, entries, entry, update

LATER = AT + timedelta(hours=1)


async def leased(stores: Stores, campaign: CampaignId, n: int = 20) -> Sequence[Lead]:
    return await stores.leases.lease(campaign, n, cell=CELL, now=AT, until_at=SOON)


async def names(stores: Stores, campaign: CampaignId, n: int = 20) -> list[str]:
    """What would be leased, given back at once."""
    found = await leased(stores, campaign, n)
    await stores.leases.give_back([lead.id for lead in found], cell=CELL)
    return [lead.name.removeprefix("lead ") for lead in found]


async def pause(stores: Stores, campaign: CampaignId, *lists: int) -> None:
    row = await stores.campaigns.get(campaign)
    await stores.campaigns.save(replace(row, paused_lists=frozenset(lists)))


async def three_lists(stores: Stores, campaign: CampaignId) -> list[int]:
    """Leads 1 to 3, 4 to 6, 7 to 9; of each the last goes before the others."""
    found = []
    for start in (1, 4, 7):
        rows = [replace(entry(n), priority=int(n % 3 == 0)) for n in range(start, start + 3)]
        found.append((await stores.leads.import_list(campaign, f"{start}.csv", rows, now=AT))[0])
    return found


async def test_new_leads_of_a_paused_list_are_stepped_over(stores: Stores, campaign: CampaignId) -> None:
    one, two, three = await three_lists(stores, campaign)
    assert await names(stores, campaign) == ["3", "6", "9", "1", "2", "4", "5", "7", "8"]
    await pause(stores, campaign, one)
    assert await names(stores, campaign) == ["6", "9", "4", "5", "7", "8"]
    await pause(stores, campaign, two)
    assert await names(stores, campaign, 4) == ["3", "9", "1", "2"]
    await pause(stores, campaign, one, two)
    assert await names(stores, campaign) == ["9", "7", "8"]
    await pause(stores, campaign, one, three, 10**6)
    assert await names(stores, campaign) == ["6", "4", "5"]
    await pause(stores, campaign, one, two, three)
    assert await names(stores, campaign) == []
    await pause(stores, campaign)
    assert len(await names(stores, campaign)) == 9


async def test_retries_and_promises_of_a_paused_list_wait_too(stores: Stores, campaign: CampaignId) -> None:
    one, two = [
        (await stores.leads.import_list(campaign, "a.csv", entries(3, start), now=AT))[0] for start in (1, 4)
    ]
    for lead in await leased(stores, campaign):
        at = AT - timedelta(minutes=lead.id)
        kept = replace(update(lead, Outcome.BUSY, next_at=at), promised_at=at if lead.id % 3 == 0 else None)
        await stores.ledger.close([Closing(cdr=None, lead=kept, call=CallId(f"c{lead.id}"), cell=CELL)])
    assert await names(stores, campaign) == ["6", "3", "5", "4", "2", "1"]
    await pause(stores, campaign, two)
    assert await names(stores, campaign) == ["3", "2", "1"]
    await pause(stores, campaign, one)
    assert await names(stores, campaign, 2) == ["6", "5"]


async def test_leads_that_wait_in_a_paused_list_are_counted_apart(
    stores: Stores, campaign: CampaignId
) -> None:
    one, two = [
        (await stores.leads.import_list(campaign, "a.csv", entries(n, start), now=AT))[0]
        for n, start in ((4, 1), (3, 11))
    ]
    first, second, third, *_ = await leased(stores, campaign, 3)
    await stores.leases.give_back([first.id], cell=CELL, not_before_at=LATER)
    await stores.leases.give_back([second.id], cell=CELL, not_before_at=AT)
    await stores.leads.exclude(third.id)
    before = await stores.leads.count(campaign, AT)
    assert (before["paused"], before["new"], before["retry_due"], before["retry_later"]) == (0, 4, 1, 1)
    await pause(stores, campaign, one)
    counted = await stores.leads.count(campaign, AT)
    assert counted == {**before, "paused": 3, "new": 3, "retry_due": 0, "retry_later": 0}
    assert sum(counted.values()) == 7
    assert await stores.leads.paused(campaign) == {one: 3}
    await pause(stores, campaign, one, two)
    assert await stores.leads.paused(campaign) == {one: 3, two: 3}
    assert (await stores.leads.count(campaign, AT))["new"] == 0
    assert await stores.leads.paused(CampaignId(77)) == {}


async def test_a_paused_list_is_due_at_no_time(stores: Stores, campaign: CampaignId) -> None:
    one, two = [
        (await stores.leads.import_list(campaign, "a.csv", entries(1, start), now=AT))[0] for start in (1, 2)
    ]
    await pause(stores, campaign, one)
    assert await stores.leads.next_due_at(campaign, AT) == AT
    (lead,) = await leased(stores, campaign)
    assert await stores.leads.next_due_at(campaign, AT) is None
    await stores.leases.give_back([lead.id], cell=CELL, not_before_at=LATER)
    assert await stores.leads.next_due_at(campaign, AT) == LATER
    await pause(stores, campaign, two)
    assert await stores.leads.next_due_at(campaign, AT) == AT


async def test_a_lead_that_moved_on_to_another_campaign_is_not_paused_there(
    stores: Stores, campaign: CampaignId
) -> None:
    (one, _) = await stores.leads.import_list(campaign, "a.csv", entries(2), now=AT)
    other = (await stores.campaigns.add(Campaign(CampaignId(0), "other"))).id
    lead = (await stores.leads.find(campaign))[0]
    assert lead.import_id == one
    await stores.choices.move([lead.id], other)
    await pause(stores, campaign, one)
    assert await names(stores, campaign) == []
    assert await names(stores, other) == ["1"]


async def test_an_import_is_found_with_its_campaign(stores: Stores, campaign: CampaignId) -> None:
    (one, _) = await stores.leads.import_list(campaign, "a.csv", entries(2), now=AT)
    row = await stores.leads.find_import(one)
    assert (row["campaign"], row["file_name"], row["leads"]) == (campaign, "a.csv", 2)
    for strange in (one + 1, 0, 2**66):
        with pytest.raises(Missing, match=str(strange)):
            await stores.leads.find_import(strange)
