"""What an operator's phone is, what is wrong with it, and whose loss a call takes to heart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dialer.domain import call as c
from dialer.domain import shifts
from dialer.domain.call import State as CallState
from dialer.domain.operators import (
    NO_KEY,
    Account,
    LegState,
    Operator,
    State,
    phone_of,
    phone_trouble,
    place_of,
    stays,
    with_phone,
)
from dialer.domain.types import LegKind, OperatorId, PhoneKind
from tests.unit.domain import test_shifts as s
from tests.unit.domain.stories import ANN, BOB, LEASED, TO_RESERVED, TO_TALK, at, play

ANNS = Operator(ANN)


def test_a_desk_comes_before_the_account_and_an_outside_number_is_no_sip_phone() -> None:
    sip, outside = Account(ANN, "Ann"), Account(ANN, "Ann", phone=PhoneKind.OUTSIDE)
    assert phone_of(replace(ANNS, desk="205"), sip) == "205"
    assert phone_of(ANNS, sip) == "101"
    assert phone_of(ANNS, outside) == ""


@pytest.mark.parametrize(
    ("operator", "told"),
    [
        (ANNS, None),
        (replace(ANNS, leg=LegState.UP), None),
        (replace(ANNS, unreachable=True, leg=LegState.UP), "the leg that is up goes on"),
        (replace(ANNS, unreachable=True), "it gets no calls"),
        (replace(ANNS, reason=NO_KEY), "key 1 was not heard"),
        (replace(ANNS, state=State.READY, reason=NO_KEY), None),
        (replace(ANNS, reason="lunch"), None),
        (replace(ANNS, contact="a", ousted="b"), "a registered in the place of b"),
    ],
)
def test_trouble_with_a_phone_is_told_as_what_it_is(operator: Operator, told: str | None) -> None:
    trouble = phone_trouble(operator)
    assert (trouble is None) if told is None else (told in str(trouble))


# --- whose loss it is ------------------------------------------------------------------------------------


def test_an_operator_lost_while_connecting_is_replaced_and_anothers_loss_concerns_nobody() -> None:
    reserved, _ = play(LEASED, *TO_RESERVED)
    assert play(reserved, c.OperatorLost(at(5.1), BOB)) == (reserved, [])
    alone, effects = play(reserved, c.OperatorLost(at(5.1), ANN))
    assert (alone.state, alone.operator) == (CallState.HELD_BACK, None)
    assert effects == [c.Release(ANN, talked=False), c.Reserve()]


@pytest.mark.parametrize("other", [BOB, OperatorId("100")])
def test_a_talk_goes_on_when_another_operator_is_lost(other: OperatorId) -> None:
    talking, _ = play(LEASED, *TO_TALK)
    assert play(talking, c.OperatorLost(at(20), other)) == (talking, [])


# --- a call that gave up waiting for his phone -----------------------------------------------------------

MISSED = shifts.Released(s.at(15), missed=True)


def test_an_on_demand_phone_that_rang_in_vain_pauses_its_operator() -> None:
    operator, _ = s.play(s.DESK, *s.DESK_READY, s.RESERVE, s.UP[0], MISSED)
    assert operator.state is State.PAUSED


@pytest.mark.parametrize("missed", [True, False])
def test_an_operator_whose_phone_is_not_ringing_is_ready_again(missed: bool) -> None:
    freed = shifts.Released(s.at(15), missed=missed)
    assert s.play(s.DESK, *s.DESK_READY, s.RESERVE, freed)[0].state is State.READY
    assert s.play(s.NAILED, *s.TO_READY, s.RESERVE, freed)[0].state is State.READY


def test_a_ringing_phone_whose_call_was_taken_back_pauses_nobody() -> None:
    freed = shifts.Released(s.at(15))
    assert s.play(s.DESK, *s.DESK_READY, s.RESERVE, s.UP[0], freed)[0].state is State.READY


def test_another_kind_of_leg_is_called_now_only_by_one_who_waits_for_it_in_a_call() -> None:
    kind = shifts.LegKindChanged(s.at(12), LegKind.NAILED_UP)
    waiting, rings = s.play(s.DESK, *s.DESK_READY, s.RESERVE, kind)
    assert (waiting.leg_kind, rings) == (LegKind.NAILED_UP, [shifts.RingLeg()])
    assert s.play(s.DESK, *s.DESK_READY, s.RESERVE, *s.UP, kind)[1] == []
    assert s.play(s.DESK, *s.DESK_TALK, kind)[1] == []


def test_a_phone_that_is_lost_bars_calls_and_one_that_comes_back_allows_them() -> None:
    there = with_phone(ANNS, reachable=True, contact="sip:a")
    assert (there.unreachable, there.contact, there.ousted) == (False, "sip:a", "")
    lost = with_phone(there, reachable=False)
    assert (lost.unreachable, lost.contact) == (True, "sip:a"), "the address is remembered"
    other = with_phone(lost, reachable=True, contact="sip:b", ousted="sip:a")
    assert (other.unreachable, other.contact, other.ousted) == (False, "sip:b", "sip:a")
    assert with_phone(other, reachable=True).ousted == ""


def test_news_that_change_nothing_leave_the_operator_as_he_is() -> None:
    there = with_phone(ANNS, reachable=True, contact="sip:a")
    assert with_phone(there, reachable=True, contact="sip:a") is there
    assert with_phone(there, reachable=True) is there


def test_who_stays_in_a_state_is_told_since_when() -> None:
    ready = replace(ANNS, state=State.READY, reason="x", since_at=at(3))
    seen = stays(ready, at(9))
    assert (seen.was, seen.became, seen.reason, seen.at) == (State.READY, State.READY, "x", at(3))
    assert stays(replace(ready, since_at=None), at(9)).at == at(9)


def test_a_leg_is_noted_apart_from_a_call_of_the_same_number() -> None:
    assert place_of(ANN) == "o101"
    assert replace(LEASED, slot=101).place == "c101"
