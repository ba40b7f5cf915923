"""Simulated days as one page: pictures in SVG, figures below; it needs no network."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from dialer.domain.said import Said, said
from dialer.sim.day import Day, budget_of
from dialer.sim.scenario import HOUR_S, Scenario
from dialer.sim.summary import ROWS, mean, worst
from dialer.sim.watch import Sample

Tell = Callable[[str], str]
Points = list[tuple[float, float]]  # hours since the start, value
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 960, 220, 56, 12, 12, 24
SMOOTH = 15  # samples that the occupancy is taken over
REASONS = 32  # lines of the table of what pacing said
STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #7a8494; --grid: #e3e7ee; --one: #1b66c9;
  --two: #d9822b; --paper: #ffffff }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #97a1b0; --grid: #2c3440;
  --one: #6aa5f5; --two: #efa85c; --paper: #151a21 } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
  max-width: 62rem; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.05rem; margin: 1.6rem 0 .2rem }
svg { width: 100%; height: auto } text { fill: var(--soft); font-size: 12px }
.grid { stroke: var(--grid) } .zero { stroke: var(--soft) }
.one, .two { fill: none; stroke-width: 1.6 } .one { stroke: var(--one) } .two { stroke: var(--two) }
.other { opacity: .3 } .key { font-size: .9rem; color: var(--soft); margin: 0 } .key b { font-weight: 600 }
.key .a { color: var(--one) } .key .b { color: var(--two) }
table { border-collapse: collapse; margin-top: .6rem }
td, th { padding: .15rem 1rem .15rem 0; text-align: left; vertical-align: top }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
"""


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture: what its lines mean, and how they are read from a day."""

    title: str
    one: str
    of_one: Callable[[Day], Points]
    two: str = ""
    of_two: Callable[[Day], Points] | None = None
    form: str = "{value:g}"
    least: float = 0.0


def page(scenario: Scenario, days: Sequence[Day], tell: Tell) -> str:
    """The whole page; the first day is drawn strong, the others behind it."""
    title = said(
        "{name}, {mode}: {n} simulated days", name=scenario.name, mode=scenario.dialing.mode, n=len(days)
    )
    parts = [f"<h1>{escape(tell(title))}</h1>", *_figures(days, tell)]
    for panel in _panels(scenario):
        parts += _picture(panel, days, scenario.hours, tell)
    parts += _reasons(days[0], tell)
    return (
        '<!doctype html>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(tell(title))}</title>\n<style>{STYLE}</style>\n" + "\n".join(parts) + "\n"
    )


def _panels(scenario: Scenario) -> Sequence[Panel]:
    return (
        Panel(
            said("Occupancy, over a quarter of an hour"),
            said("talk and wrap-up, of the time logged in less pauses"),
            _occupancy,
            form="{value:.0%}",
        ),
        Panel(
            said("Abandon budget"),
            said("calls that may still be abandoned: allowed so far less abandoned"),
            lambda day: [(_hour(one), budget_of(scenario, one)) for one in day.course],
        ),
        Panel(
            said("Lines"),
            said("on their way to an answer"),
            lambda day: [(_hour(one), float(one.ringing)) for one in day.course],
            said("in use"),
            lambda day: [(_hour(one), float(one.lines)) for one in day.course],
        ),
    )


def _hour(sample: Sample) -> float:
    return sample.at_s / HOUR_S


def _occupancy(day: Day) -> Points:
    points: Points = []
    for end in range(1, len(day.course)):
        span = day.course[max(0, end - SMOOTH) : end + 1]
        if present := sum(one.present for one in span):
            points.append((_hour(span[-1]), sum(one.busy for one in span) / present))
    return points


# --- one picture ------------------------------------------------------------------------------------------


def _picture(panel: Panel, days: Sequence[Day], hours: float, tell: Tell) -> Iterator[str]:
    lines = [(f"one{' other' if number else ''}", panel.of_one(day)) for number, day in enumerate(days)]
    if panel.of_two is not None:
        lines.append(("two", panel.of_two(days[0])))
    values = [value for _, points in lines for _, value in points] or [0.0]
    scale = _Scale(hours, min(panel.least, *values), max(*values, panel.least + 1e-9))
    yield f"<h2>{escape(tell(panel.title))}</h2>"
    key = f'<b class="a">—</b> {escape(tell(panel.one))}'
    if panel.two:
        key += f' &nbsp; <b class="b">—</b> {escape(tell(panel.two))}'
    yield f'<p class="key">{key}</p>'
    yield f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(tell(panel.title))}">'
    yield from _axes(scale, panel.form, tell)
    for style, points in reversed(lines):
        if points:
            path = " ".join(f"{scale.x(hour):.1f},{scale.y(value):.1f}" for hour, value in points)
            yield f'<polyline class="{style}" points="{path}"/>'
    yield "</svg>"


@dataclass(frozen=True, slots=True)
class _Scale:
    hours: float
    low: float
    high: float

    def x(self, hour: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * hour / self.hours

    def y(self, value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.high - value) / (self.high - self.low)

    def marks(self) -> list[float]:
        """Some four round values."""
        raw = (self.high - self.low) / 4
        power = 10 ** math.floor(math.log10(raw))
        step = next(power * round_ for round_ in (1, 2, 2.5, 5, 10) if power * round_ >= raw)
        first = math.ceil(self.low / step - 1e-9)
        return [step * n for n in range(first, math.floor(self.high / step + 1e-9) + 1)]


def _axes(scale: _Scale, form: str, tell: Tell) -> Iterator[str]:
    for mark in scale.marks():
        y = f"{scale.y(mark):.1f}"
        style = "zero" if mark == 0 else "grid"
        yield f'<line class="{style}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
        label = escape(tell(Said(form, {"value": mark})))
        yield f'<text x="{LEFT - 6}" y="{y}" text-anchor="end" dominant-baseline="middle">{label}</text>'
    step = 1 if scale.hours > 3 else 0.5
    for number in range(math.floor(scale.hours / step) + 1):
        label = escape(tell(said("{hours:g} h", hours=number * step)))
        yield (f'<text x="{scale.x(number * step):.1f}" y="{HEIGHT - 6}" text-anchor="middle">{label}</text>')


# --- tables -----------------------------------------------------------------------------------------------


def _figures(days: Sequence[Day], tell: Tell) -> Iterator[str]:
    several = len(days) > 1
    heads = (said("mean"), said("worst day")) if several else (said("the day"),)
    cells = "".join(f'<th class="n">{escape(tell(head))}</th>' for head in heads)
    yield f"<table><tr><th></th>{cells}</tr>"
    for row in ROWS:
        values = (mean(row, days), worst(row, days)) if several else (mean(row, days),)
        told = ("" if value is None else tell(Said(row.form, {"value": value})) for value in values)
        cells = "".join(f'<td class="n">{escape(text)}</td>' for text in told)
        yield f"<tr><td>{escape(tell(row.title))}</td>{cells}</tr>"
    yield "</table>"


def _reasons(day: Day, tell: Tell) -> Iterator[str]:
    """What pacing said, at even distances through the day."""
    title = said("What pacing said")
    yield f"<h2>{escape(tell(title))}</h2><table>"
    step = max(1, len(day.course) // REASONS)
    for one in day.course[::step]:
        hour = tell(said("{hours:.2f} h", hours=_hour(one)))
        yield f'<tr><td class="n">{escape(hour)}</td><td>{escape(tell(one.reason))}</td></tr>'
    yield "</table>"
