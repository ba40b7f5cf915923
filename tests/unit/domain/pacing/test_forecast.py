"""Curves and chances: learned from what is cut short as well, and true to the count of all cases."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import product
from math import exp, prod

import numpy as np
import pytest

from dialer.domain.call import State as CallState
from dialer.domain.operators import State
from dialer.domain.pacing.chance import Sum, nobody_free
from dialer.domain.pacing.decision import CallView, OperatorView
from dialer.domain.pacing.forecast import ANY, HORIZONS, Forecast, UnderWay
from dialer.domain.pacing.learned import ANSWERS, GONE, RINGS, Learned
from dialer.domain.pacing.team import Counts, Team
from dialer.domain.types import CallId, CampaignId, OperatorId, TrunkId

RING_S = 28.0
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@cache
def taught(calls: int = 4000, p: float = 0.25, cut_at_s: float = RING_S, seed: int = 1) -> Learned:
    """Calls that ring for a lognormal time if they are answered; we end the others. Not to be changed."""
    luck = np.random.default_rng(seed)
    learned = Learned()
    for set_up, answers, after in zip(
        luck.lognormal(0.5, 0.3, calls), luck.random(calls) < p, luck.lognormal(np.log(10), 0.45, calls),
        strict=True,
    ):  # fmt: skip
        learned.set_up("main", set_up, RINGS)
        learned.ring.learn(min(after, cut_at_s), ANSWERS if answers and after < cut_at_s else None) if (
            answers
        ) else learned.ring.learn(cut_at_s, None)
    return learned


def forecast(learned: Learned) -> Forecast:
    return Forecast(learned, ring_s=RING_S, grace_s=1.5)


def answers(made: Forecast, calls: Sequence[tuple[bool, float, float, str]]) -> Sum:
    """Of calls, each: whether it rings, for how long or since when it is dialled, its chance, its trunk."""
    views = [
        CallView(CallId(str(n)), CampaignId(1), TrunkId(trunk), CallState.ORIGINATING, since_at,
                 since_at if rings else None, None)
        for n, (rings, age_s, _, trunk) in enumerate(calls)
        for since_at in [NOW - timedelta(seconds=age_s)]
    ]  # fmt: skip
    return made.answers(views, [p for _, _, p, _ in calls], NOW)


def coming_free(made: Forecast, talks_s: Sequence[float], wraps_s: Sequence[float], away: int = 0) -> Sum:
    """Of operators in a talk, or in wrap-up, for so long, and on a break."""
    posts = [(State.TALKING, s) for s in talks_s] + [(State.WRAP_UP, s) for s in wraps_s]
    return made.free(counts(posts + [(State.PAUSED, 60.0)] * away))


def counts(posts: Sequence[tuple[State, float]]) -> Counts:
    views = [
        OperatorView(OperatorId(str(n)), state, NOW - timedelta(seconds=s), None, free=False,
                     summonable=False, campaign=None, leaving=False)
        for n, (state, s) in enumerate(posts)
    ]  # fmt: skip
    return Team().look(views, frozenset(view.id for view in views), NOW)


def test_before_anything_is_seen_the_prior_speaks_and_every_chance_is_one() -> None:
    made = forecast(Learned())
    for age in np.arange(0.0, 40.0, 0.7).tolist():
        for chance in (
            answers(made, [(True, age, 0.3, ANY)]),
            answers(made, [(False, age, 0.3, ANY)]),
            coming_free(made, [age * 50], []),
            coming_free(made, [], [age * 50]),
        ):
            assert np.isfinite(chance.mean).all()
            assert (chance.mean >= 0).all() and (chance.mean <= 1).all()
            assert (np.diff(chance.mean) >= -1e-12).all(), "later is never less likely"
            assert (chance.variance >= 0).all()


def test_many_calls_and_operators_are_the_sum_of_each() -> None:
    made = forecast(taught())
    calls = [(True, 3.0, 0.2, ANY), (True, 9.0, 0.4, ANY), (False, 0.6, 0.1, ANY), (True, 27.0, 0.3, ANY)]
    one_by_one = sum(answers(made, [call]).mean for call in calls)
    np.testing.assert_allclose(answers(made, calls).mean, one_by_one)
    np.testing.assert_allclose(
        answers(made, calls).variance, sum(answers(made, [call]).variance for call in calls)
    )
    both = coming_free(made, [4.0, 90.0], [3.0], 2)
    talks = [coming_free(made, [4.0], []), coming_free(made, [90.0], [])]
    each = [*talks, coming_free(made, [], [3.0]), coming_free(made, [], [], 2)]
    np.testing.assert_allclose(both.mean, sum(one.mean for one in each))
    assert answers(made, []).mean.tolist() == coming_free(made, [], []).mean.tolist() == [0.0] * HORIZONS


def test_talks_that_still_go_on_count_against_the_short_ones_that_are_over() -> None:
    learned = Learned()
    for _ in range(60):
        learned.talk.learn(12.0, 0)
    alone = forecast(learned)
    beside = Forecast(learned, ring_s=RING_S, grace_s=1.5, under_way=UnderWay(talks_s=[45.0] * 300))
    assert 0 < coming_free(beside, [12.0], []).mean[-1] < 0.5 * coming_free(alone, [12.0], []).mean[-1]


def test_a_call_that_has_rung_as_long_as_most_answers_take_is_likelier_than_a_new_or_an_old_one() -> None:
    made = forecast(taught())
    young, ripe, old = (answers(made, [(True, age, 0.25, ANY)]).mean[1] for age in (1.0, 8.0, 25.0))
    assert ripe > 1.5 * young
    assert ripe > 1.5 * old


def test_what_begins_by_a_clock_that_is_ahead_has_just_begun() -> None:
    made = forecast(taught())
    for rings in (True, False):
        ahead, just = (answers(made, [(rings, age_s, 0.25, ANY)]).mean.tolist() for age_s in (-3.0, 0.0))
        assert ahead == just


def test_a_late_call_is_rarely_answered_as_the_formula_says() -> None:
    made = forecast(taught())
    luck = np.random.default_rng(7)
    after = luck.lognormal(np.log(10), 0.45, 200_000)
    answers = luck.random(200_000) < 0.25
    late = answers & (after > 15) & (after < RING_S)
    ringing = late | ~answers | (answers & (after >= RING_S))
    assert made.late_answer(15.0, 0.25, ANY) == pytest.approx(late.sum() / ringing.sum(), rel=0.25)


def test_calls_that_we_cut_short_do_not_make_answers_look_rarer() -> None:
    whole, cut = taught(6000), taught(6000, cut_at_s=15.0)
    for age in (4.0, 8.0, 12.0):
        rates = [np.interp(age, one.ring.edges[:-1], one.ring.rates()[ANSWERS]) for one in (whole, cut)]
        assert rates[1] == pytest.approx(rates[0], rel=0.35)


def test_half_of_the_answers_come_before_the_middle_horizon() -> None:
    made = forecast(taught())
    new = made.new(ANY) / made.new(ANY)[-1]
    assert new[HORIZONS // 2 - 1] < 0.5 < new[HORIZONS // 2]


def test_operators_in_a_long_talk_come_free_later_than_in_a_young_one_when_refusals_are_short() -> None:
    luck = np.random.default_rng(3)
    learned = Learned()
    for short, quick, long_ in zip(luck.random(3000) < 0.4, luck.exponential(10, 3000),
                                   luck.lognormal(5, 0.6, 3000), strict=True):  # fmt: skip
        learned.talk.learn(quick if short else long_, 0)
        learned.wrapped(8.0, to_break=False)
    young, long_one = (coming_free(forecast(learned), [age], []).mean[-1] for age in (5.0, 60.0))
    assert young > 2 * long_one


def test_breaks_after_wrap_ups_take_operators_out_of_the_forecast() -> None:
    steady, restless = Learned(), Learned()
    for n in range(200):
        steady.wrapped(10.0, to_break=False)
        restless.wrapped(10.0, to_break=n % 2 == 0)
    assert coming_free(forecast(restless), [], [5.0]).mean[-1] == pytest.approx(
        0.5 * coming_free(forecast(steady), [], [5.0]).mean[-1], rel=0.15
    )


def test_curves_survive_a_restart() -> None:
    learned, again = taught(500), Learned()
    again.from_state(learned.to_state())
    for name, rates in learned.rates().items():
        np.testing.assert_allclose(again.rates()[name], rates)


def test_curves_that_were_kept_as_numbers_are_read_as_well() -> None:
    learned, again = taught(500), Learned()
    state, ring = learned.to_state(), learned.ring
    state["ring"] |= {"ends": (ring.rates() * 7.0).tolist(), "lived": [7.0] * len(ring.width)}
    again.from_state(state)
    np.testing.assert_allclose(again.ring.rates(), ring.rates())


@pytest.mark.parametrize("flaw", ["", "no base 64", "AAAA", [[1.0], [2.0, 3.0]], [1.0] * 3, ["many"]])
def test_a_curve_that_cannot_be_read_is_left_aside(flaw: object) -> None:
    state, again = taught(500).to_state(), Learned()
    known = again.ring.rates()
    state["ring"]["ends"] = flaw
    again.from_state(state)
    np.testing.assert_array_equal(again.ring.rates(), known)


def two_trunks() -> Learned:
    """One rings within two seconds, and always; of the other's calls half are lost, half ring after six."""
    learned = deepcopy(taught())
    for n, early in enumerate(np.random.default_rng(2).uniform(0.3, 1.3, 400).tolist()):
        learned.set_up("quick", 1.0 + early, RINGS)
        learned.set_up("slow", *((early, GONE) if n % 2 else (6.0 + early, RINGS)))
    return learned


