"""Something is broken between answer and operator: the campaign stops by itself, says why, tries again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dialer.domain.errors import LinkDown
from dialer.domain.types import CampaignId, CampaignStatus, LeadStatus, Mode
from dialer.engine.cell import Cell
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


async def ringing(mode: Mode, ratio: float) -> House:
    """Six operators, and people who ring for five seconds."""
    house = House(PretendAsterisk(lambda number: replace(ANSWERS, after_s=5.0)))
    await house.furnish(operators=6, leads=200, mode=mode, ratio=ratio)
    await house.start()
    await house.all_ready()
    await until(lambda: len(house.asterisk.people()) == 6 * ratio, 10)
    return house


async def check_it_dials_on(house: House, dialled: int) -> None:
    await until(lambda: len(house.asterisk.dialled) > dialled + 5, 30)
    assert "the brake is on" not in reason(house)
    await asyncio.sleep(15)  # the message is over, the records are written
    assert await abandoned(house) >= 6


@pytest.mark.parametrize(("mode", "ratio"), [(Mode.POWER, 2.0), (Mode.PROGRESSIVE, 1.0)])
@in_virtual_time
async def test_who_answered_while_the_service_was_dead_stops_no_campaign(mode: Mode, ratio: float) -> None:
    house = await ringing(mode, ratio)
    dialled = len(house.asterisk.dialled)
    await house.kill()
    await asyncio.sleep(7)  # all have answered, heard nobody and were sent to the message
    await house.start()
    await check_it_dials_on(house, dialled)
    await house.stop()


@pytest.mark.parametrize(("mode", "ratio"), [(Mode.POWER, 1.0), (Mode.PROGRESSIVE, 1.0)])
@in_virtual_time
async def test_who_answered_while_the_service_was_frozen_stops_no_campaign(mode: Mode, ratio: float) -> None:
    house = await ringing(mode, ratio)
    pretend, dialled = house.asterisk, len(house.asterisk.dialled)
    ear, fault, unheard = pretend.ear, pretend.fault, Unheard()
    pretend.ear, pretend.fault = unheard, lambda request: LinkDown("nobody asks")
    await asyncio.sleep(7)
    pretend.ear, pretend.fault = ear, fault
    unheard.tell(house.cell)
    await check_it_dials_on(house, dialled)
    await house.stop()


class Unheard:
    """What is said to a frozen service lies in its socket."""

    def __init__(self) -> None:
        self._said: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *what: self._said.append((name, what))

    def tell(self, cell: Cell) -> None:
        for name, what in self._said:
            getattr(cell, name)(*what)


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
