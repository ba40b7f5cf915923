"""One list of a campaign is paused while it is dialled: at once, and nothing of it is lost."""

from __future__ import annotations

from dataclasses import replace

from dialer.domain.lead import Lead
from dialer.domain.said import heard
from dialer.domain.types import LeadId, LeadStatus, PhoneNumber
from dialer.ports.between import Command
from dialer.sim.clock import now, until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import House
from tests.unit.engine.virtual import in_virtual_time


async def two_lists(first: int, second: int) -> House:
    house = House(PretendAsterisk(lambda number: Fate(after_s=2, talk_s=5)))
    campaign = await house.furnish(operators=1, leads=first)
    rows = [
        Lead(LeadId(0), campaign.id, (PhoneNumber(f"+7921{n:07}"),), zones=("Europe/Moscow",))
        for n in range(second)
    ]
    await house.stores.leads.import_list(campaign.id, "second.csv", rows, now=now())
    return house


async def pause(house: House, *lists: int) -> None:
    row = await house.stores.campaigns.get(house.campaign.id)
    await house.stores.campaigns.save(replace(row, paused_lists=frozenset(lists)))


def lists_at_hand(house: House) -> set[int]:
    return {lead.import_id for lead in house.cell.pacer.at_hand(house.campaign.id)}


@in_virtual_time
async def test_what_is_at_hand_of_a_paused_list_goes_back_as_it_was_and_the_other_list_is_dialled() -> None:
    house = await two_lists(30, 30)
    await house.start()
    await house.all_ready()
    await until(lambda: len(house.cell.calls), 60)
    under_way = {call.lead for call in house.cell.calls.all()}
    await pause(house, 1)
    await until(lambda: lists_at_hand(house) == {2}, 5)
    assert under_way <= {call.lead for call in house.cell.calls.all()}  # calls under way go on
    await until(lambda: any(str(call.number).startswith("+7921") for call in house.cell.calls.all()), 120)
    first = [lead for lead in await house.stores.leads.find(house.campaign.id) if lead.import_id == 1]
    untouched = [lead for lead in first if lead.id not in under_way and not lead.attempts]
    assert {(lead.status, lead.next_at) for lead in untouched} == {(LeadStatus.NEW, None)}
    await pause(house)
    await until(lambda: 1 in lists_at_hand(house), 300)
    await house.stop()


@in_virtual_time
async def test_the_cell_says_why_a_lead_is_not_called() -> None:
    house = await two_lists(5, 5)
    await house.start()

    async def why(lead: int) -> str:
        return heard((await house.cell.desk.do(Command("why", f"lead:{lead}")))["summary"])

    await until(lambda: house.shell.linked.is_set() and lists_at_hand(house) == {1, 2}, 10)
    assert (await why(1)).startswith("The campaign's 1 operator is not logged in.")
    await pause(house, 1)
    assert await why(1) == "List 1 is paused. What helps: `dialer import --resume 1`."
    assert (await why(10)).startswith("The campaign's 1 operator is not logged in.")
    await house.stores.leads.exclude(LeadId(10))
    assert "`dialer lead work include 'list' --lead 10`" in await why(10)
    await house.stop()


@in_virtual_time
async def test_a_lead_that_this_cell_holds_is_told_from_one_that_another_has_or_that_is_in_a_call() -> None:
    house = await two_lists(2, 1)
    await house.start()
    await until(lambda: house.shell.linked.is_set() and lists_at_hand(house) == {1, 2}, 10)

    async def stands(lead: int) -> str:
        told = await house.cell.desk.do(Command("why", f"lead:{lead}"))
        (reason,) = [one for one in told["reasons"] if one["name"] == "lead"]
        return heard(reason["value"])

    assert [await stands(n) for n in (1, 2, 3)] == ["It is at hand."] * 3
    elsewhere, *_ = [lead for lead in house.cell.pacer.at_hand(house.campaign.id) if lead.id == 2]
    house.cell.hopper.take(house.campaign.id, elsewhere)
    assert (await stands(1), await stands(3)) == ("It is at hand.", "It is at hand.")
    assert (await stands(2)).startswith("Another cell has it")
    await house.all_ready()
    await until(lambda: bool(house.calls()))
    assert await stands(house.calls()[0].lead or 0) == "It is in a call right now."
    await house.stop()
