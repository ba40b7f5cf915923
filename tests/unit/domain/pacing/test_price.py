"""What a risk may cost near the ceiling and over it."""

from __future__ import annotations

import pytest

from dialer.domain.pacing.price import Price

CEILING = 0.03


def generous(team: int) -> Price:
    """A long day with calls to spare has driven its base up."""
    price = Price()
    for _ in range(2000):
        price.steer(20.0, team)
    return price


@pytest.mark.parametrize("team", [2, 10, 500])
@pytest.mark.parametrize("in_hand", [0.0, -0.4, -30.0])
def test_over_the_ceiling_no_dial_is_dearer_than_a_quarter_of_the_ceiling(team: int, in_hand: float) -> None:
    assert generous(team).at(in_hand - 1.0, in_hand, CEILING, team) <= CEILING / 4


def test_the_last_two_calls_in_hand_make_the_price_fall_without_a_step() -> None:
    price = generous(10)
    prices = [price.at(left, left, CEILING, 10) for left in (2.0, 1.5, 1.0, 0.5, 0.0)]
    assert prices == sorted(prices, reverse=True)
    assert prices[0] > 5 * CEILING
    assert prices[-1] == pytest.approx(CEILING / 4)
