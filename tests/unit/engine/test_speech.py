"""Words to an operator: the last ones count, and none is left when a person comes."""

from __future__ import annotations

import asyncio

from dialer.domain.types import ChannelId, OperatorId
from dialer.sim.lines import WAY_S
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import House
from tests.unit.engine.virtual import in_virtual_time

ANN = OperatorId("101")


async def at_her_desk() -> tuple[House, ChannelId]:
    house = House(PretendAsterisk())
    await house.furnish(leads=0)
    await house.start()
    await house.enter("101")
    await asyncio.sleep(60)  # what was said of the log-in is over
    house.asterisk.told.clear()
    leg = house.operator().channel
    assert leg is not None
    return house, leg


def told(house: House) -> list[str]:
    return [media.rpartition("/")[2] for _, all_ in house.asterisk.told for media in all_]


@in_virtual_time
async def test_who_comes_while_words_are_still_being_asked_for_hears_none_of_them() -> None:
    house, leg = await at_her_desk()
    house.cell.floor.say(ANN, "state-ready")
    await asyncio.sleep(WAY_S / 2)
    assert house.cell.floor.legs.speech.is_heard(leg)
    await house.cell.floor.hush(ANN)
    await asyncio.sleep(0.1)
    assert told(house) == ["state-ready"]
    assert house.asterisk.playing == {}
    assert not house.cell.floor.legs.speech.is_heard(leg)
    await house.stop()


@in_virtual_time
async def test_words_that_come_at_once_after_others_take_their_place() -> None:
    house, _ = await at_her_desk()
    house.cell.floor.say(ANN, "state-ready")
    house.cell.floor.say(ANN, "state-paused")
    await asyncio.sleep(0.1)
    assert told(house) == ["state-paused"]
    house.cell.floor.say(ANN, "state-ready")
    await asyncio.sleep(0.1)
    assert told(house) == ["state-paused", "state-ready"]
    assert len(house.asterisk.playing) == 1
    await house.stop()


@in_virtual_time
async def test_words_are_forgotten_once_they_must_be_over() -> None:
    house, leg = await at_her_desk()
    house.cell.floor.say(ANN, "state-ready")
    await asyncio.sleep(60)
    assert not house.cell.floor.legs.speech.is_heard(leg)
    await house.stop()
