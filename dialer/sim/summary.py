"""Several simulated days as one: their mean, and the worst of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from dialer.domain.said import said
from dialer.sim.day import Day

Figure = Callable[[Day], float | None]
FIGURE, SHARE, EACH = "{value:,.1f}", "{value:.2%}", "{value:.2f}"


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of the table: how it is read from a day, which end is the worse one, how it is written."""

    key: str
    title: str
    of: Figure
    worst: Callable[[Sequence[float]], float] | None = None
    form: str = "{value:,.0f}"


def _dials(day: Day) -> float | None:
    return day.dials_per_operator_hour


def _forecast_answers(day: Day) -> float | None:
    return day.score.answers_calibration


def _forecast_free(day: Day) -> float | None:
    return day.score.free_calibration


ROWS = (
    Row("attempts", said("attempts"), lambda day: day.attempts),
    Row("answered_live", said("answered live"), lambda day: day.answered_live),
    Row("connected", said("talks"), lambda day: day.connected),
    Row("abandoned", said("abandoned calls"), lambda day: day.abandoned, max, FIGURE),
    Row("abandoned_share", said("abandoned, of those answered"), lambda day: day.abandoned_share, max, SHARE),
    Row(
        "worst_running_share", said("at its highest so far"), lambda day: day.worst_running_share, max, SHARE
    ),
    Row("least_budget", said("abandon budget at its lowest"), lambda day: day.least_budget, min, FIGURE),
    Row("occupancy", said("occupancy"), lambda day: day.occupancy, min, "{value:.1%}"),
    Row("idle_s_per_call", said("idle seconds per talk"), lambda day: day.idle_s_per_call, max, FIGURE),
    Row("dials_per_operator_hour", said("dials per operator-hour"), _dials, None, FIGURE),
    Row("answers_calibration", said("answers that came, of each expected"), _forecast_answers, None, EACH),
    Row("free_calibration", said("operators who came free, of each expected"), _forecast_free, None, EACH),
    Row("decisions", said("decisions of the pacer"), lambda day: day.decisions),
    Row("cpu_s", said("seconds of CPU"), lambda day: day.cpu_s, max, FIGURE),
)


def rows_of(days: Sequence[Day]) -> list[Row]:
    """Those that have a figure."""
    return [row for row in ROWS if _known(row, days)]


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
