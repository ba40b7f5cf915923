"""One bad item never stops the rest: trunks, phones, observers, accounts; Asterisk goes and comes."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from dialer.domain import call as c
from dialer.domain import shifts
from dialer.domain.call import Call
from dialer.domain.errors import BadValue, LinkDown, Refused, TimedOut
from dialer.domain.moves import step
from dialer.domain.operators import Account, LegState, State
from dialer.domain.reactions import Result
from dialer.domain.trunk import Trunk
from dialer.domain.types import (
    EndedBy,
    LegKind,
    Mode,
    OperatorId,
    Outcome,
    PhoneKind,
    PhoneNumber,
    TrunkId,
)
from dialer.sim.clock import run, until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import MAIN, House
from tests.unit.engine.virtual import in_virtual_time

BAD = TrunkId("a-bad-one")  # before `main` in every order


def office(talk_s: float = 300.0) -> House:
    return House(PretendAsterisk(lambda number: Fate(after_s=2, talk_s=talk_s)))


# --- trunks and phones that Asterisk cannot have ------------------------------------------------------------


@pytest.mark.parametrize(
    "trouble", [Refused(400, "no such host"), TimedOut("no answer"), BadValue("no host"), ZeroDivisionError()]
)
def test_a_trunk_that_asterisk_does_not_take_is_set_aside_and_all_the_others_work(trouble: Exception) -> None:
    run(_with_a_bad_trunk(trouble))


async def _with_a_bad_trunk(trouble: Exception) -> None:
    house = office()
    await house.furnish(operators=2, leads=1)
    await house.stores.trunks.add(Trunk(BAD, "nosuch.invalid"))
    house.asterisk.bad_endpoints[BAD] = trouble
    await house.start()
    assert house.asterisk.endpoints == {"main", "101", "102"}
    assert BAD in house.cell.books.faults
    await house.all_ready()
    await until(lambda: house.asterisk.people() != [])
    assert bool(house.shell.guard.failed) is isinstance(trouble, ZeroDivisionError), "a mistake of ours"
    house.shell.guard.failed.clear()
    await house.stop()


@in_virtual_time
async def test_a_name_server_that_was_away_heals_by_itself_and_is_asked_less_and_less_often() -> None:
    house = office()
    await house.furnish(operators=1)
    house.asterisk.bad_endpoints[MAIN] = Refused(500, "it cannot be resolved")
    asked: list[float] = []
    loop = asyncio.get_running_loop()
    house.asterisk.fault = lambda request: asked.append(loop.time()) if request == "push_trunk" else None  # type: ignore[func-returns-value]
    await house.start()
    await asyncio.sleep(300)
    assert len(asked) < 15
    del house.asterisk.bad_endpoints[MAIN]
    await until(lambda: MAIN in house.asterisk.endpoints, 61)
    assert house.cell.books.faults == {}
    await house.stop()


@in_virtual_time
async def test_a_trunk_that_turned_bad_does_not_keep_the_cell_from_a_reborn_asterisk() -> None:
    house = office()
    await house.furnish(operators=1)
    await house.start()
    house.asterisk.bad_endpoints[MAIN] = TimedOut("it looks up a name")
    house.asterisk.reboot()
    house.asterisk.connect_to(house.cell)
    await until(house.shell.linked.is_set, 15)
    assert MAIN in house.cell.books.faults
    await house.stop()


@in_virtual_time
async def test_a_row_that_cannot_be_read_keeps_out_only_itself() -> None:
    house = office()
    await house.furnish(operators=1)
    house.stores.trunks.unread["broken"] = "host is no text"  # type: ignore[index]
    await house.start()
    assert house.cell.books.faults == {"broken": "host is no text"}
    assert house.cell.trunks.get(MAIN) is not None
    await house.stop()


# --- phones that cannot be called ---------------------------------------------------------------------------


@in_virtual_time
async def test_an_operator_whose_number_the_trunk_may_not_dial_is_told_at_once() -> None:
    house = office()
    abroad = Account(
        OperatorId("101"), "op", phone=PhoneKind.OUTSIDE, number=PhoneNumber("+4930123456"), trunk=MAIN
    )
    await house.furnish(operators=1, account=abroad)
    await house.start()
    house.ask("101", shifts.LoginAsked)
    await until(lambda: house.operator().state is State.OFFLINE, 1)
    assert house.operator().reason == shifts.NOT_CALLABLE
    await house.stop()


@in_virtual_time
async def test_an_operator_switched_off_while_his_phone_is_to_be_rung_gives_the_call_to_another() -> None:
    house = House(PretendAsterisk(lambda number: Fate(setup_s=6, after_s=3, talk_s=300)))
    desk = Account(OperatorId("101"), "op", leg=LegKind.ON_DEMAND)
    await house.furnish(operators=2, leads=1, account=desk, mode=Mode.PROGRESSIVE)
    await house.start()
    await house.enter("101")
    await until(lambda: house.operator("101").state is State.RESERVED)
    await house.enter("102")
    gone = replace(await house.stores.accounts.get(OperatorId("101")), enabled=False)
    await house.stores.accounts.save(gone)
    await until(lambda: OperatorId("101") not in house.cell.floor.accounts)
    await until(lambda: house.operator("102").state is State.TALKING, 10)
    assert house.operator("101").state is State.OFFLINE
    assert await house.outcomes() == {}
    await house.stop()


# --- a phone of the other kind in mid-shift ---------------------------------------------------------------


@in_virtual_time
async def test_a_leg_for_each_call_that_becomes_one_for_the_shift_is_called_and_takes_calls() -> None:
    house = office()
    desk = Account(OperatorId("101"), "op", leg=LegKind.ON_DEMAND)
    await house.furnish(operators=1, leads=0, account=desk)
    await house.start()
    await house.enter("101")
    assert house.operator().leg is LegState.DOWN
    await house.stores.accounts.save(
        replace(await house.stores.accounts.get(OperatorId("101")), leg=LegKind.NAILED_UP)
    )
    await until(lambda: house.operator().state is State.CONNECTING, 2)
    await until(lambda: house.operator().state is State.READY and house.operator().leg is LegState.UP, 5)
    await house.stores.accounts.save(
        replace(await house.stores.accounts.get(OperatorId("101")), leg=LegKind.ON_DEMAND)
    )
    await until(lambda: house.operator().leg is LegState.DOWN and house.operator().state is State.READY, 2)
    await until(lambda: house.asterisk.lines == {}, 2)
    await house.stop()


# --- who only looks on ------------------------------------------------------------------------------------


class Stumbles:
    """An observer with a mistake."""

    def saw(self, *_: object) -> None:
        raise ZeroDivisionError

    moved = saw


@in_virtual_time
async def test_an_observer_that_raises_takes_no_record_and_no_operator_with_it() -> None:
    house = office(talk_s=20)
    house.watcher = Stumbles()  # type: ignore[assignment]
    await house.furnish(operators=1, leads=2, wrap_up_s=1.0)
    await house.start()
    await house.all_ready()
    await until(lambda: len(house.asterisk.dialled) == 2)
    await house.settled()
    assert await house.outcomes() == {"connected": 2}
    await until(lambda: house.operator().state is State.READY, 5)
    assert house.shell.guard.failed["observer Stumbles"] > 10
    house.shell.guard.failed.clear()
    await house.stop()


@in_virtual_time
async def test_a_policy_that_raises_dials_nothing_and_says_so_and_talks_go_on() -> None:
    house = office(talk_s=60)
    campaign = await house.furnish(operators=2, leads=5)
    await house.start()
    await house.enter("101")
    await until(lambda: house.operator("101").state is State.TALKING)
    policy = house.cell.pacer._policy
    decide, policy.decide = policy.decide, lambda snapshot: 1 / 0  # type: ignore[method-assign, assignment, return-value]
    await house.enter("102")
    await asyncio.sleep(100)
    assert "mistake of the dialer" in house.cell.pacer.reasons[campaign.id]
    assert await house.outcomes() == {"connected": 1}
    assert house.operator("102").state is State.READY
    policy.decide = decide  # type: ignore[method-assign]
    await until(lambda: house.operator("102").state is State.TALKING, 15)
    house.shell.guard.failed.clear()
    await house.stop()


@in_virtual_time
async def test_an_operator_whose_release_was_lost_by_a_mistake_is_let_go_by_the_next_sweeps() -> None:
    house = office(talk_s=5)
    await house.furnish(operators=1, leads=1, wrap_up_s=1.0)
    await house.start()
    await house.all_ready()
    await until(lambda: house.operator().state is State.TALKING)
    floor = house.cell.floor
    release, floor.release = floor.release, lambda *_, **__: 1 / 0  # type: ignore[method-assign, assignment]
    await until(lambda: not house.calls())
    assert house.operator().state is State.TALKING
    floor.release = release  # type: ignore[method-assign]
    await until(lambda: house.operator().state is State.READY, 35)
    house.shell.guard.failed.clear()
    await house.settled()
    await house.check_records()
    await house.stop()


@pytest.mark.parametrize("broken", [c.Alerted, c.Answered, c.EnteredBridge, c.Destroyed, c.Reserved])
def test_a_call_whose_step_fails_is_ended_in_good_order_and_has_its_record(
    broken: type[c.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumbling(call: Call, event: c.Event) -> Result:
        if isinstance(event, broken):
            raise ZeroDivisionError
        return step(call, event)

    monkeypatch.setattr("dialer.engine.calls.step", stumbling)
    run(_calls_that_stumble())


async def _calls_that_stumble() -> None:
    house = office(talk_s=5)
    await house.furnish(operators=1, leads=2, wrap_up_s=1.0, mode=Mode.POWER, retries={})
    await house.start()
    await house.all_ready()
    await until(lambda: len(house.asterisk.dialled) == 2 and not house.calls(), 300)
    await until(lambda: not house.journal.depth())
    await house.check_records()
    await until(lambda: house.operator().state is State.READY, 120)
    assert house.shell.guard.failed["step of a call"]
    house.shell.guard.failed.clear()
    await house.stop()


# --- Asterisk goes and comes ------------------------------------------------------------------------------


@in_virtual_time
async def test_of_two_reconciles_the_newest_wins_and_no_talk_is_closed_at_the_next_flap() -> None:
    house = office(talk_s=600)
    await house.furnish(operators=2, leads=4)
    await house.start()
    await house.all_ready()
    await until(lambda: all(op.state is State.TALKING for op in house.operators()))
    house.asterisk.reboot()
    slow = {"push_trunk": 4.0}
    lost = [LinkDown("the request was lost")]
    house.asterisk.slow_s = lambda request: slow.get(request, 0.0)
    late_s = asyncio.get_running_loop().time() + 3.9  # the older one's answer comes after the newer's
    house.asterisk.fault = lambda request: (
        lost.pop() if lost and asyncio.get_running_loop().time() > late_s else None
    )
    house.asterisk.connect_to(house.cell)  # the second boot: its reconciling takes long
    await asyncio.sleep(1)
    house.asterisk.reboot()  # and dies meanwhile
    slow.clear()
    house.asterisk.connect_to(house.cell)
    third = house.asterisk.booted
    await until(house.shell.linked.is_set)
    await until(lambda: all(op.state is State.TALKING for op in house.operators()), 60)
    await asyncio.sleep(10)
    assert house.journal.recover().booted_at == third
    talks = {call.id for call in house.calls()}
    house.asterisk.lose_link()
    house.asterisk.connect_to(house.cell)
    await until(house.shell.linked.is_set)
    await asyncio.sleep(1)
    assert {call.id for call in house.calls()} == talks
    assert house.asterisk.double_booked == []
    await house.stop()


@in_virtual_time
async def test_a_planned_stop_of_asterisk_closes_the_talks_and_people_come_back_by_themselves() -> None:
    house = office(talk_s=600)
    await house.furnish(operators=3, leads=2)
    await house.start()
    await house.all_ready()
    await until(lambda: sum(op.state is State.TALKING for op in house.operators()) == 2)
    house.asterisk.shut_down()
    await asyncio.sleep(1.5)
    house.asterisk.reboot()
    assert {op.state for op in house.operators()} == {State.CONNECTING}
    house.asterisk.connect_to(house.cell)
    await until(lambda: all(op.state is State.READY for op in house.operators()), 10)
    await until(lambda: not house.journal.depth())
    for cdr in await house.cdrs():
        assert cdr.outcome is Outcome.CONNECTED
        assert (cdr.reason, cdr.ended_by) == ("Asterisk stopped during the call", EndedBy.NETWORK)
    assert "phone_lost" not in {change.reason for change in house.watcher.changes}
    await house.stop()


@in_virtual_time
async def test_an_asterisk_that_thinks_better_of_its_stop_is_worked_with_again() -> None:
    house = office(talk_s=600)
    await house.furnish(operators=1, leads=2)
    await house.start()
    await house.all_ready()
    await until(lambda: house.operator().state is State.TALKING)
    house.asterisk.shut_down()
    await asyncio.sleep(1)
    assert not house.shell.linked.is_set()
    await until(lambda: house.operator().state is State.TALKING, 60)
    await house.stop()
