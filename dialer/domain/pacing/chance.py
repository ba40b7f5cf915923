"""Sums of unlike chances: how many answer, how many come free, and whether one more would find nobody."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np

from dialer.domain.pacing.curves import Floats

TINY = 1e-9
MANY = 14.0  # variance past which a normal distribution will do
FAR = 300.0  # operators who come free: more than are counted one by one


class Sum(NamedTuple):
    """A sum of chances by horizon: how many answer, or how many come free."""

    mean: Floats
    variance: Floats

    @classmethod
    def none(cls, horizons: int) -> Sum:
        """Of nothing."""
        return cls(np.zeros(horizons), np.zeros(horizons))

    def plus(self, chances: Floats) -> Sum:
        """And one more."""
        return Sum(self.mean + chances, self.variance + chances * (1.0 - chances))

    def doubted(self, doubt: float) -> Sum:
        """As one whose chances may be off all together, by this share of them (standard deviation)."""
        return Sum(self.mean, self.variance + (doubt * self.mean) ** 2)


def nobody_free(ready: int, answers: Sum, free: Sum) -> Floats:
    """Chance at each horizon that one more answer would find nobody: P(ready + free <= answers).

    Each sum is taken as the distribution of Panjer's class with its mean and variance, which is off by 0.02
    as a rule and by up to 0.08 when a few operators are all but sure to come free and others are not.
    """
    columns = len(answers.mean)
    expected, comes = float(answers.mean[-1]), float(free.mean[-1])
    spread = float(answers.variance[-1]) + float(free.variance[-1])
    if spread > MANY or comes > FAR:
        return _normal(ready, answers, free)
    if ready > expected + 8.0 * sqrt(spread) + 8.0:
        return np.zeros(columns)
    rows = int(comes + 4.0 * sqrt(spread + 0.1)) + 2
    pmf = _panjer(
        np.concatenate((answers.mean, free.mean)),
        np.concatenate((answers.variance, free.variance)),
        max(ready, 0) + rows,
    )
    if pmf is None:
        return _normal(ready, answers, free)
    more = 1.0 - np.add.accumulate(pmf[:, :columns], axis=0)  # P(answers > m), rows m = 0 ..
    came = pmf[:rows, columns:]
    enough = max(1 - ready, 0)  # come free: with fewer even the first answer finds nobody
    came[enough:] *= more[enough + ready - 1 : max(rows + ready - 1, 0)]
    chance: Floats = np.add.reduce(came, axis=0)
    return chance


_COUNTED = np.arange(0.0, 400.0)  # k
_WEIGHTS = np.stack((_COUNTED, np.ones(400)), axis=1) / (_COUNTED[:, None] + 1.0)  # of a, and of a + b
SMALLEST = 1e-280
LEAST_RATIO = 0.01  # of variance to mean: of chances that are all but sure
LIKE_POISSON = 1e-6


def _panjer(mean: Floats, variance: Floats, top: int) -> Floats | None:
    """P(X = 0 .. top), rows: binomial, Poisson or negative binomial, as the variance says.

    P(k + 1) = P(k) (a k + (a + b)) / (k + 1) with a = 1 - mean / variance, a + b = mean^2 / variance and
    P(0) = (1 - a)^((a + b) / a) (Panjer, ASTIN Bulletin 12, 1981).  None: P(0) is too small to be written.
    """
    mean = mean + TINY
    inverse = 1.0 / np.maximum(variance / mean, LEAST_RATIO)
    a = 1.0 - inverse
    a = np.copysign(np.maximum(np.abs(a), LIKE_POISSON), a)
    both = mean * inverse
    nothing = (1.0 - a) ** (both / a)
    if min(nothing.tolist()) < SMALLEST:
        return None
    pmf = np.empty((top + 1, len(mean)))
    pmf[0] = nothing
    np.maximum(_WEIGHTS[:top].dot(np.array((a, both))), 0.0, out=pmf[1:])
    return np.multiply.accumulate(pmf, axis=0, out=pmf)


def _normal(ready: int, answers: Sum, free: Sum) -> Floats:
    mean = ready + free.mean - answers.mean
    spread = np.sqrt(np.maximum(free.variance + answers.variance, 1e-6))
    z = (0.5 - mean) / spread
    # The distribution function by Page's approximation, error under 1.5e-4 (Applied Statistics 26, 1977).
    out: Floats = 0.5 + 0.5 * np.tanh(0.7988 * z * (1.0 + 0.04417 * z * z))
    return out
