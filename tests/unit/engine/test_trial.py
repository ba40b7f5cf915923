"""A test call of a trunk or a phone: what is asked first, and what is told step by step."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from dialer.domain.dnc import Entry
from dialer.domain.errors import BadValue, Forbidden, Missing
from dialer.domain.operators import Account
from dialer.domain.said import heard
from dialer.domain.spending import SideCall
from dialer.domain.trunk import Trunk
from dialer.domain.types import OperatorId, PhoneKind, PhoneNumber
from dialer.engine.trial import Trials
from dialer.sim.clock import now
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import MAIN, House
from tests.unit.engine.virtual import in_virtual_time

NUMBER = "+79160000001"
TRUNK = Trunk(MAIN, "127.0.0.2", lines=30, calls_per_s=50, caller_ids=("+74950000000",))


async def started(fate: Fate, trunk: Trunk = TRUNK) -> tuple[House, list[SideCall]]:
    """A cell that dials nothing by itself, and what it puts on record beside its calls."""
    house = House(PretendAsterisk(lambda number: fate))
    await house.furnish(trunk=trunk, leads=0)
    await house.start()
    asterisk = house.asterisk
    asterisk.phones |= {NUMBER: fate, NUMBER[1:]: fate}
    asyncio.get_running_loop().call_later(
        fate.talk_s, lambda: list(map(asterisk.person_hangs_up, list(asterisk.lines)))
    )
    told: list[SideCall] = []
    cell = house.cell
    cell.floor.legs.side.on_end = told.append
    cell.trials = Trials(
        house.shell,
        cell.trunks,
        house.stores.numbers,
        cell.floor.legs.side,
        lambda text: PhoneNumber(text) if text.startswith("+7") else None,
    )
    return house, told


async def by_trunk(house: House) -> tuple[bool, list[str]]:
    answer: Any = await house.cell.trials.trunk(MAIN, NUMBER, "boss")
    return answer["ok"], [heard(step) for step in answer["steps"]]


@in_virtual_time
async def test_a_call_that_is_answered_is_told_step_by_step_and_is_on_record() -> None:
    house, told = await started(Fate(after_s=2, talk_s=5))
    ok, steps = await by_trunk(house)
    assert ok
    assert [step.partition(": ")[2].partition(" ")[0] for step in steps] == [
        "calling",
        "rings",
        "answered",
        "ended",
    ]
    assert [round(float(step.partition(" ")[0])) for step in steps] == [0, 0, 2, 5]
    (side,) = told
    assert (side.outcome, side.trunk, side.number, side.who) == ("connected", MAIN, NUMBER, "boss")
    assert side.answer_at is not None
    assert side.begun_at < side.answer_at < side.end_at
    await house.stop()


@in_virtual_time
async def test_a_call_that_is_not_ended_by_the_other_side_is_ended_and_was_answered() -> None:
    house, told = await started(Fate(after_s=2, talk_s=200))
    ok, steps = await by_trunk(house)
    assert (ok, steps[-1], house.asterisk.lines) == (True, "Asterisk said nothing more", {})
    assert [side.outcome for side in told] == ["connected"]
    await house.stop()


@pytest.mark.parametrize(
    ("does", "word"), [("busy", "busy (cause 17, SIP 486"), ("unallocated", "(cause 1, SIP 404")]
)
@in_virtual_time
async def test_a_call_that_is_not_answered_tells_the_networks_word(does: str, word: str) -> None:
    house, told = await started(Fate(does, after_s=1))
    ok, steps = await by_trunk(house)
    assert not ok
    assert word in steps[-1]
    assert not [step for step in steps if "answered" in step]
    assert [(side.answer_at, side.outcome == "connected") for side in told] == [(None, False)]
    await house.stop()


@in_virtual_time
async def test_a_network_that_says_nothing_is_waited_for_and_no_longer() -> None:
    house, told = await started(Fate("silence"))
    began = asyncio.get_running_loop().time()
    ok, steps = await by_trunk(house)
    assert not ok
    assert len(steps) >= 2
    assert asyncio.get_running_loop().time() - began <= 51
    assert len(told) == 1
    await house.stop()


@pytest.mark.parametrize(
    ("name", "number", "error", "why"),
    [
        ("spare", NUMBER, Missing, "there is no trunk spare"),
        (MAIN, "12", BadValue, "'12' is no telephone number"),
        (MAIN, "", BadValue, "is no telephone number"),
    ],
)
@in_virtual_time
async def test_what_cannot_be_called_is_refused_before_anything_rings(
    name: str, number: str, error: type[Exception], why: str
) -> None:
    house, told = await started(Fate())
    with pytest.raises(error, match=why):
        await house.cell.trials.trunk(name, number)
    assert (house.asterisk.lines, told) == ({}, [])
    await house.stop()


@in_virtual_time
async def test_a_number_never_to_be_called_is_not_called_for_a_test_either() -> None:
    house, told = await started(Fate())
    await house.stores.numbers.block(Entry(NUMBER, None, "asked for it", now()))
    with pytest.raises(Forbidden, match=r"\+7\*\*\*\*\*\*\*\*01 is not called: .*asked for it"):
        await house.cell.trials.trunk(MAIN, NUMBER)
    assert told == []
    await house.stop()


@in_virtual_time
async def test_a_trunk_that_has_used_up_its_day_makes_no_test_call() -> None:
    house, _ = await started(Fate(), replace(TRUNK, minutes_per_day=1e-9))
    house.cell.trunks.why_full = lambda trunk, now: f"trunk {trunk.id} is full"
    with pytest.raises(Forbidden, match="trunk main is full"):
        await house.cell.trials.trunk(MAIN, NUMBER)
    await house.stop()


@pytest.mark.parametrize(("registered", "no_way"), [(True, 500), (False, 500), (False, 409)])
@in_virtual_time
async def test_an_operators_phone_is_rung_or_it_is_told_that_it_is_not_registered(
    registered: bool, no_way: int
) -> None:
    house, told = await started(Fate(after_s=1, talk_s=3))
    house.asterisk.no_way = no_way
    if not registered:
        house.asterisk.registry.has_way = lambda name: False  # type: ignore[method-assign]
    answer: Any = await house.cell.trials.phone(Account(OperatorId("101"), "op"))
    steps = [heard(step) for step in answer["steps"]]
    assert answer["ok"] is registered
    assert (
        any("not called" in step and "101" in step and "regist" in step for step in steps) is not registered
    )
    assert {(side.trunk, side.number) for side in told} == {("", "")}
    await house.stop()


@in_virtual_time
async def test_an_outside_phone_is_called_by_its_trunk() -> None:
    house, told = await started(Fate(after_s=1, talk_s=3))
    outside = Account(
        OperatorId("101"), "op", phone=PhoneKind.OUTSIDE, number=PhoneNumber(NUMBER), trunk=MAIN
    )
    answer: Any = await house.cell.trials.phone(outside)
    assert answer["ok"]
    assert [(side.trunk, side.number) for side in told] == [(MAIN, NUMBER)]
    await house.stop()
