"""Hours worked: a fold over the ledger of operators' state changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from dialer.domain.operators import State, StateChange
from dialer.domain.types import OperatorId

Spent = Mapping[State, float]  # seconds by state


def fold(
    changes: Iterable[StateChange], *, since_at: datetime, until_at: datetime
) -> dict[OperatorId, dict[State, float]]:
    """Seconds of each operator in each state between two instants.

    A state lasts from its change to the next one of that operator, so `changes` begin with the last one
    before `since_at`: it opens the span. Nothing is known before an operator's very first change. That way
    the hours of two spans that meet are those of the whole.
    """
    spent: dict[OperatorId, dict[State, timedelta]] = {}
    last: dict[OperatorId, tuple[State, datetime]] = {}
    for change in sorted(changes, key=lambda one: one.at):
        if change.at >= until_at:
            break
        at = max(change.at, since_at)
        if change.operator in last:
            _add(spent, change.operator, last[change.operator], at)
        last[change.operator] = (change.became, at)
    for operator, standing in last.items():
        _add(spent, operator, standing, until_at)
    return {
        operator: {state: lasted.total_seconds() for state, lasted in states.items()}
        for operator, states in spent.items()
    }


def logged_in_s(spent: Spent) -> float:
    """Time on the shift: every state but offline."""
    return round(sum(seconds for state, seconds in spent.items() if state is not State.OFFLINE), 6)


def occupancy(spent: Spent) -> float | None:
    """(talking + wrap-up) / (logged in less pauses); None when there was no time to be busy in."""
    there_s = logged_in_s(spent) - spent.get(State.PAUSED, 0.0)
    busy_s = spent.get(State.TALKING, 0.0) + spent.get(State.WRAP_UP, 0.0)
    return round(busy_s / there_s, 4) if there_s > 0 else None


def _add(
    spent: dict[OperatorId, dict[State, timedelta]],
    operator: OperatorId,
    standing: tuple[State, datetime],
    until_at: datetime,
) -> None:
    state, from_at = standing
    if until_at > from_at:
        states = spent.setdefault(operator, {})
        states[state] = states.get(state, timedelta()) + (until_at - from_at)
