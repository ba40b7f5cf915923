"""The two sides, one row per figure; below it what each added to what was drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.floor.figures import ROWS, Seen
from bench.floor.gap import SHARES, Added, quantiles_ms
from bench.floor.real import Real
from dialer.sim.scenario import HOUR_S, Scenario


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that was seen; the first simulated day has the people of the lab."""

    scenario: Scenario
    real: Real
    days: Sequence[Seen]
    added: Added  # on Asterisk
    added_simulated: Added  # on the first day


def show(result: Result, console: Console) -> None:
    """Both tables; below them the machine's load, and what went wrong."""
    console.print(_figures(result))
    console.print(_added(result))
    real = result.real
    lag = ", ".join(f"{name} {value} ms" for name, value in real.lag_ms.items())
    load = ", ".join(f"{name} {value:g}" for name, value in real.load.items())
    console.print(f"cores in use, and load averages: {load}; event lag {lag}", highlight=False)
    if real.double_booked:
        console.print(f"{real.double_booked} talks overlap at one operator", highlight=False)
    for words in real.refused:
        console.print(f"refused to an operator: {words}", highlight=False)


def _figures(result: Result) -> Table:
    scenario = result.scenario
    table = _table(
        f"{scenario.name}, {scenario.dialing.mode.value}, {scenario.hours * HOUR_S:,.0f} s from a cold start",
        ("Asterisk", "same people, simulated", f"mean of {len(result.days)} days", "least", "most"),
    )
    seen, days = result.real.seen.figures(), [day.figures() for day in result.days]
    for key, (name, form, _) in ROWS.items():
        known = [value for day in days if (value := day[key]) is not None]
        spread = (fmean(known), min(known), max(known)) if known else (None,) * 3
        cells = (seen[key], days[0][key], *spread)
        table.add_row(name, *("-" if cell is None else format(cell, form) for cell in cells))
    return table


def _added(result: Result) -> Table:
    shares = [f"{side} p{share * 100:.0f}" for side in ("Asterisk", "simulator") for share in SHARES]
    table = _table("Added to what was drawn, ms", shares)
    for name, seconds in result.added.items():
        both = (*quantiles_ms(seconds).values(), *quantiles_ms(result.added_simulated[name]).values())
        table.add_row(name, *("-" if value is None else f"{value:,.0f}" for value in both))
    return table


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title)
    table.add_column(no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def as_values(result: Result) -> dict[str, Any]:
    """For programs."""
    real, scenario = result.real, result.scenario
    return {
        "scenario": scenario.name,
        "mode": scenario.dialing.mode.value,
        "seconds": scenario.hours * HOUR_S,
        "operators": scenario.operators,
        "asterisk": {
            **_values(real.seen),
            "added_ms": _quantiles(result.added),
            "load": real.load,
            "event_lag_ms": real.lag_ms,
            "double_booked": real.double_booked,
            "refused": real.refused,
        },
        "simulator": [_values(day) for day in result.days],
        "simulator_added_ms": _quantiles(result.added_simulated),
    }


def _values(seen: Seen) -> dict[str, Any]:
    return {**seen.figures(), "by_outcome": seen.outcomes()}


def _quantiles(added: Added) -> Mapping[str, Mapping[str, float | None]]:
    return {name: quantiles_ms(seconds) for name, seconds in added.items()}