def test_each_trunk_has_its_own_time_until_a_call_rings() -> None:
    made = forecast(two_trunks())
    soon = {trunk: made.new(trunk)[0] / made.new(trunk)[-1] for trunk in ("quick", "slow")}
    assert soon["slow"] < 0.3 * soon["quick"]
    just_dialled = {trunk: answers(made, [(False, 1.0, 0.2, trunk)]).mean[0] for trunk in ("quick", "slow")}
    assert just_dialled["slow"] < 0.3 * just_dialled["quick"]


def test_a_call_that_rings_on_a_trunk_which_loses_half_is_twice_as_likely_as_its_dial_was() -> None:
    made = forecast(two_trunks())
    quick, slow = (answers(made, [(True, 0.0, 0.2, trunk)]).mean[-1] for trunk in ("quick", "slow"))
    assert slow == pytest.approx(2 * quick, rel=0.1)
    assert made.late_answer(15.0, 0.2, "slow") > 1.5 * made.late_answer(15.0, 0.2, "quick")


def test_a_trunk_is_known_to_a_campaign_that_never_dialled_through_it_and_after_a_restart() -> None:
    product, again = two_trunks(), Learned()
    again.from_state(product.to_state())
    campaign = Learned(again)
    campaign.set_up("slow", 6.0, RINGS)
    made, known = forecast(campaign).new("slow"), forecast(product).new("slow")
    assert made[0] / made[-1] < 0.5 * forecast(product).new(ANY)[0] / forecast(product).new(ANY)[-1]
    assert made[0] / made[-1] == pytest.approx(known[0] / known[-1], abs=0.1)


