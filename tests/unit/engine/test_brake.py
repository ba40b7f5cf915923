"""Something is broken between answer and operator: the campaign stops by itself, says why, tries again."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from dialer.domain.types import CampaignId, CampaignStatus, LeadStatus, Mode
from dialer.ports.between import Command
from dialer.sim.clock import until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import House
from tests.unit.engine.virtual import in_virtual_time

ANSWERS = Fate(after_s=2.0, talk_s=10.0)


async def broken(mode: Mode) -> House:
    """Operators are reserved, and Asterisk puts nobody through."""
    asterisk = PretendAsterisk(lambda number: ANSWERS)
    house = House(asterisk)
    await house.furnish(operators=3, leads=200, mode=mode, ratio=1.0)
    asterisk.refuse_connect = True
    await house.start()
    await house.all_ready()
    return house


def reason(house: House) -> str:
    return str(house.cell.pacer.reasons[CampaignId(1)])


async def abandoned(house: House) -> int:
    return (await house.outcomes()).get("abandoned", 0)


@pytest.mark.parametrize("mode", [Mode.PROGRESSIVE, Mode.POWER, Mode.PREDICTIVE])
@in_virtual_time
async def test_the_list_is_not_burnt_and_dialing_goes_on_when_it_works_again(mode: Mode) -> None:
    house = await broken(mode)
    await until(lambda: "the brake is on" in reason(house), 120)
    await asyncio.sleep(40)
    assert await abandoned(house) <= 6
    told = await house.cell.desk.do(Command("explain", "campaign:1"))
    assert "brake" in str(told)
    await asyncio.sleep(300)
    assert await abandoned(house) <= 9, "one call tries, less and less often"
    house.asterisk.refuse_connect = False
    dialled = len(house.asterisk.dialled)
    await until(lambda: len(house.asterisk.dialled) > dialled + 10, 900)
    assert "the brake" not in reason(house)
    await house.stop()


@in_virtual_time
async def test_a_service_that_is_killed_has_not_forgotten_its_brake() -> None:
    house = await broken(Mode.PROGRESSIVE)
    await until(lambda: "the brake is on" in reason(house), 120)
    await asyncio.sleep(0.1)
    await house.kill()
    dialled = len(house.asterisk.dialled)
    await house.start()
    await asyncio.sleep(15)
    assert "the brake is on" in reason(house)
    assert len(house.asterisk.dialled) == dialled
    await house.stop()


@in_virtual_time
async def test_who_answered_while_the_service_was_dead_stops_no_campaign() -> None:
    house = House(PretendAsterisk(lambda number: replace(ANSWERS, after_s=5.0)))
    await house.furnish(operators=6, leads=200, mode=Mode.POWER, ratio=2.0)
    await house.start()
    await house.all_ready()
    await until(lambda: len(house.asterisk.people()) >= 10, 10)
    dialled = len(house.asterisk.dialled)
    await house.kill()
    await asyncio.sleep(7)  # all have answered, heard nobody and were sent to the message
    await house.start()
    await until(lambda: len(house.asterisk.dialled) > dialled + 10, 30)
    assert "the brake is on" not in reason(house)
    assert await abandoned(house) >= 10
    await house.stop()


@in_virtual_time
async def test_a_person_who_pauses_and_starts_the_campaign_releases_it() -> None:
    house = await broken(Mode.PROGRESSIVE)
    await until(lambda: "the brake is on" in reason(house), 120)
    house.asterisk.refuse_connect = False
    await house.stores.campaigns.set_status(CampaignId(1), CampaignStatus.PAUSED)
    await asyncio.sleep(2)
    await house.stores.campaigns.set_status(CampaignId(1), CampaignStatus.RUNNING)
    dialled = len(house.asterisk.dialled)
    await until(lambda: len(house.asterisk.dialled) >= dialled + 3, 30)  # sooner than any try
    assert len(await house.stores.leads.find(CampaignId(1), status=LeadStatus.NEW)) > 0
    await house.stop()
