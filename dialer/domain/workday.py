"""How long a shift may last: a leg that somebody forgot must not go on taking people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

from dialer.domain.operators import Operator, State

TOO_LONG = "shift_too_long"  # reasons of being logged out
CLOSING = "closing_time"


@dataclass(frozen=True, slots=True)
class Workday:
    """Both limits may be absent."""

    longest: timedelta | None = None
    closes: time | None = None  # by the clock of `zone`
    zone: tzinfo | None = None


def shift_ends_at(began_at: datetime, day: Workday) -> tuple[datetime, str] | None:
    """When a shift that began then is over at the latest, and why; None: never."""
    ends = []
    if day.longest is not None:
        ends.append((began_at + day.longest, TOO_LONG))
    if day.closes is not None:
        ends.append((_next(day.closes, began_at.astimezone(day.zone)), CLOSING))
    return min(ends, default=None)


def over(operator: Operator, day: Workday, now: datetime) -> str:
    """Why this operator's shift is over by now; empty: it is not."""
    began_at = operator.shift_since_at or operator.since_at
    if operator.state is State.OFFLINE or began_at is None:
        return ""
    found = shift_ends_at(began_at, day)
    return found[1] if found is not None and now >= found[0] else ""


def _next(clock: time, after: datetime) -> datetime:
    """The first time that the clock on the wall shows this, after a moment of the same wall."""
    today = datetime.combine(after.date(), clock, after.tzinfo)
    return today if today > after else datetime.combine(after.date() + timedelta(days=1), clock, after.tzinfo)
