"""The tone before each talk: a whisper of its own, open for a moment, and never in anybody's way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from dialer.domain.errors import TimedOut
from dialer.domain.operators import State
from dialer.domain.types import ChannelId
from dialer.engine.whispers import FORGETS_S, LASTS, LATEST_S
from dialer.sim.clock import now, until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import House
from tests.unit.engine.virtual import in_virtual_time

LASTS_S = LASTS.total_seconds()


async def office(asterisk: PretendAsterisk, *, leads: int = 1, **settings: Any) -> House:
    house = House(asterisk)
    await house.furnish(operators=1, leads=leads, **settings)
    await house.start()
    await house.all_ready()
    return house


def talking(talk_s: float) -> PretendAsterisk:
    return PretendAsterisk(lambda number: Fate(after_s=2, talk_s=talk_s))


def whispers(asterisk: PretendAsterisk) -> list[ChannelId]:
    """Those that are open."""
    return [each for each in asterisk.lines if each.startswith("s-")]


def tones(asterisk: PretendAsterisk) -> list[str]:
    """The whispers on which one was played, in turn."""
    return [channel for what, channel in asterisk.did if what == "play" and channel.startswith("s-")]


async def talks(house: House, n: int) -> None:
    await until(lambda: house.watcher.seen["bridged"] == n, 120)


@in_virtual_time
async def test_the_operator_hears_a_tone_before_each_talk_and_no_whisper_is_open_in_between() -> None:
    house = await office(talking(20), leads=3)
    for n in (1, 2, 3):
        assert not whispers(house.asterisk)
        await talks(house, n)
        await until(lambda n=n: len(tones(house.asterisk)) == n, 0.1)
        await asyncio.sleep(LASTS_S + 0.1)
    assert len(set(tones(house.asterisk))) == 3
    await house.stop()


class Strict(PretendAsterisk):
    """Notes when whispers come and go, and how many are on a leg at once."""

    def __init__(self) -> None:
        super().__init__(lambda number: Fate(setup_s=0.01, after_s=0.02, talk_s=0.2))
        self.opened_at: list[datetime] = []
        self.ended_at: list[datetime] = []

    async def whisper(self, channel: ChannelId, snoop: ChannelId) -> None:
        assert not whispers(self), "one at a time"
        self.opened_at.append(now())
        await super().whisper(channel, snoop)

    async def hang_up(self, channel: ChannelId, reason: str = "normal") -> None:
        await super().hang_up(channel, reason)
        if channel.startswith("s-"):
            self.ended_at.append(now())


@in_virtual_time
async def test_a_person_who_comes_at_once_has_a_whisper_of_his_own_when_the_last_is_forgotten() -> None:
    asterisk = Strict()
    house = await office(asterisk, leads=4, wrap_up_s=0.0)
    await talks(house, 4)
    await asyncio.sleep(LASTS_S + 1)
    assert len(asterisk.opened_at) == len(asterisk.ended_at) == 4
    pauses_s = [
        (opened - ended).total_seconds()
        for ended, opened in zip(asterisk.ended_at, asterisk.opened_at[1:], strict=False)
    ]
    assert all(FORGETS_S <= pause < FORGETS_S + 0.01 for pause in pauses_s), pauses_s
    assert tones(asterisk), "each was cut short by the next person at the earliest"
    await house.stop()


@in_virtual_time
async def test_of_two_tones_due_at_once_the_later_is_heard() -> None:
    house = await office(talking(1))
    leg = house.asterisk.leg_of("101")
    house.cell.floor.legs.beep(leg)
    house.cell.floor.legs.beep(leg)
    await until(lambda: len(tones(house.asterisk)) == 1, 0.5)
    await asyncio.sleep(LASTS_S + 0.1)
    assert len(tones(house.asterisk)) == 1
    assert not whispers(house.asterisk)
    await house.stop()


class Slow(PretendAsterisk):
    """Whispers take a second to come."""

    async def whisper(self, channel: ChannelId, snoop: ChannelId) -> None:
        await asyncio.sleep(1.0)
        await super().whisper(channel, snoop)


@in_virtual_time
async def test_nobody_waits_for_the_tone() -> None:
    house = await office(Slow(lambda number: Fate(after_s=2, talk_s=20)))
    await talks(house, 1)
    assert not tones(house.asterisk)
    assert house.asterisk.answer_to_bridge_s[0] < 0.1
    await until(lambda: bool(tones(house.asterisk)), 1.5)
    await house.stop()


@in_virtual_time
async def test_a_leg_that_goes_while_its_whisper_opens_leaves_nothing_behind() -> None:
    house = await office(Slow(lambda number: Fate(after_s=2, talk_s=20)))
    await talks(house, 1)
    await asyncio.sleep(0.5)
    house.asterisk.phones["101"] = Fate(does="busy")  # it does not come back
    house.asterisk.vanish(house.asterisk.leg_of("101"))
    await asyncio.sleep(LATEST_S + 1)
    assert not whispers(house.asterisk)
    assert not tones(house.asterisk)
    await house.stop()


class Mute(PretendAsterisk):
    """Its whispers never come into the application."""

    def _say(self, channel: ChannelId, event: Any, *args: str, times: int = 1) -> None:
        if args != ("snoop",):
            super()._say(channel, event, *args, times=times)


class Deaf(PretendAsterisk):
    """It never answers a request for a whisper, though it opens it; the second talk's it opens as ever."""

    async def whisper(self, channel: ChannelId, snoop: ChannelId) -> None:
        await super().whisper(channel, snoop)
        if len([what for what, _ in self.did if what == "whisper"]) == 1:
            raise TimedOut("it does not answer")


