"""A plan as rows for people, and as plain values for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dialer.domain.said import Said, counted, said
from dialer.sim.advice import abandoned_share, advice, occupancy, talks_per_hour
from dialer.sim.plan import Outcome, Question, Run

RANGE = "{mean:.0%} ({low:.0f}–{high:.0f})"
FINE_RANGE = "{mean:.1%} ({low:.1f}–{high:.1f})"
HEADS = (
    said("variant"),
    said("occupancy"),
    said("abandoned"),
    said("talks an hour"),
    said("all tried once, h"),
    said("talks on day 1"),
    said("talks in all"),
    said("done, day"),
)
FIGURES: Mapping[str, Callable[[Run], float | None]] = {
    "occupancy": occupancy,
    "abandoned_share": abandoned_share,
    "talks_per_hour": talks_per_hour,
    "first_pass_hours": lambda run: run.course.first_pass_h,
    "dialing_hours": lambda run: run.course.dialing_h,
    "hours_to_95_percent_of_talks": lambda run: run.course.hours_to(0.95),
    "day_done": lambda run: run.course.days,
    "dials": lambda run: run.course.dials,
    "talks": lambda run: run.course.talks,
    "abandoned": lambda run: run.course.abandoned,
    "first_day_dials": lambda run: run.course.first_day_dials,
    "first_day_talks": lambda run: run.course.first_day_talks,
}


def title(asked: Question) -> Said:
    """What was asked, in a line."""
    return said(
        "{operators}, {leads}: {answer:.0%} answer, {talk:.0f} s of talk, {wrap_up:.0f} s of wrap-up, days of"
        " {hours:g} h",
        operators=counted("{n} operator", "{n} operators", asked.operators),
        leads=counted("{n:,} lead", "{n:,} leads", len(asked.entries)),
        answer=asked.answer,
        talk=asked.talk_s,
        wrap_up=asked.wrap_up_s,
        hours=asked.day_h,
    )


def row(one: Outcome) -> tuple[Said | str, ...]:
    """A variant, in the order of HEADS."""
    return (
        one.variant.label,
        _range(RANGE, one, occupancy),
        _range(FINE_RANGE, one, abandoned_share),
        _figure("{value:,.0f}", one, talks_per_hour),
        _figure("{value:,.1f}", one, FIGURES["first_pass_hours"]),
        _figure("{value:,.0f}", one, FIGURES["first_day_talks"]),
        _figure("{value:,.0f}", one, FIGURES["talks"]),
        _figure("{value:,.0f}", one, FIGURES["day_done"]),
    )


def _range(form: str, one: Outcome, of: Callable[[Run], float]) -> Said:
    low, high = one.span(of)
    return Said(form, {"mean": one.mean(of), "low": 100 * low, "high": 100 * high})


def _figure(form: str, one: Outcome, of: Callable[[Run], float | None]) -> Said | str:
    known = [value for run in one.runs if (value := of(run)) is not None]
    return Said(form, {"value": sum(known) / len(known)}) if len(known) == len(one.runs) else "—"


def as_values(asked: Question, found: Sequence[Outcome], tell: Callable[[str], str]) -> dict[str, Any]:
    """Everything, with the figures of each run; what was asked beside it."""
    return {
        "asked": {
            "operators": asked.operators,
            "leads": len(asked.entries),
            "answers": list(asked.answers),
            "talk_s": asked.talk_s,
            "wrap_up_s": asked.wrap_up_s,
            "busy": asked.busy,
            "fails": asked.fails,
            "ceiling": asked.campaign.ceiling,
            "ratio": asked.campaign.ratio,
            "day_hours": asked.day_h,
        },
        "variants": [
            {
                "label": tell(one.variant.label),
                "mode": one.variant.mode.value,
                "operators": one.variant.operators,
                "ceiling": one.variant.ceiling,
                **{name: _summary(one, of) for name, of in FIGURES.items()},
            }
            for one in found
        ],
        "advice": [tell(sentence) for sentence in advice(asked, found)],
    }


def _summary(one: Outcome, of: Callable[[Run], float | None]) -> dict[str, Any]:
    values = [of(run) for run in one.runs]
    known = [value for value in values if value is not None]
    whole = len(known) == len(values)
    return {
        "mean": sum(known) / len(known) if whole else None,
        "low": min(known) if whole else None,
        "high": max(known) if whole else None,
        "runs": values,
    }
