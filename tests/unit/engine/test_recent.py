"""Two campaigns with the same number: what one has just done is known to the other before the database is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dialer.domain.campaign import Campaign
from dialer.domain.lead import Lead
from dialer.domain.operators import State
from dialer.domain.types import CampaignId, LeadId, Mode, OperatorId, PhoneNumber
from dialer.ports.numbers import NumberHistory
from dialer.sim.clock import now, until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import House
from tests.unit.engine.virtual import in_virtual_time

NUMBER = PhoneNumber("+79160000000")
REST = timedelta(seconds=1800)


async def two_campaigns(fate: Fate, *, rest: timedelta = REST) -> tuple[House, Campaign]:
    """One operator each, both lists hold the one number; the second campaign gets it when a test says so."""
    house = House(PretendAsterisk(lambda number: fate))
    first = await house.furnish(operators=2, leads=1, mode=Mode.PROGRESSIVE, rest=rest)
    await house.stores.campaigns.save(replace(first, operators=frozenset({OperatorId("101")})))
    second = replace(first, name="second", operators=frozenset({OperatorId("102")}), wrap_up_s=30.0)
    second = await house.stores.campaigns.add(second)
    await house.start()
    await house.all_ready()
    return house, second


async def enter(house: House, campaign: Campaign) -> None:
    rows = [Lead(LeadId(0), campaign.id, (NUMBER,), zones=("Europe/Moscow",))]
    await house.stores.leads.import_list(campaign.id, "again.csv", rows, now=now())


def slow_ledger(house: House, by_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database takes its time to write."""
    for name in ("close", "wrap"):
        write: Callable[[Any], Awaitable[None]] = getattr(house.stores.ledger, name)

        async def late(facts: Any, write: Callable[[Any], Awaitable[None]] = write) -> None:
            await asyncio.sleep(by_s)
            await write(facts)

        monkeypatch.setattr(house.stores.ledger, name, late)


@pytest.mark.parametrize("write_s", [0.0, 0.3, 2.0, 60.0])
@pytest.mark.parametrize("fate", [Fate(after_s=1, talk_s=5), Fate("ring_ends", after_s=3)])
@pytest.mark.parametrize("enters", ["while it rings", "when it is over"])
@in_virtual_time
async def test_a_number_rests_from_the_end_of_its_call_not_from_the_record(
    write_s: float, fate: Fate, enters: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, second = await two_campaigns(fate)
    slow_ledger(house, write_s, monkeypatch)
    if enters == "while it rings":
        await until(lambda: bool(house.asterisk.dialled))
    else:
        await house.settled_after_dial() if not write_s else await until(lambda: was_called(house))
    await enter(house, second)
    await asyncio.sleep(120)
    assert not house.asterisk.dialled_twice
    assert len(house.asterisk.dialled) == 1
    await house.stop()


def was_called(house: House) -> bool:
    return bool(house.asterisk.dialled) and not house.calls()


@in_virtual_time
async def test_who_asks_never_to_be_called_again_is_not_called_by_the_next_campaign(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house, second = await two_campaigns(Fate(after_s=1, talk_s=5), rest=timedelta())
    slow_ledger(house, 60.0, monkeypatch)
    await until(lambda: house.operator("101").state is State.TALKING)
    house.cell.floor.dispose(OperatorId("101"), "dnc")
    await enter(house, second)
    await until(lambda: house.operator("101").state is State.READY, 60)
    await asyncio.sleep(30)
    assert len(house.asterisk.dialled) == 1
    refused = [lead async for lead in leads_of(house, second.id)]
    assert [lead.status.value for lead in refused] != ["new"]
    await house.stop()


async def leads_of(house: House, campaign: CampaignId) -> Any:
    for lead in await house.stores.leads.find(campaign):
        yield lead


@in_virtual_time
async def test_what_the_journal_holds_is_known_after_a_restart_while_the_database_is_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house, second = await two_campaigns(Fate(after_s=1, talk_s=5), rest=timedelta())
    slow_ledger(house, 300.0, monkeypatch)
    await until(lambda: house.operator("101").state is State.TALKING)
    house.cell.floor.dispose(OperatorId("101"), "dnc")
    await until(lambda: house.operator("101").state is State.READY, 60)
    await house.kill()
    assert house.journal.depth()
    await house.start()
    await enter(house, second)
    await asyncio.sleep(30)
    assert len(house.asterisk.dialled) == 1
    await house.stop()


@in_virtual_time
async def test_an_answer_of_the_database_that_was_asked_before_the_end_is_completed_by_what_we_know(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house, second = await two_campaigns(Fate(after_s=1, talk_s=5))
    await until(lambda: house.operator("101").state is State.TALKING)
    ask = house.stores.numbers.history

    async def slow(
        numbers: Iterable[PhoneNumber], campaign: CampaignId
    ) -> Mapping[PhoneNumber, NumberHistory]:
        answer = await ask(numbers, campaign)
        await asyncio.sleep(9)
        return answer

    monkeypatch.setattr(house.stores.numbers, "history", slow)
    await until(lambda: house.operator("101").state is State.WRAP_UP, 30)
    await enter(house, second)
    await asyncio.sleep(40)
    assert len(house.asterisk.dialled) == 1
    await house.stop()


@in_virtual_time
async def test_nothing_is_kept_for_ever() -> None:
    house = House(PretendAsterisk(lambda number: Fate("busy")))
    await house.furnish(operators=1, leads=60, mode=Mode.PROGRESSIVE)
    await house.start()
    await house.all_ready()
    await until(lambda: len(house.asterisk.dialled) == 60, 600)
    await house.settled()
    await asyncio.sleep(200)
    rows = [Lead(LeadId(0), CampaignId(1), (PhoneNumber("+79990000000"),), zones=("Europe/Moscow",))]
    await house.stores.leads.import_list(CampaignId(1), "more.csv", rows, now=now())
    await until(lambda: len(house.asterisk.dialled) > 60, 60)
    await house.settled()
    assert len(house.cell.recent._noted) < 5
    await house.stop()
