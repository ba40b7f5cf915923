"""A plan as one page: how busy, how many abandoned, how the list wears down under each variant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from dialer.domain.said import said
from dialer.domain.types import Language
from dialer.sim.advice import abandoned_share, advice, occupancy
from dialer.sim.picture import Bar, Line, Tell, bars, courses, page, table
from dialer.sim.plan import Outcome, Question
from dialer.sim.plantable import HEADS, row, title

DRAWN = 0.98  # of the talks: the last stragglers come back days later


def plan_page(asked: Question, found: Sequence[Outcome], tell: Tell, language: Language) -> str:
    """The whole page."""
    words = [f"<p>{escape(tell(sentence))}</p>" for sentence in advice(asked, found)]
    rows = [row(one) for one in found]
    body = [*words, *table(HEADS, rows, tell), *_pictures(found, tell)]
    return page(title(asked), body, tell, language)


def _pictures(found: Sequence[Outcome], tell: Tell) -> Iterator[str]:
    yield from bars(
        said("Occupancy: the bar is the mean of the runs, the stroke their range"),
        [Bar(one.variant.label, one.mean(occupancy), *one.span(occupancy), n) for n, one in enumerate(found)],
        tell,
        form="{value:.0%}",
        least=1.0,
    )
    ceiling = found[0].variant.ceiling
    yield from bars(
        said(
            "Abandoned, of those who answer; the broken line is the ceiling of {ceiling:.1%}", ceiling=ceiling
        ),
        [
            Bar(one.variant.label, one.mean(abandoned_share), *one.span(abandoned_share), n)
            for n, one in enumerate(found)
        ],
        tell,
        form="{value:.1%}",
        limit=ceiling,
    )
    until_h = max(one.runs[0].course.hours_to(DRAWN) for one in found)
    lines = [
        Line([(h, talks) for h, talks in one.runs[0].course.points if h <= until_h], n, one.variant.label)
        for n, one in enumerate(found)
    ]
    heading = said("Talks so far, by working hours")
    yield from courses(heading, lines, tell, hours=max(until_h, 0.1), form="{value:,.0f}")
