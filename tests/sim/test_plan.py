"""The planner: its floor is the simulator's, its list is the retry table's, its words are the figures'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

import pytest

from dialer.domain.campaign import Campaign, Retry
from dialer.domain.cdr import Cdr
from dialer.domain.errors import BadValue
from dialer.domain.pacing.policies import Policies
from dialer.domain.types import CampaignId, Direction, Mode, Outcome
from dialer.rehearsal import rehearse
from dialer.sim.advice import advice
from dialer.sim.floor import Floor
from dialer.sim.history import ATTEMPTS, ENOUGH, PRIOR, History
from dialer.sim.plan import LARGEST_FLOOR, Question, Run, answer, fresh, variants, world_of
from dialer.sim.plan import Outcome as Found
from dialer.sim.scenario import Dialing, named
from dialer.sim.wear import MOST_DAYS, MOST_LEADS, Course, Entry, Odds, Pace, wear
from tests.ports.made import entry, record

CAMPAIGN = Campaign(CampaignId(1), "plan")
PACE = Pace(present=6.0, idle_s=10.0, cycle_s=150.0)
NEVER = Odds((0.0,), abandoned=0.0, busy=0.0, fails=0.0, given_up=0.0)
ALWAYS = replace(NEVER, answers=(1.0,))


def question(operators: int = 5, leads: int = 500, answers: float = 0.4, talk_s: float = 60.0) -> Question:
    return Question(operators, fresh(leads), (answers,), talk_s)


# --- the floor --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "interval_s", "tolerance"),
    [(Mode.PROGRESSIVE, 5.0, 0.02), (Mode.POWER, 5.0, 0.03), (Mode.PREDICTIVE, 1.0, 0.05)],
)
def test_the_planner_s_floor_is_as_busy_as_the_engine_s(
    mode: Mode, interval_s: float, tolerance: float
) -> None:
    """The same people behave alike in both; what differs is how soon the engine decides, and by luck."""
    world = replace(named("5_25_60"), hours=1.0, dialing=Dialing(mode, 1.5, interval_s=interval_s))
    days = [rehearse(world, seed) for seed in (1, 2)]
    tallies = [Floor(world, seed, Policies(), apart_s=0.1, idle_s=2.0).run(1.0) for seed in (1, 2)]
    engine = fmean(day.occupancy or 0.0 for day in days)
    planner = fmean(tally.occupancy for tally in tallies)
    assert abs(engine - planner) < tolerance, (engine, planner)
    lost = sum(day.abandoned for day in days) / sum(day.answered_live for day in days)
    seen = sum(tally.abandoned for tally in tallies) / sum(tally.answered for tally in tallies)
    assert abs(lost - seen) < 0.03, (lost, seen)


def test_the_same_seed_gives_the_same_hours() -> None:
    world = replace(named("4_40_45"), dialing=Dialing(Mode.PREDICTIVE))
    one, two, other = (Floor(world, seed, Policies(), apart_s=1.0, idle_s=3.0).run(0.3) for seed in (7, 7, 8))
    assert one == two != other


def test_a_warm_up_does_not_count() -> None:
    world = named("5_40_45")
    whole = Floor(world, 1, Policies(), apart_s=0.1, idle_s=60.0).run(0.5)
    late = Floor(world, 1, Policies(), apart_s=0.1, idle_s=60.0).run(0.3, warm_up_h=0.2)
    assert late.present_s < whole.present_s
    assert 0 < late.dials < whole.dials
    assert late.present_s <= 5 * 0.3 * 3600 + 1


# --- the list ---------------------------------------------------------------------------------------------


def worn(
    entries: Sequence[Entry], odds: Odds = NEVER, campaign: Campaign = CAMPAIGN, day_h: float = 8.0
) -> Course:
    return wear(entries, campaign, odds, PACE, day_h=day_h, seed=1)


def test_a_list_where_everybody_answers_takes_what_its_talks_take() -> None:
    course = worn(fresh(300), ALWAYS)
    assert (course.dials, course.talks, course.abandoned, course.days) == (300, 300, 0, 1)
    assert course.first_pass_h == course.ended_h == pytest.approx(300 * 160 / 6 / 3600)
    assert course.first_day_talks == 300


def test_a_list_where_nobody_answers_is_dialled_as_often_as_the_retry_table_allows() -> None:
    delays = len(CAMPAIGN.retries[Outcome.NO_ANSWER].delays)
    course = worn(fresh(50))
    assert (course.dials, course.talks) == (50 * (1 + delays), 0)
    assert course.days == 1 + 1 + 2, "after 2 h, then 24 h, then 48 h"
    never = replace(CAMPAIGN, retries={**CAMPAIGN.retries, Outcome.NO_ANSWER: Retry(())})
    assert worn(fresh(50), campaign=never).dials == 50
    assert worn(fresh(50), campaign=replace(CAMPAIGN, max_attempts=2)).dials == 100


def test_leads_that_were_tried_go_on_where_they_stand_and_not_before_they_are_due() -> None:
    lead = replace(entry(1), attempts=3, tried={Outcome.NO_ANSWER: 3}, last_outcome=Outcome.NO_ANSWER)
    course = worn([Entry(lead, due_s=2 * 3600.0)])
    assert course.dials == 1, "the fourth attempt is the last one"
    assert course.ended_h == pytest.approx(2.0, abs=0.01)
    assert course.first_pass_h == 0.0, "nobody was new"


def test_retries_that_fall_due_at_night_wait_for_the_morning() -> None:
    course = worn(fresh(1), day_h=1.0)
    assert course.days == 1 + 1 + 1 + 2, "2 h later everybody has gone home"
    assert course.ended_h is not None
    assert course.ended_h <= 5.0


def test_a_list_that_lasts_too_long_is_not_said_to_end() -> None:
    course = worn(fresh(MOST_LEADS), ALWAYS, day_h=0.5)
    assert (course.ended_h, course.days) == (None, None)
    assert course.points[-1][0] == pytest.approx(MOST_DAYS * 0.5, abs=0.1)


def test_a_long_list_wears_down_as_its_sample_does() -> None:
    odds = Odds((0.3,), abandoned=0.02, busy=0.06, fails=0.05, given_up=0.1)
    long = wear(fresh(3 * MOST_LEADS), CAMPAIGN, odds, PACE, day_h=8.0, seed=1)
    third = wear(fresh(MOST_LEADS), CAMPAIGN, odds, replace(PACE, present=2.0), day_h=8.0, seed=1)
    assert long.dials == 3 * third.dials
    assert long.first_pass_h == third.first_pass_h
    assert long.talks == pytest.approx(0.3 * 0.98 * long.dials, rel=0.03)


def test_answers_go_by_the_attempt() -> None:
    odds = replace(NEVER, answers=(0.0, 1.0))
    course = worn(fresh(40), odds)
    assert (course.dials, course.talks) == (80, 40)


# --- the answer -------------------------------------------------------------------------------------------


def test_a_plan_says_what_modes_operators_and_ceiling_would_bring() -> None:
    asked = replace(question(operators=20, leads=2000), more_operators=6)
    found = answer(asked, 2)
    assert [one.variant.mode for one in found] == [Mode.PROGRESSIVE, Mode.POWER, *[Mode.PREDICTIVE] * 3]
    progressive, _, base, more, higher = found
    assert progressive.mean(lambda run: run.abandoned_share) == 0.0
    assert base.mean(lambda run: run.occupancy) > progressive.mean(lambda run: run.occupancy)
    assert more.variant.operators == 26
    assert more.mean(lambda run: run.talks_per_hour) > 1.25 * base.mean(lambda run: run.talks_per_hour)
    assert higher.variant.ceiling == pytest.approx(0.05)
    for one in found:
        low, high = one.span(lambda run: run.occupancy)
        assert 0.3 < low <= one.mean(lambda run: run.occupancy) <= high < 1.0
        for run in one.runs:
            assert run.course.talks + run.course.abandoned <= run.course.dials
            assert (run.course.days or 0) >= 1


def test_a_floor_too_large_to_simulate_follows_from_a_smaller_one() -> None:
    asked = question(operators=4 * LARGEST_FLOOR)
    assert {world_of(asked, one).operators for one in variants(asked)} == {LARGEST_FLOOR}


def outcome(way: Found, occupancy: Sequence[float], abandoned: float) -> Found:
    return Found(way.variant, tuple(Run(each, abandoned, 100 * each, COURSE) for each in occupancy))


COURSE = Course(9.0, 6.0, 30.0, 4, 900.0, 300.0, 6.0, 150.0, 500.0, ((0.0, 0.0), (30.0, 300.0)))


@pytest.mark.parametrize(
    ("progressive", "power", "higher", "expected"),
    [
        (0.89, 0.02, (0.90, 0.92), "Progressive would do as well: predictive gains 1.0 points"),
        (0.60, 0.02, (0.90, 0.92), "Predictive keeps operators 30 points busier than progressive"),
        (0.60, 0.09, (0.90, 0.92), "would abandon 9.0%, more than the ceiling of 3.0%"),
        (0.60, 0.01, (0.90, 0.92), "would abandon 1.0%; nothing holds it there"),
        (0.60, 0.01, (0.90, 0.99), "+4.5 points, which 2 runs cannot tell from chance"),
        (0.60, 0.01, (0.94, 0.94), "+4.0 points of occupancy."),
    ],
)
def test_the_advice_says_what_the_figures_say_and_no_more(
    progressive: float, power: float, higher: tuple[float, float], expected: str
) -> None:
    asked = question()
    ways = [Found(one, ()) for one in variants(asked)]
    occupancies = [(progressive,) * 2, (0.8, 0.8), (0.9, 0.9), (0.93, 0.93), higher]
    shares = (0.0, power, 0.02, 0.02, 0.02)
    found = [outcome(*each) for each in zip(ways, occupancies, shares, strict=True)]
    told = list(advice(asked, found))
    assert [sentence for sentence in told if expected in sentence], told


# --- the records ------------------------------------------------------------------------------------------


def dial(n: int, attempt: int = 1, outcome: Outcome = Outcome.NO_ANSWER) -> Cdr:
    unanswered = record(f"c-{n}", attempt_no=attempt, outcome=outcome, answer_at=None, bridge_at=None)
    return replace(unanswered, talk_s=0.0, ring_s=28.0)


def talk(n: int, attempt: int = 1) -> Cdr:
    return replace(record(f"c-{n}", attempt_no=attempt), talk_s=100.0 + 40 * (n % 2), wrap_up_s=20.0)


def test_a_campaign_s_records_give_the_plan_its_figures() -> None:
    history = History()
    history.take([talk(n) for n in range(120)])
    history.take([dial(n) for n in range(200)] + [dial(n, outcome=Outcome.BUSY) for n in range(60)])
    history.take([dial(n, outcome=Outcome.CONGESTION) for n in range(20)])
    history.take([talk(n, 2) for n in range(20)] + [dial(n, 2) for n in range(80)])
    history.take([replace(dial(1), direction=Direction.IN), replace(dial(2), outcome=Outcome.NOT_DIALLED)])
    seen = history.figures("spring")
    assert seen.dials == 500
    level = 140 / 500
    assert seen.answers[0] == pytest.approx((120 + PRIOR * level) / (400 + PRIOR))
    assert seen.answers[1] == pytest.approx((20 + PRIOR * level) / (100 + PRIOR))
    assert seen.answers[2:] == pytest.approx((level,) * (ATTEMPTS - 2)), "never tried: as all others"
    assert (seen.busy, seen.fails) == (60 / 500, 20 / 500)
    assert (seen.talk_s, seen.wrap_up_s, seen.setup_s) == (120.0, 20.0, 1.0)
    assert seen.attempts_per_contact == pytest.approx(500 / 140)
    assert seen.ringing is not None
    assert seen.ringing.a == pytest.approx(5.5)


def test_too_few_records_give_no_plan_and_say_what_would() -> None:
    history = History()
    history.take([talk(n) for n in range(9)] + [dial(n) for n in range(ENOUGH)])
    with pytest.raises(BadValue, match=r"209 dials and 9 talks .* say --answer and --talk"):
        history.figures("spring")
