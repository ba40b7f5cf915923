"""Hours worked are what the ledger of state changes says, to the second."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.domain.hours import fold, logged_in_s, occupancy, paused, worked_s
from dialer.domain.operators import State, StateChange
from dialer.domain.types import OperatorId

START = datetime(2026, 2, 3, 9, tzinfo=UTC)
END = START + timedelta(hours=8)
ANNA, OLEG = OperatorId("101"), OperatorId("102")


def change(operator: OperatorId, was: State, became: State, minute: float) -> StateChange:
    return StateChange(operator, was, became, "", START + timedelta(minutes=minute))


def test_the_states_of_a_shift_add_up() -> None:
    spent = fold(
        [
            change(ANNA, State.TALKING, State.WRAP_UP, 25),
            change(ANNA, State.OFFLINE, State.READY, 10),
            change(ANNA, State.READY, State.TALKING, 20),
            change(ANNA, State.WRAP_UP, State.PAUSED, 26),
            change(OLEG, State.READY, State.OFFLINE, 60),
        ],
        since_at=START,
        until_at=START + timedelta(minutes=30),
    )
    minutes = {state: seconds / 60 for state, seconds in spent[ANNA].items()}
    assert minutes == {
        State.READY: 10,
        State.TALKING: 5,
        State.WRAP_UP: 1,
        State.PAUSED: 4,
    }
    assert OLEG not in spent  # that change is after the end
    assert logged_in_s(spent[ANNA]) == 20 * 60
    assert occupancy(spent[ANNA]) == 0.375  # 6 busy minutes of 16 that were no pause


def test_the_state_before_the_span_opens_it() -> None:
    moves = [change(OLEG, State.OFFLINE, State.PAUSED, -90), change(OLEG, State.PAUSED, State.READY, -60)]
    assert fold(moves, since_at=START, until_at=END) == {OLEG: {State.READY: 8 * 3600}}
    out = change(OLEG, State.READY, State.OFFLINE, 60)
    assert fold([*moves, out], since_at=START, until_at=END)[OLEG] == {
        State.READY: 3600,
        State.OFFLINE: 7 * 3600,
    }


def test_nothing_is_known_before_an_operators_first_change() -> None:
    first = change(OLEG, State.OFFLINE, State.READY, 60)
    assert fold([first], since_at=START, until_at=START + timedelta(minutes=60)) == {}
    assert fold([first], since_at=START, until_at=END) == {OLEG: {State.READY: 7 * 3600}}


def test_nobody_there_has_no_occupancy() -> None:
    assert occupancy({State.OFFLINE: 100.0, State.PAUSED: 50.0}) is None
    assert fold([], since_at=START, until_at=END) == {}


instants = st.integers(-3600, 9 * 3600).map(lambda second: START + timedelta(seconds=second, microseconds=7))
moves = st.lists(st.tuples(st.sampled_from([ANNA, OLEG]), st.sampled_from(State), instants), max_size=20)


def ledger(told: list[tuple[OperatorId, State, datetime]]) -> list[StateChange]:
    return [StateChange(operator, State.OFFLINE, became, "", at) for operator, became, at in told]


@settings(max_examples=300, deadline=None)
@given(moves, instants, instants, instants)
def test_the_hours_of_two_spans_that_meet_are_those_of_the_whole(
    told: list[tuple[OperatorId, State, datetime]], one: datetime, two: datetime, three: datetime
) -> None:
    a, b, c = sorted((one, two, three))
    whole = Counter[tuple[OperatorId, State]]()
    parts = Counter[tuple[OperatorId, State]]()
    for counter, since_at, until_at in ((whole, a, c), (parts, a, b), (parts, b, c)):
        for operator, states in fold(ledger(told), since_at=since_at, until_at=until_at).items():
            counter.update({(operator, state): round(seconds) for state, seconds in states.items()})
    assert parts == whole


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(State), st.integers(0, 8 * 3600 - 1)), min_size=1, max_size=20))
def test_whatever_happened_the_states_fill_the_span_from_the_first_on(moves: list[tuple[State, int]]) -> None:
    changes = [
        StateChange(ANNA, State.OFFLINE, became, "", START + timedelta(seconds=at)) for became, at in moves
    ]
    spent = fold(changes, since_at=START, until_at=END)
    assert sum(spent[ANNA].values()) == 8 * 3600 - min(at for _, at in moves)


def test_a_change_before_the_span_hides_none_within_it() -> None:
    changes = [change(ANNA, State.OFFLINE, State.READY, -5), change(ANNA, State.READY, State.PAUSED, 10)]
    spent = fold(changes, since_at=START, until_at=START + timedelta(minutes=30))
    assert spent[ANNA] == {State.READY: 600, State.PAUSED: 1200}


def pause(operator: OperatorId, reason: str, minute: float, became: State = State.PAUSED) -> StateChange:
    return StateChange(operator, State.READY, became, reason, START + timedelta(minutes=minute))


def test_pauses_are_told_by_their_reason_and_those_that_are_work_count_as_hours_worked() -> None:
    changes = [
        pause(ANNA, "lunch", -10),
        pause(ANNA, "meeting", 5),
        pause(ANNA, "", 15, State.READY),
        pause(ANNA, "meeting", 20),
        pause(ANNA, "", 22, State.OFFLINE),
        pause(OLEG, "", 0, State.READY),
    ]
    span = {"since_at": START, "until_at": START + timedelta(minutes=30)}
    its = paused(changes, **span)
    assert its == {ANNA: {"lunch": 300.0, "meeting": 720.0}}
    spent = fold(changes, **span)
    assert sum(its[ANNA].values()) == spent[ANNA][State.PAUSED]
    assert worked_s(spent[ANNA], its[ANNA], {"meeting"}) == 1020.0  # 22 minutes less lunch
    assert worked_s(spent[ANNA], its[ANNA], set()) == 300.0
    assert worked_s(spent[OLEG], {}, {"meeting"}) == 1800.0


def test_waiting_for_the_own_phone_is_time_on_the_shift() -> None:
    spent = dict.fromkeys(State, 10.0)
    assert logged_in_s(spent) == 10.0 * (len(State) - 1)
    assert occupancy(spent) == round(20 / (10 * (len(State) - 2)), 4)
