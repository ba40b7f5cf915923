"""A machine that does not keep up: nobody new is dialled, and the reason says so."""

from __future__ import annotations

import asyncio
from threading import Thread

import pytest

from dialer.domain.types import CampaignId, Mode
from dialer.sim.clock import until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import House
from tests.unit.engine.virtual import in_virtual_time


@pytest.mark.parametrize("mode", [Mode.PROGRESSIVE, Mode.POWER, Mode.PREDICTIVE])
@in_virtual_time
async def test_while_asterisk_answers_late_nobody_new_is_dialled(mode: Mode) -> None:
    house = House(PretendAsterisk(lambda number: Fate(after_s=1.0, talk_s=2.0)))
    await house.furnish(operators=2, leads=200, mode=mode)
    await house.start()
    await house.all_ready()
    await until(lambda: len(house.asterisk.dialled) > 4)
    house.asterisk.slow_s = lambda request: 0.7 if request == "clock" else 0.0
    await asyncio.sleep(3)
    dialled = len(house.asterisk.dialled)
    await asyncio.sleep(30)
    assert len(house.asterisk.dialled) == dialled
    reason = str(house.cell.pacer.reasons[CampaignId(1)])
    assert reason.startswith("0 lines: the machine is too busy: Asterisk took 0.7 s for an answer")
    house.asterisk.slow_s = lambda request: 0.0
    await until(lambda: len(house.asterisk.dialled) > dialled, 10)
    await house.stop()


@in_virtual_time
async def test_every_reason_that_holds_dialing_can_be_asked_from_the_thread_of_the_metrics() -> None:
    house = House(PretendAsterisk())
    await house.furnish()
    await house.start()
    for ask in house.cell.pacer.holds.values():
        told: list[str] = []
        thread = Thread(target=lambda ask=ask, told=told: told.append(ask()))
        thread.start()
        thread.join()
        assert told == [""]
    await house.stop()
