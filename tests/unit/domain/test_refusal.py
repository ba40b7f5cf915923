"""What an operator cannot do now, and what to do first."""

from __future__ import annotations

import pytest

from dialer.domain.disposition import DEFAULT
from dialer.domain.errors import BadValue, Conflict
from dialer.domain.operators import Operator, State
from dialer.domain.refusal import check_outcome, check_talk, refusal
from dialer.domain.types import CallId, OperatorId

ANN, CALL = OperatorId("101"), CallId("c-1")
WITH_OUTCOME = (State.TALKING, State.WRAP_UP)


def ann(state: State, call: CallId | None = CALL) -> Operator:
    return Operator(ANN, state=state, call=call)


def test_the_sentence_says_what_to_do_first() -> None:
    assert str(refusal(ann(State.READY), is_login=True)) == "operator 101 is logged in already (ready)"
    assert str(refusal(ann(State.OFFLINE), is_login=False)) == "operator 101 is offline: log in first"
    assert str(refusal(ann(State.CONNECTING), is_login=False)) == (
        "operator 101: the phone is still being called"
    )
    assert str(refusal(ann(State.WRAP_UP), is_login=False)) == "operator 101 is wrap-up: end the call first"


@pytest.mark.parametrize("state", State)
def test_a_talk_is_where_two_talk(state: State) -> None:
    if state is State.TALKING:
        assert check_talk(ann(state)) == CALL
    else:
        with pytest.raises(Conflict, match="there is no talk"):
            check_talk(ann(state))
    with pytest.raises(Conflict, match="there is no talk"):
        check_talk(ann(state, None))


@pytest.mark.parametrize("state", State)
def test_an_outcome_is_given_in_the_talk_and_in_the_work_after_it(state: State) -> None:
    if state in WITH_OUTCOME:
        for one in DEFAULT:
            assert check_outcome(ann(state), one.code, DEFAULT) is one
        with pytest.raises(BadValue, match="there is no disposition 'sold': use one of agreed, refused"):
            check_outcome(ann(state), "sold", DEFAULT)
    else:
        with pytest.raises(Conflict, match="there is no call to give an outcome to"):
            check_outcome(ann(state), "agreed", DEFAULT)
    with pytest.raises(Conflict):
        check_outcome(ann(state, None), "agreed", DEFAULT)
