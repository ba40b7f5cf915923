"""Pages that need no network: pictures in SVG, tables, one style on a light ground."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from dialer.domain.said import Said
from dialer.domain.types import Language

Tell = Callable[[str], str]
Points = Sequence[tuple[float, float]]  # hours since the start, value
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 960, 220, 64, 12, 24, 26
BAR, LABELS = 34, 300  # height of a bar with its gap, width of the words before it
# Okabe and Ito's colours: told apart by nearly everybody, and in grey.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#aa4499", "#8a6d00", "#555555")
STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1c2430; background: #fff; margin: 2rem auto;
  max-width: 62rem; padding: 0 1rem }
h1 { font-size: 1.4rem; margin: 0 0 .6rem } h2 { font-size: 1.05rem; margin: 2rem 0 .2rem }
svg { width: 100%; height: auto; display: block } text { fill: #5b6573; font-size: 12px }
text.word { fill: #1c2430; font-size: 13px; paint-order: stroke; stroke: #fff; stroke-width: 4px }
.grid { stroke: #e3e7ee } .zero { stroke: #7a8494 } .limit { stroke: #b00020; stroke-dasharray: 5 4 }
.range { stroke: #1c2430; stroke-width: 2 }
polyline { fill: none; stroke-width: 1.8; stroke-linejoin: round } .pale { opacity: .25; stroke-width: 1.2 }
.key { font-size: .9rem; color: #5b6573; margin: 0 0 .3rem } 
.key span { margin-right: 1.4rem; white-space: nowrap; display: inline-block }
.key i { display: inline-block; width: 1.5rem; height: 3px; margin-right: .4rem; vertical-align: middle }
table { border-collapse: collapse; margin-top: .6rem }
table { font-size: 14px } td, th { padding: .15rem .9rem .15rem 0; text-align: left; vertical-align: top }
th { border-bottom: 1px solid #c8ced8 }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
td:first-child, td.n { white-space: nowrap } th { vertical-align: bottom }
p { margin: .4rem 0 }
"""


