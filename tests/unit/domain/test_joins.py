"""A person who is in no bridge, and nobody wished it: how long that lasts, and what becomes of the call."""

from __future__ import annotations

import pytest

from dialer.domain import call as c
from dialer.domain.call import Call, Timer
from dialer.domain.changed import changed
from dialer.domain.joins import APART_S, HEARD_S
from dialer.domain.operators import bridge_of
from dialer.domain.types import EndedBy, Outcome
from tests.unit.domain.stories import ANN, LEASED, TO_TALK, at, due, entered, left, play

BEGAN_S = 5.02  # of the talk in TO_TALK
TALKING, _ = play(LEASED, *TO_TALK)


def apart(call: Call, s: float) -> tuple[Call, list[c.Effect]]:
    """The person was out of the bridge at `s`, and still is when the clock rings."""
    return play(call, left(s), c.TimerFired(at(s + APART_S), Timer.APART))


def test_who_leaves_the_bridge_is_waited_for_a_quarter_of_a_second() -> None:
    alone, effects = play(TALKING, left(10))
    assert alone.talk_since_at is None
    assert due(effects, Timer.APART) == 10 + APART_S


@pytest.mark.parametrize(
    "why",
    [
        c.HoldAsked(at(9), on=True),
        c.HangUpAsked(at(9), EndedBy.OPERATOR),
        c.HangupRequested(at(9), 16),
        c.LeftApp(at(9)),
    ],
)
def test_a_bridge_that_is_left_for_a_reason_is_no_trouble_however_late_the_reason_is_told(
    why: c.Event,
) -> None:
    assert play(TALKING, why, left(9.5))[1] == []
    late, _ = play(TALKING, left(8.9), why)
    assert play(late, c.TimerFired(at(9.2), Timer.APART)) == (late, [])


def test_a_bridge_that_is_left_twice_is_asked_about_once() -> None:
    alone, _ = play(TALKING, left(10))
    assert play(alone, left(10.1)) == (alone, [])


def test_who_is_back_in_the_bridge_in_time_talks_on() -> None:
    back, _ = play(TALKING, left(10), entered(10.1))
    assert play(back, c.TimerFired(at(10.25), Timer.APART)) == (back, [])


@pytest.mark.parametrize("heard_s", [0.0, HEARD_S - 0.01])
def test_what_comes_apart_at_once_was_no_talk_and_the_person_hears_the_message(heard_s: float) -> None:
    gone, effects = apart(TALKING, BEGAN_S + heard_s)
    assert (gone.came_apart, gone.bridge_at, gone.talked_with, gone.talk_s) == (True, None, None, 0.0)
    assert c.PlayMessage() in effects
    assert c.StopTimer(Timer.TALK) in effects
    assert play(gone, c.Destroyed(at(30), 16))[0].outcome is Outcome.ABANDONED


def test_a_talk_that_comes_apart_is_put_together_once_more_and_ends_the_second_time() -> None:
    again, effects = apart(TALKING, BEGAN_S + HEARD_S)
    assert effects == [c.Connect(ANN)]
    assert again.talk_s == pytest.approx(HEARD_S)
    ended, effects = apart(changed(again, talk_since_at=at(8)), 9)
    assert c.HangUp() in effects
    assert (ended.ended_by, str(ended.reason)) == (EndedBy.SERVICE, "the talk came apart")
    _, effects = apart(changed(TALKING, operator=None), BEGAN_S + HEARD_S)
    assert c.HangUp() in effects, "nobody is there to be put together with"


def test_out_of_the_bridge_before_or_after_the_talk_is_no_talk_that_came_apart() -> None:
    bereft, _ = play(TALKING, c.OperatorLost(at(20), ANN))
    assert play(bereft, c.LeftBridge(at(21), bridge_of(ANN))) == (bereft, [])
