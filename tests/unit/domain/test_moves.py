"""The call's table: every event in every state, and the promises up to the talk, one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dialer.domain import call as c
from dialer.domain.call import Call, State, Timer
from dialer.domain.endings import IN_TIME_S
from dialer.domain.errors import IllegalMove
from dialer.domain.moves import CROSSING, FROM_ASTERISK, TABLE, step
from dialer.domain.reactions import LAST_S, MOST_CONNECTS
from dialer.domain.types import (
    Alerting,
    BridgeId,
    EndedBy,
    Outcome,
)
from tests.unit.domain.stories import (
    ANN,
    ANSWERS,
    BOB,
    DIALLED,
    ENTERS,
    EXAMPLES,
    GONE,
    LEASED,
    RINGS,
    RULES,
    TO_ANSWER,
    TO_APP,
    TO_HELD_BACK,
    TO_MESSAGE,
    TO_RESERVED,
    TO_TALK,
    WAYS,
    at,
    check_step,
    due,
    entered,
    play,
)

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


def _essence(call: Call) -> tuple[object, ...]:
    """What a later move may depend on; instants as there or not there: finitely many are left."""
    return (
        call.state,
        call.operator,
        call.talked_with == call.operator,
        (call.on_hold, call.bereft, call.in_app, call.hanging_up),
        min(call.failed_connects, MOST_CONNECTS),
        call.ended_by is not None,
        [at is not None for at in (call.ring_at, call.answer_at, call.bridge_at, call.talk_since_at)],
        call.message_at is not None,
    )


def test_every_call_that_any_order_of_events_can_lead_to_keeps_the_rules() -> None:
    """All of them, not a sample; and the table promises neither more nor less than what happens."""
    found = {str(_essence(LEASED))}
    to_do = [LEASED]
    led: dict[tuple[State, type[c.Event]], set[State]] = {}
    while to_do:
        before = to_do.pop()
        for event in EXAMPLES:
            if (before.state, type(event)) not in TABLE:
                continue
            after, effects = step(before, event)
            led.setdefault((before.state, type(event)), {before.state}).add(after.state)
            if after is before and not effects:
                continue
            check_step(before, event, after, effects)
            essence = str(_essence(after))
            if after.state is not State.ENDED and essence not in found:
                found.add(essence)
                to_do.append(after)
    assert led == {key: set(move.to) for key, move in TABLE.items() if key[0] is not State.ENDED}


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
    again, effects = play(call, c.Alerted(at(9), kind))
    assert again.ring_at == at(3)
    assert effects == []


def test_the_first_180_after_a_183_begins_the_ring_time_anew_and_no_other_does() -> None:
    """Until then an announcement of the network was played."""
    call, _ = play(LEASED, DIALLED, c.Alerted(at(1), Alerting.PROGRESS))
    call, effects = play(call, c.Alerted(at(9), Alerting.RINGING))
    assert (call.alerting, call.ring_at) == (Alerting.RINGING, at(9))
    assert due(effects, Timer.RING) == 9 + RULES.ring_s
    for kind in (Alerting.PROGRESS, Alerting.RINGING):
        again, effects = play(call, c.Alerted(at(12), kind))
        assert (again, effects) == (call, [])


def test_a_180_that_crosses_with_our_hang_up_starts_no_clock() -> None:
    call, _ = play(LEASED, DIALLED, c.Alerted(at(1), Alerting.PROGRESS), c.GivenUp(at(8)))
    again, effects = play(call, c.Alerted(at(9), Alerting.RINGING))
    assert (again.alerting, effects) == (Alerting.RINGING, [])


def test_a_network_that_says_nothing_is_given_up_after_the_set_up_time() -> None:
    call, effects = play(LEASED, DIALLED, c.TimerFired(at(40), Timer.SETUP))
    assert c.HangUp() in effects
    ended, _ = play(call, c.Destroyed(at(40.1), 16, 487))
    assert (ended.outcome, ended.ended_by) == (Outcome.NETWORK_FAILURE, EndedBy.NETWORK)


def test_silence_that_asterisk_ends_by_its_own_limit_is_the_networks_too() -> None:
    """The service was dead: Asterisk calls its limit a 480."""
    ended, _ = play(LEASED, DIALLED, c.Destroyed(at(60), 19, 480))
    assert ended.outcome is Outcome.NETWORK_FAILURE
    ended, _ = play(LEASED, DIALLED, c.Destroyed(at(2), 19, 480))
    assert ended.outcome is Outcome.NO_ANSWER


@pytest.mark.parametrize("refused_before", [0, 1, 2])
def test_a_refusal_of_us_is_the_numbers_only_when_it_comes_a_third_time(refused_before: int) -> None:
    lead = replace(LEASED, refused_before=refused_before)
    ended, _ = play(lead, DIALLED, c.Destroyed(at(1), 21, 403))
    expected = Outcome.REJECTED if refused_before == 2 else Outcome.TRUNK_REFUSED
    assert (ended.outcome, ended.ended_by) == (expected, EndedBy.NETWORK)


@pytest.mark.parametrize(
    ("kind", "outcome"), [(Alerting.RINGING, Outcome.REJECTED), (Alerting.PROGRESS, Outcome.TRUNK_REFUSED)]
)
def test_a_403_after_a_ringing_phone_is_the_far_ends(kind: Alerting, outcome: Outcome) -> None:
    ended, _ = play(LEASED, DIALLED, c.Alerted(at(1), kind), c.Destroyed(at(5), 21, 403))
    assert ended.outcome is outcome


@pytest.mark.parametrize(
    ("cause", "sip", "by", "outcome"),
    [
        (127, 406, EndedBy.NETWORK, Outcome.ABANDONED),  # a 200 without SDP
        (38, 500, EndedBy.NETWORK, Outcome.ABANDONED),  # BYE with a reason
        (18, 408, EndedBy.NETWORK, Outcome.ABANDONED),  # the carrier missed our ACK
        (0, None, EndedBy.PERSON, Outcome.HUNG_UP_EARLY),
        (16, 200, EndedBy.PERSON, Outcome.HUNG_UP_EARLY),
    ],
)
def test_somebody_who_answered_and_whom_the_network_ended_was_abandoned(
    cause: int, sip: int | None, by: EndedBy, outcome: Outcome
) -> None:
    ended, _ = play(LEASED, *TO_ANSWER, c.Destroyed(at(5.1), cause, sip))
    assert (ended.ended_by, ended.outcome) == (by, outcome)
    assert bool(ended.reason) == (by is EndedBy.NETWORK)


def test_an_end_that_proves_an_answer_which_nobody_saw_is_of_somebody_who_picked_up() -> None:
    ended, _ = play(
        LEASED, DIALLED, c.Alerted(at(1), Alerting.RINGING), c.Destroyed(at(5), 58, 488, was_up=True)
    )
    assert (ended.answer_at, ended.outcome) == (at(5), Outcome.ABANDONED)
    assert (ended.ended_by, ended.reason) == (EndedBy.NETWORK, "the answer brought no usable sound")
    assert ended.came_apart, "its trunk rests"


def test_who_hangs_up_after_we_gave_up_was_abandoned_though_the_message_had_not_begun() -> None:
    ended, _ = play(LEASED, *TO_MESSAGE, c.Destroyed(at(6.6), 16))
    assert (ended.outcome, ended.ended_by, ended.message_at) == (Outcome.ABANDONED, EndedBy.PERSON, None)


def test_a_message_that_begins_while_we_hang_up_is_on_record_and_starts_no_clock() -> None:
    going, effects = play(LEASED, *TO_MESSAGE, c.HangUpAsked(at(7), EndedBy.SERVICE), c.MessageStarted(at(8)))
    assert (going.message_at, effects) == (at(8), [])
    assert play(going, c.MessageStarted(at(9)))[0].message_at == at(8), "it began once"


@pytest.mark.parametrize("is_over", [False, True])
def test_who_ended_a_message_is_told_apart(is_over: bool) -> None:
    over = (c.MessageEnded(at(12)),) if is_over else ()
    way = (*TO_ANSWER, c.MessageStarted(at(8)), *over)
    ended, _ = play(LEASED, *way, c.Destroyed(at(12.1), 16))
    assert ended.ended_by is (EndedBy.SERVICE if is_over else EndedBy.PERSON)
    assert ended.outcome is Outcome.ABANDONED


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
        (21, 603, Outcome.REJECTED),
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
    assert with_other.operator == BOB
    assert effects == ([c.Summon()] if with_other.state is State.RINGING else [])


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
