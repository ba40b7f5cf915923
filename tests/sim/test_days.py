"""Simulated days: the same seed is the same day, the same person does the same, no promise is broken."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from statistics import fmean, stdev

import pytest

from dialer.adapters.languages import speaker
from dialer.domain.types import Language, Mode
from dialer.rehearsal import rehearse
from dialer.sim.callers import Callers
from dialer.sim.chart import page
from dialer.sim.clock import run
from dialer.sim.day import Day
from dialer.sim.scenario import Breaks, Curve, Dialing, Leads, Line, Scenario, Segment, Shift, named
from dialer.worlds import fixed


def short(name: str, hours: float = 0.5, **changes: object) -> Scenario:
    return replace(named(name), hours=hours, **changes)  # type: ignore[arg-type]


def figures(day: Day) -> dict[str, object]:
    """All but the time that it took."""
    return {**asdict(day), "cpu_s": 0}


POWER = Dialing(Mode.POWER, ratio=3.0)


@pytest.mark.parametrize("dialing", [Dialing(), POWER], ids=["progressive", "power"])
def test_the_same_seed_is_the_same_day_and_another_is_another(dialing: Dialing) -> None:
    world = short("5_25_45", dialing=dialing)
    first = figures(rehearse(world, 7))
    assert figures(rehearse(world, 7)) == first
    assert figures(rehearse(world, 8)) != first


def test_a_person_does_the_same_whoever_dials_and_in_whatever_order() -> None:
    async def fates(order: list[int]) -> dict[str, object]:
        callers = Callers(short("3_25_150", leads=Leads(count=9, spread=1.0)), 5)
        return {callers.list[k].number: callers.fate_of(callers.list[k].number) for k in order}

    forwards = run(fates(list(range(9))))
    assert forwards == run(fates(list(reversed(range(9)))))
    assert len(set(forwards.values())) == 9, "nobody is like another"


def test_a_second_attempt_has_luck_of_its_own() -> None:
    async def two() -> tuple[object, object]:
        callers = Callers(short("3_25_150", leads=Leads(count=1)), 5)
        number = callers.list[0].number
        return callers.fate_of(number), callers.fate_of(number)

    first, second = run(two())
    assert first != second


@pytest.mark.parametrize(("name", "expected"), [("3_25_150", 0.654), ("3_50_300", 0.898)])
def test_progressive_is_as_busy_as_pacing_says(name: str, expected: float) -> None:
    """Four standard errors of the days' own mean, and half a point for their cold start."""
    world = short(name, 1.0, dialing=Dialing(interval_s=5.0))  # progressive decides when something happens
    known = [share for seed in range(101, 107) if (share := rehearse(world, seed).occupancy) is not None]
    error = stdev(known) / len(known) ** 0.5
    assert abs(fmean(known) - expected) < 4 * error + 0.005, known


def test_predictive_spends_what_the_target_allows_and_no_more() -> None:
    world = short("5_50_45", 1.0)
    strict, lax = (
        rehearse(replace(world, dialing=Dialing(Mode.PREDICTIVE, target=target)), 3)
        for target in (0.001, 0.05)
    )
    assert strict.broken == lax.broken == ()
    assert strict.abandoned <= 1
    assert lax.abandoned > strict.abandoned
    assert lax.abandoned <= 0.05 * lax.answered_live + 1
    assert (lax.occupancy or 0) > (strict.occupancy or 0) + 0.02


def test_what_predictive_foresees_is_what_comes() -> None:
    """Every forecast of an hour, checked: sums within four standard errors of a sum of chances."""
    score = rehearse(short("10_25_45", 1.0, dialing=Dialing(Mode.PREDICTIVE)), 3).course[-1].score
    assert score.forecasts > 120
    for expected, seen in (
        (score.answers_expected, score.answers_seen),
        (score.free_expected, score.free_seen),
    ):
        assert expected > 100
        assert abs(seen - expected) < 4 * expected**0.5
    assert 0 < score.answers_off / score.forecasts < score.answers_expected / score.forecasts


def test_no_promise_is_broken_on_a_day_of_everything() -> None:
    world = Scenario(
        "everything",
        (
            Shift(4, lunch_at_h=0.2, lunch_min=6, lunch_groups=2, until_h=0.45),
            Shift(3, from_h=0.15),
        ),
        Curve(((0.0, 0.5), (0.6, 0.1)), is_line=True),
        hours=0.6,
        dialing=POWER,
        line=Line(lines=9, calls_per_s=2),
        breaks=Breaks(every_min=8, length_s=fixed(60)),
        leads=Leads(
            count=120, spread=1, again=0.8, segments=(Segment("a", 1), Segment("b", 1, 0.5, "+7495"))
        ),
    )
    day = rehearse(world, 3)
    assert day.broken == ()
    assert day.attempts == sum(day.by_outcome.values()) > 100
    assert day.abandoned > 0
    assert max(sample.lines for sample in day.course) <= 9
    at = {round(sample.at_s / 60): sample.present for sample in day.course}
    assert at[5] <= 4
    assert at[35] <= 3, "the first shift has gone"
    assert max(at.values()) > 4, "the second one has come"


def test_a_power_day_abandons_and_a_progressive_one_never() -> None:
    world = short("5_25_150", 1.0)
    progressive, power = rehearse(world, 1), rehearse(replace(world, dialing=POWER), 1)
    assert progressive.abandoned == 0 < power.abandoned
    assert (power.occupancy or 0) > (progressive.occupancy or 0)
    assert power.least_budget < 0


def test_the_page_holds_all_it_needs_and_says_it_in_the_reader_s_language() -> None:
    world = replace(short("3_25_45", 0.3), name="<b>&")
    text = page(world, [rehearse(world, 1), rehearse(world, 2)], str)
    assert text.count("<svg") == 3
    assert "came" not in text, "progressive foresees nothing"
    assert "http" not in text
    assert "<b>&" not in text
    assert "&lt;b&gt;&amp;" in text
    assert re.search(r"\bnan\b", text) is None
    assert "ОК" in page(world, [rehearse(world, 1)], lambda sentence: "ОК")


def test_the_page_of_a_predictive_day_sets_what_came_beside_what_was_expected() -> None:
    world = short("3_25_45", 0.4, dialing=Dialing(Mode.PREDICTIVE))
    text = page(world, [rehearse(world, 1)], speaker(Language.RU), Language.RU)
    assert text.count("<svg") == 5
    assert '<html lang="ru">' in text
    assert text.count("</i>ожидалось") == text.count("</i>сбылось") == 2
    assert re.search("[a-z]{4,} [a-z]{4,} [a-z]{4,}", text.partition("</style>")[2]) is None, "all is Russian"
