"""A machine that does not keep up: nobody new is dialled, and the reason says so."""

from __future__ import annotations

import asyncio
from threading import Thread

import pytest
import structlog
from structlog.testing import capture_logs

from dialer.domain.types import CampaignId, Mode
from dialer.engine.lag import LoopLag
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


@in_virtual_time
async def test_a_loop_that_turns_late_is_told_once_and_holds_dialing_for_a_while() -> None:
    lag, clock, frozen_s = LoopLag(every_s=0.5), asyncio.get_running_loop().time, 0.0
    lag._clock = lambda: clock() + frozen_s
    looks: list[tuple[float, float]] = []
    lag.on_lag = lambda lag_s, busy_s: looks.append((round(lag_s, 3), round(busy_s, 3)))
    task = asyncio.create_task(lag.run())
    structlog.reset_defaults()
    with capture_logs() as told:
        await asyncio.sleep(1.75)
        assert (looks, lag.obstacle()) == ([(0, 0)] * 3, "")
        frozen_s = 3.0
        await asyncio.sleep(2)
        assert looks[3:] == [(3, 3.5), (0, 0.5), (0, 0.5), (0, 0.5)]
        assert (
            lag.obstacle() == "the machine is too busy: this service was 3.0 s late (at most 0.4 s is well)"
        )
        await asyncio.sleep(6)
        assert (looks[-1], lag.obstacle()) == ((0, 0), "")
    assert [line["event"] for line in told] == ["nothing is dialled for a while"]
    task.cancel()


@in_virtual_time
async def test_a_cell_looks_ten_times_a_second_whether_its_loop_turns() -> None:
    house = House(PretendAsterisk())
    await house.furnish()
    await house.start()
    looks: list[float] = []
    house.cell.lag.on_lag = lambda lag_s, busy_s: looks.append(lag_s)
    await asyncio.sleep(5)
    assert len(looks) == pytest.approx(50, abs=2)
    await house.stop()
