"""Simulated days as one page: how they went, what was foreseen and what came, what pacing said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape

from dialer.domain.pacing.scorecard import Score
from dialer.domain.said import Said, counted, said, word
from dialer.domain.types import Language
from dialer.sim.day import Day, budget_of
from dialer.sim.picture import Line, Tell, clock, courses, table
from dialer.sim.picture import page as document
from dialer.sim.scenario import HOUR_S, Scenario
from dialer.sim.summary import mean, rows_of, worst
from dialer.sim.watch import Sample

Of = Callable[[Sequence[Sample]], float | None]  # a figure of some minutes on end
SMOOTH = 15  # samples that a mean is taken over
REASONS = 32  # lines of the table of what pacing said


def page(scenario: Scenario, days: Sequence[Day], tell: Tell, language: Language = Language.EN) -> str:
    """The whole page; the first day is drawn strong, the others pale behind it."""
    title = counted(
        "{name}, {mode}: {n} simulated day",
        "{name}, {mode}: {n} simulated days",
        len(days),
        name=scenario.name,
        mode=word(scenario.dialing.mode),
    )
    pale = said("Strong lines: seed {seed}; pale ones: the other days.", seed=days[0].seed)
    remark = [f'<p class="key">{escape(tell(pale))}</p>'] if len(days) > 1 else []
    body = [*_figures(days, tell), *remark, *_pictures(scenario, days, tell), *_reasons(days[0], tell)]
    return document(title, body, tell, language)


def _pictures(scenario: Scenario, days: Sequence[Day], tell: Tell) -> Iterator[str]:
    def picture(
        title: str, *lines: Sequence[Line], form: str = "{value:g}", most: float = 0.0
    ) -> Iterator[str]:
        every = [one for line in lines for one in line]
        return courses(title, every, tell, hours=scenario.hours, form=form, most=most)

    yield from picture(
        said("Occupancy, over a quarter of an hour"),
        _drawn(days, 0, said("talk and wrap-up, of the time logged in less pauses"), _occupancy, SMOOTH),
        form="{value:.0%}",
        most=1.0,
    )
    yield from picture(
        said("Abandon budget"),
        _drawn(
            days,
            0,
            said("calls that may still be abandoned: allowed so far less abandoned"),
            lambda span: budget_of(scenario, span[-1]),
        ),
    )
    yield from picture(
        said("Lines, over a quarter of an hour"),
        _drawn(days, 0, said("on their way to an answer"), lambda span: _mean(span, "ringing"), SMOOTH),
        _drawn(days[:1], 1, said("in use"), lambda span: _mean(span, "lines"), SMOOTH),
    )
    if days[0].score.forecasts:
        yield from picture(
            said("Answers within a forecast's time, over a quarter of an hour"),
            _drawn(days[:1], 0, said("expected"), lambda span: _each(span, "answers_expected"), SMOOTH),
            _drawn(days[:1], 1, said("came"), lambda span: _each(span, "answers_seen"), SMOOTH),
        )
        yield from picture(
            said("Operators who come free within a forecast's time, over a quarter of an hour"),
            _drawn(days[:1], 0, said("expected"), lambda span: _each(span, "free_expected"), SMOOTH),
            _drawn(days[:1], 1, said("came"), lambda span: _each(span, "free_seen"), SMOOTH),
        )


def _drawn(days: Sequence[Day], colour: int, meaning: str, of: Of, samples: int = 0) -> list[Line]:
    """A line for each day, of a figure over the last `samples` minutes."""
    lines = []
    for number, day in enumerate(days):
        spans = [day.course[max(0, end - samples) : end + 1] for end in range(1, len(day.course))]
        points = [(span[-1].at_s / HOUR_S, value) for span in spans if (value := of(span)) is not None]
        lines.append(Line(points, colour, "" if number else meaning, pale=bool(number)))
    return lines


def _occupancy(span: Sequence[Sample]) -> float | None:
    present = sum(one.present for one in span)
    return sum(one.busy for one in span) / present if present else None


def _mean(span: Sequence[Sample], name: str) -> float:
    total: float = sum(getattr(one, name) for one in span)
    return total / len(span)


def _each(span: Sequence[Sample], name: str) -> float | None:
    """Of each forecast that ended within the span."""
    first, last = span[0].score, span[-1].score
    forecasts = last.forecasts - first.forecasts
    return (_sum(last, name) - _sum(first, name)) / forecasts if forecasts else None


def _sum(score: Score, name: str) -> float:
    value: float = getattr(score, name)
    return value


# --- tables -----------------------------------------------------------------------------------------------


def _figures(days: Sequence[Day], tell: Tell) -> Iterator[str]:
    several = len(days) > 1
    heads = ("", said("mean"), said("worst day")) if several else ("", said("the day"))
    rows = []
    for row in rows_of(days):
        values = (mean(row, days), worst(row, days)) if several else (mean(row, days),)
        rows.append([row.title, *("" if one is None else Said(row.form, {"value": one}) for one in values)])
    yield from table(heads, rows, tell)


def _reasons(day: Day, tell: Tell) -> Iterator[str]:
    """What pacing said, at even distances through the day."""
    told = [one for one in day.course if one.reason]
    step = max(1, len(told) // REASONS)
    yield f"<h2>{tell(said('What pacing said'))}</h2>"
    yield from table(
        ("", ""), [(clock(one.at_s / HOUR_S), one.reason) for one in told[::step]], tell, words=2
    )
