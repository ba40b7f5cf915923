"""A forgotten leg takes nobody: shifts end between talks, or after one, and the operator is told."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from dialer.domain import shifts
from dialer.domain.operators import State
from dialer.domain.workday import TOO_LONG, Workday
from dialer.engine.cell import SWEEP_S
from dialer.engine.closing import TOLD_S
from dialer.sim.clock import until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import House
from tests.unit.engine.virtual import in_virtual_time

LONGEST_S = 600  # an hour of nothing is two seconds of ours
DAY = Workday(longest=timedelta(seconds=LONGEST_S))


async def open_house(*, leads: int = 0, talk_s: float = 30, wrap_up_s: float = 5) -> House:
    house = House(PretendAsterisk(lambda number: Fate(after_s=2, talk_s=talk_s)))
    await house.furnish(operators=1, leads=leads, wrap_up_s=wrap_up_s)
    await house.start()
    house.cell.closing._day = DAY
    return house


def told(house: House, word: str) -> bool:
    return any(word in name for _, names in house.asterisk.told for name in names)


@in_virtual_time
async def test_between_talks_the_operator_takes_no_more_people_hears_it_and_is_logged_out() -> None:
    house = await open_house()
    await house.all_ready()
    await asyncio.sleep(LONGEST_S - 2 * SWEEP_S)
    assert house.operator().state is State.READY
    await until(lambda: house.operator().state is State.PAUSED, 3 * SWEEP_S)
    leg = house.operator().channel
    await until(lambda: told(house, "logged-out"), 1.0)
    assert leg in house.asterisk.lines, "the leg stays until it was heard"
    await until(lambda: house.operator().state is State.OFFLINE, TOLD_S + 1)
    assert house.operator().reason == TOO_LONG
    await house.stop()


@in_virtual_time
async def test_a_talk_is_not_cut_and_nobody_comes_after_it() -> None:
    house = await open_house(leads=2, talk_s=LONGEST_S + 60)
    await house.all_ready()
    await until(lambda: house.operator().state is State.TALKING, 60)
    await until(lambda: house.operator().then is State.OFFLINE, LONGEST_S + 50)
    assert house.operator().state is State.TALKING
    await until(lambda: house.operator().state is State.OFFLINE, 120)
    assert house.operator().reason == TOO_LONG
    assert len(house.asterisk.dialled) == 1
    await house.stop()


@in_virtual_time
async def test_the_next_shift_has_its_own_hours() -> None:
    house = await open_house()
    await house.all_ready()
    await until(lambda: house.operator().state is State.OFFLINE, LONGEST_S + 60)
    house.ask("101", shifts.LoginAsked)
    await asyncio.sleep(LONGEST_S / 2)
    assert house.operator().state is State.PAUSED
    await until(lambda: house.operator().state is State.OFFLINE, LONGEST_S)
    await house.stop()


@in_virtual_time
async def test_a_restart_does_not_begin_the_shift_anew() -> None:
    house = await open_house()
    await house.all_ready()
    await asyncio.sleep(LONGEST_S - 60)
    await house.kill()
    await house.start()
    house.cell.closing._day = DAY
    await until(lambda: house.operator().state is State.OFFLINE, 120)
    await house.stop()


@in_virtual_time
async def test_the_work_on_the_card_may_be_finished_first() -> None:
    house = await open_house(leads=1, talk_s=LONGEST_S - 10, wrap_up_s=120)
    await house.all_ready()
    await until(lambda: house.operator().state is State.WRAP_UP, LONGEST_S + 50)
    house.cell.floor.dispose(house.operator().id, "agreed")
    await asyncio.sleep(60)
    assert house.operator().state is State.WRAP_UP
    await until(lambda: house.operator().state is State.OFFLINE, 120)
    (cdr,) = await house.cdrs()
    assert cdr.disposition == "agreed"
    await house.stop()
