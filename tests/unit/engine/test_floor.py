"""Who gets a call: one indivisible act, and a call lets go of nobody but its own operator."""

from __future__ import annotations

import logging
from dataclasses import replace

import structlog
from structlog.testing import capture_logs

from dialer.domain import shifts
from dialer.domain.call import Call
from dialer.domain.operators import State
from dialer.domain.types import CallId
from dialer.sim.clock import now
from dialer.sim.switch import PretendAsterisk
from tests.unit.domain.stories import LEASED
from tests.unit.engine.house import House
from tests.unit.engine.virtual import in_virtual_time


async def three_ready() -> House:
    house = House(PretendAsterisk())
    await house.furnish(operators=3, leads=0)
    await house.start()
    await house.enter("102", "101", "103")
    return house


def call(n: int) -> Call:
    return replace(LEASED, id=CallId(f"c-{n}"))


@in_virtual_time
async def test_who_has_been_ready_longest_comes_first_and_nobody_twice() -> None:
    house = await three_ready()
    given = [house.cell.floor.reserve(call(n)) for n in range(4)]
    assert given == ["102", "101", "103", None]
    await house.stop()


@in_virtual_time
async def test_a_call_that_asks_twice_before_it_hears_the_answer_gets_one_operator() -> None:
    house = await three_ready()
    assert house.cell.floor.reserve(call(1)) == house.cell.floor.reserve(call(1)) == "102"
    assert [op.state for op in house.operators()].count(State.RESERVED) == 1
    await house.stop()


@in_virtual_time
async def test_a_call_cannot_let_go_of_an_operator_who_is_another_calls_by_now() -> None:
    house = await three_ready()
    floor = house.cell.floor
    operator = floor.reserve(call(1))
    assert operator is not None
    floor.release(operator, CallId("c-1"), now(), talked=False)
    assert floor.reserve(call(2)) == operator
    floor.release(operator, CallId("c-1"), now(), talked=False)
    assert (house.operator(operator).state, house.operator(operator).call) == (State.RESERVED, "c-2")
    await house.stop()


@in_virtual_time
async def test_a_release_keeps_the_place_in_the_queue() -> None:
    house = await three_ready()
    floor = house.cell.floor
    operator = floor.reserve(call(1))
    assert operator is not None
    floor.release(operator, CallId("c-1"), now(), talked=False)
    assert floor.reserve(call(2)) == operator
    await house.stop()


@in_virtual_time
async def test_only_operators_of_the_campaign_are_given() -> None:
    house = await three_ready()
    (campaign,) = house.cell.pacer.running()
    house.cell.pacer.campaigns[campaign.id] = replace(
        campaign, operators=frozenset({house.operator("103").id})
    )
    assert house.cell.floor.reserve(call(1)) == "103"
    assert house.cell.floor.reserve(call(2)) is None
    await house.stop()


@in_virtual_time
async def test_who_comes_and_goes_is_told_in_the_log_and_moves_from_call_to_call_are_not() -> None:
    house = await three_ready()
    floor = house.cell.floor
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    with capture_logs() as told:
        operator = floor.reserve(call(1))
        assert operator is not None
        floor.release(operator, CallId("c-1"), now(), talked=False)
        assert {each["log_level"] for each in told} == {"debug"}
        floor.reserve(call(2))
        floor.ask(operator, shifts.LogoutAsked(now()))  # in mid-call: he goes when it is over
        floor.release(operator, CallId("c-2"), now(), talked=False)
    gone = [each for each in told if each.get("became") is State.OFFLINE]
    assert [each["log_level"] for each in gone] == ["info"]
    await house.stop()
