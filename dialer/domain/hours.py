"""Hours worked: a fold over the ledger of operators' state changes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from dialer.domain.operators import State, StateChange
from dialer.domain.types import OperatorId

Spent = Mapping[State, float]  # seconds by state
Paused = Mapping[str, float]  # seconds of pauses by reason
K = TypeVar("K")


def fold(
    changes: Iterable[StateChange], *, since_at: datetime, until_at: datetime
) -> dict[OperatorId, dict[State, float]]:
    """Seconds of each operator in each state between two instants.

    A state lasts from its change to the next one of that operator, so `changes` begin with the last one
    before `since_at`: it opens the span. Nothing is known before an operator's very first change. That way
    the hours of two spans that meet are those of the whole.
    """
    return _fold(changes, since_at, until_at, lambda change: change.became)


def paused(
    changes: Iterable[StateChange], *, since_at: datetime, until_at: datetime
) -> dict[OperatorId, dict[str, float]]:
    """Seconds of each operator in pauses, by reason; together they are the PAUSED of `fold`."""
    return _fold(
        changes, since_at, until_at, lambda change: change.reason if change.became is State.PAUSED else None
    )


def logged_in_s(spent: Spent) -> float:
    """Time on the shift: every state but offline."""
    return round(sum(seconds for state, seconds in spent.items() if state is not State.OFFLINE), 6)


def occupancy(spent: Spent) -> float | None:
    """(talking + wrap-up) / (logged in less pauses); None when there was no time to be busy in."""
    there_s = logged_in_s(spent) - spent.get(State.PAUSED, 0.0)
    busy_s = spent.get(State.TALKING, 0.0) + spent.get(State.WRAP_UP, 0.0)
    return round(busy_s / there_s, 4) if there_s > 0 else None


def worked_s(spent: Spent, paused: Paused, worked: Collection[str]) -> float:
    """Time at work: on the shift, less the pauses whose reason is not among `worked`."""
    idle_s = sum(seconds for reason, seconds in paused.items() if reason not in worked)
    return round(logged_in_s(spent) - idle_s, 6)


def _fold(
    changes: Iterable[StateChange],
    since_at: datetime,
    until_at: datetime,
    key_of: Callable[[StateChange], K | None],
) -> dict[OperatorId, dict[K, float]]:
    """Seconds by operator and key; what has no key is left out."""
    spent: dict[OperatorId, dict[K, timedelta]] = {}
    last: dict[OperatorId, tuple[K | None, datetime]] = {}
    for change in sorted(changes, key=lambda one: one.at):
        if change.at >= until_at:
            break
        at = max(change.at, since_at)
        if change.operator in last:
            _add(spent, change.operator, last[change.operator], at)
        last[change.operator] = (key_of(change), at)
    for operator, standing in last.items():
        _add(spent, operator, standing, until_at)
    return {
        operator: {key: lasted.total_seconds() for key, lasted in keys.items()}
        for operator, keys in spent.items()
    }


def _add(
    spent: dict[OperatorId, dict[K, timedelta]],
    operator: OperatorId,
    standing: tuple[K | None, datetime],
    until_at: datetime,
) -> None:
    key, from_at = standing
    if key is not None and until_at > from_at:
        keys = spent.setdefault(operator, {})
        keys[key] = keys.get(key, timedelta()) + (until_at - from_at)