def total(chances: Sequence[float]) -> Sum:
    """At one horizon."""
    row = np.array(chances)
    return Sum(np.array([row.sum()]), np.array([(row * (1 - row)).sum()]))


def every_case(ready: int, answers: list[float], free: list[float]) -> float:
    """P(ready + free <= answers), by going through all cases."""
    chance = 0.0
    for answered in product((0, 1), repeat=len(answers)):
        for freed in product((0, 1), repeat=len(free)):
            if ready + sum(freed) <= sum(answered):
                chance += prod(p if hit else 1 - p for p, hit in zip(answers, answered, strict=True)) * prod(
                    p if hit else 1 - p for p, hit in zip(free, freed, strict=True)
                )
    return chance


@pytest.mark.parametrize("ready", [-1, 0, 1, 2, 4, 40])
@pytest.mark.parametrize(
    ("answers", "free"),
    [
        ([0.05, 0.1, 0.2, 0.1, 0.02], [0.5, 0.2]),
        ([0.3] * 6, []),
        ([], [0.9, 0.05, 0.4]),
        ([0.02] * 5, [0.1] * 5),
        ([0.9, 0.6], [0.7, 0.7, 0.1]),
    ],
)
def test_the_chance_to_find_nobody_is_nearly_that_of_all_cases_counted(
    ready: int, answers: list[float], free: list[float]
) -> None:
    a, f = total(answers), total(free)
    assert float(nobody_free(ready, a.beside(f))[0]) == pytest.approx(
        every_case(ready, answers, free), abs=0.08
    )


@pytest.mark.parametrize("off", [0.0, 1e-15, -1e-15, 1e-9, -1e-9, 1e-7, -1e-7])
def test_a_variance_that_is_the_mean_is_as_good_as_any_other(off: float) -> None:
    """As of the first four lines of a campaign that knows nothing: there the doubt makes up for the rest."""
    alike = Sum(np.array([2.0]), np.array([2.0 + off]))
    assert float(nobody_free(1, alike.beside(total([])))[0]) == pytest.approx(1 - exp(-2.0), abs=1e-6)


def test_great_floors_are_reckoned_as_well_as_small_ones() -> None:
    luck = np.random.default_rng(5)
    answers, free = luck.uniform(0, 0.3, 200), luck.uniform(0, 0.5, 150)
    a, f = total(answers), total(free)
    drawn = (luck.random((20_000, 150)) < free).sum(axis=1) - (luck.random((20_000, 200)) < answers).sum(
        axis=1
    )
    for ready in (-12, -8, -4):
        seen = float((ready + drawn <= 0).mean())
        assert float(nobody_free(ready, a.beside(f))[0]) == pytest.approx(seen, abs=0.02)
