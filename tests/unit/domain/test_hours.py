"""Hours worked are what the ledger of state changes says, to the second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.domain.hours import fold, logged_in_s, occupancy
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
        State.OFFLINE: 10,
        State.READY: 10,
        State.TALKING: 5,
        State.WRAP_UP: 1,
        State.PAUSED: 4,
    }
    assert OLEG not in spent  # that change is after the end
    assert logged_in_s(spent[ANNA]) == 20 * 60
    assert occupancy(spent[ANNA]) == 0.375  # 6 busy minutes of 16 that were no pause


def test_the_state_before_the_first_change_counts_from_the_start() -> None:
    spent = fold([change(OLEG, State.READY, State.OFFLINE, 60)], since_at=START, until_at=END)
    assert spent[OLEG] == {State.READY: 3600, State.OFFLINE: 7 * 3600}


def test_nobody_there_has_no_occupancy() -> None:
    assert occupancy({State.OFFLINE: 100.0, State.PAUSED: 50.0}) is None
    assert fold([], since_at=START, until_at=END) == {}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(State), st.integers(0, 8 * 3600 - 1)), min_size=1, max_size=20))
def test_whatever_happened_the_states_fill_the_span(moves: list[tuple[State, int]]) -> None:
    was, changes = State.OFFLINE, []
    for became, second in sorted(moves, key=lambda move: move[1]):
        changes.append(StateChange(ANNA, was, became, "", START + timedelta(seconds=second)))
        was = became
    spent = fold(changes, since_at=START, until_at=END)
    assert sum(spent[ANNA].values()) == 8 * 3600


def test_a_change_before_the_span_hides_none_within_it() -> None:
    changes = [change(ANNA, State.OFFLINE, State.READY, -5), change(ANNA, State.READY, State.PAUSED, 10)]
    spent = fold(changes, since_at=START, until_at=START + timedelta(minutes=30))
    assert spent[ANNA] == {State.READY: 600, State.PAUSED: 1200}


def test_waiting_for_the_own_phone_is_time_on_the_shift() -> None:
    spent = dict.fromkeys(State, 10.0)
    assert logged_in_s(spent) == 10.0 * (len(State) - 1)
    assert occupancy(spent) == round(20 / (10 * (len(State) - 2)), 4)
