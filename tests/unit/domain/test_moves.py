"""The call's table: every event in every state, the promises one by one, and what no order of events may break."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.domain import call as c
from dialer.domain.call import Call, Effect, Rules, State, Timer
from dialer.domain.errors import IllegalMove
from dialer.domain.moves import CROSSING, FROM_ASTERISK, TABLE, resume, step
from dialer.domain.operators import bridge_of
from dialer.domain.reactions import IN_TIME_S, LAST_S, MOST_CONNECTS
from dialer.domain.types import (
    Alerting,
    BridgeId,
    CallId,
    CampaignId,
    Direction,
    EndedBy,
    LeadId,
    OperatorId,
    Outcome,
    PhoneNumber,
    TrunkId,
)

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ANN, BOB = OperatorId("101"), OperatorId("102")
RULES = Rules(ring_s=25, setup_s=40, give_up_s=1.5, return_s=12, talk_s=600, hold_s=60, message_s=30)
LEASED = Call(CallId("c-1"), CampaignId(1), LeadId(7), PhoneNumber("+79160000001"), TrunkId("main"), RULES)


def at(s: float) -> datetime:
    return T0 + timedelta(seconds=s)


def play(call: Call, *events: c.Event) -> tuple[Call, list[Effect]]:
    """The call after all of them, and what the last one asked for."""
    effects: tuple[Effect, ...] = ()
    for event in events:
        call, effects = step(call, event)
    return call, list(effects)


def entered(s: float, operator: OperatorId = ANN) -> c.EnteredBridge:
    return c.EnteredBridge(at(s), bridge_of(operator))


def left(s: float, operator: OperatorId = ANN) -> c.LeftBridge:
    return c.LeftBridge(at(s), bridge_of(operator))


def due(effects: list[Effect], timer: Timer) -> float:
    """Seconds from T0 at which this clock will ring."""
    (found,) = [e for e in effects if isinstance(e, c.StartTimer) and e.timer is timer]
    return (found.due_at - T0).total_seconds()


DIALLED = c.Dialled(at(0))
RINGS = c.Alerted(at(1), Alerting.RINGING)
ANSWERS = c.Answered(at(5))
ENTERS = c.EnteredApp(at(5.01))
TO_ANSWER = (DIALLED, RINGS, ANSWERS)
TO_APP = (*TO_ANSWER, ENTERS)
TO_RESERVED = (*TO_APP, c.Reserved(at(5.01), ANN))
TO_TALK = (*TO_RESERVED, entered(5.02))
TO_HELD_BACK = (*TO_APP, c.NobodyFree(at(5.01)))
TO_BEREFT = (*TO_TALK, c.OperatorLost(at(20), ANN))
TO_MESSAGE = (*TO_HELD_BACK, c.TimerFired(at(6.5), Timer.GIVE_UP))
WAYS: dict[State, tuple[c.Event, ...]] = {
    State.LEASED: (),
    State.ORIGINATING: (DIALLED,),
    State.RINGING: (DIALLED, RINGS),
    State.ANSWERED: TO_ANSWER,
    State.RESERVED: TO_RESERVED,
    State.BRIDGED: TO_TALK,
    State.HELD_BACK: TO_HELD_BACK,
    State.MESSAGE: TO_MESSAGE,
    State.ENDED: (*TO_TALK, c.Destroyed(at(60), 16)),
}
GONE = c.Destroyed(at(60), 16)
BEFORE_APP = (State.LEASED, State.ORIGINATING, State.RINGING, State.ANSWERED)


# --- the table -------------------------------------------------------------------------------------------


def test_every_event_that_asterisk_can_send_has_a_row_in_every_state() -> None:
    missing = [
        (state, event.__name__)
        for state in State
        for event in (*FROM_ASTERISK, *CROSSING)
        if (state, event) not in TABLE
    ]
    assert missing == []


def test_every_event_of_a_call_is_in_the_table() -> None:
    told = {kind for kind in vars(c).values() if isinstance(kind, type) and issubclass(kind, c.Event)}
    assert {event for _, event in TABLE} == told - {c.Event}


@pytest.mark.parametrize("state", State)
def test_an_example_of_each_state_is_in_that_state(state: State) -> None:
    assert play(LEASED, *WAYS[state])[0].state is state


@pytest.mark.parametrize("state", [state for state in State if state is not State.LEASED])
def test_dialing_twice_is_an_illegal_move(state: State) -> None:
    with pytest.raises(IllegalMove, match="cannot take Dialled"):
        play(LEASED, *WAYS[state], DIALLED)


def test_after_the_end_nothing_changes_and_nothing_is_asked_for() -> None:
    ended = play(LEASED, *WAYS[State.ENDED])[0]
    for event in EXAMPLES:
        if not isinstance(event, c.Dialled | c.Reserved):
            assert step(ended, event) == (ended, ())


def test_an_operator_who_comes_after_the_end_is_let_go() -> None:
    ended = play(LEASED, *WAYS[State.ENDED])[0]
    assert step(ended, c.Reserved(at(61), BOB)) == (ended, (c.Release(BOB, talked=False),))


EXAMPLES: tuple[c.Event, ...] = (
    DIALLED,
    RINGS,
    c.Alerted(at(1), Alerting.PROGRESS),
    ANSWERS,
    ENTERS,
    c.LeftApp(at(6)),
    entered(6),
    entered(6, BOB),
    left(7),
    c.MessageStarted(at(7)),
    c.MessageEnded(at(9)),
    c.KeyPressed(at(9), "1"),
    c.HangupRequested(at(9), 16),
    c.HangupRequested(at(9), 32),
    c.Destroyed(at(10), 17, 486),
    c.Destroyed(at(10), 16),
    *(c.Vanished(at(10), reborn=reborn, seen=seen) for reborn in (False, True) for seen in (False, True)),
    c.OriginateRefused(at(1), "no"),
    c.OriginateUnknown(at(1), "?"),
    c.ConnectFailed(at(6), "gone"),
    c.ConnectFailed(at(6), "gone", ANN),
    c.NobodyFree(at(6)),
    c.OperatorFreed(at(6)),
    c.OperatorLost(at(6), ANN),
    c.OperatorLost(at(6), BOB),
    c.OperatorReturned(at(6), ANN),
    c.Reserved(at(6), ANN),
    c.Reserved(at(6), BOB),
    *(c.HangUpAsked(at(6), by) for by in (EndedBy.OPERATOR, EndedBy.SERVICE)),
    c.HoldAsked(at(6), on=True),
    c.HoldAsked(at(6), on=False),
    c.GivenUp(at(6)),
    *(c.TimerFired(at(7), timer) for timer in Timer),
)


def _essence(call: Call) -> Call:
    """Without what only the record needs: finitely many calls are left."""
    return replace(call, alerting=Alerting.NONE, cause=None, sip_code=None, reason="", estimated=False, talk_s=0)


def test_every_call_that_any_order_of_events_can_lead_to_keeps_the_rules() -> None:
    """All of them, not a sample: events at fixed instants leave finitely many different calls."""
    rules = replace(RULES, message="")
    start = replace(LEASED, rules=rules)
    found = {start}
    to_do = [start]
    seen_moves: dict[tuple[State, type[c.Event]], set[State]] = {}
    while to_do:
        before = to_do.pop()
        for event in EXAMPLES:
            move = TABLE.get((before.state, type(event)))
            if move is None:
                continue
            after, effects = step(before, event)
            seen_moves.setdefault((before.state, type(event)), {before.state}).add(after.state)
            _check_step(before, event, after, effects)
            after = _essence(after)
            if after not in found and after.state is not State.ENDED:
                found.add(after)
                to_do.append(after)
    promised = {key: set(move.to) for key, move in TABLE.items() if key[0] is not State.ENDED}
    assert seen_moves == promised  # the table promises neither more nor less than what happens


def _check_step(before: Call, event: c.Event, after: Call, effects: tuple[Effect, ...]) -> None:
    kinds = Counter(type(effect) for effect in effects)
    assert kinds[c.Close] == (after.state is State.ENDED and before.state is not State.ENDED)
    assert (after.outcome is not None) == (after.end_at is not None) == (after.state is State.ENDED)
    assert (after.talk_since_at is None) or after.state is State.BRIDGED
    assert after.state is not State.RESERVED or after.operator is not None or before.hanging_up
    if kinds[c.PlayMessage]:
        assert before.bereft or before.bridge_at is None
        assert not before.hanging_up
    if kinds[c.Reserve]:
        assert not before.hanging_up
        assert after.in_app or before.state in BEFORE_APP
    if kinds[c.Connect]:
        assert after.in_app
    if after.outcome is Outcome.ABANDONED:
        assert before.bridge_at is None
    if after.outcome is Outcome.NOT_DIALLED:
        assert before.ring_at is None
        assert before.answer_at is None
    if before.operator is not None and after.operator != before.operator:
        assert kinds[c.Release] == 1
    if kinds[c.Release]:
        (released,) = [effect.operator for effect in effects if isinstance(effect, c.Release)]
        given = isinstance(event, c.Reserved) and released == event.operator
        assert released == before.operator or given
        assert after.operator != released


# --- dialing and ringing ---------------------------------------------------------------------------------


def test_dialing_writes_the_request_and_starts_the_set_up_clock() -> None:
    call, effects = play(LEASED, DIALLED)
    assert effects[0] == c.Originate()
    assert due(effects, Timer.SETUP) == RULES.setup_s
    assert call.dialled_at == at(0)


@pytest.mark.parametrize("kind", [Alerting.RINGING, Alerting.PROGRESS])
def test_ring_time_counts_from_the_first_180_or_183(kind: Alerting) -> None:
    call, effects = play(LEASED, DIALLED, c.Alerted(at(3), kind))
    assert due(effects, Timer.RING) == 3 + RULES.ring_s
    assert c.StopTimer(Timer.SETUP) in effects
    again, effects = play(call, c.Alerted(at(9), Alerting.RINGING))
    assert again.ring_at == at(3)
    assert effects == []


def test_a_180_after_a_183_is_what_the_record_keeps() -> None:
    call, _ = play(LEASED, DIALLED, c.Alerted(at(1), Alerting.PROGRESS), c.Alerted(at(2), Alerting.RINGING))
    assert call.alerting is Alerting.RINGING


def test_a_network_that_says_nothing_is_given_up_after_the_set_up_time() -> None:
    call, effects = play(LEASED, DIALLED, c.TimerFired(at(40), Timer.SETUP))
    assert c.HangUp() in effects
    ended, _ = play(call, c.Destroyed(at(40.1), 16, 487))
    assert (ended.outcome, ended.ended_by) == (Outcome.NO_ANSWER, EndedBy.RING_TIME)


@pytest.mark.parametrize(
    ("way", "timer"), [(WAYS[State.RINGING], Timer.SETUP), (TO_ANSWER, Timer.RING), (TO_TALK, Timer.GIVE_UP)]
)
def test_a_clock_that_crosses_with_what_it_waited_for_ends_nothing(
    way: tuple[c.Event, ...], timer: Timer
) -> None:
    before, _ = play(LEASED, *way)
    assert step(before, c.TimerFired(at(40), timer)) == (before, ())


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        (c.TimerFired(at(26), Timer.RING), Outcome.NO_ANSWER),
        (c.GivenUp(at(26)), Outcome.GIVEN_UP),
        (c.HangUpAsked(at(26), EndedBy.SUPERVISOR), Outcome.CANCELLED),
        (c.HangUpAsked(at(26), EndedBy.SERVICE), Outcome.CANCELLED),
    ],
)
def test_who_ended_the_ringing_decides_the_outcome_whatever_the_network_says(
    event: c.Event, outcome: Outcome
) -> None:
    call, effects = play(LEASED, DIALLED, RINGS, event)
    assert effects[0] == c.HangUp()
    assert due(effects, Timer.LAST) == 26 + LAST_S
    ended, effects = play(call, c.HangupRequested(at(26), 32), c.Destroyed(at(26.1), 16, 487))
    assert ended.outcome is outcome
    assert effects == [c.Close()]


@pytest.mark.parametrize(
    ("cause", "sip", "outcome"),
    [
        (17, 486, Outcome.BUSY),
        (1, 404, Outcome.UNALLOCATED),
        (34, 503, Outcome.CONGESTION),
        (21, 403, Outcome.REJECTED),
        (19, 0, Outcome.NO_ANSWER),
    ],
)
@pytest.mark.parametrize("way", [(DIALLED,), (DIALLED, RINGS)])
def test_the_networks_word_becomes_the_outcome(
    way: tuple[c.Event, ...], cause: int, sip: int, outcome: Outcome
) -> None:
    ended, _ = play(LEASED, *way, c.Destroyed(at(9), cause, sip))
    assert (ended.outcome, ended.ended_by) == (outcome, EndedBy.NETWORK)


def test_a_hang_up_before_the_response_ends_the_call_and_the_late_response_changes_nothing() -> None:
    ended, effects = play(LEASED, DIALLED, c.Destroyed(at(0.1), 17, 486))
    assert effects == [c.Close()]
    assert step(ended, c.OriginateUnknown(at(0.2), "no answer")) == (ended, ())
    assert step(ended, c.OriginateRefused(at(0.2), "no such channel")) == (ended, ())


def test_a_refused_request_is_no_attempt() -> None:
    ended, effects = play(LEASED, DIALLED, c.OriginateRefused(at(0.1), "Allocation failed"))
    assert ended.outcome is Outcome.NOT_DIALLED
    assert ended.reason == "Allocation failed"
    assert effects == [c.Close()]


def test_a_refusal_that_comes_behind_the_ringing_is_not_believed() -> None:
    ringing, _ = play(LEASED, DIALLED, RINGS)
    assert step(ringing, c.OriginateRefused(at(2), "?")) == (ringing, ())


def test_an_unanswered_request_waits_for_events_and_the_set_up_clock() -> None:
    call, effects = play(LEASED, DIALLED, c.OriginateUnknown(at(3), "timed out"))
    assert (call.state, effects) == (State.ORIGINATING, [])
    assert play(call, RINGS)[0].state is State.RINGING


def test_a_call_taken_back_before_dialing_is_no_attempt_and_frees_its_operator() -> None:
    taken, _ = play(LEASED, c.Reserved(at(0), ANN))
    ended, effects = play(taken, c.HangUpAsked(at(0.1), EndedBy.SERVICE, "hours are over"))
    assert ended.outcome is Outcome.NOT_DIALLED
    assert effects == [c.Close(), c.Release(ANN, talked=False)]


def test_when_the_phone_rings_an_on_demand_operator_is_summoned_once() -> None:
    _, effects = play(LEASED, DIALLED, RINGS)
    assert c.Summon() in effects
    _, effects = play(LEASED, DIALLED, RINGS, c.Alerted(at(2), Alerting.PROGRESS))
    assert effects == []


# --- progressive: the operator is the call's from dialing on ---------------------------------------------


def test_progressive_the_operator_reserved_at_dialing_gets_the_answer() -> None:
    taken, _ = play(LEASED, c.Reserved(at(0), ANN))
    answered, effects = play(taken, *TO_APP)
    assert effects == [c.Reserve()]
    assert answered.operator == ANN
    _, effects = play(answered, c.Reserved(at(5.01), ANN))
    assert effects == [c.Connect(ANN)]


def test_progressive_a_busy_number_frees_its_operator() -> None:
    taken, _ = play(LEASED, c.Reserved(at(0), ANN))
    _, effects = play(taken, DIALLED, c.Destroyed(at(1), 17, 486))
    assert effects == [c.Close(), c.Release(ANN, talked=False)]


@pytest.mark.parametrize("way", [(), (DIALLED,), (DIALLED, RINGS), TO_ANSWER])
def test_progressive_an_operator_lost_before_the_answer_is_replaced(way: tuple[c.Event, ...]) -> None:
    taken, _ = play(LEASED, c.Reserved(at(0), ANN))
    alone, effects = play(taken, *way, c.OperatorLost(at(5), ANN))
    assert effects == [c.Release(ANN, talked=False), c.Reserve()]
    with_other, effects = play(alone, c.Reserved(at(5), BOB))
    assert (with_other.operator, effects) == (BOB, [])


def test_an_operator_found_between_answer_and_application_is_connected_when_the_channel_is_ours() -> None:
    taken, _ = play(LEASED, c.Reserved(at(0), ANN))
    waiting, effects = play(taken, *TO_ANSWER, c.OperatorLost(at(5), ANN), c.Reserved(at(5), BOB))
    assert (waiting.state, effects) == (State.ANSWERED, [])
    _, effects = play(waiting, ENTERS)
    assert effects == [c.Reserve()]


def test_nobody_free_between_answer_and_application_does_not_stop_the_asking() -> None:
    waiting, _ = play(LEASED, *TO_ANSWER, c.NobodyFree(at(5)))
    assert waiting.state is State.ANSWERED
    assert play(waiting, ENTERS)[1] == [c.Reserve()]


def test_a_second_operator_for_the_same_call_is_let_go_at_once() -> None:
    for way in (TO_RESERVED, TO_TALK, TO_MESSAGE):
        call, _ = play(LEASED, *way)
        assert step(call, c.Reserved(at(7), BOB)) == (call, (c.Release(BOB, talked=False),))


# --- from the answer to the talk --------------------------------------------------------------------------


def test_the_answer_starts_the_give_up_clock_and_the_application_asks_for_an_operator() -> None:
    call, effects = play(LEASED, *TO_ANSWER)
    assert due(effects, Timer.GIVE_UP) == 5 + 1.5
    assert play(call, ENTERS)[1] == [c.Reserve()]


def test_the_application_proves_an_answer_that_was_not_seen() -> None:
    call, effects = play(LEASED, DIALLED, c.EnteredApp(at(5)))
    assert call.answer_at == at(5)
    assert effects[-1] == c.Reserve()
    assert due(effects, Timer.GIVE_UP) == 6.5


def test_entering_the_application_twice_asks_for_one_operator() -> None:
    call, _ = play(LEASED, *TO_APP)
    assert step(call, ENTERS) == (call, ())


def test_the_bridge_starts_the_talk_and_stops_the_give_up_clock() -> None:
    call, effects = play(LEASED, *TO_TALK)
    assert effects[0] == c.StartTalk(ANN)
    assert c.StopTimer(Timer.GIVE_UP) in effects
    assert due(effects, Timer.TALK) == 5.02 + RULES.talk_s
    assert call.bridge_at == at(5.02)


def test_another_operators_bridge_is_not_the_talk() -> None:
    call, _ = play(LEASED, *TO_RESERVED)
    assert step(call, entered(5.02, BOB)) == (call, ())
    assert step(call, c.EnteredBridge(at(5.02), BridgeId("mixing"))) == (call, ())


def test_held_back_asks_again_as_soon_as_somebody_is_free() -> None:
    held, _ = play(LEASED, *TO_HELD_BACK)
    assert step(held, c.OperatorFreed(at(5.5))) == (held, (c.Reserve(),))
    _, effects = play(held, c.OperatorFreed(at(5.5)), c.Reserved(at(5.5), BOB))
    assert effects == [c.Connect(BOB)]


@pytest.mark.parametrize("way", [TO_ANSWER, TO_RESERVED, TO_HELD_BACK])
def test_nobody_on_the_line_after_the_give_up_time_the_message_begins(way: tuple[c.Event, ...]) -> None:
    call, effects = play(LEASED, *way, c.TimerFired(at(6.5), Timer.GIVE_UP))
    assert call.state is State.MESSAGE
    assert c.PlayMessage() in effects
    assert due(effects, Timer.LAST) == 6.5 + RULES.message_s
    assert call.operator is None


def test_a_channel_that_is_ours_only_after_we_gave_up_hears_the_message() -> None:
    call, effects = play(LEASED, *TO_ANSWER, c.TimerFired(at(6.5), Timer.GIVE_UP), c.EnteredApp(at(6.6)))
    assert effects == [c.PlayMessage()]
    assert step(call, c.EnteredApp(at(6.6))) == (call, ())


def test_the_message_makes_it_abandoned() -> None:
    ended, effects = play(LEASED, *TO_MESSAGE, c.MessageStarted(at(6.6)), c.MessageEnded(at(12)), GONE)
    assert (ended.outcome, ended.ended_by) == (Outcome.ABANDONED, EndedBy.SERVICE)
    assert ended.message_at == at(6.6)
    assert effects == [c.Close()]


@pytest.mark.parametrize("way", [(DIALLED,), (DIALLED, RINGS), TO_ANSWER, TO_APP, TO_RESERVED, TO_HELD_BACK])
def test_the_pbx_guard_in_any_state_is_the_message(way: tuple[c.Event, ...]) -> None:
    call, _ = play(LEASED, *way, c.LeftApp(at(6.6)), c.MessageStarted(at(6.6)))
    assert call.state is State.MESSAGE
    ended, _ = play(call, c.Destroyed(at(12), 16))
    assert ended.outcome is Outcome.ABANDONED
    assert ended.answer_at is not None


def test_a_channel_that_the_guard_took_asks_for_no_operator() -> None:
    held, _ = play(LEASED, *TO_HELD_BACK, c.LeftApp(at(6.6)))
    assert step(held, c.OperatorFreed(at(6.6))) == (held, ())
    alone, effects = play(LEASED, *TO_RESERVED, c.LeftApp(at(6.6)), c.ConnectFailed(at(6.6), "gone", ANN))
    assert (alone.state, effects) == (State.HELD_BACK, [c.Release(ANN, talked=False)])


@pytest.mark.parametrize(("s", "outcome"), [(6.9, Outcome.HUNG_UP_EARLY), (7.0, Outcome.ABANDONED)])
def test_who_hangs_up_within_two_seconds_was_not_abandoned(s: float, outcome: Outcome) -> None:
    assert IN_TIME_S == 2
    ended, _ = play(LEASED, *TO_HELD_BACK, c.Destroyed(at(s), 16))
    assert (ended.outcome, ended.ended_by) == (outcome, EndedBy.PERSON)


def test_answer_and_hang_up_in_one_breath_is_hung_up_early() -> None:
    ended, _ = play(LEASED, DIALLED, RINGS, ANSWERS, c.Destroyed(at(5), 16))
    assert ended.outcome is Outcome.HUNG_UP_EARLY
    assert step(ended, ENTERS) == (ended, ())


def test_an_operator_who_cannot_be_connected_is_replaced() -> None:
    call, effects = play(LEASED, *TO_RESERVED, c.ConnectFailed(at(5.1), "no bridge", ANN))
    assert effects == [c.Release(ANN, talked=False), c.Reserve()]
    assert (call.state, call.reason) == (State.HELD_BACK, "no bridge")


def test_after_three_failed_connections_the_person_hears_the_message() -> None:
    call, _ = play(LEASED, *TO_APP)
    for n in range(MOST_CONNECTS):
        assert call.state is not State.MESSAGE
        reserved, freed = c.Reserved(at(5.1 + n / 10), BOB), c.ConnectFailed(at(5.15 + n / 10), "no", BOB)
        call, effects = play(call, reserved, freed)
    assert call.state is State.MESSAGE
    assert effects[:2] == [c.Release(BOB, talked=False), c.PlayMessage()]


def test_a_late_failure_of_another_operators_connection_concerns_nobody() -> None:
    late = c.ConnectFailed(at(8), "timed out", BOB)
    for way in (TO_RESERVED, TO_TALK):
        call, _ = play(LEASED, *way)
        assert step(call, late) == (call, ())


def test_a_connection_whose_answer_was_lost_goes_on_when_the_bridge_was_seen() -> None:
    call, _ = play(LEASED, *TO_TALK)
    assert step(call, c.ConnectFailed(at(8), "timed out", ANN)) == (call, ())


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


@pytest.mark.parametrize("state", [s for s in State if s not in (State.LEASED, State.ENDED)])
def test_a_hang_up_that_asterisk_never_confirms_is_closed_all_the_same(state: State) -> None:
    going, effects = play(LEASED, *WAYS[state], c.HangUpAsked(at(50), EndedBy.SUPERVISOR))
    assert effects[0] == c.HangUp()
    assert step(going, c.HangUpAsked(at(51), EndedBy.OPERATOR)) == (going, ())
    ended, effects = play(going, c.TimerFired(at(60), Timer.LAST))
    assert ended.ended_by is EndedBy.SUPERVISOR
    assert c.Close() in effects


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
    assert (ended.outcome, ended.estimated) == (outcome, seen or state is State.ORIGINATING or ended.estimated)
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


# --- a pretend Asterisk, in any order ----------------------------------------------------------------------


class World:
    """One call with a pretend Asterisk and floor: whatever they do, in an order that hypothesis chooses."""

    def __init__(self, *, progressive: bool) -> None:
        self.now = 0.0
        self.call = LEASED
        self.line = "none"  # sent ringing up app message gone
        self.bridge: OperatorId | None = None
        self.heard: list[c.Event] = []  # sent by Asterisk, not yet received
        self.requests: list[Effect] = []
        self.timers: dict[Timer, float] = {}
        self.free = {ANN, BOB}
        self.holds: OperatorId | None = None
        self.leg_up = True
        self.ring_back = False
        self.given = self.released = self.closes = self.messages = 0
        self.talk_s = 0.0
        self.since: float | None = None
        self.own: list[c.Event] = []
        if progressive:
            self.give(ANN)
            self.tell(c.Reserved(at(0), ANN))

    # --- the floor

    def give(self, operator: OperatorId) -> None:
        assert self.holds is None
        self.free.remove(operator)
        self.holds, self.leg_up = operator, True
        self.given += 1

    def reserve(self) -> c.Event:
        if self.holds is None and self.free:
            self.give(min(self.free))
        if self.holds is None or not self.leg_up:
            return c.NobodyFree(at(self.now))
        return c.Reserved(at(self.now), self.holds)

    # --- the call

    def tell(self, event: c.Event) -> None:
        """As the mailbox does: what a handler asks for is answered before anything else happens."""
        self.own.append(event)
        while self.own:
            self._handle(self.own.pop(0))

    def _handle(self, event: c.Event) -> None:
        before = self.call
        self.call, effects = step(before, event)
        s = (event.at - T0).total_seconds()
        self._air_time(before, event, s)
        _check_step(before, event, self.call, effects)
        for effect in effects:
            self._perform(effect, before)

    def _air_time(self, before: Call, event: c.Event, s: float) -> None:
        """By what the events say, without looking at the call."""
        match event:
            case c.EnteredBridge(bridge=bridge) if (
                self.holds and bridge == bridge_of(self.holds) and before.state is not State.ENDED
            ):
                if self.since is None and not before.on_hold and not before.bereft | (before.state is State.HELD_BACK):
                    self.since = s
                elif self.since is None and before.state is State.RESERVED:
                    self.since = s
            case c.LeftBridge() | c.Destroyed() | c.MessageStarted() | c.Vanished():
                self._stop(s)
            case _ if self.call.on_hold or self.call.bereft or self.call.state is State.ENDED:
                self._stop(s)

    def _stop(self, s: float) -> None:
        if self.since is not None:
            self.talk_s += max(0.0, s - self.since)
            self.since = None

    def _perform(self, effect: Effect, before: Call) -> None:
        match effect:
            case c.Reserve():
                self.own.append(self.reserve())
            case c.Release(operator, _):
                assert self.holds == operator, "released once, by the call that has the operator"
                self.holds = None
                self.free.add(operator)
                self.released += 1
                self.own.append(c.OperatorFreed(at(self.now)))
            case c.StartTimer(timer, due_at):
                self.timers[timer] = (due_at - T0).total_seconds()
            case c.StopTimer(timer):
                self.timers.pop(timer, None)
            case c.Close():
                self.closes += 1
                self.timers.clear()
            case c.CallBackLeg():
                self.ring_back = True
            case c.StartTalk() | c.Summon():
                pass
            case c.HangUp():
                self._check_ring_time(before)
                self.requests.append(effect)
            case c.PlayMessage():
                self.messages += 1
                self.requests.append(effect)
            case _:
                self.requests.append(effect)

    def _check_ring_time(self, before: Call) -> None:
        if self.call.ended_by is EndedBy.RING_TIME:
            since, least = (
                (before.ring_at, RULES.ring_s) if before.ring_at else (before.dialled_at, RULES.setup_s)
            )
            assert since is not None
            assert (at(self.now) - since).total_seconds() >= least

    # --- Asterisk

    def says(self, *events: c.Event) -> None:
        self.heard.extend(events)

    def leave_bridge(self) -> None:
        if self.bridge is not None:
            self.says(left(self.now, self.bridge))
            self.bridge = None

    def hang_up(self, *, asked: bool) -> None:
        if self.line in ("none", "gone"):
            return
        self.says(c.HangupRequested(at(self.now), 32 if asked else 16))
        self.leave_bridge()
        if self.line == "app":
            self.says(c.LeftApp(at(self.now)))
        self.line = "gone"
        self.says(c.Destroyed(at(self.now), 16))

    def to_message(self) -> None:
        self.leave_bridge()
        self.line = "message"
        self.says(c.LeftApp(at(self.now)), c.MessageStarted(at(self.now)))

    def serve(self) -> None:
        """The oldest request."""
        match self.requests.pop(0):
            case c.Originate():
                self.line = "sent"
            case c.HangUp():
                self.hang_up(asked=True)
            case c.PlayMessage() if self.line == "app":
                self.to_message()
            case c.StartMusic() if self.line == "app":
                self.leave_bridge()
            case c.Connect(operator) if self.line == "app" and (operator != self.holds or self.leg_up):
                self.leave_bridge()
                self.bridge = operator
                self.says(entered(self.now, operator))
            case c.Connect(operator):
                self.tell(c.ConnectFailed(at(self.now), "it is gone", operator))
            case _:
                pass

    # --- what may happen now

    def choices(self) -> list[str]:
        found = ["wait", "tick"]
        if self.heard:
            found += ["hear", "hear", "hear twice"]
        if self.requests:
            found += ["serve", "serve"]
        if self.call.state is State.LEASED:
            found += ["dial"]
        found += {
            "sent": ["rings", "answers", "busy", "unknown"],
            "ringing": ["rings", "answers", "busy", "give up"],
            "up": ["enters", "person hangs up"],
            "app": ["guard", "person hangs up", "hold", "unhold", "lose operator"],
            "message": ["person hangs up"],
        }.get(self.line, [])
        if self.ring_back:
            found += ["operator returns", "operator misses"]
        return [*found, "supervisor", "freed", "stranger lost"]

    def do(self, choice: str) -> None:  # noqa: PLR0912  one line per thing that can happen
        now = at(self.now)
        match choice:
            case "wait":
                self.now += 0.4
            case "tick":
                self.tick()
            case "hear":
                self.tell(self.heard.pop(0))
            case "hear twice":
                self.tell(self.heard[0])
                self.tell(self.heard.pop(0))
            case "serve":
                self.serve()
            case "dial":
                self.tell(c.Dialled(now))
            case "rings":
                self.line = "ringing"
                self.says(c.Alerted(now, Alerting.RINGING))
            case "answers":
                self.line = "up"
                self.says(c.Answered(now))
            case "busy":
                self.line = "gone"
                self.says(c.Destroyed(now, 17, 486))
            case "unknown":
                self.tell(c.OriginateUnknown(now, "timed out"))
            case "give up":
                self.tell(c.GivenUp(now))
            case "enters":
                self.line = "app"
                self.says(c.EnteredApp(now))
            case "person hangs up":
                self.hang_up(asked=False)
            case "guard" if self.call.bridge_at is None:
                self.to_message()
            case "hold" | "unhold":
                self.tell(c.HoldAsked(now, on=choice == "hold"))
            case "lose operator" | "operator misses" if self.holds is not None:
                self.leg_up = self.ring_back = False
                self.tell(c.OperatorLost(now, self.holds))
            case "operator returns" if self.holds is not None and self.call.bereft:
                self.leg_up, self.ring_back = True, False
                self.tell(c.OperatorReturned(now, self.holds))
            case "supervisor":
                self.tell(c.HangUpAsked(now, EndedBy.SUPERVISOR))
            case "freed":
                self.tell(c.OperatorFreed(now))
            case "stranger lost":
                self.tell(c.OperatorLost(now, OperatorId("999")))

    def tick(self) -> None:
        """The next clock rings."""
        if self.timers:
            timer = min(self.timers, key=lambda one: self.timers[one])
            self.now = max(self.now, self.timers.pop(timer))
            self.tell(c.TimerFired(at(self.now), timer))

    def finish(self) -> None:
        """Nobody does anything more of their own will: requests, events and clocks alone must end it."""
        for _ in range(100):
            if self.call.state in (State.ENDED, State.LEASED):
                return
            if self.requests:
                self.serve()
            elif self.heard:
                self.tell(self.heard.pop(0))
            else:
                assert self.timers, f"a call that is {self.call.state} waits for nothing"
                self.tick()
        raise AssertionError(f"no end: {self.call}")


@settings(max_examples=300, deadline=None)
@given(st.booleans(), st.lists(st.integers(0, 2**16), max_size=40))
def test_whatever_happens_in_whatever_order_each_call_ends_once_and_keeps_its_promises(
    progressive: bool, picks: list[int]
) -> None:
    world = World(progressive=progressive)
    for pick in picks:
        choices = world.choices()
        world.do(choices[pick % len(choices)])
        if world.call.state is State.ENDED:
            break
    world.finish()
    call = world.call
    if call.state is State.LEASED:
        return
    assert world.closes == 1
    assert call.outcome is not None
    assert world.given == world.released
    assert world.holds is None
    assert world.messages <= 2  # asked for again when the channel came late
    assert call.talk_s == pytest.approx(world.talk_s)
    assert (call.bridge_at is not None) == (call.outcome in (Outcome.CONNECTED, Outcome.OPERATOR_LOST))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(EXAMPLES), st.floats(0, 100)), max_size=30))
def test_no_sequence_of_events_raises_closes_twice_or_counts_negative_air_time(
    story: list[tuple[c.Event, float]],
) -> None:
    call, closes = play(LEASED, DIALLED)[0], 0
    for event, s in story:
        if not isinstance(event, c.Dialled):
            call, effects = step(call, replace(event, at=at(s)))
            closes += sum(isinstance(effect, c.Close) for effect in effects)
            assert call.talk_s >= 0
    assert closes == (call.state is State.ENDED)
    assert (call.outcome is not None) == (call.state is State.ENDED)
