"""Calls beside the campaigns: when they were answered, how they ended, and what is on record of them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from dialer.domain import call as c
from dialer.domain.spending import SideCall, SideKind
from dialer.domain.types import ChannelId, Outcome, PhoneNumber, TrunkId
from dialer.engine.sidecalls import SideCalls
from dialer.sim.clock import now
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import MAIN, House
from tests.unit.engine.virtual import in_virtual_time

ONE, TWO = ChannelId("t-1"), ChannelId("t-2")
NUMBER = PhoneNumber("+79160000001")


async def begun() -> tuple[House, SideCalls, list[SideCall]]:
    """One that is requested; what is over is told."""
    house = House(PretendAsterisk())
    await house.furnish(leads=0)
    await house.start()
    side, over = house.cell.floor.legs.side, list[SideCall]()
    side.on_end = over.append
    side.begin(ONE, SideKind.TEST, MAIN, NUMBER, "boss")
    return house, side, over


@in_virtual_time
async def test_it_is_answered_from_the_first_answer_on() -> None:
    house, side, over = await begun()
    begun_at = now()
    assert not side.is_answered(ONE)
    side.heard(ONE, c.Answered(begun_at + timedelta(seconds=2)))
    side.heard(ONE, c.Answered(begun_at + timedelta(seconds=3)))
    side.heard(TWO, c.Answered(begun_at))
    assert (side.is_answered(ONE), side.is_answered(TWO)) == (True, False)
    side.heard(ONE, c.Destroyed(begun_at + timedelta(seconds=9), 16))
    side.heard(ONE, c.Destroyed(begun_at + timedelta(seconds=99), 16))
    (one,) = over
    assert (one.answer_at, one.end_at) == (begun_at + timedelta(seconds=2), begun_at + timedelta(seconds=9))
    assert (one.outcome, one.is_over, one.who, one.trunk) == (Outcome.CONNECTED, True, "boss", MAIN)
    assert side.all() == []
    await house.stop()


@pytest.mark.parametrize(
    ("cause", "sip", "outcome"), [(17, 486, Outcome.BUSY), (1, 404, Outcome.UNALLOCATED)]
)
@in_virtual_time
async def test_one_that_was_not_answered_has_the_networks_outcome(
    cause: int, sip: int, outcome: Outcome
) -> None:
    house, side, over = await begun()
    side.heard(ONE, c.Destroyed(now() - timedelta(seconds=5), cause, sip))
    assert [(one.outcome, one.cause, one.sip_code) for one in over] == [(outcome, cause, sip)]
    assert over[0].end_at == over[0].begun_at, "no clock makes it end before it began"
    await house.stop()


@in_virtual_time
async def test_when_asterisk_stops_all_are_interrupted() -> None:
    house, side, over = await begun()
    side.adopt(TWO, TrunkId(""), PhoneNumber(""), "101", up=True)
    side.end_all(now() + timedelta(seconds=1))
    assert [(one.id, one.outcome) for one in over] == [(ONE, "interrupted"), (TWO, "interrupted")]
    await house.stop()


@pytest.mark.parametrize("up", [True, False])
@in_virtual_time
async def test_a_leg_that_outlived_us_costs_from_now_on_if_it_is_up(up: bool) -> None:
    house, side, over = await begun()
    side.adopt(TWO, MAIN, NUMBER, "101", up=up)
    assert side.is_answered(TWO) is up
    await asyncio.sleep(10)
    side.end(TWO, now(), Outcome.CONNECTED)
    (leg,) = over
    assert (leg.kind, leg.answer_at == leg.begun_at) == (SideKind.LEG, up)
    await house.stop()


@in_virtual_time
async def test_only_what_is_answered_is_written_down_while_it_lasts() -> None:
    house, side, _ = await begun()
    side.adopt(TWO, MAIN, NUMBER, "101", up=True)
    written: list[SideCall] = []
    close, house.shell.journal.closed = house.shell.journal.closed, written.append  # type: ignore[method-assign, assignment]
    await asyncio.sleep(10)
    side.keep()
    house.shell.journal.closed = close  # type: ignore[method-assign]
    assert [(one.id, one.end_at, one.is_over) for one in written] == [(TWO, now(), False)]
    await house.stop()
