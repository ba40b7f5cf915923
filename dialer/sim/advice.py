"""What a supervisor should take from a plan, in sentences with figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean, stdev

from dialer.domain.said import Said, counted, said
from dialer.sim.plan import Outcome, Question, Run, span_h
from dialer.sim.wear import MOST_DAYS

WORTH_IT = 3.0  # points of occupancy that predictive must gain
SMALL_TEAM = 15


def occupancy(run: Run) -> float:
    """Talk and wrap-up, of the time logged in less pauses."""
    return run.occupancy


def abandoned_share(run: Run) -> float:
    """Of those who answer."""
    return run.abandoned_share


def talks_per_hour(run: Run) -> float:
    """Of the whole floor, while there is somebody to dial."""
    return run.talks_per_hour


def advice(asked: Question, found: Sequence[Outcome]) -> Iterator[Said]:
    """Which mode, what the changes bring, and what the figures rest on."""
    progressive, power, base, *changes = found
    yield _end(base)
    yield _mode(progressive, base)
    yield _power(power, base)
    yield from (_change(base, one) for one in changes)
    if asked.operators <= SMALL_TEAM:
        yield said(
            "Team size is what buys occupancy: pool small teams into one campaign before you raise the"
            " ceiling."
        )
    yield said(
        "Each row is the mean of {runs} simulated runs of {hours:.1f} h; in brackets the lowest and the"
        " highest.",
        runs=len(base.runs),
        hours=span_h(asked, base.variant),
    )
    if (floor := base.variant.floor(asked)) < asked.operators:
        yield said("Floors above {most} operators are reckoned from one of {most}.", most=floor)


def _end(base: Outcome) -> Said:
    end = {"dials": base.mean(lambda run: run.course.dials), "talks": base.mean(lambda run: run.course.talks)}
    days = [run.course.days for run in base.runs if run.course.days is not None]
    if len(days) < len(base.runs):
        return said(
            "After {days} days the list is not exhausted yet: {dials:,.0f} dials, {talks:,.0f} talks.",
            days=MOST_DAYS,
            **end,
        )
    return said(
        "Predictive has tried everybody once after {first:.1f} working hours, has made 95 % of the talks"
        " after {most:.1f}, and has used up all attempts of the retry table on day {day:.0f}: {dials:,.0f}"
        " dials, {talks:,.0f} talks.",
        first=base.mean(lambda run: run.course.first_pass_h or 0.0),
        most=base.mean(lambda run: run.course.hours_to(0.95)),
        day=sum(days) / len(days),
        **end,
    )


def _mode(progressive: Outcome, base: Outcome) -> Said:
    gain = 100 * (base.mean(occupancy) - progressive.mean(occupancy))
    if gain < WORTH_IT:
        return said(
            "Progressive would do as well: predictive gains {gain:.1f} points of occupancy, and progressive"
            " abandons nobody.",
            gain=max(0.0, gain),
        )
    return said(
        "Predictive keeps operators {gain:.0f} points busier than progressive: {more:.0%} more talks an hour,"
        " for {calls:,.0f} abandoned calls in the whole list.",
        gain=gain,
        more=_faster(progressive, base),
        calls=base.mean(lambda run: run.course.abandoned),
    )


def _faster(than: Outcome, one: Outcome) -> float:
    return one.mean(talks_per_hour) / than.mean(talks_per_hour) - 1


def _power(power: Outcome, base: Outcome) -> Said:
    share, ceiling = power.mean(abandoned_share), base.variant.ceiling
    if share > ceiling:
        return said(
            "Power with {ratio:g} lines would abandon {share:.1%}, more than the ceiling of {ceiling:.1%}.",
            ratio=power.variant.ratio,
            share=share,
            ceiling=ceiling,
        )
    return said(
        "Power with {ratio:g} lines would abandon {share:.1%}; nothing holds it there when more of them"
        " answer.",
        ratio=power.variant.ratio,
        share=share,
    )


def _change(base: Outcome, one: Outcome) -> Said:
    """Runs of one seed are compared: what they share by chance falls out."""
    gains = [100 * (a.occupancy - b.occupancy) for a, b in zip(one.runs, base.runs, strict=True)]
    gain, margin = fmean(gains), 2 * stdev(gains) / len(gains) ** 0.5
    points = said("{gain:+.1f} points of occupancy", gain=gain)
    if abs(gain) < margin:
        points = said(
            "occupancy {gain:+.1f} points, which {runs} runs cannot tell from chance",
            gain=gain,
            runs=len(gains),
        )
    faster = _faster(base, one)
    if more := one.variant.operators - base.variant.operators:
        return counted(
            "{n} operator more: {faster:+.0%} talks an hour, {points}.",
            "{n} operators more: {faster:+.0%} talks an hour, {points}.",
            more,
            faster=faster,
            points=points,
        )
    return said(
        "A ceiling of {ceiling:.1%} in place of {was:.1%}: {faster:+.0%} talks an hour, {points}.",
        ceiling=one.variant.ceiling,
        was=base.variant.ceiling,
        faster=faster,
        points=points,
    )