@dataclass(frozen=True, slots=True)
class Line:
    """A course through the day; a pale one stands behind and has no place in the key."""

    points: Points
    colour: int = 0
    meaning: str = ""
    pale: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure with the range that it was found in."""

    label: str
    value: float
    low: float
    high: float
    colour: int = 0


def page(title: str, body: Iterable[str], tell: Tell, language: Language) -> str:
    """The whole document."""
    told = escape(tell(title))
    head = f'<!doctype html>\n<html lang="{language}">\n<meta charset="utf-8">\n'
    view = '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    return f"{head}{view}<title>{told}</title>\n<style>{STYLE}</style>\n<h1>{told}</h1>\n" + "\n".join(
        [*body, "</html>\n"]
    )


def table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], tell: Tell, *, words: int = 1
) -> Iterator[str]:
    """The first `words` columns are words, the others figures."""
    kinds = ["" if column < words else ' class="n"' for column in range(max(len(heads), 1))]
    yield "<table>"
    if any(heads):
        yield "<tr>" + "".join(f"<th{k}>{escape(tell(h))}</th>" for k, h in zip(kinds, heads, strict=True))
    for row in rows:
        yield "<tr>" + "".join(f"<td{k}>{escape(tell(v))}</td>" for k, v in zip(kinds, row, strict=True))
    yield "</table>"


# --- courses ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Scale:
    hours: float
    low: float
    high: float

    def x(self, hour: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * hour / self.hours

    def y(self, value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.high - value) / (self.high - self.low)


def marks(low: float, high: float, about: int = 4) -> list[float]:
    """Some round values between the two."""
    raw = (high - low) / about
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * round_ for round_ in (1, 2, 2.5, 5, 10) if power * round_ >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [step * n for n in range(first, math.floor(high / step + 1e-9) + 1)]


def courses(
    title: str, lines: Sequence[Line], tell: Tell, *, hours: float, form: str = "{value:g}", most: float = 0.0
) -> Iterator[str]:
    """Lines through the day; the scale goes from nothing, or the least, to `most`, or the greatest."""
    values = [value for line in lines for _, value in line.points] or [0.0]
    low, high = min(0.0, *values), max(most, *values)
    scale = _Scale(hours, low, high if high > low else low + 1.0)
    yield f"<h2>{escape(tell(title))}</h2>"
    yield _key(lines, tell)
    yield f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(tell(title))}">'
    yield from _axes(scale, form, tell)
    for line in sorted(lines, key=lambda line: not line.pale):
        path = " ".join(f"{scale.x(hour):.1f},{scale.y(value):.1f}" for hour, value in line.points)
        pale = ' class="pale"' if line.pale else ""
        yield f'<polyline{pale} stroke="{COLOURS[line.colour]}" points="{path}"/>'
    yield "</svg>"


def _key(lines: Sequence[Line], tell: Tell) -> str:
    shown = (
        f'<span><i style="background:{COLOURS[line.colour]}"></i>{escape(tell(line.meaning))}</span>'
        for line in lines
        if line.meaning
    )
    return f'<p class="key">{"".join(shown)}</p>'


def _axes(scale: _Scale, form: str, tell: Tell) -> Iterator[str]:
    for mark in marks(scale.low, scale.high):
        y = f"{scale.y(mark):.1f}"
        style = "zero" if mark == 0 else "grid"
        yield f'<line class="{style}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
        label = escape(tell(Said(form, {"value": mark})))
        yield f'<text x="{LEFT - 8}" y="{y}" text-anchor="end" dominant-baseline="middle">{label}</text>'
    for mark in marks(0.0, scale.hours, 8):
        label = escape(clock(mark))
        yield f'<text x="{scale.x(mark):.1f}" y="{HEIGHT - 6}" text-anchor="middle">{label}</text>'


def clock(hours: float) -> str:
    """2:30."""
    minutes = round(hours * 60)
    return f"{minutes // 60}:{minutes % 60:02}"


# --- bars -------------------------------------------------------------------------------------------------


def bars(
    title: str,
    rows: Sequence[Bar],
    tell: Tell,
    *,
    form: str,
    least: float = 0.0,
    limit: float | None = None,
) -> Iterator[str]:
    """A bar for each, its range as a whisker, the figure behind it; `limit` is a line across."""
    most = max(least, limit or 0.0, *(row.high for row in rows)) or 1.0
    right = WIDTH - 120
    height = BAR * len(rows) + 8

    def x(value: float) -> float:
        return LABELS + (right - LABELS) * value / most

    yield f"<h2>{escape(tell(title))}</h2>"
    yield f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(tell(title))}">'
    middles = [4 + BAR * number + BAR / 2 for number in range(len(rows))]
    for y, row in zip(middles, rows, strict=True):
        yield (
            f'<rect x="{LABELS}" y="{y - 10}" width="{x(row.value) - LABELS:.1f}" height="20"'
            f' fill="{COLOURS[row.colour]}" opacity=".8"/>'
            f'<line class="range" x1="{x(row.low):.1f}" x2="{x(row.high):.1f}" y1="{y}" y2="{y}"/>'
        )
    if limit is not None:
        yield f'<line class="limit" x1="{x(limit):.1f}" x2="{x(limit):.1f}" y1="0" y2="{height}"/>'
    for y, row in zip(middles, rows, strict=True):
        figure = escape(tell(Said(form, {"value": row.value})))
        yield (
            f'<text class="word" x="{LABELS - 12}" y="{y}" text-anchor="end" dominant-baseline="middle">'
            f"{escape(tell(row.label))}</text>"
            f'<text class="word" x="{x(row.high) + 8:.1f}" y="{y}" dominant-baseline="middle">{figure}</text>'
        )
    yield "</svg>"
