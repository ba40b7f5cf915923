"""The call's table: the promises from the talk to the record, one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dialer.domain import call as c
from dialer.domain.call import State, Timer
from dialer.domain.moves import resume, step
from dialer.domain.reactions import LAST_S
from dialer.domain.types import (
    Direction,
    EndedBy,
    OperatorId,
    Outcome,
)
from tests.unit.domain.stories import (
    ANN,
    ANSWERS,
    BOB,
    DIALLED,
    ENTERS,
    GONE,
    LEASED,
    RINGS,
    RULES,
    TO_BEREFT,
    TO_MESSAGE,
    TO_TALK,
    WAYS,
    at,
    due,
    entered,
    left,
    play,
)

# --- the talk ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "order",
    [
        (left(65), c.LeftApp(at(65)), c.HangupRequested(at(65)), c.Destroyed(at(65.1), 16)),
        (c.HangupRequested(at(65)), left(65), c.Destroyed(at(65.1), 16)),
        (c.HangUpAsked(at(64.9), EndedBy.OPERATOR), left(65), c.Destroyed(at(65.1), 16)),
    ],
)
def test_hang_up_in_either_order_ends_with_the_same_air_time(order: tuple[c.Event, ...]) -> None:
    ended, effects = play(LEASED, *TO_TALK, *order)
    assert ended.talk_s == pytest.approx(65 - 5.02)
    assert ended.outcome is Outcome.CONNECTED
    assert effects == [c.Close(), c.Release(ANN, talked=True)]


def test_who_hung_up_is_on_record() -> None:
    by_person, _ = play(LEASED, *TO_TALK, GONE)
    by_operator, _ = play(LEASED, *TO_TALK, c.HangUpAsked(at(50), EndedBy.OPERATOR), GONE)
    both, _ = play(LEASED, *TO_TALK, c.HangUpAsked(at(60), EndedBy.OPERATOR), GONE, GONE)
    assert [call.ended_by for call in (by_person, by_operator, both)] == [
        EndedBy.PERSON,
        EndedBy.OPERATOR,
        EndedBy.OPERATOR,
    ]


def test_the_longest_talk_ends_the_call() -> None:
    call, effects = play(LEASED, *TO_TALK, c.TimerFired(at(605.02), Timer.TALK))
    assert effects[0] == c.HangUp()
    ended, _ = play(call, c.Destroyed(at(605.1), 16))
    assert (ended.outcome, ended.ended_by) == (Outcome.CONNECTED, EndedBy.LIMIT)


def test_hold_is_no_air_time_and_the_way_back_is() -> None:
    held, effects = play(LEASED, *TO_TALK, c.HoldAsked(at(15.02), on=True))
    assert effects[0] == c.StartMusic(ANN)
    assert due(effects, Timer.HOLD) == 15.02 + RULES.hold_s
    back, effects = play(held, left(15.03), entered(15.03), c.HoldAsked(at(40), on=False))
    assert effects == [c.StopTimer(Timer.HOLD), c.StopMusic(), c.Connect(ANN)]
    ended, _ = play(back, entered(40.01), entered(40.01), c.Destroyed(at(50.01), 16))
    assert ended.talk_s == pytest.approx(10 + 10)


def test_the_longest_hold_returns_the_person_to_the_operator() -> None:
    held, _ = play(LEASED, *TO_TALK, c.HoldAsked(at(10), on=True))
    back, effects = play(held, c.TimerFired(at(70), Timer.HOLD))
    assert effects[-1] == c.Connect(ANN)
    assert not back.on_hold


def test_a_hold_asked_twice_or_taken_back_twice_is_done_once() -> None:
    held, _ = play(LEASED, *TO_TALK, c.HoldAsked(at(10), on=True))
    assert step(held, c.HoldAsked(at(11), on=True)) == (held, ())
    talking, _ = play(LEASED, *TO_TALK)
    assert step(talking, c.HoldAsked(at(11), on=False)) == (talking, ())


def test_who_cannot_be_brought_back_from_hold_is_not_left_in_silence() -> None:
    back, _ = play(LEASED, *TO_TALK, c.HoldAsked(at(10), on=True), c.HoldAsked(at(20), on=False))
    _, effects = play(back, c.ConnectFailed(at(20.1), "no bridge", ANN))
    assert effects[0] == c.HangUp()


def test_operator_lost_the_person_hears_music_and_the_phone_is_rung_once_more() -> None:
    call, effects = play(LEASED, *TO_BEREFT)
    assert effects[:2] == [c.StartMusic(ANN), c.CallBackLeg(ANN)]
    assert due(effects, Timer.RETURN) == 20 + RULES.return_s
    assert call.talk_s == pytest.approx(20 - 5.02)


def test_operator_lost_and_back_the_talk_goes_on() -> None:
    back, effects = play(LEASED, *TO_BEREFT, c.OperatorReturned(at(25), ANN))
    assert effects == [c.StopMusic(), c.Connect(ANN)]
    ended, _ = play(back, entered(25.1), c.Destroyed(at(35.1), 16))
    assert ended.outcome is Outcome.CONNECTED
    assert ended.talk_s == pytest.approx(20 - 5.02 + 10)
    assert ended.bridge_at == at(5.02)


@pytest.mark.parametrize(
    "no", [c.TimerFired(at(32), Timer.RETURN), c.OperatorLost(at(28), ANN)], ids=["too late", "missed"]
)
def test_operator_lost_for_good_the_next_ready_one_takes_over(no: c.Event) -> None:
    alone, effects = play(LEASED, *TO_BEREFT, no)
    assert effects[0] == c.Release(ANN, talked=True)
    assert effects[-1] == c.Reserve()
    taken, effects = play(alone, c.Reserved(at(32), BOB))
    assert effects == [c.StopMusic(), c.Connect(BOB)]
    ended, effects = play(taken, entered(32.1, BOB), c.Destroyed(at(40), 16))
    assert (ended.outcome, ended.talked_with) == (Outcome.CONNECTED, BOB)
    assert effects == [c.Close(), c.Release(BOB, talked=True)]


def test_who_lost_an_operator_for_good_asks_again_as_soon_as_somebody_is_free() -> None:
    alone, _ = play(LEASED, *TO_BEREFT, c.TimerFired(at(32), Timer.RETURN))
    assert step(alone, c.OperatorFreed(at(33))) == (alone, (c.Reserve(),))


def test_operator_lost_and_nobody_ready_the_message_and_operator_lost() -> None:
    alone, _ = play(LEASED, *TO_BEREFT, c.TimerFired(at(32), Timer.RETURN))
    message, effects = play(alone, c.NobodyFree(at(32)))
    assert effects[:2] == [c.StopMusic(), c.PlayMessage()]
    ended, _ = play(message, c.MessageStarted(at(32.1)), c.Destroyed(at(40), 16))
    assert ended.outcome is Outcome.OPERATOR_LOST


def test_while_the_phone_is_rung_again_a_free_colleague_is_not_taken() -> None:
    bereft, _ = play(LEASED, *TO_BEREFT)
    assert step(bereft, c.OperatorFreed(at(25))) == (bereft, ())


def test_a_person_who_hangs_up_during_the_music_lost_the_operator() -> None:
    ended, effects = play(LEASED, *TO_BEREFT, c.Destroyed(at(25), 16))
    assert (ended.outcome, ended.ended_by) == (Outcome.OPERATOR_LOST, EndedBy.PERSON)
    assert effects == [c.Close(), c.Release(ANN, talked=True)]


# --- the message, the end, the outage ---------------------------------------------------------------------


def test_a_message_longer_than_allowed_is_ended() -> None:
    call, effects = play(LEASED, *TO_MESSAGE, c.MessageStarted(at(6.6)))
    assert due(effects, Timer.LAST) == 6.6 + RULES.message_s
    going, effects = play(call, c.TimerFired(at(36.6), Timer.LAST))
    assert effects[0] == c.HangUp()
    ended, _ = play(going, c.TimerFired(at(46.6), Timer.LAST))
    assert (ended.outcome, ended.ended_by) == (Outcome.ABANDONED, EndedBy.LIMIT)
    assert ended.estimated


@pytest.mark.parametrize("state", [s for s in State if s not in (State.LEASED, State.RINGING, State.ENDED)])
def test_a_hang_up_that_asterisk_never_confirms_is_closed_all_the_same(state: State) -> None:
    going, effects = play(LEASED, *WAYS[state], c.HangUpAsked(at(50), EndedBy.SUPERVISOR))
    assert effects[0] == c.HangUp()
    assert step(going, c.HangUpAsked(at(51), EndedBy.OPERATOR)) == (going, ())
    ended, effects = play(going, c.TimerFired(at(60), Timer.LAST))
    assert ended.ended_by is EndedBy.SUPERVISOR
    assert c.Close() in effects


def test_ringing_that_asterisk_does_not_end_is_asked_for_again_and_an_answer_meanwhile_is_abandoned() -> None:
    going, _ = play(LEASED, *WAYS[State.RINGING], c.TimerFired(at(50), Timer.RING))
    for late_s in (60, 70):
        going, effects = play(going, c.TimerFired(at(late_s), Timer.LAST))
        assert effects[0] == c.HangUp()
        assert due(effects, Timer.LAST) == late_s + LAST_S
    up, effects = play(going, c.Answered(at(71)), c.EnteredApp(at(71)))
    assert not effects, "it is on its way out: no operator is asked for"
    ended, _ = play(up, c.Destroyed(at(71.5), 16, 0))
    assert (ended.outcome, ended.answer_at) == (Outcome.ABANDONED, at(71))
    gone, _ = play(going, c.Vanished(at(75), reborn=False, seen=True))
    assert gone.outcome is Outcome.NO_ANSWER, "a sweep that finds no channel twice closes it"


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (State.LEASED, Outcome.NOT_DIALLED),
        (State.ORIGINATING, Outcome.NOT_DIALLED),
        (State.RINGING, Outcome.INTERRUPTED),
        (State.ANSWERED, Outcome.ABANDONED),
        (State.RESERVED, Outcome.ABANDONED),
        (State.HELD_BACK, Outcome.ABANDONED),
        (State.BRIDGED, Outcome.CONNECTED),
        (State.MESSAGE, Outcome.ABANDONED),
    ],
)
def test_vanished_in_every_state_ends_with_what_is_certain(state: State, outcome: Outcome) -> None:
    seen = state not in (State.LEASED, State.ORIGINATING)
    ended, effects = play(LEASED, *WAYS[state], c.Vanished(at(90), reborn=False, seen=seen))
    assert (ended.outcome, ended.estimated) == (
        outcome,
        seen or state is State.ORIGINATING or ended.estimated,
    )
    assert c.Close() in effects


@pytest.mark.parametrize("state", [s for s in State if s not in (State.LEASED, State.ENDED)])
def test_asterisk_reborn_in_every_state_is_a_network_failure_or_the_talk_so_far(state: State) -> None:
    ended, _ = play(LEASED, *WAYS[state], c.Vanished(at(90), reborn=True, seen=True))
    talked = state is State.BRIDGED
    assert ended.outcome is (Outcome.CONNECTED if talked else Outcome.NETWORK_FAILURE)
    assert ended.talk_s == pytest.approx(90 - 5.02 if talked else 0)


def test_a_number_that_may_have_been_dialled_is_never_called_not_dialled() -> None:
    ended, _ = play(LEASED, DIALLED, RINGS, c.Vanished(at(9), reborn=False, seen=False))
    assert ended.outcome is Outcome.INTERRUPTED


def test_events_replayed_after_an_outage_fold_into_the_true_times() -> None:
    """All at once, at the instants at which Asterisk saw them; the guard played the message."""
    replay = (
        RINGS,
        RINGS,
        ANSWERS,
        ANSWERS,
        ENTERS,
        c.LeftApp(at(6.6)),
        c.MessageStarted(at(6.61)),
        c.MessageEnded(at(12)),
        c.HangupRequested(at(12), 16),
        c.Destroyed(at(12.1), 16),
    )
    call, _ = play(LEASED, DIALLED)
    for event in replay:
        call, effects = step(call, event)
    assert (call.outcome, call.answer_at, call.message_at) == (Outcome.ABANDONED, at(5), at(6.61))
    assert effects == (c.Close(),)


def test_a_return_call_that_asterisk_knows_first_asks_for_an_operator() -> None:
    call = replace(LEASED, direction=Direction.IN, dialled_at=at(0))
    _, effects = play(call, c.EnteredApp(at(0)))
    assert effects[-1] == c.Reserve()


def test_a_call_found_alive_after_a_restart_gets_its_clocks_back() -> None:
    expected = {
        State.ORIGINATING: {Timer.SETUP},
        State.RINGING: {Timer.RING},
        State.ANSWERED: {Timer.GIVE_UP},
        State.RESERVED: {Timer.GIVE_UP},
        State.HELD_BACK: {Timer.GIVE_UP},
        State.BRIDGED: {Timer.TALK},
        State.MESSAGE: {Timer.LAST},
    }
    for state, timers in expected.items():
        effects = resume(play(LEASED, *WAYS[state])[0], at(60))
        assert {e.timer for e in effects if isinstance(e, c.StartTimer)} == timers, state
    for bereft in (TO_BEREFT, (*TO_BEREFT, c.OperatorReturned(at(25), ANN))):
        effects = resume(play(LEASED, *bereft)[0], at(60))
        assert effects == (c.StartTimer(Timer.RETURN, at(60 + RULES.return_s)),)
    held, _ = play(LEASED, *TO_TALK, c.HoldAsked(at(10), on=True))
    assert {e.timer for e in resume(held, at(60)) if isinstance(e, c.StartTimer)} == {Timer.TALK, Timer.HOLD}
    going, _ = play(LEASED, *TO_TALK, c.HangUpAsked(at(10), EndedBy.OPERATOR))
    assert c.HangUp() in resume(going, at(60))


ZOE = OperatorId("100")
HELD = (*TO_TALK, c.HoldAsked(at(20), on=True), left(20))
BACK = (*HELD, c.HoldAsked(at(30), on=False))
WISHES = ((EndedBy.OPERATOR, "busy"), (EndedBy.SERVICE, "the service stops"))
ENDING = c.HangUpAsked(at(30), EndedBy.OPERATOR)


@pytest.mark.parametrize(
    ("way", "event"),
    [
        pytest.param(TO_TALK, entered(40), id="the bridge is entered twice"),
        pytest.param(HELD, entered(40), id="in the bridge though on hold"),
        pytest.param(BACK, entered(40, BOB), id="in another bridge after the hold"),
        pytest.param(BACK, entered(40, ZOE), id="in any other bridge"),
        pytest.param(TO_TALK, c.OperatorLost(at(40), BOB), id="another operator's phone is lost"),
        pytest.param((*TO_TALK, ENDING), c.OperatorLost(at(40), ANN), id="his phone is lost at the end"),
        pytest.param(TO_BEREFT, c.OperatorReturned(at(40), BOB), id="another operator's phone is back"),
        pytest.param(
            (*TO_BEREFT, ENDING), c.OperatorReturned(at(40), ANN), id="his phone is back at the end"
        ),
        pytest.param((*TO_TALK, ENDING), c.HoldAsked(at(40), on=True), id="a hold at the end"),
        pytest.param((*HELD, ENDING), c.HoldAsked(at(40), on=False), id="back from hold at the end"),
        pytest.param(BACK, c.ConnectFailed(at(40), "gone", BOB), id="another one could not be connected"),
        pytest.param(HELD, c.ConnectFailed(at(40), "gone", ANN), id="a late failure during a hold"),
        pytest.param(TO_TALK, c.ConnectFailed(at(40), "gone", ANN), id="a late failure in a talk"),
        pytest.param(TO_TALK, c.TimerFired(at(40), Timer.RING), id="a clock of an earlier state"),
    ],
)
def test_what_comes_late_or_concerns_another_operator_changes_no_talk(
    way: tuple[c.Event, ...], event: c.Event
) -> None:
    before, _ = play(LEASED, *way)
    assert step(before, event) == (before, ())


def test_after_a_hold_the_talk_counts_from_the_bridge_on() -> None:
    back, _ = play(LEASED, *BACK, entered(31))
    assert (back.on_hold, back.talk_since_at) == (False, at(31))
    failed, effects = play(LEASED, *BACK, c.ConnectFailed(at(31), "gone", ANN))
    assert (failed.hanging_up, failed.ended_by, failed.reason) == (True, EndedBy.SERVICE, "gone")
    assert c.HangUp() in effects


def test_only_the_first_wish_to_end_a_call_counts() -> None:
    first, second = (c.HangUpAsked(at(30 + n), by, why) for n, (by, why) in enumerate(WISHES))
    asked, _ = play(LEASED, *TO_TALK, first)
    assert (asked.ended_by, asked.reason) == (EndedBy.OPERATOR, "busy")
    assert step(asked, second) == (asked, ())


@pytest.mark.parametrize(
    ("way", "outcome"),
    [
        ((), Outcome.HUNG_UP_EARLY),
        ((c.HangUpAsked(at(30), EndedBy.OPERATOR),), Outcome.NO_ANSWER),
        ((c.HangUpAsked(at(30), EndedBy.SERVICE),), Outcome.NO_ANSWER),
        ((c.NobodyFree(at(6)), c.TimerFired(at(24), Timer.GIVE_UP)), Outcome.NO_ANSWER),
    ],
)
def test_a_person_who_called_back_and_was_not_put_through_was_abandoned_by_nobody(
    way: tuple[c.Event, ...], outcome: Outcome
) -> None:
    returned = replace(LEASED, direction=Direction.IN, state=State.ANSWERED, in_app=True, answer_at=at(5))
    ended, _ = play(returned, *way, c.Destroyed(at(60), 16))
    assert ended.outcome is outcome
