"""What pacing sees of a lead: a few short words, each a feature of the chance that it answers."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from dialer.domain.lead import Lead
from dialer.domain.numbers import split_country
from dialer.domain.types import Outcome

Features = tuple[str, ...]

LIVE = frozenset({Outcome.CONNECTED, Outcome.ABANDONED, Outcome.OPERATOR_LOST, Outcome.HUNG_UP_EARLY})
# What an outcome teaches: a live answer, none, or (None) that the network failed on the way to it.
# What is not here teaches nothing: we ended it ourselves, or nobody knows.  A call that pacing gave up
# teaches the chance that it would still have been answered.
LESSONS: Mapping[Outcome, float | None] = {
    **dict.fromkeys(LIVE, 1.0),
    Outcome.NO_ANSWER: 0.0,
    Outcome.BUSY: 0.0,
    Outcome.REJECTED: 0.0,
    Outcome.MOVED: 0.0,
    Outcome.UNALLOCATED: 0.0,
    Outcome.CONGESTION: None,
    Outcome.NETWORK_FAILURE: None,
    Outcome.TRUNK_REFUSED: None,
}

LATELY, LEAST_SEEN = 400, 40
_DAY = timedelta(days=1)
_GAPS_H = (0.5, 2.5, 6.0, 14.0, 36.0, 80.0)  # since the last attempt: one bucket more than edges
_APART_H = (0.75, 1.5, 3.0, 6.0)  # between its time of day and now, round the clock
_HOURS = tuple(f"hour {hour}" for hour in range(24))
_DAYS = tuple(f"day {day}" for day in range(7))
_PARTS = tuple(f"part {'morning' if h < 12 else 'day' if h < 17 else 'evening'}" for h in range(24))
_GAP = tuple(f"gap {i}" for i in range(len(_GAPS_H) + 1))
_APART = tuple(f"apart {i}" for i in range(len(_APART_H) + 1))
_SILENT = tuple(tuple(f"silent {i + 1}" for i in range(n)) for n in range(6))  # each attempt adds its own
_LAST = {outcome: f"last {outcome}" for outcome in Outcome}
_NUMBER = ("", "number 2", "number 3")


def features(
    lead: Lead,
    at: datetime,
    *,
    offset: timedelta = timedelta(),
    trunk: str = "",
    columns: Sequence[str] = (),
) -> Features:
    """The features of dialling this lead at this instant.

    `offset` is the person's clock less that of `at`; `columns` are the file's columns that divide the list
    (`dividing`).
    """
    here_at = at + offset
    hour, number = _HOURS[here_at.hour], lead.number
    country, national = split_country(number)
    kind = f"{country} {national[:1]} {'company' if lead.company or lead.inn else 'person'}"
    found = [
        hour,
        _DAYS[here_at.weekday()],
        f"kind {kind}",
        f"hours {here_at.hour} {kind}",
        f"range {country}{national[:3]}",
        f"list {lead.campaign}",
    ]
    if lead.zones:
        found.append(f"zone {lead.zones[0]}")
    if trunk:
        found.append(f"trunk {trunk}")
    if lead.number_index:
        found.append(_NUMBER[min(lead.number_index, 2)])
    for column in columns:
        value = f"{column}={lead.extra.get(column, '')}"
        found += (f"column {value}", f"{_PARTS[here_at.hour]} {value}")
    if lead.last_at is not None and lead.attempts:
        found += _history(lead, at - lead.last_at)
    return tuple(found)


def _history(lead: Lead, gap: timedelta) -> list[str]:
    tried = lead.tried
    apart = gap % _DAY
    found = [
        *_SILENT[min(tried.get(Outcome.NO_ANSWER, 0), 5)],
        _GAP[bisect_right(_GAPS_H, gap.total_seconds() / 3600)],
        _APART[bisect_right(_APART_H, min(apart, _DAY - apart).total_seconds() / 3600)],
    ]
    if lead.last_outcome:
        found.append(_LAST[lead.last_outcome])
    if not LIVE.isdisjoint(tried):
        found.append("heard")
    return found


def dividing(leads: Iterable[Lead], most: int = 30) -> tuple[str, ...]:
    """The columns of a file that divide its list into few parts: a segment does, a contract's number not.

    Asked with some hundred leads: a column counts when at most `most` values, each in four leads on average,
    fill it.
    """
    values: dict[str, set[str]] = defaultdict(set)
    filled: dict[str, int] = defaultdict(int)
    for lead in leads:
        for column, value in lead.extra.items():
            if value:
                values[column].add(value)
                filled[column] += 1
    return tuple(
        column for column in sorted(values) if 1 < len(values[column]) <= min(most, filled[column] // 4)
    )


class Divisions:
    """The columns that divide a campaign's list, by the leads that were dialled lately."""

    def __init__(self) -> None:
        self.columns: tuple[str, ...] = ()
        self._lately: deque[Lead] = deque(maxlen=LATELY)
        self._new = 0

    def see(self, lead: Lead) -> None:
        """It is dialled; the columns are looked for anew when half of the leads are new."""
        self._lately.append(lead)
        self._new += 1
        if 2 * self._new >= max(len(self._lately), LEAST_SEEN):
            self.columns, self._new = dividing(self._lately), 0