@pytest.mark.parametrize("asterisk", [Mute, Deaf])
@in_virtual_time
async def test_a_whisper_that_fails_is_ended_and_the_talk_goes_on(asterisk: type[PretendAsterisk]) -> None:
    house = await office(asterisk(lambda number: Fate(after_s=2, talk_s=20)))
    await talks(house, 1)
    await asyncio.sleep(LATEST_S + 0.1)
    assert not whispers(house.asterisk)
    assert house.operator().state is State.TALKING
    assert not tones(house.asterisk), "too late is not at all"
    await house.stop()


@in_virtual_time
async def test_the_talk_after_a_tone_that_failed_has_its_tone() -> None:
    house = await office(Deaf(lambda number: Fate(after_s=2, talk_s=5)), leads=2)
    await talks(house, 2)
    await until(lambda: len(tones(house.asterisk)) == 1, 0.1)
    await house.stop()


@in_virtual_time
async def test_a_whisper_that_ends_by_itself_is_no_trouble() -> None:
    house = await office(talking(5), leads=2)
    await talks(house, 1)
    await until(lambda: bool(tones(house.asterisk)))
    house.asterisk.vanish(whispers(house.asterisk)[0])
    await talks(house, 2)
    await until(lambda: len(tones(house.asterisk)) == 2, 0.5)
    await house.stop()


@in_virtual_time
async def test_a_link_that_breaks_while_a_whisper_is_open_costs_no_tone_but_its_own() -> None:
    house = await office(Slow(lambda number: Fate(after_s=2, talk_s=20)), leads=2)
    await talks(house, 1)
    await asyncio.sleep(0.5)
    house.asterisk.lose_link()
    await asyncio.sleep(LATEST_S + 1)
    house.asterisk.connect_to(house.cell)
    await asyncio.sleep(1)
    assert not whispers(house.asterisk)
    await talks(house, 2)
    await until(lambda: len(tones(house.asterisk)) == 1, 1.5)
    await house.stop()


@in_virtual_time
async def test_a_whisper_that_an_outage_keeps_open_is_ended_after_it() -> None:
    house = await office(talking(60))
    await talks(house, 1)
    await until(lambda: bool(tones(house.asterisk)))
    house.asterisk.lose_link()
    await asyncio.sleep(LASTS_S + 1)
    assert whispers(house.asterisk)
    house.asterisk.connect_to(house.cell)
    await until(lambda: not whispers(house.asterisk), 1)
    await house.stop()


@in_virtual_time
async def test_a_whisper_that_outlives_the_service_is_ended_by_the_next_one() -> None:
    house = await office(talking(120))
    await talks(house, 1)
    await until(lambda: bool(tones(house.asterisk)))
    await house.kill()
    await house.start()
    await until(lambda: not whispers(house.asterisk), 30)
    assert house.operator().state is State.TALKING
    await house.stop()


@in_virtual_time
async def test_a_whisper_that_comes_when_its_service_is_dead_is_ended_at_once_by_the_next_one() -> None:
    house = await office(Slow(lambda number: Fate(after_s=2, talk_s=120)))
    await talks(house, 1)
    await house.kill()
    leg, late = house.asterisk.leg_of("101"), ChannelId("s-late")
    await house.start()
    await house.asterisk.whisper(leg, late)
    await until(lambda: not whispers(house.asterisk), 0.5)
    await house.stop()


@in_virtual_time
async def test_another_asterisk_knows_no_whisper_of_the_one_before() -> None:
    house = await office(talking(60), leads=2)
    await talks(house, 1)
    await until(lambda: bool(tones(house.asterisk)))
    house.asterisk.reboot()
    house.asterisk.connect_to(house.cell)
    await until(house.shell.linked.is_set)
    await talks(house, 2)
    await until(lambda: len(tones(house.asterisk)) == 2, 0.5)
    await house.stop()


@in_virtual_time
async def test_a_campaign_without_a_tone_opens_no_whisper() -> None:
    house = await office(talking(5), leads=2, tone=False)
    await talks(house, 2)
    await asyncio.sleep(LATEST_S)
    assert not house.asterisk.did
    await house.stop()


@in_virtual_time
async def test_a_campaign_that_loses_its_tone_in_mid_shift_has_none_from_the_next_call_on() -> None:
    house = await office(talking(5), leads=2)
    await talks(house, 1)
    await until(lambda: bool(tones(house.asterisk)))
    (campaign,) = await house.stores.campaigns.all()
    await house.stores.campaigns.save(replace(campaign, tone=False))
    await house.cell.books.load()
    await talks(house, 2)
    await asyncio.sleep(LATEST_S)
    assert len(tones(house.asterisk)) == 1
    await house.stop()
