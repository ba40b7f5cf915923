"""Why an operator cannot do now what was asked, and what to do first."""

from __future__ import annotations

from dialer.domain.operators import Operator, State
from dialer.domain.said import Said, said, word


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
