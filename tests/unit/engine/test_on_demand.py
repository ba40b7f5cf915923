"""Operators whose phone is rung for each call: when it rings, what if nobody picks up, how a talk ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dialer.domain import shifts
from dialer.domain.operators import Account, LegState, State
from dialer.domain.types import EndedBy, LegKind, Mode, OperatorId, Outcome
from dialer.sim.clock import now, until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import House
from tests.unit.engine.virtual import in_virtual_time

DESK = Account(OperatorId("101"), "", leg=LegKind.ON_DEMAND)
PICKS_UP = Fate(after_s=1.5, talk_s=1e6)


async def on_demand(fate: Fate, **settings: Any) -> House:
    """Operators with desk phones, ready; nothing is dialled yet."""
    house = House(PretendAsterisk(lambda number: fate))
    house.asterisk.phones["101"] = house.asterisk.phones["102"] = PICKS_UP
    await house.furnish(account=DESK, **{"operators": 1, "leads": 1, **settings})
    await house.start()
    house.cell.pacer.draining = True
    for operator in house.operators():
        house.ask(operator.id, shifts.LoginAsked)
        house.ask(operator.id, shifts.ReadyAsked)
        await asyncio.sleep(1)
    house.cell.pacer.draining = False
    return house


def legs(house: House) -> list[str]:
    return [each for each in house.asterisk.lines if each.startswith("o-")]


@pytest.mark.parametrize("mode", [Mode.PROGRESSIVE, Mode.POWER])
@in_virtual_time
async def test_the_phone_is_rung_when_the_persons_phone_rings_and_let_go_after_the_talk(mode: Mode) -> None:
    house = await on_demand(Fate(after_s=6, talk_s=20), mode=mode)
    assert legs(house) == []
    await until(lambda: house.watcher.seen["ringing"] == 1)
    await until(lambda: len(legs(house)) == 1, 0.5)
    await house.settled()
    (cdr,) = await house.cdrs()
    assert cdr.outcome is Outcome.CONNECTED
    assert cdr.wait_s is not None
    assert cdr.wait_s < 0.1
    await asyncio.sleep(1)
    assert legs(house) == []
    assert house.operator().leg is LegState.DOWN
    await until(lambda: house.operator().state is State.READY)
    await house.stop()


@pytest.mark.parametrize("mode", [Mode.PROGRESSIVE, Mode.POWER])
@in_virtual_time
async def test_who_answers_first_waits_for_the_phone_to_be_picked_up(mode: Mode) -> None:
    house = await on_demand(Fate(after_s=0.5, talk_s=20), mode=mode)
    await house.settled_after_dial()
    (cdr,) = await house.cdrs()
    assert cdr.outcome is Outcome.CONNECTED
    assert cdr.wait_s == pytest.approx(1.0, abs=0.1)
    await house.stop()


@pytest.mark.parametrize("mode", [Mode.PROGRESSIVE, Mode.POWER])
@in_virtual_time
async def test_a_busy_number_lets_the_phone_go(mode: Mode) -> None:
    house = await on_demand(Fate("ring_ends", after_s=5), mode=mode)
    await house.settled_after_dial()
    await asyncio.sleep(1)
    assert legs(house) == []
    assert house.operator().state is State.READY
    await house.stop()


@pytest.mark.parametrize(
    ("does", "reason"),
    [("no_answer", "missed_ring"), ("busy", "missed_ring"), ("no_codec", "phone_failed")],
)
@in_virtual_time
async def test_a_missed_ring_pauses_the_operator_and_the_person_goes_to_the_next(
    does: str, reason: str
) -> None:
    house = await on_demand(Fate(after_s=18, talk_s=20), operators=2, mode=Mode.PROGRESSIVE)
    house.asterisk.phones["101"] = Fate(does)
    await house.settled_after_dial()
    (cdr,) = await house.cdrs()
    assert (cdr.outcome, cdr.operator) == (Outcome.CONNECTED, "102")
    assert (house.operator("101").state, house.operator("101").reason) == (State.PAUSED, reason)
    await house.stop()


@in_virtual_time
async def test_putting_the_phone_down_ends_the_talk_and_wrap_up_begins() -> None:
    house = await on_demand(Fate(after_s=6, talk_s=200), wrap_up_s=5.0)
    await until(lambda: house.operator().state is State.TALKING)
    await asyncio.sleep(10)
    house.asterisk.person_hangs_up(house.asterisk.leg_of("101"))
    ended_at = now()
    await until(lambda: not house.calls(), 1.0)
    assert house.operator().state is State.WRAP_UP
    await until(lambda: house.operator().state is State.READY)
    assert (now() - ended_at).total_seconds() == pytest.approx(5, abs=0.2)
    await house.settled()
    (cdr,) = await house.cdrs()
    assert (cdr.outcome, cdr.ended_by) == (Outcome.CONNECTED, EndedBy.OPERATOR)
    assert cdr.wrap_up_s == pytest.approx(5, abs=0.2)
    await house.stop()


@in_virtual_time
async def test_a_dead_phone_in_mid_talk_is_rung_once_more() -> None:
    house = await on_demand(Fate(after_s=6, talk_s=200))
    await until(lambda: house.operator().state is State.TALKING)
    await asyncio.sleep(5)
    house.asterisk.vanish(house.asterisk.leg_of("101"))
    await asyncio.sleep(0.5)
    (person,) = house.asterisk.people()
    assert person.music
    await until(lambda: house.operator().state is State.TALKING)
    assert person.bridge == "ob-101"
    await house.stop()


@in_virtual_time
async def test_a_phone_from_which_no_sound_came_was_not_put_down() -> None:
    house = await on_demand(Fate(after_s=6, talk_s=200))
    await until(lambda: house.operator().state is State.TALKING)
    house.asterisk.hears_nothing(house.asterisk.leg_of("101"))
    await asyncio.sleep(0.5)
    (person,) = house.asterisk.people()
    assert person.music
    await until(lambda: person.bridge == "ob-101")
    await house.stop()


@in_virtual_time
async def test_the_tone_needs_no_nailed_up_leg() -> None:
    house = await on_demand(Fate(after_s=6, talk_s=20))
    await house.settled_after_dial()
    assert [what for what, _ in house.asterisk.did] == ["whisper", "play"]
    await house.stop()
