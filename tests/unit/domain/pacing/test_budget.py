"""The abandon budget: exact in every window, whatever the order in which the facts arrive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.domain.pacing.budget import WINDOWS, Budget, aim

NOON = datetime(2026, 3, 31, 12, 30, tzinfo=UTC)
TODAY, DAY, MONTH = WINDOWS


def filled(*facts: tuple[timedelta, int, int]) -> Budget:
    """Each fact: how long ago, answered, abandoned."""
    budget = Budget()
    for ago, answered, abandoned in facts:
        for _ in range(answered):
            budget.answered(NOON - ago)
        for _ in range(abandoned):
            budget.abandoned(NOON - ago)
    return budget


def test_the_window_that_allows_fewest_calls_binds() -> None:
    yesterday, today = timedelta(hours=20), timedelta(hours=1)
    budget = filled((yesterday, 100, 6), (today, 100, 1))
    assert budget.counts(TODAY, NOON) == (100, 1)
    assert budget.counts(DAY, NOON) == (200, 7)
    assert budget.left(0.03, NOON) == pytest.approx(0.03 * 200 - 7)


def test_good_days_long_ago_leave_nothing_to_spend_today() -> None:
    budget = filled((timedelta(days=5), 1000, 0), (timedelta(hours=1), 100, 2))
    assert budget.left(0.03, NOON) == pytest.approx(1.0)


def test_what_is_older_than_thirty_days_is_forgotten() -> None:
    budget = filled((timedelta(days=29), 100, 50))
    assert budget.counts(MONTH, NOON) == (100, 50)
    assert budget.counts(MONTH, NOON + timedelta(days=2)) == (0, 0)
    assert budget.left(0.03, NOON + timedelta(days=2)) == 0


def test_the_24_hours_never_count_less_than_24_hours() -> None:
    budget = filled((timedelta(hours=23, minutes=59), 10, 10))
    assert budget.counts(DAY, NOON) == (10, 10)


def test_small_teams_aim_further_below_the_ceiling() -> None:
    assert aim(0.03, 3) == pytest.approx(0.0275)
    assert aim(0.03, 10) == pytest.approx(0.0275)
    assert aim(0.03, 10) < aim(0.03, 30) < aim(0.03, 500) < 0.03


MINUTES = st.integers(0, 40 * 24 * 60)
FACTS = st.lists(st.tuples(MINUTES, st.booleans()), max_size=60)


@settings(max_examples=40, deadline=None)
@given(FACTS, st.randoms(use_true_random=False))
def test_any_order_of_the_facts_leaves_the_same_counts(facts: list[tuple[int, bool]], luck: object) -> None:
    one, other = Budget(), Budget()
    shuffled = list(facts)
    luck.shuffle(shuffled)  # type: ignore[attr-defined]  # random.Random
    for budget, order in ((one, facts), (other, shuffled)):
        for minutes, is_abandoned in order:
            at = NOON - timedelta(minutes=minutes)
            budget.abandoned(at) if is_abandoned else budget.answered(at)
            budget.left(0.03, NOON)  # looked at in between
    assert [one.counts(window, NOON) for window in WINDOWS] == [other.counts(w, NOON) for w in WINDOWS]


@settings(max_examples=40, deadline=None)
@given(FACTS)
def test_a_restart_from_the_records_of_each_hour_changes_nothing(facts: list[tuple[int, bool]]) -> None:
    budget, hours = Budget(), dict[datetime, tuple[int, int]]()
    for minutes, is_abandoned in facts:
        at = NOON - timedelta(minutes=minutes)
        budget.abandoned(at) if is_abandoned else budget.answered(at)
        hour = at.replace(minute=0)
        answered, abandoned = hours.get(hour, (0, 0))
        hours[hour] = (answered + (not is_abandoned), abandoned + is_abandoned)
    again = Budget(hours)
    assert [again.counts(w, NOON) for w in WINDOWS] == [budget.counts(w, NOON) for w in WINDOWS]
