"""Who can be called, when, and why not before: over a whole list, on a real database, a little at a time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dialer.adapters.numbering import checker
from dialer.adapters.zones import zone_of
from dialer.domain.choice import Choice
from dialer.domain.dialable import DialRules
from dialer.domain.dnc import Entry
from dialer.domain.errors import Forbidden, Missing
from dialer.domain.lead import Lead
from dialer.domain.listwork import Act, Change
from dialer.domain.outlook import When, Why
from dialer.domain.types import CampaignId, LeadId, LeadStatus, PhoneNumber
from dialer.office import lists, outlook
from dialer.office.outlook import Means
from dialer.ports.stores import Stores
from tests.parts.office.conftest import BOSS, NOBODY, WALL

SPRING = CampaignId(1)
NOON = datetime(2026, 3, 2, 9, tzinfo=UTC)
MEANS = Means(checker(DialRules(frozenset({"RU"}))), zone_of, ZoneInfo("Europe/Moscow"))
MOSCOW, OMSK = ("Europe/Moscow",), ("Asia/Omsk",)


def leads(count: int, start: int = 0, zones: tuple[str, ...] = MOSCOW) -> list[Lead]:
    return [
        Lead(LeadId(0), SPRING, (PhoneNumber(f"+7911{start + n:07}"),), zones=zones) for n in range(count)
    ]


async def put(stores: Stores, *rows: Lead) -> None:
    await stores.leads.import_list(SPRING, "list", rows, now=NOON)


async def test_a_campaigns_leads_are_told_by_when_and_why(stores: Stores) -> None:
    await put(stores, *leads(10), *leads(5, 100, OMSK), *leads(3, 200, ()), *leads(2, 300))
    toll = Lead(LeadId(0), SPRING, (PhoneNumber("+78002000000"),), zones=MOSCOW)
    await put(stores, toll)
    await stores.numbers.block(Entry("+79110000300", None, "asked", NOON))
    evening = NOON + timedelta(hours=6)  # 18:00 in Moscow, 21:00 in Omsk
    rows = await stores.leads.find(SPRING)
    callback = [Change(rows[0], _waits(rows[0], evening + timedelta(hours=1)))]
    assert await stores.choices.change(callback)
    found = await outlook.of_campaign(SPRING, WALL, stores, means=MEANS, now=evening)
    assert (found.leads, found.looked_at, found.is_estimate) == (21, 21, False)
    assert found.when == {When.NOW: 10, When.TODAY: 1, When.LATER: 5, When.NEVER: 5}
    assert found.why == {
        (When.TODAY, Why.RETRY): 1,
        (When.LATER, Why.HOURS): 5,
        (When.NEVER, Why.ZONE): 3,
        (When.NEVER, Why.BARRED): 1,
        (When.NEVER, Why.NUMBER_TYPE): 1,
    }
    assert found.first_at == evening + timedelta(hours=1)
    counts = await stores.leads.count(SPRING, evening)
    assert counts["new"] == 20  # nothing was changed


def _waits(lead: Lead, at: datetime) -> Lead:
    return replace(lead, status=LeadStatus.RETRY, next_at=at)


async def test_of_a_long_list_stretches_are_looked_at(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlook, "MOST", 300)
    monkeypatch.setattr(outlook, "STRETCH", 20)
    for start, zones in ((0, MOSCOW), (10_000, OMSK)):
        await put(stores, *leads(1000, start, zones))
    order = lists.Order(Act.EXCLUDE, Choice(SPRING, number="+791100000"))
    assert (await lists.work(order, BOSS, stores, now=NOON)).changed == 100
    found = await outlook.of_campaign(SPRING, BOSS, stores, means=MEANS, now=NOON + timedelta(hours=6))
    assert found.is_estimate
    assert 250 <= found.looked_at <= 320
    assert found.leads == 2000
    assert found.why[When.NEVER, Why.WORKED] == 100
    assert abs(found.when[When.NOW] - 900) < 150
    assert abs(found.when[When.LATER] - 1000) < 150


async def test_a_file_is_told_as_it_would_be_dialled(stores: Stores) -> None:
    campaign = await stores.campaigns.get(SPRING)
    await stores.numbers.block(Entry("+7911*", None, "", NOON))
    found = await outlook.of_leads(campaign, leads(2), stores, means=MEANS, now=NOON)
    assert found.why == {(When.NEVER, Why.BARRED): 2}
    some = await outlook.of_leads(campaign, leads(2), stores, means=MEANS, now=NOON, count=10_000)
    assert (some.is_estimate, some.when[When.NEVER]) == (True, 10_000)
    none = await outlook.of_leads(campaign, [], stores, means=MEANS, now=NOON)
    assert none.leads == 0


async def test_others_have_their_turn_while_a_list_is_looked_at(stores: Stores) -> None:
    await put(stores, *leads(2000))
    longest, last = 0.0, asyncio.get_running_loop().time()

    async def beat() -> None:
        nonlocal longest, last
        while True:
            await asyncio.sleep(0)
            now = asyncio.get_running_loop().time()
            longest, last = max(longest, now - last), now

    beating = asyncio.create_task(beat())
    await outlook.of_campaign(SPRING, BOSS, stores, means=MEANS, now=NOON)
    beating.cancel()
    assert longest < 0.25  # some 20 ms on a quiet machine, of a look at 2,000 leads that takes a second


async def test_a_campaign_that_is_not_there_and_a_caller_who_may_not(stores: Stores) -> None:
    with pytest.raises(Missing):
        await outlook.of_campaign(CampaignId(9), BOSS, stores, means=MEANS, now=NOON)
    with pytest.raises(Forbidden):
        await outlook.of_campaign(SPRING, NOBODY, stores, means=MEANS, now=NOON)


async def test_a_paused_list_and_a_holiday_are_foreseen(stores: Stores) -> None:
    await put(stores, *leads(4))
    await put(stores, *leads(3, 100))
    row = await stores.campaigns.get(SPRING)
    await stores.campaigns.save(replace(row, paused_lists=frozenset({1}), holidays="zone"))
    feast = replace(MEANS, holiday_of=lambda calendar, zone, day: "Feast" * (day == NOON.date()))
    found = await outlook.of_campaign(SPRING, WALL, stores, means=feast, now=NOON)
    assert found.when == {When.NOW: 0, When.TODAY: 0, When.LATER: 3, When.NEVER: 4}
    assert found.why == {(When.NEVER, Why.PAUSED): 4, (When.LATER, Why.HOURS): 3}
