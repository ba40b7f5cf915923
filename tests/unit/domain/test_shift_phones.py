"""Operators' phones: those that are lost, mute, rung again, let go, and of another kind from now on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dialer.domain import shifts
from dialer.domain.duty import step
from dialer.domain.operators import NO_KEY, LegState, State
from dialer.domain.shifts import DropLeg, RingLeg
from dialer.domain.types import LegKind
from tests.unit.domain.test_shifts import (
    CALL,
    DESK,
    DESK_READY,
    DESK_TALK,
    DOWN,
    LEG,
    NAILED,
    OTHER,
    OVER,
    RESERVE,
    TALK,
    TO_PAUSED,
    TO_READY,
    TO_TALK,
    UP,
    at,
    play,
)

LOST = (*TO_TALK, DOWN, shifts.LegRings(at(21), OTHER))


@pytest.mark.parametrize(
    ("trouble", "again"),
    [("", False), (shifts.FAILED, True), (shifts.NOT_CALLABLE, False), (NO_KEY, False)],
)
def test_a_phone_that_a_talk_waits_for_is_rung_again_after_trouble_that_may_pass(
    trouble: str, again: bool
) -> None:
    operator, effects = play(NAILED, *LOST, shifts.LegDown(at(25), OTHER, trouble=trouble))
    assert (operator.state, operator.call, operator.leg) == (State.CONNECTING, CALL, LegState.DOWN)
    assert effects == ([shifts.RingLater(at(27))] if again else [])


@pytest.mark.parametrize(
    ("s", "trouble", "reason"),
    [
        (60, "", ""),
        (149, shifts.NOT_REGISTERED, ""),
        (150, shifts.NOT_REGISTERED, shifts.NOT_REGISTERED),
        (150, "", shifts.NO_ANSWER),
        (61, shifts.NOT_CALLABLE, shifts.NOT_CALLABLE),
    ],
)
def test_a_phone_that_was_lost_with_asterisk_is_rung_again_for_ninety_seconds(
    s: float, trouble: str, reason: str
) -> None:
    lost = (*TO_READY, shifts.SwitchLost(at(60)), shifts.LegRings(at(60), OTHER))
    operator, effects = play(NAILED, *lost, shifts.LegDown(at(s), OTHER, trouble=trouble))
    if reason:
        assert (operator.state, operator.reason, effects) == (State.OFFLINE, reason, [])
    else:
        assert (operator.state, effects) == (State.CONNECTING, [shifts.RingLater(at(s + 2))])


@pytest.mark.parametrize(
    ("trouble", "unreachable", "reason"),
    [
        (shifts.NO_SOUND, False, shifts.NO_SOUND),
        (shifts.NO_SOUND, True, shifts.PHONE_LOST),
        (shifts.FORWARDED, True, shifts.FORWARDED),
        ("", True, shifts.PHONE_LOST),
    ],
)
def test_a_mute_phone_that_asterisk_does_not_reach_either_is_lost(
    trouble: str, unreachable: bool, reason: str
) -> None:
    for way, state in ((TO_READY, State.OFFLINE), (TO_TALK, State.CONNECTING)):
        operator, _ = play(NAILED, *way)
        down = shifts.LegDown(at(20), LEG, trouble=trouble)
        operator, _ = play(replace(operator, unreachable=unreachable), down)
        assert (operator.state, operator.reason) == (state, reason)


@pytest.mark.parametrize("leaves", [shifts.Released(at(30)), replace(OVER, at=at(30))])
@pytest.mark.parametrize(
    ("trouble", "reason"),
    [(shifts.NO_SOUND, shifts.NO_SOUND), (shifts.FAILED, shifts.PHONE_LOST), ("", shifts.PHONE_LOST)],
)
def test_who_is_let_go_while_his_phone_is_down_is_off_the_shift_and_says_why(
    leaves: shifts.Event, trouble: str, reason: str
) -> None:
    way = (*TO_READY, RESERVE, TALK, shifts.LegDown(at(20), LEG, trouble=trouble))
    operator, _ = play(NAILED, *way, leaves)
    assert (operator.state, operator.reason) == (State.OFFLINE, reason)


def test_an_on_demand_phone_that_failed_pauses_with_its_own_reason() -> None:
    failed = shifts.LegDown(at(15), LEG, missed=True, trouble=shifts.FAILED)
    operator, _ = play(DESK, *DESK_READY, RESERVE, UP[0], failed, shifts.Released(at(15)))
    assert (operator.state, operator.reason) == (State.PAUSED, shifts.FAILED)
    rings = (*DESK_READY, RESERVE, UP[0])
    operator, effects = play(DESK, *rings, shifts.Released(at(15), missed=True))
    assert (operator.state, operator.reason, effects) == (State.PAUSED, shifts.MISSED, [DropLeg(LEG)])
    operator, _ = play(DESK, *rings, shifts.LogoutAsked(at(13), "home"), shifts.Released(at(15), missed=True))
    assert (operator.state, operator.reason) == (State.OFFLINE, "home")
    operator, effects = play(DESK, *rings, UP[1], shifts.Released(at(15), missed=True))
    assert (operator.state, effects) == (State.READY, [DropLeg(LEG)])


def test_a_phone_that_is_picked_up_is_reachable_again() -> None:
    unreachable = replace(NAILED, unreachable=True)
    assert not play(unreachable, *TO_PAUSED)[0].unreachable
    summoned, _ = play(replace(DESK, unreachable=True), *DESK_READY, *UP)
    assert (summoned.unreachable, summoned.leg) == (False, LegState.UP)


def test_of_two_legs_the_one_that_was_there_before_is_let_go() -> None:
    ringing, _ = play(DESK, *DESK_READY, UP[0])
    assert step(ringing, shifts.LegRings(at(1), LEG)) == (ringing, ())
    other, effects = play(ringing, shifts.LegRings(at(1), OTHER))
    assert (other.channel, effects) == (OTHER, [DropLeg(LEG)])


def test_who_was_ready_when_asterisk_stopped_is_ready_without_a_reason() -> None:
    ready, _ = play(DESK, *DESK_TALK, shifts.SwitchLost(at(60)))
    assert (ready.state, ready.reason) == (State.READY, "")
    lost, _ = play(NAILED, *TO_READY, shifts.SwitchLost(at(60)))
    assert (lost.state, lost.reason) == (State.CONNECTING, shifts.SWITCH_LOST)
    again, _ = play(lost, shifts.LegRings(at(61), OTHER), shifts.SwitchLost(at(62)))
    assert (again.state, again.leg, again.back_to) == (State.CONNECTING, LegState.DOWN, State.READY)


TO_SHIFT, TO_EACH = (shifts.LegKindChanged(at(70), kind) for kind in (LegKind.NAILED_UP, LegKind.ON_DEMAND))


@pytest.mark.parametrize(
    ("way", "state", "reason"),
    [
        ((shifts.LoginAsked(at(0)),), State.PAUSED, shifts.LOGIN),
        ((*TO_READY, shifts.SwitchLost(at(60))), State.READY, ""),
        ((*TO_PAUSED, shifts.SwitchLost(at(60))), State.PAUSED, shifts.LOGIN),
    ],
)
def test_who_waits_for_a_phone_that_is_now_rung_for_each_call_waits_no_more(
    way: tuple[shifts.Event, ...], state: State, reason: str
) -> None:
    operator, effects = play(NAILED, *way, shifts.LegRings(at(65), OTHER), TO_EACH)
    assert (operator.state, operator.reason, effects) == (state, reason, [DropLeg(OTHER)])
    assert play(NAILED, *way, TO_SHIFT)[0].state is State.CONNECTING


def test_a_leg_for_the_shift_is_called_at_once_unless_one_is_there() -> None:
    connecting, effects = play(DESK, *DESK_READY, TO_SHIFT)
    assert (connecting.state, connecting.reason, effects) == (
        State.CONNECTING,
        shifts.PHONE_CHANGED,
        [RingLeg()],
    )
    assert play(DESK, *DESK_READY, UP[0], TO_SHIFT)[1] == []
    up, effects = play(DESK, *DESK_READY, *UP, TO_SHIFT)
    assert (up.state, effects) == (State.READY, [])
    reserved, effects = play(DESK, *DESK_READY, RESERVE, TO_SHIFT)
    assert (reserved.state, effects) == (State.RESERVED, [RingLeg()])
    assert play(DESK, *DESK_READY, RESERVE, UP[0], TO_SHIFT)[1] == []
    assert play(NAILED, *TO_READY, RESERVE, TO_EACH)[1] == []
