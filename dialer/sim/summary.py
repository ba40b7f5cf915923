"""Several simulated days as one: their mean, and the worst of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from dialer.domain.said import said
from dialer.sim.day import Day

Figure = Callable[[Day], float | None]


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of the table: how it is read from a day, which end is the worse one, how it is written."""

    key: str
    title: str
    of: Figure
    worst: Callable[[Sequence[float]], float] | None = None
    form: str = "{value:,.0f}"


ROWS = (
    Row("attempts", said("attempts"), lambda day: day.attempts),
    Row("answered_live", said("answered live"), lambda day: day.answered_live),
    Row("connected", said("connected"), lambda day: day.connected),
    Row("abandoned", said("abandoned"), lambda day: day.abandoned, max, "{value:,.1f}"),
    Row("abandoned_share", said("abandoned, share"), lambda day: day.abandoned_share, max, "{value:.2%}"),
    Row(
        "worst_running_share",
        said("the same at its highest during the day"),
        lambda day: day.worst_running_share,
        max,
        "{value:.2%}",
    ),
    Row(
        "least_budget",
        said("calls that could still be abandoned, at the lowest"),
        lambda day: day.least_budget,
        min,
        "{value:,.1f}",
    ),
    Row("occupancy", said("occupancy"), lambda day: day.occupancy, min, "{value:.1%}"),
    Row(
        "idle_s_per_call", said("idle seconds per call"), lambda day: day.idle_s_per_call, max, "{value:.1f}"
    ),
    Row(
        "dials_per_operator_hour",
        said("dials per operator and hour"),
        lambda day: day.dials_per_operator_hour,
        None,
        "{value:.1f}",
    ),
    Row("decisions", said("decisions of the pacer"), lambda day: day.decisions),
    Row("cpu_s", said("seconds of CPU"), lambda day: day.cpu_s, max, "{value:.1f}"),
)


def mean(row: Row, days: Sequence[Day]) -> float | None:
    """Over the days that have this figure."""
    known = _known(row, days)
    return fmean(known) if known else None


def worst(row: Row, days: Sequence[Day]) -> float | None:
    """None where no end is worse than the other."""
    known = _known(row, days)
    return row.worst(known) if known and row.worst is not None else None


def _known(row: Row, days: Sequence[Day]) -> list[float]:
    return [value for day in days if (value := row.of(day)) is not None]


def outcomes(days: Sequence[Day]) -> Mapping[str, float]:
    """Attempts by outcome, the mean of the days."""
    names = sorted({name for day in days for name in day.by_outcome})
    return {name: fmean(day.by_outcome.get(name, 0) for day in days) for name in names}


def as_values(days: Sequence[Day]) -> dict[str, Any]:
    """For programs: every day without its course, the means and the worst."""
    return {
        "scenario": days[0].scenario,
        "mode": days[0].mode,
        "mean": {row.key: mean(row, days) for row in ROWS} | {"by_outcome": outcomes(days)},
        "worst": {row.key: worst(row, days) for row in ROWS if row.worst is not None},
        "days": [{key: value for key, value in asdict(day).items() if key != "course"} for day in days],
    }
