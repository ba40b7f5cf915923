"""The operators' table: every state and event, one by one and in any order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.domain import shifts
from dialer.domain.duty import TABLE, step
from dialer.domain.errors import Conflict, IllegalMove
from dialer.domain.operators import LegState, Operator, State
from dialer.domain.shifts import DropLeg, EndWrapUp, RingLeg, StartWrapUp
from dialer.domain.types import CallId, CampaignId, ChannelId, LegKind, OperatorId

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LEG, OTHER = ChannelId("o-101-1"), ChannelId("o-101-2")
CALL = CallId("c-1")
NAILED = Operator(OperatorId("101"), "Ann")
DESK = replace(NAILED, leg_kind=LegKind.ON_DEMAND)


def at(s: float) -> datetime:
    return T0 + timedelta(seconds=s)


def play(operator: Operator, *events: shifts.Event) -> tuple[Operator, list[shifts.Effect]]:
    """The operator after all of them, and what the last one asked for."""
    effects: tuple[shifts.Effect, ...] = ()
    for event in events:
        operator, effects = step(operator, event)
    return operator, list(effects)


RESERVE = shifts.ReservedFor(at(10), CALL, CampaignId(1))
TALK = shifts.TalkBegan(at(11))
OVER = shifts.TalkEnded(at(41), wrap_up_s=30, ready_after=True)
DOWN = shifts.LegDown(at(20), LEG)
UP = (shifts.LegRings(at(0), LEG), shifts.LegUp(at(2), LEG))
TO_PAUSED = (shifts.LoginAsked(at(0)), *UP)
TO_READY = (*TO_PAUSED, shifts.ReadyAsked(at(5)))
TO_TALK = (*TO_READY, RESERVE, TALK)
TO_WRAP_UP = (*TO_TALK, OVER)
DESK_READY = (shifts.LoginAsked(at(0)), shifts.ReadyAsked(at(5)))
DESK_TALK = (*DESK_READY, RESERVE, *UP, TALK)


# --- the table -------------------------------------------------------------------------------------------

ASKED = (shifts.LoginAsked, shifts.ReadyAsked, shifts.PauseAsked, shifts.LogoutAsked)
FROM_ELSEWHERE = (
    shifts.LegRings,
    shifts.LegUp,
    shifts.LegDown,
    shifts.SwitchLost,
    shifts.Released,
    shifts.TalkBegan,
    shifts.TalkEnded,
    shifts.WrapUpRanOut,
)


def test_what_nobody_asks_for_has_a_row_in_every_state() -> None:
    missing = [(state, e.__name__) for state in State for e in FROM_ELSEWHERE if (state, e) not in TABLE]
    assert missing == []


def test_log_out_is_possible_in_every_state() -> None:
    assert all((state, shifts.LogoutAsked) in TABLE for state in State)


@pytest.mark.parametrize(
    ("way", "event", "word"),
    [
        ((), shifts.ReadyAsked(at(9)), "log in first"),
        ((), shifts.PauseAsked(at(9), "lunch"), "log in first"),
        (TO_READY, shifts.LoginAsked(at(9)), "logged in already"),
        ((shifts.LoginAsked(at(0)),), shifts.ReadyAsked(at(9)), "still being called"),
        ((shifts.LoginAsked(at(0)),), shifts.LoginAsked(at(9)), "logged in already"),
    ],
)
def test_what_a_state_does_not_allow_is_refused_with_the_way_out(
    way: tuple[shifts.Event, ...], event: shifts.Event, word: str
) -> None:
    operator, _ = play(NAILED, *way)
    with pytest.raises(Conflict, match=word):
        step(operator, event)


@pytest.mark.parametrize("way", [(), (shifts.LoginAsked(at(0)),), TO_PAUSED, TO_TALK, TO_WRAP_UP])
def test_only_who_is_ready_can_be_reserved(way: tuple[shifts.Event, ...]) -> None:
    operator, _ = play(NAILED, *way)
    with pytest.raises(IllegalMove):
        step(operator, RESERVE)


# --- one promise each ------------------------------------------------------------------------------------


def test_a_nailed_up_shift_begins_paused_when_the_phone_is_up() -> None:
    connecting, effects = play(NAILED, shifts.LoginAsked(at(0)))
    assert (connecting.state, effects) == (State.CONNECTING, [RingLeg()])
    assert play(connecting, *UP)[0].state is State.PAUSED


def test_an_on_demand_shift_begins_without_a_phone() -> None:
    operator, effects = play(DESK, shifts.LoginAsked(at(0)))
    assert (operator.state, operator.leg, effects) == (State.PAUSED, LegState.DOWN, [])


def test_a_phone_that_does_not_answer_at_log_in_ends_the_shift() -> None:
    rung = (shifts.LoginAsked(at(0)), UP[0], shifts.LegDown(at(30), LEG, missed=True))
    operator, _ = play(NAILED, *rung)
    assert (operator.state, operator.reason) == (State.OFFLINE, shifts.NO_ANSWER)


def test_a_reservation_that_came_to_nothing_does_not_cost_the_place_in_the_queue() -> None:
    operator, _ = play(NAILED, *TO_READY, RESERVE, shifts.Released(at(20)))
    assert (operator.state, operator.ready_since_at) == (State.READY, at(5))


def test_after_a_talk_the_queue_begins_anew() -> None:
    operator, effects = play(NAILED, *TO_WRAP_UP, shifts.WrapUpRanOut(at(71), ready_after=True))
    assert (operator.state, operator.ready_since_at) == (State.READY, at(71))
    (end,) = effects
    assert isinstance(end, EndWrapUp)
    assert end.work.call == CALL


def test_wrap_up_has_a_limit_and_then_ready_or_paused_by_campaign() -> None:
    operator, effects = play(NAILED, *TO_WRAP_UP)
    assert effects == [StartWrapUp(at(71))]
    assert operator.wrap_until_at == at(71)
    paused, _ = play(operator, shifts.WrapUpRanOut(at(71), ready_after=False))
    assert (paused.state, paused.reason) == (State.PAUSED, shifts.WRAP_UP_OVER)


def test_no_wrap_up_time_means_ready_at_once_and_what_was_said_is_written() -> None:
    over = replace(OVER, wrap_up_s=0)
    operator, effects = play(NAILED, *TO_TALK, over)
    assert operator.state is State.READY
    assert [type(effect) for effect in effects] == [EndWrapUp]


@pytest.mark.parametrize(
    ("asked", "state", "reason"),
    [
        (shifts.PauseAsked(at(12), "lunch"), State.PAUSED, "lunch"),
        (shifts.LogoutAsked(at(12)), State.OFFLINE, shifts.LOGOUT),
    ],
)
def test_what_is_asked_for_in_a_call_begins_after_it(asked: shifts.Event, state: State, reason: str) -> None:
    for way, end in (
        ((*TO_READY, RESERVE), [shifts.Released(at(20))]),
        (TO_TALK, [OVER, shifts.WrapUpRanOut(at(71), ready_after=True)]),
        (TO_TALK, [replace(OVER, wrap_up_s=0)]),
    ):
        waiting, effects = play(NAILED, *way, asked)
        assert (waiting.then, effects) == (state, [])
        after, _ = play(waiting, *end)
        assert (after.state, after.reason, after.then) == (state, reason, None)


def test_ready_takes_back_a_pause_that_was_to_follow() -> None:
    asked = (shifts.PauseAsked(at(12), "lunch"), shifts.ReadyAsked(at(13)))
    operator, _ = play(NAILED, *TO_TALK, *asked, replace(OVER, wrap_up_s=0))
    assert operator.state is State.READY


@pytest.mark.parametrize(
    "asked", [shifts.ReadyAsked(at(50)), shifts.PauseAsked(at(50), "lunch"), shifts.LogoutAsked(at(50))]
)
def test_wrap_up_can_be_ended_early_and_is_written_once(asked: shifts.Event) -> None:
    operator, effects = play(NAILED, *TO_WRAP_UP, asked)
    assert sum(isinstance(effect, EndWrapUp) for effect in effects) == 1
    late, effects = play(operator, shifts.WrapUpRanOut(at(71), ready_after=True))
    assert (late, effects) == (operator, [])


def test_a_nailed_up_phone_that_falls_between_calls_ends_the_shift() -> None:
    for way in (TO_PAUSED, TO_READY, TO_WRAP_UP):
        operator, effects = play(NAILED, *way, DOWN)
        assert (operator.state, operator.reason) == (State.OFFLINE, shifts.PHONE_LOST)
        assert sum(isinstance(effect, EndWrapUp) for effect in effects) == (way is TO_WRAP_UP)


def test_a_phone_that_falls_in_a_talk_and_is_back_goes_on_with_it() -> None:
    lost, _ = play(NAILED, *TO_TALK, DOWN)
    assert (lost.state, lost.call) == (State.CONNECTING, CALL)
    back, _ = play(lost, shifts.LegRings(at(21), OTHER), shifts.LegUp(at(24), OTHER))
    assert (back.state, back.channel) == (State.RESERVED, OTHER)
    talking, _ = play(back, shifts.TalkBegan(at(24)))
    assert (talking.state, talking.call) == (State.TALKING, CALL)


def test_a_phone_that_falls_in_a_talk_and_stays_down_ends_the_shift_and_writes_the_wrap_up() -> None:
    operator, effects = play(NAILED, *TO_TALK, DOWN, OVER)
    assert (operator.state, operator.reason) == (State.OFFLINE, shifts.PHONE_LOST)
    assert [type(effect) for effect in effects] == [EndWrapUp]


def test_putting_a_desk_phone_down_leads_to_the_wrap_up() -> None:
    operator, effects = play(DESK, *DESK_TALK, DOWN, OVER)
    assert (operator.state, effects) == (State.WRAP_UP, [StartWrapUp(at(71))])


def test_a_desk_phone_is_let_go_after_its_talk() -> None:
    operator, effects = play(DESK, *DESK_TALK, OVER)
    assert effects == [DropLeg(LEG), StartWrapUp(at(71))]
    assert (operator.leg, operator.channel) == (LegState.DOWN, None)


def test_a_missed_ring_pauses_with_its_reason() -> None:
    missed = shifts.LegDown(at(15), LEG, missed=True)
    operator, _ = play(DESK, *DESK_READY, RESERVE, UP[0], missed, shifts.Released(at(15)))
    assert (operator.state, operator.reason) == (State.PAUSED, shifts.MISSED)
    summoned, _ = play(DESK, *DESK_READY, UP[0], missed)
    assert (summoned.state, summoned.reason) == (State.PAUSED, shifts.MISSED)


def test_a_leg_that_is_not_his_any_more_concerns_nobody() -> None:
    for way in (TO_PAUSED, TO_READY, TO_TALK, TO_WRAP_UP):
        operator, _ = play(NAILED, *way)
        assert step(operator, shifts.LegDown(at(20), OTHER)) == (operator, ())
        assert step(operator, shifts.LegUp(at(20), OTHER)) == (operator, (DropLeg(OTHER),))


def test_a_phone_that_comes_up_after_the_log_out_is_dropped() -> None:
    gone, effects = play(NAILED, shifts.LoginAsked(at(0)), UP[0], shifts.LogoutAsked(at(1)))
    assert effects == [DropLeg(LEG)]
    assert play(gone, UP[1]) == (gone, [DropLeg(LEG)])


@pytest.mark.parametrize(
    ("way", "back", "reason"),
    [
        ((shifts.LoginAsked(at(0)),), State.PAUSED, shifts.LOGIN),
        (TO_READY, State.READY, ""),
        ((*TO_READY, shifts.PauseAsked(at(8), "lunch")), State.PAUSED, "lunch"),
        ((*TO_READY, RESERVE), State.READY, ""),
        (TO_TALK, State.READY, ""),
        ((*TO_TALK, shifts.PauseAsked(at(12), "lunch")), State.PAUSED, "lunch"),
        (TO_WRAP_UP, State.READY, ""),
    ],
)
def test_when_asterisk_is_back_everybody_is_back_where_he_was(
    way: tuple[shifts.Event, ...], back: State, reason: str
) -> None:
    lost, effects = play(NAILED, *way, shifts.SwitchLost(at(60)))
    talked = way[-1] in (TALK, OVER) or way[:-1] == TO_TALK
    assert sum(isinstance(effect, EndWrapUp) for effect in effects) == talked
    assert (lost.state, lost.call, lost.leg) == (State.CONNECTING, None, LegState.DOWN)
    operator, _ = play(lost, shifts.LegRings(at(65), OTHER), shifts.LegUp(at(66), OTHER))
    assert (operator.state, operator.reason) == (back, reason)


def test_a_desk_phone_needs_no_call_when_asterisk_is_back() -> None:
    ready, _ = play(DESK, *DESK_READY, shifts.SwitchLost(at(60)))
    assert ready.state is State.READY
    paused, _ = play(DESK, *DESK_TALK, shifts.PauseAsked(at(12), "lunch"), shifts.SwitchLost(at(60)))
    assert (paused.state, paused.reason, paused.call) == (State.PAUSED, "lunch", None)


def test_who_wanted_to_leave_is_gone_when_asterisk_stops() -> None:
    gone, effects = play(NAILED, *TO_TALK, shifts.LogoutAsked(at(12)), shifts.SwitchLost(at(60)))
    assert gone.state is State.OFFLINE
    assert [type(effect) for effect in effects] == [EndWrapUp]


# --- any order --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Story:
    """An operator, and what a floor and a call around him would know."""

    operator: Operator
    owes: bool = False  # talked, the wrap-up is not written


EVERYTHING: tuple[shifts.Event, ...] = (
    shifts.LoginAsked(at(0)),
    shifts.ReadyAsked(at(0)),
    shifts.PauseAsked(at(0), "lunch"),
    shifts.LogoutAsked(at(0)),
    *(shifts.LegRings(at(0), leg) for leg in (LEG, OTHER)),
    *(shifts.LegUp(at(0), leg) for leg in (LEG, OTHER)),
    *(shifts.LegDown(at(0), leg, missed=missed) for leg in (LEG, OTHER) for missed in (False, True)),
    shifts.SwitchLost(at(0)),
    *(shifts.LegKindChanged(at(0), kind) for kind in LegKind),
    shifts.ReservedFor(at(0), CALL, CampaignId(1)),
    shifts.Released(at(0)),
    shifts.TalkBegan(at(0)),
    *(shifts.TalkEnded(at(0), wrap_up_s=s, ready_after=ready) for s in (0, 30) for ready in (True, False)),
    *(shifts.WrapUpRanOut(at(0), ready_after=ready) for ready in (True, False)),
)


def may_happen(story: Story, event: shifts.Event) -> bool:
    """What a floor would tell: a phone is rung when it is needed, a call lets go by what it was."""
    operator = story.operator
    if (operator.state, type(event)) not in TABLE:
        return False
    match event:
        case shifts.LegRings():
            idle = operator.state in (State.OFFLINE, State.PAUSED, State.WRAP_UP)
            return not (idle and operator.leg_kind is LegKind.ON_DEMAND) and operator.channel is None
        case shifts.TalkBegan():
            return operator.leg is LegState.UP
        case shifts.TalkEnded():
            return story.owes or operator.call is None
        case shifts.Released():
            return not story.owes
    return True


def tell(story: Story, event: shifts.Event) -> Story:
    """One event, and everything that must hold after it."""
    before = story.operator
    after, effects = step(before, event)
    ends = [effect for effect in effects if isinstance(effect, EndWrapUp)]
    owes = story.owes or (after.state is State.TALKING and before.state is not State.TALKING)
    assert len(ends) <= owes, "a wrap-up without a talk, or twice"
    owes = owes and not ends
    assert not owes or after.call == CALL, "a talk whose wrap-up was never written"
    in_call = after.state in (State.RESERVED, State.TALKING, State.WRAP_UP)
    assert in_call <= (after.call is not None)
    assert (after.state in (State.OFFLINE, State.READY, State.PAUSED)) <= (after.call is None)
    assert (after.then is not None) <= (after.call is not None)
    assert (after.state is State.READY) <= (after.ready_since_at is not None)
    assert (after.channel is None) == (after.leg is LegState.DOWN)
    if after.state is State.OFFLINE or (
        after.leg_kind is LegKind.ON_DEMAND and after.state in (State.PAUSED, State.WRAP_UP)
    ):
        assert after.channel is None, "a leg that nobody needs"
    if before.channel not in (None, after.channel) and not isinstance(
        event, shifts.LegDown | shifts.SwitchLost
    ):
        assert DropLeg(before.channel) in effects
    if before.call is not None and after.call is None and not isinstance(event, ASKED):
        wish = {None: set(State), State.OFFLINE: {State.OFFLINE}}.get(
            before.then, {State.PAUSED, State.OFFLINE, State.CONNECTING}
        )
        assert after.state in wish
        assert (
            before.then is not State.PAUSED
            or after.state is not State.CONNECTING
            or after.back_to is State.PAUSED
        )
    if any(
        isinstance(effect, RingLeg) for effect in effects
    ):  # the floor calls it before anything else comes
        leg = OTHER if before.channel == LEG else LEG
        return tell(Story(after, owes), shifts.LegRings(at(0), leg))
    deaf = after.state is State.READY and after.leg_kind is LegKind.NAILED_UP and after.leg is LegState.DOWN
    assert not deaf, f"ready, and no phone is up or called: {type(event).__name__} in {before.state}"
    return Story(after, owes)


def test_every_operator_that_any_order_of_events_can_lead_to_keeps_the_rules() -> None:
    """All of them, not a sample; and each promise of the table is kept by some order."""
    to_do = [Story(NAILED), Story(DESK)]
    found = set(to_do)
    led: dict[tuple[State, type[shifts.Event]], set[State]] = {}
    while to_do:
        story = to_do.pop()
        for event in EVERYTHING:
            if may_happen(story, event):
                after = tell(story, event)
                key = (story.operator.state, type(event))
                led.setdefault(key, {key[0]}).add(after.operator.state)
                if after not in found:
                    found.add(after)
                    to_do.append(after)
    assert led == {key: set(TABLE[key].to) for key in led}
    crossing = {shifts.TalkBegan, shifts.LegRings, shifts.Released, shifts.ReservedFor}
    assert {event for _, event in TABLE.keys() - led.keys()} <= crossing


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([NAILED, DESK]), st.lists(st.sampled_from(EVERYTHING), max_size=40))
def test_no_sequence_of_events_leaves_an_operator_in_a_call_that_let_go(
    operator: Operator, events: list[shifts.Event]
) -> None:
    for event in events:
        if (operator.state, type(event)) in TABLE:
            operator, _ = step(operator, event)
    for end in (
        shifts.Released(at(99)),
        replace(OVER, wrap_up_s=0),
        shifts.WrapUpRanOut(at(99), ready_after=True),
    ):
        operator, _ = step(operator, end)
    assert operator.call is None
    assert operator.state not in (State.RESERVED, State.TALKING, State.WRAP_UP)
