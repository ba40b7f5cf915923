"""Hours worked: a fold over the ledger of operators' state changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from dialer.domain.operators import State, StateChange
from dialer.domain.types import OperatorId

Spent = Mapping[State, float]  # seconds by state


def fold(
    changes: Iterable[StateChange], *, since_at: datetime, until_at: datetime
) -> dict[OperatorId, dict[State, float]]:
    """Seconds of each operator in each state between two instants.

    The first change says by its `was` where the operator stood since `since_at`, the last one counts up to
    `until_at`. An operator without a change in between is not in the result.
    """
    spent: dict[OperatorId, dict[State, float]] = {}
    last: dict[OperatorId, tuple[State, datetime]] = {}
    for change in sorted(changes, key=lambda one: one.at):
        if not since_at <= change.at < until_at:
            continue
        state, from_at = last.get(change.operator, (change.was, since_at))
        _add(spent.setdefault(change.operator, {}), state, from_at, change.at)
        last[change.operator] = (change.became, change.at)
    for operator, (state, from_at) in last.items():
        _add(spent[operator], state, from_at, until_at)
    return spent


def logged_in_s(spent: Spent) -> float:
    """Time on the shift: every state but offline."""
    return round(sum(seconds for state, seconds in spent.items() if state is not State.OFFLINE), 6)


def occupancy(spent: Spent) -> float | None:
    """(talking + wrap-up) / (logged in less pauses); None when there was no time to be busy in."""
    there_s = logged_in_s(spent) - spent.get(State.PAUSED, 0.0)
    busy_s = spent.get(State.TALKING, 0.0) + spent.get(State.WRAP_UP, 0.0)
    return round(busy_s / there_s, 4) if there_s > 0 else None


def _add(spent: dict[State, float], state: State, from_at: datetime, to_at: datetime) -> None:
    spent[state] = round(spent.get(state, 0.0) + (to_at - from_at).total_seconds(), 6)
