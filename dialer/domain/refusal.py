"""Why an operator cannot do now what was asked, and what to do first."""

from __future__ import annotations

from collections.abc import Sequence

from dialer.domain.disposition import Disposition, find
from dialer.domain.errors import Conflict
from dialer.domain.operators import Operator, State
from dialer.domain.said import Said, said, word
from dialer.domain.types import CallId


def refusal(operator: Operator, *, is_login: bool) -> Said:
    """One sentence for whoever asked."""
    who, state = operator.id, word(operator.state, "-")
    if is_login:
        return said("operator {operator} is logged in already ({state})", operator=who, state=state)
    if operator.state is State.OFFLINE:
        return said("operator {operator} is offline: log in first", operator=who)
    if operator.state is State.CONNECTING:
        return said("operator {operator}: the phone is still being called", operator=who)
    return said("operator {operator} is {state}: end the call first", operator=who, state=state)


def check_talk(operator: Operator) -> CallId:
    """The call that the operator talks in; Conflict where there is none."""
    if operator.state is not State.TALKING or operator.call is None:
        raise Conflict(
            said(
                "operator {operator} is {state}: there is no talk",
                operator=operator.id,
                state=word(operator.state, "-"),
            )
        )
    return operator.call


def check_work(operator: Operator) -> None:
    """Conflict where there is no call of which the operator could say anything."""
    if operator.state not in (State.TALKING, State.WRAP_UP) or operator.call is None:
        raise Conflict(
            said(
                "operator {operator} is {state}: there is no call to give an outcome to",
                operator=operator.id,
                state=word(operator.state, "-"),
            )
        )


def check_outcome(operator: Operator, disposition: str, dispositions: Sequence[Disposition]) -> Disposition:
    """What it stands for; Conflict where there is no call, BadValue for a word that is no outcome here."""
    check_work(operator)
    return find(dispositions, disposition)
