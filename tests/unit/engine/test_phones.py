"""What Asterisk says of registrations and probes bars new calls and ends none; sound, or its lack, does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from dialer.domain import call as c
from dialer.domain import shifts
from dialer.domain.operators import NO_KEY, Account, LegState, State, phone_trouble
from dialer.domain.types import Mode, OperatorId, Outcome, PhoneKind, PhoneNumber
from dialer.ports.asterisk import ChannelNews
from dialer.sim.clock import now, until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import MAIN, House
from tests.unit.engine.test_people import in_talk
from tests.unit.engine.virtual import in_virtual_time

LONG = Fate(after_s=2, talk_s=100)


async def at_work(leads: int = 1) -> House:
    """One operator with a registered phone, logged in, nothing dialled yet."""
    house = House(PretendAsterisk(lambda number: LONG))
    await house.furnish(operators=1, leads=leads, mode=Mode.PROGRESSIVE)
    await house.start()
    house.cell.pacer.draining = True
    house.asterisk.registry.register("101", "desk:5060")
    await house.enter("101")
    return house


LOSSES: dict[str, Callable[[PretendAsterisk], None]] = {
    "it un-registers": lambda asterisk: asterisk.registry.unregister("101"),
    "a probe is lost": lambda asterisk: asterisk.registry.lose_probe("101", "desk:5060"),
    "another device registers": lambda asterisk: asterisk.registry.register("101", "other:5060"),
    "its port changes": lambda asterisk: asterisk.registry.register("101", "desk:6060", new_first=False),
}


@pytest.mark.parametrize("loss", LOSSES)
@in_virtual_time
async def test_no_trouble_with_a_registration_ends_a_talk(loss: str) -> None:
    house = await at_work()
    house.cell.pacer.draining = False
    await in_talk(house)
    leg = house.asterisk.leg_of("101")
    LOSSES[loss](house.asterisk)
    await house.settled()
    (cdr,) = await house.cdrs()
    assert (cdr.outcome, cdr.talk_s) == (Outcome.CONNECTED, pytest.approx(100, abs=0.1))
    assert house.asterisk.leg_of("101") == leg
    await house.stop()


@pytest.mark.parametrize("loss", ["it un-registers", "a probe is lost"])
@in_virtual_time
async def test_a_phone_without_a_way_to_it_gets_no_new_call_says_why_and_works_again_when_it_is_back(
    loss: str,
) -> None:
    house = await at_work()
    LOSSES[loss](house.asterisk)
    house.cell.pacer.draining = False
    await asyncio.sleep(20)
    assert house.asterisk.dialled == []
    assert (house.operator().state, house.operator().leg) == (State.READY, LegState.UP)
    assert "new calls wait" in str(phone_trouble(house.operator()))
    house.asterisk.registry.register("101", "desk:5060")
    await in_talk(house)
    assert phone_trouble(house.operator()) is None
    await house.stop()


@pytest.mark.parametrize("loss", ["another device registers", "its port changes"])
@in_virtual_time
async def test_a_phone_that_registers_anew_from_elsewhere_is_called_at_once_and_the_change_is_told(
    loss: str,
) -> None:
    house = await at_work()
    LOSSES[loss](house.asterisk)
    house.cell.pacer.draining = False
    await in_talk(house)
    assert "in the place of desk:5060" in str(phone_trouble(house.operator()))
    house.asterisk.registry.unregister("101")
    await asyncio.sleep(2)
    house.asterisk.registry.register("101", "desk:5060")
    await asyncio.sleep(1)
    assert phone_trouble(house.operator()) is None
    await house.stop()


@in_virtual_time
async def test_what_was_known_of_a_phone_survives_the_service_and_lost_news_bars_nobody_for_ever() -> None:
    house = await at_work()
    house.asterisk.registry.unregister("101")
    await asyncio.sleep(1)
    await house.kill()
    house.asterisk.registry.register("101", "desk:5060")
    house.asterisk.lose_events()
    await house.start()
    assert house.operator().unreachable
    await in_talk(house)
    await house.stop()


@pytest.mark.parametrize(("is_registered", "reason"), [(True, shifts.NO_SOUND), (False, shifts.PHONE_LOST)])
@in_virtual_time
async def test_a_leg_without_sound_ends_the_shift_with_the_true_reason(
    is_registered: bool, reason: str
) -> None:
    house = await at_work()
    if not is_registered:
        house.asterisk.registry.lose_probe("101", "desk:5060")
    house.asterisk.hears_nothing(house.asterisk.leg_of("101"))
    await until(lambda: house.operator().state is State.OFFLINE, 1)
    assert house.operator().reason == reason
    house.ask("101", shifts.LoginAsked)
    await asyncio.sleep(1)
    assert house.operator().since_at <= now()
    await house.stop()


@in_virtual_time
async def test_a_phone_that_falls_mute_in_a_talk_is_rung_again_and_says_why_when_it_does_not_come_back() -> (
    None
):
    house = await at_work()
    house.cell.pacer.draining = False
    await in_talk(house)
    house.asterisk.phones["101"] = Fate("no_answer")
    house.asterisk.hears_nothing(house.asterisk.leg_of("101"))
    await until(lambda: house.operator().state is State.CONNECTING, 1)
    assert house.operator().reason == shifts.NO_SOUND
    await house.settled()
    assert (house.operator().state, house.operator().reason) == (State.OFFLINE, shifts.NO_SOUND)
    await house.stop()


@in_virtual_time
async def test_an_outside_phone_whose_key_is_not_heard_is_told_why_and_what_to_set() -> None:
    house = House(PretendAsterisk(lambda number: LONG))
    outside = Account(
        OperatorId("101"), "", phone=PhoneKind.OUTSIDE, number=PhoneNumber("+79167654321"), trunk=MAIN
    )
    await house.furnish(operators=1, account=outside)
    await house.start()
    house.asterisk.phones["79167654321"] = Fate("no_key", after_s=2)
    house.ask("101", shifts.LoginAsked)
    await until(lambda: house.operator().state is State.OFFLINE, 30)
    assert house.operator().reason == NO_KEY
    assert "--keys inband" in str(phone_trouble(house.operator()))
    await house.stop()


@pytest.mark.parametrize(
    ("sip_code", "reason"),
    [
        (299, ""),
        (300, shifts.FORWARDED),
        (302, shifts.FORWARDED),
        (399, shifts.FORWARDED),
        (400, ""),
        (486, ""),
        (500, shifts.FAILED),
    ],
)
@in_virtual_time
async def test_a_phone_that_does_not_take_the_call_is_told_by_its_own_word(
    sip_code: int, reason: str
) -> None:
    house = House(PretendAsterisk())
    await house.furnish(operators=1, leads=0)
    house.asterisk.phones["101"] = Fate("no_answer", after_s=900)
    await house.start()
    house.ask("101", shifts.LoginAsked)
    await until(lambda: house.operator("101").leg is LegState.RINGING)
    channel = house.operator("101").channel
    assert channel is not None
    house.cell.heard(ChannelNews(channel, c.Destroyed(now(), 21, sip_code)))
    assert house.operator("101").reason == (reason or shifts.NO_ANSWER)
    await house.stop()
