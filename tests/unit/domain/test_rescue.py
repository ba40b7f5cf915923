"""No call stays for ever because of a mistake of ours, and one that is found alive goes on where it stood."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dialer.domain import call as c
from dialer.domain import moves
from dialer.domain.call import Call, Effect, State, Timer
from dialer.domain.moves import MISTAKE, Move, rescue, resume
from dialer.domain.types import EndedBy, Outcome
from tests.unit.domain.stories import (
    DIALLED,
    GONE,
    LEASED,
    RULES,
    TO_APP,
    TO_HELD_BACK,
    TO_TALK,
    WAYS,
    at,
    due,
    play,
)

TALKING, _ = play(LEASED, *TO_TALK)
WAITING, _ = play(LEASED, *TO_APP)
KEY = c.KeyPressed(at(9), "1")
ASKED = c.HangUpAsked(at(9), EndedBy.OPERATOR)
RANG = c.TimerFired(at(605), Timer.TALK)


def outcomes(call: Call, event: c.Event, by: EndedBy = EndedBy.SERVICE) -> tuple[Outcome | None, bool]:
    """How it was closed by force, and whether the channel is hung up."""
    ended, effects = rescue(call, event)
    assert ended.state is State.ENDED
    assert (ended.reason, ended.ended_by, ended.estimated) == (MISTAKE, by, True)
    assert c.Close() in effects
    return ended.outcome, c.HangUp() in effects


def test_an_ended_call_is_not_ended_again() -> None:
    ended, _ = play(LEASED, *WAYS[State.ENDED])
    assert rescue(ended, KEY) == (ended, ())


def test_a_talk_goes_on_after_a_mistake_over_an_event_that_does_not_end_it() -> None:
    assert rescue(TALKING, KEY) == (TALKING, ())


@pytest.mark.parametrize("event", [ASKED, RANG])
def test_a_talk_that_was_to_end_is_ended_by_the_table(event: c.Event) -> None:
    after, effects = rescue(TALKING, event)
    assert (after.state, after.hanging_up) == (State.BRIDGED, True)
    assert c.HangUp() in effects


@pytest.mark.parametrize("event", [KEY, c.OperatorFreed(at(9)), c.NobodyFree(at(9))])
def test_a_call_that_is_no_talk_is_hung_up_after_a_mistake(event: c.Event) -> None:
    after, effects = rescue(WAITING, event)
    assert after.hanging_up
    assert c.HangUp() in effects


@pytest.mark.parametrize("state", [state for state in WAYS if state not in (State.LEASED, State.ENDED)])
def test_the_same_mistake_again_closes_the_call_here(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(call: Call, event: c.Event) -> tuple[Call, tuple[Effect, ...]]:
        raise KeyError(event)

    row = (state, c.HangUpAsked)
    monkeypatch.setitem(moves.TABLE, row, Move(fails, frozenset({state})))
    _, is_hung_up = outcomes(play(LEASED, *WAYS[state])[0], ASKED)
    assert is_hung_up


def test_a_call_that_is_over_is_closed_with_what_is_certain_and_nobody_is_hung_up() -> None:
    dialled, _ = play(LEASED, DIALLED)
    assert outcomes(TALKING, GONE) == (Outcome.CONNECTED, False)
    assert outcomes(WAITING, GONE) == (Outcome.ABANDONED, False)
    assert outcomes(dialled, GONE) == (Outcome.INTERRUPTED, False)
    assert outcomes(dialled, c.Vanished(at(9), reborn=False, seen=True)) == (Outcome.INTERRUPTED, False)
    assert outcomes(dialled, c.OriginateRefused(at(9), "no")) == (Outcome.NOT_DIALLED, False)
    assert outcomes(dialled, c.TakenBack(at(9), "the disk is full")) == (Outcome.NOT_DIALLED, False)


def test_a_call_that_was_being_hung_up_is_closed_at_once() -> None:
    going, _ = play(TALKING, ASKED)
    assert outcomes(going, KEY, EndedBy.OPERATOR) == (Outcome.CONNECTED, True)


# --- found alive -----------------------------------------------------------------------------------------


def asks(call: Call) -> bool:
    return c.Reserve() in resume(call, at(60))


def test_an_operator_is_asked_for_again_only_where_the_channel_is_ours_and_none_is_reserved() -> None:
    assert asks(WAITING)
    assert asks(play(LEASED, *TO_HELD_BACK)[0])
    assert not asks(play(LEASED, *WAYS[State.ANSWERED])[0])
    assert not asks(play(LEASED, *WAYS[State.RESERVED])[0])
    assert not asks(play(LEASED, *TO_HELD_BACK, c.LeftApp(at(6)))[0])


def test_the_clocks_of_a_call_found_alive_run_from_where_they_began() -> None:
    def rings(state: State, timer: Timer) -> float:
        return due(list(resume(play(LEASED, *WAYS[state])[0], at(60))), timer)

    assert rings(State.ORIGINATING, Timer.SETUP) == 0 + RULES.setup_s
    assert rings(State.RINGING, Timer.RING) == 1 + RULES.ring_s
    assert rings(State.ANSWERED, Timer.GIVE_UP) == 5 + RULES.give_up_s
    assert rings(State.BRIDGED, Timer.TALK) == 5.02 + RULES.talk_s
    assert rings(State.MESSAGE, Timer.LAST) == 60 + RULES.message_s


def test_where_nobody_knows_when_it_began_the_clock_runs_from_now() -> None:
    unknown = [
        (replace(play(LEASED, *WAYS[State.ORIGINATING])[0], dialled_at=None), Timer.SETUP, RULES.setup_s),
        (replace(play(LEASED, *WAYS[State.RINGING])[0], ring_at=None), Timer.RING, RULES.ring_s),
        (replace(TALKING, bridge_at=None), Timer.TALK, RULES.talk_s),
    ]
    for call, timer, span_s in unknown:
        assert due(list(resume(call, at(60))), timer) == 60 + span_s


def test_what_is_not_dialled_or_ended_has_no_clock() -> None:
    assert resume(LEASED, at(60)) == ()
    assert resume(play(LEASED, *WAYS[State.ENDED])[0], at(60)) == ()
