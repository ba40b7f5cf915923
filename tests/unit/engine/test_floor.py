"""Who gets a call: one indivisible act, and a call lets go of nobody but its own operator."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import pytest
import structlog
from structlog.testing import capture_logs

from dialer.domain import call as c
from dialer.domain import shifts
from dialer.domain.call import Call
from dialer.domain.call import State as CallState
from dialer.domain.changed import changed
from dialer.domain.errors import Conflict, Missing
from dialer.domain.operators import Account, LegState, Operator, State
from dialer.domain.types import CallId, CampaignId, Direction, LegKind, OperatorId
from dialer.engine.contacts import Way
from dialer.sim.clock import now, until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.domain.stories import LEASED
from tests.unit.engine.house import House, at_work
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


@in_virtual_time
async def test_who_waits_is_told_of_an_operator_once_each_time_that_one_becomes_free() -> None:
    house = House(PretendAsterisk())
    await house.furnish(operators=1, leads=0)
    await house.start()
    floor, freed = house.cell.floor, list[OperatorId]()
    floor.on_free = freed.append
    await house.enter("101")
    assert freed == ["101"]
    operator = floor.reserve(call(1))
    assert operator is not None
    floor.ask(operator, shifts.PauseAsked(now(), "lunch"))
    floor.ask(operator, shifts.ReadyAsked(now()))  # the pause that was to follow is taken back
    assert freed == ["101"]
    floor.release(operator, CallId("c-1"), now(), talked=False)
    assert freed == ["101", "101"]
    floor.ask(operator, shifts.PauseAsked(now(), "lunch"))
    floor.ask(operator, shifts.LogoutAsked(now()))
    assert freed == ["101", "101"]
    await house.stop()


@in_virtual_time
async def test_what_an_operator_does_for_a_call_is_on_record_with_the_call_and_its_campaign() -> None:
    house = await at_work(Fate(after_s=1, talk_s=5), leads=1)
    await house.settled_after_dial()
    await until(lambda: house.operator().state is State.READY)
    (cdr,) = await house.cdrs()
    its = [change for change in house.watcher.changes if change.was is not change.became]
    of_call = [(change.became, change.campaign) for change in its if change.call == cdr.id]
    assert of_call == [
        (state, cdr.campaign) for state in (State.RESERVED, State.TALKING, State.WRAP_UP, State.READY)
    ]
    assert [change.became for change in its if change.call is None] == [
        State.CONNECTING, State.PAUSED, State.READY
    ]  # fmt: skip
    await house.stop()


@in_virtual_time
async def test_a_tone_for_an_operator_whose_phone_is_down_is_for_nobody() -> None:
    house = await three_ready()
    floor, heard = house.cell.floor, list[str]()
    floor.legs.beep = heard.append  # type: ignore[method-assign, assignment]
    floor.beep(OperatorId("101"))
    assert heard == [house.operator("101").channel]
    floor.ask(OperatorId("101"), shifts.LogoutAsked(now()))
    floor.beep(OperatorId("101"))
    floor.beep(OperatorId("999"))
    assert len(heard) == 1
    await house.stop()


# --- phones that are rung for each call ------------------------------------------------------------------


async def on_demand(operators: int = 2) -> House:
    """Ready in this order: 102, 101; their phones ring for a minute before they are picked up."""
    house = House(PretendAsterisk())
    account = Account(OperatorId("101"), "op", leg=LegKind.ON_DEMAND)
    await house.furnish(operators=operators, leads=0, account=account)
    house.asterisk.phones |= {id_: Fate(after_s=60, talk_s=1e6) for id_ in ("101", "102")}
    await house.start()
    await house.enter("102", "101")
    return house


def ringing(n: int) -> Call:
    return replace(call(n), state=CallState.RINGING, dialled_at=now(), ring_at=now())


async def legs(house: House) -> dict[str, LegState]:
    await asyncio.sleep(1)
    return {operator.id: operator.leg for operator in house.operators()}


@in_virtual_time
async def test_each_ringing_call_summons_one_phone_and_a_repeated_summons_none() -> None:
    house = await on_demand()
    floor = house.cell.floor
    assert not floor.is_free(house.operator("102"))
    assert floor.is_summonable(house.operator("102"))
    floor.summon(ringing(1))
    assert await legs(house) == {"101": LegState.DOWN, "102": LegState.RINGING}
    floor.summon(ringing(2))
    assert await legs(house) == {"101": LegState.RINGING, "102": LegState.RINGING}
    floor.summon(ringing(3))
    floor.summon(replace(ringing(4), campaign=CampaignId(99)))
    assert len(house.asterisk.lines) == 2
    await house.stop()


@in_virtual_time
async def test_a_phone_that_was_rung_for_a_call_alone_is_let_go_with_it() -> None:
    house = await on_demand()
    floor = house.cell.floor
    floor.summon(ringing(1))
    floor.summon(ringing(2))
    await legs(house)
    floor.forget(ringing(1), None)
    floor.forget(ringing(9), None)
    assert await legs(house) == {"101": LegState.RINGING, "102": LegState.DOWN}
    assert house.operator("102").state is State.READY
    floor.summon(ringing(3))
    assert (await legs(house))["102"] is LegState.RINGING
    await house.stop()


@in_virtual_time
async def test_a_person_who_waited_in_vain_makes_it_a_missed_ring() -> None:
    house = await on_demand()
    floor = house.cell.floor
    floor.missed(CallId("c-9"))
    floor.summon(ringing(1))
    await legs(house)
    floor.missed(CallId("c-1"))
    await asyncio.sleep(1)
    assert (house.operator("102").state, house.operator("102").reason) == (State.PAUSED, shifts.MISSED)
    assert house.operator("101").state is State.READY
    await house.stop()


@in_virtual_time
async def test_the_operator_of_a_call_that_comes_back_is_rung_if_his_phone_is_rung_for_each_call() -> None:
    house = await on_demand()
    floor = house.cell.floor
    own = replace(ringing(1), operator=OperatorId("101"))
    assert floor.reserve_for_dial(OperatorId("101"), own)
    assert not floor.reserve_for_dial(OperatorId("101"), ringing(2)), "he is the other call's"
    assert not floor.reserve_for_dial(OperatorId("999"), ringing(2))
    floor.summon(own)
    assert await legs(house) == {"101": LegState.RINGING, "102": LegState.DOWN}
    floor.summon(own)
    assert len(house.asterisk.lines) == 1
    await house.stop()


@in_virtual_time
async def test_before_the_answer_there_is_time_to_take_one_whose_phone_is_down_after_it_is_not() -> None:
    house = await on_demand()
    floor = house.cell.floor
    answered = replace(call(1), state=CallState.ANSWERED, answer_at=now())
    assert floor.reserve(answered) is None
    assert floor.reserve(call(2)) == "102"
    assert floor.reserve(call(2)) == "102", "the same one again, as long as nobody has answered"
    assert floor.reserve(replace(answered, id=CallId("c-2"))) is None, "his phone is not up"
    await house.stop()


@pytest.mark.parametrize("bereft", [False, True])
@pytest.mark.parametrize("direction", list(Direction))
@in_virtual_time
async def test_one_who_is_too_slow_to_his_phone_loses_an_answered_call_to_one_who_is_free(
    direction: Direction, bereft: bool
) -> None:
    house = await on_demand()
    floor = house.cell.floor
    told: list[c.Event] = []
    floor.tell_call = lambda call, event: told.append(event)
    own = replace(call(1), operator=OperatorId("101"), direction=direction, bereft=bereft)
    assert floor.reserve_for_dial(OperatorId("101"), own)
    answered = replace(own, state=CallState.ANSWERED, answer_at=now())
    assert (floor.reserve(answered), told) == (None, [])
    free = changed(house.operator("102"), leg=LegState.UP)
    floor.restore([free])
    assert floor.reserve(own) is None, "nobody has answered yet"
    assert told == []
    assert floor.reserve(answered) is None
    in_hurry = direction is Direction.OUT and not bereft
    assert told == ([c.OperatorLost(now(), OperatorId("101"))] if in_hurry else [])
    await house.stop()


# --- what cannot be ---------------------------------------------------------------------------------------


@in_virtual_time
async def test_what_needs_a_talk_or_a_phone_is_refused_without_one() -> None:
    house = await three_ready()
    floor = house.cell.floor
    for ask in (floor.talk_of, floor.hang_up_person):
        with pytest.raises(Conflict, match="operator 101 is ready: there is no talk"):
            ask(OperatorId("101"))
    with pytest.raises(Conflict, match="there is no call to give an outcome to"):
        floor.dispose(OperatorId("101"), "agreed")
    assert floor.leg_of(OperatorId("101")) == house.operator("101").channel
    house.ask("101", shifts.LogoutAsked)
    with pytest.raises(Conflict, match="operator 101 has no phone leg up"):
        floor.leg_of(OperatorId("101"))
    with pytest.raises(Missing, match="there is no operator 999"):
        floor.account(OperatorId("999"))
    await house.stop()


@in_virtual_time
async def test_an_operator_who_is_unreachable_gets_no_call_and_is_free_again_with_his_phone() -> None:
    house = await three_ready()
    floor = house.cell.floor
    freed: list[OperatorId] = []
    floor.on_free = freed.append
    phone = floor.desks.of(house.operator("102"))
    floor.phone_seen(phone, Way(is_reachable=False))
    floor.phone_seen(phone, Way(is_reachable=False))
    assert (floor.is_free(house.operator("102")), floor.reserve(call(1)), freed) == (False, "101", [])
    floor.phone_seen(phone, Way(is_reachable=True, contact="sip:102@192.0.2.1"))
    assert freed == ["102"]
    assert floor.reserve(call(2)) == "102"
    await house.stop()


@in_virtual_time
async def test_a_talk_that_ends_leads_to_the_wrap_up_of_its_campaign_and_a_release_does_not() -> None:
    house = await three_ready()
    floor = house.cell.floor
    (campaign,) = house.cell.pacer.running()
    for n, (campaign_id, talked, state) in enumerate(
        [
            (campaign.id, True, State.WRAP_UP),
            (campaign.id, False, State.READY),
        ]
    ):
        one = replace(call(n), campaign=campaign_id)
        operator = floor.reserve(one)
        assert operator is not None
        floor.start_talk(operator, now())
        floor.release(OperatorId("999"), one.id, now(), talked=talked)
        floor.release(operator, one.id, now(), talked=talked)
        assert house.operator(operator).state is state
    await house.stop()


@in_virtual_time
async def test_somebody_whose_account_is_switched_off_is_remembered_while_at_work_and_not_after() -> None:
    house = await three_ready()
    floor = house.cell.floor
    gone = Operator(OperatorId("777"), "gone")
    floor.restore([gone])
    with pytest.raises(Missing):
        floor.get(gone.id)
    floor.restore([replace(gone, state=State.TALKING, call=CallId("c-1"), since_at=now())])
    assert (floor.get(gone.id).state, floor.get(gone.id).then) == (State.TALKING, State.OFFLINE)
    floor.restore([replace(house.operator("101"), state=State.OFFLINE, channel=None, leg=LegState.DOWN)])
    assert house.operator("101").state is State.OFFLINE
    await house.stop()


@in_virtual_time
async def test_a_phone_that_takes_a_call_is_reachable_whatever_was_said_before() -> None:
    house = await three_ready()
    desks, ann = house.cell.floor.desks, house.operator("101")
    phone = desks.of(ann)
    desks.see(phone, Way(is_reachable=False, contact="sip:101@192.0.2.1"))
    assert desks.seen(ann).unreachable
    desks.answered(ann)
    assert not desks.seen(replace(ann, unreachable=True)).unreachable
    desks.see(phone, Way(is_reachable=True, contact="sip:101@192.0.2.2"))
    desks.answered(ann)
    assert desks.seen(ann).contact == "sip:101@192.0.2.2"
    await house.stop()


@pytest.mark.parametrize(
    ("missed", "state"),
    [({}, State.READY), ({"missed": False}, State.READY), ({"missed": True}, State.PAUSED)],
)
@in_virtual_time
async def test_a_release_is_a_missed_ring_only_where_it_is_said_so(
    missed: dict[str, bool], state: State
) -> None:
    house = await on_demand()
    floor = house.cell.floor
    own = replace(ringing(1), operator=OperatorId("101"))
    assert floor.reserve_for_dial(OperatorId("101"), own)
    floor.summon(own)
    assert (await legs(house))["101"] is LegState.RINGING
    floor.release(OperatorId("101"), own.id, now(), talked=False, **missed)
    assert house.operator("101").state is state
    await house.stop()


@in_virtual_time
async def test_a_display_is_made_empty_of_its_own_call_and_of_no_later_one() -> None:
    house = await three_ready()
    floor, shown = house.cell.floor, list[object]()
    floor.legs.show_nobody = shown.append  # type: ignore[method-assign]
    operator = floor.reserve(call(1))
    assert operator is not None
    floor.show_nobody(operator, CallId("c-2"))
    floor.show_nobody(OperatorId("999"), CallId("c-1"))
    assert shown == []
    floor.show_nobody(operator, CallId("c-1"))
    assert shown == [house.operator(operator).channel]
    await house.stop()


@in_virtual_time
async def test_after_a_restart_a_leg_that_was_up_hears_what_is_said_and_one_that_rang_does_not() -> None:
    house = House(PretendAsterisk())
    await house.furnish(operators=2, leads=0)
    house.asterisk.phones["102"] = Fate(after_s=20, talk_s=1e6)
    await house.start()
    await house.enter("101")
    house.ask("102", shifts.LoginAsked)
    await asyncio.sleep(1)
    await house.kill()
    await house.start()
    house.asterisk.told.clear()
    for operator in ("101", "102"):
        house.cell.floor.say(OperatorId(operator), "state-ready")
    await asyncio.sleep(0.1)
    assert [leg for leg, _ in house.asterisk.told] == [house.operator("101").channel]
    await house.stop()
