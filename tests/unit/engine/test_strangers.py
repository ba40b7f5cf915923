"""Callers whom nobody called: they do not eat the lines of those who were, and are counted."""

from __future__ import annotations

import asyncio

import pytest

from dialer.domain.trunk import Trunk, UnknownCallers
from dialer.sim.clock import now
from dialer.sim.lines import MESSAGE_S
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import MAIN, House
from tests.unit.engine.virtual import in_virtual_time


async def opened(unknown_callers: UnknownCallers) -> tuple[House, list[str]]:
    house, met = House(PretendAsterisk()), list[str]()
    trunk = Trunk(MAIN, "127.0.0.2", lines=10, caller_ids=("+74950000000",), unknown_callers=unknown_callers)
    await house.furnish(operators=1, leads=1, trunk=trunk)
    await house.start()
    house.cell.inbound.strangers.on_met = lambda trunk, done: met.append(done)
    return house, met


async def called_by(house: House, n: int) -> None:
    """So many strangers at once."""
    for i in range(n):
        house.asterisk.call_in(f"7999000000{i}", "74950000000", MAIN)
    await asyncio.sleep(0.1)


@in_virtual_time
async def test_so_many_hear_the_message_that_four_lines_in_five_are_left_the_others_hear_busy() -> None:
    house, met = await opened(UnknownCallers.MESSAGE)
    await called_by(house, 5)
    assert met == ["message", "message", "busy", "busy", "busy"]
    assert house.cell.pacer.trunk_views(now())[MAIN].lines_free == 8
    await asyncio.sleep(MESSAGE_S + 1)
    assert house.cell.pacer.trunk_views(now())[MAIN].lines_free == 10
    await house.stop()


@pytest.mark.parametrize("wanted", [UnknownCallers.BUSY, UnknownCallers.REJECT])
@in_virtual_time
async def test_who_is_not_wanted_is_refused_before_an_answer(wanted: UnknownCallers) -> None:
    house, met = await opened(wanted)
    await called_by(house, 2)
    assert met == [wanted, wanted]
    assert not house.asterisk.lines
    await house.stop()
