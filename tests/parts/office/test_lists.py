"""Working a list: what is done to many leads, what is left out and why, on a real database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dialer.domain.access import Caller
from dialer.domain.campaign import Campaign
from dialer.domain.choice import Choice
from dialer.domain.dnc import Entry
from dialer.domain.errors import BadField, Forbidden, Missing
from dialer.domain.lead import Lead
from dialer.domain.listwork import Act, Left
from dialer.domain.types import CampaignId, CellId, LeadId, LeadStatus, PhoneNumber
from dialer.office import lists
from dialer.office.lists import Order, Worked
from dialer.ports.stores import Stores
from tests.parts.office.conftest import ANNA, BOSS, NOBODY, WALL

SPRING = CampaignId(1)
ALL = Choice(SPRING)
NOW = datetime(2026, 2, 3, 9, 0, tzinfo=UTC)


def people(count: int, first: int = 1) -> list[Lead]:
    numbers = (PhoneNumber(f"+7916{n:07}") for n in range(first, first + count))
    return [Lead(LeadId(0), SPRING, (number,), name=f"lead {number[-5:]}") for number in numbers]


async def work(stores: Stores, act: Act, choice: Choice = ALL, who: Caller = BOSS, **given: Any) -> Worked:
    asked = {name: given.pop(name) for name in ("priority", "to") if name in given}
    order = Order(act, choice, whole_list=True, **asked)
    return await lists.work(order, who, stores, now=NOW, **given)


@pytest.mark.parametrize("who", [NOBODY, WALL, ANNA], ids=lambda who: who.user)
async def test_who_may_not_change_leads_changes_none(stores: Stores, who: Caller) -> None:
    await stores.leads.import_list(SPRING, "a.csv", people(1), now=NOW)
    for act in Act:
        with pytest.raises(Forbidden, match="needs the role supervisor"):
            await work(stores, act, who=who)
    with pytest.raises(Forbidden):
        await lists.find(ALL, NOBODY, stores)
    for nobodys in (NOBODY, WALL):
        with pytest.raises(Forbidden, match="needs the role operator"):
            await lists.find(ALL, nobodys, stores)
    assert [lead.status for lead in await lists.find(ALL, ANNA, stores)] == [LeadStatus.NEW]


async def test_what_is_missing_in_an_order_is_named_and_nothing_happens(stores: Stores) -> None:
    await stores.leads.import_list(SPRING, "a.csv", people(1), now=NOW)
    with pytest.raises(BadField, match="whole list"):
        await lists.work(Order(Act.DELETE, ALL), BOSS, stores, now=NOW)
    for order, words in (
        ({"act": Act.PRIORITY}, "which priority"),
        ({"act": Act.PRIORITY, "priority": 1001}, "priority"),
        ({"act": Act.MOVE}, "to which campaign"),
        ({"act": Act.MOVE, "to": SPRING}, "already"),
    ):
        with pytest.raises(BadField, match=words):
            await work(stores, **order)
    with pytest.raises(Missing):
        await work(stores, Act.MOVE, to=CampaignId(9))
    with pytest.raises(Missing):
        await work(stores, Act.DELETE, Choice(CampaignId(9)))
    assert len(await lists.find(ALL, BOSS, stores)) == 1


async def test_a_preview_says_what_the_act_then_does_and_again_there_is_nothing_to_do(stores: Stores) -> None:
    await stores.leads.import_list(SPRING, "a.csv", people(1_000), now=NOW)
    await stores.numbers.block(Entry("+79160000999", None, "asked", NOW))
    await stores.leases.lease(SPRING, 3, cell=CellId("main"), now=NOW, until_at=NOW + timedelta(minutes=5))
    first = await work(stores, Act.EXCLUDE, dry_run=True)
    assert await stores.leads.count(SPRING, NOW) | {"new": 997, "leased": 3} == await stores.leads.count(
        SPRING, NOW
    )
    assert await work(stores, Act.EXCLUDE) == first
    assert (first.chosen, first.changed, first.left_out, first.next) == (
        {LeadStatus.NEW: 997, LeadStatus.LEASED: 3},
        997,
        {Left.LEASED: 3},
        None,
    )
    again = await work(stores, Act.EXCLUDE)
    assert (again.changed, again.left_out) == (0, {Left.LEASED: 3, Left.AS_IT_IS: 997})
    back = await work(stores, Act.INCLUDE)
    assert (back.changed, back.left_out) == (996, {Left.LEASED: 3, Left.BARRED: 1})


async def test_one_request_does_so_many_and_says_where_to_go_on(stores: Stores) -> None:
    await stores.leads.import_list(SPRING, "a.csv", people(1_001), now=NOW)
    done, after = [], 0
    while True:
        told = await work(stores, Act.PRIORITY, priority=5, after=after, most=500)
        done.append(told.changed)
        if told.next is None:
            break
        after = told.next
    assert done == [500, 500, 1]
    assert {lead.priority for lead in await lists.find(ALL, BOSS, stores, limit=1000)} == {5}


async def test_leads_move_and_duplicates_stay_and_are_counted(stores: Stores) -> None:
    await stores.leads.import_list(SPRING, "a.csv", people(5), now=NOW)
    other = (await stores.campaigns.add(Campaign(CampaignId(0), "autumn"))).id
    await stores.leads.import_list(other, "b.csv", people(2, 4), now=NOW)
    first = await work(stores, Act.MOVE, to=other, dry_run=True)
    told = await work(stores, Act.MOVE, to=other)
    assert (first, told.changed, told.left_out) == (told, 3, {Left.DUPLICATE: 2})
    assert len(await lists.find(ALL, BOSS, stores)) == 2
    assert len(await lists.find(replace(ALL, campaign=other), BOSS, stores)) == 5


async def test_leads_are_deleted_that_are_sought(stores: Stores) -> None:
    await stores.leads.import_list(SPRING, "a.csv", people(5), now=NOW)
    told = await work(stores, Act.DELETE, replace(ALL, search="00 00-03"))
    assert (told.changed, told.chosen) == (1, {LeadStatus.NEW: 1})
    assert [lead.name for lead in await lists.find(ALL, BOSS, stores)] == [
        f"lead {n:05}" for n in (1, 2, 4, 5)
    ]


async def test_what_others_change_in_the_same_moment_is_counted_as_that(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stores.leads.import_list(SPRING, "a.csv", people(3), now=NOW)
    chosen = stores.choices.chosen

    async def then_one_is_leased(choice: Choice, *, after: int = 0, limit: int = 100) -> Any:
        page = await chosen(choice, after=after, limit=limit)
        await stores.leases.lease(SPRING, 1, cell=CellId("main"), now=NOW, until_at=NOW + timedelta(hours=1))
        return page

    monkeypatch.setattr(stores.choices, "chosen", then_one_is_leased)
    told = await work(stores, Act.EXCLUDE)
    assert (told.changed, told.left_out) == (2, {Left.CHANGED: 1})
