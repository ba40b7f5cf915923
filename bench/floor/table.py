"""The two sides, one row per figure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.floor.figures import ROWS, Seen
from bench.floor.real import Real
from dialer.sim.scenario import HOUR_S, Scenario


def show(scenario: Scenario, real: Real, days: Sequence[Seen], console: Console) -> None:
    """The table; below it the machine's load, and what went wrong."""
    seconds = scenario.hours * HOUR_S
    title = f"{scenario.name}, {scenario.dialing.mode.value}, {seconds:,.0f} s from a cold start"
    table = Table("", "Asterisk", "simulator, same people", "mean of all", "least", "most", title=title)
    for column in table.columns[1:]:
        column.justify = "right"
    seen, figures = real.seen.figures(), [day.figures() for day in days]
    for key, (name, form, _) in ROWS.items():
        known = [value for day in figures if (value := day[key]) is not None]
        spread = (fmean(known), min(known), max(known)) if known else (None,) * 3
        cells = (seen[key], figures[0][key], *spread)
        table.add_row(name, *("-" if cell is None else format(cell, form) for cell in cells))
    console.print(table)
    lag = ", ".join(f"{name} {value} ms" for name, value in real.lag_ms.items())
    load = ", ".join(f"{name} {value:g}" for name, value in real.load.items())
    console.print(f"cores in use, and load averages: {load}; event lag {lag}", highlight=False)
    if real.double_booked:
        console.print(f"{real.double_booked} talks overlap at one operator", highlight=False)
    for words in real.refused:
        console.print(f"refused to an operator: {words}", highlight=False)


def as_values(scenario: Scenario, real: Real, days: Sequence[Seen]) -> dict[str, Any]:
    """For programs."""
    return {
        "scenario": scenario.name,
        "mode": scenario.dialing.mode.value,
        "seconds": scenario.hours * HOUR_S,
        "operators": scenario.operators,
        "asterisk": {
            **real.seen.figures(),
            "by_outcome": real.seen.outcomes(),
            "load": real.load,
            "event_lag_ms": real.lag_ms,
            "double_booked": real.double_booked,
            "refused": real.refused,
        },
        "simulator": [{**day.figures(), "by_outcome": day.outcomes()} for day in days],
    }
