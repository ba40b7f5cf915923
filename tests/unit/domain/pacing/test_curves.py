"""How long things last, by age and cause: what is learned of each, and what is kept of it."""

from __future__ import annotations

from math import erf, log, sqrt
from typing import Any

import numpy as np
import pytest

from dialer.domain.pacing.curves import Curve, lognormal_rates

EDGES = np.array([0.0, 1.0, 2.0, 4.0])
CAUSES = np.full((2, 3), 1e-3)


def curve(edges: np.ndarray[Any, Any] = EDGES, prior: np.ndarray[Any, Any] = CAUSES) -> Curve:
    """Whose prior weighs next to nothing, and which forgets next to nothing."""
    return Curve(edges, prior, 1e-6, 1e9)


@pytest.mark.parametrize(("median_s", "sigma"), [(10.0, 0.5), (60.0, 1.2), (3.0, 2.0)])
def test_rates_of_a_lognormal_time_leave_as_many_alive_as_it_does(median_s: float, sigma: float) -> None:
    edges = [0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 100.0]
    hazard = np.cumsum(lognormal_rates(edges, median_s, sigma) * np.diff(edges))
    alive = [0.5 * (1 - erf((log(age) - log(median_s)) / sigma / sqrt(2))) for age in edges[1:]]
    assert np.exp(-hazard) == pytest.approx(alive, abs=2e-5)


@pytest.mark.parametrize(
    ("age_s", "lived", "ended"),
    [
        (0.0, (0, 0, 0), (1, 0, 0)),
        (0.5, (0.5, 0, 0), (1, 0, 0)),
        (1.0, (1, 0, 0), (0, 1, 0)),
        (1.25, (1, 0.25, 0), (0, 1, 0)),
        (3.0, (1, 1, 1), (0, 0, 1)),
        (4.0, (1, 1, 2), (0, 0, 1)),
        (99.0, (1, 1, 2), (0, 0, 1)),
        (-1.0, (0, 0, 0), (1, 0, 0)),
    ],
)
def test_an_end_counts_in_the_bin_of_its_age_and_its_life_in_all_before(
    age_s: float, lived: tuple[float, ...], ended: tuple[float, ...]
) -> None:
    learned = curve()
    learned.learn(age_s, 1)
    assert learned._lived / learned._weight == pytest.approx(np.array(lived, dtype=float))
    assert learned._ends[1] / learned._weight == pytest.approx(np.array(ended, dtype=float))
    assert learned._ends[0] == pytest.approx(np.zeros(3))
    learned.learn(age_s, None)
    assert learned._ends.sum() / learned._weight == pytest.approx(1, abs=1e-6), "cut short is no end"
    assert learned.seen == 2


def test_half_of_what_was_seen_is_forgotten_after_its_half_life_however_long_it_learns() -> None:
    learned = Curve(EDGES, CAUSES, 1e-6, 10.0)
    for _ in range(2000):
        learned.learn(0.5, 0)
    for _ in range(10):
        learned.learn(0.5, 1)
    first, second = learned.rates()[:, 0]
    assert second / (first + second) == pytest.approx(0.5, abs=1e-3)
    assert np.isfinite(learned.rates()).all()


def test_what_was_learned_in_another_shape_is_left_aside() -> None:
    learned = curve()
    learned.learn(1.5, 1)
    for edges, causes in (
        (EDGES, np.full((3, 3), 1e-3)),
        (EDGES, np.full((1, 3), 1e-3)),
        (np.array([0.0, 1.0, 2.0]), np.full((2, 2), 1e-3)),
        (np.array([0.0, 1.0, 2.0, 3.0, 4.0]), np.full((2, 4), 1e-3)),
    ):
        other = curve(edges, causes)
        before = other.rates()
        other.from_state(learned.to_state())
        assert (other.seen, other.rates().tolist()) == (0, before.tolist())
    again = curve()
    again.from_state(learned.to_state())
    assert again.seen == 1
    assert again.rates() == pytest.approx(learned.rates(), rel=1e-3, abs=1e-9)
