"""Wrong PINs: five are forgiven, then the door stays shut, longer each time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dialer.domain.guesses import Guesses, guessed

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def wrong(times: int, now: datetime = T0, before: Guesses | None = None) -> Guesses:
    known = before or Guesses()
    for _ in range(times):
        known = guessed(known, now)
    return known


def test_four_wrong_guesses_shut_no_door_the_fifth_does_for_a_minute() -> None:
    assert Guesses().left_s(T0) == 0
    assert wrong(4).left_s(T0) == 0
    shut = wrong(5)
    assert shut.left_s(T0) == 60
    assert shut.left_s(T0 + timedelta(seconds=59)) == 1
    assert shut.left_s(T0 + timedelta(seconds=61)) == 0


def test_more_wrong_guesses_than_are_forgiven_today_shut_the_door_as_well() -> None:
    assert wrong(1, before=Guesses(wrong=20, last_at=T0)).left_s(T0) == 60


def test_each_time_the_door_stays_shut_for_longer_up_to_an_hour() -> None:
    known, now, shut_for = Guesses(), T0, []
    for _ in range(6):
        known = wrong(5, now, known)
        shut_for.append(known.left_s(now))
        now += timedelta(seconds=shut_for[-1])
    assert shut_for == [60, 300, 900, 3600, 3600, 3600]


@pytest.mark.parametrize(("idle", "left_s"), [(timedelta(hours=1), 60), (timedelta(hours=1, seconds=1), 0)])
def test_wrong_guesses_are_forgotten_after_an_hour_without_one(idle: timedelta, left_s: float) -> None:
    now = T0 + idle
    assert guessed(wrong(4), now).left_s(now) == left_s


@pytest.mark.parametrize(
    ("idle", "left_s"), [(timedelta(hours=24), 300), (timedelta(hours=24, seconds=1), 60)]
)
def test_that_the_door_was_shut_is_forgotten_after_a_day(idle: timedelta, left_s: float) -> None:
    now = T0 + idle
    assert wrong(5, now, wrong(5)).left_s(now) == left_s
