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

    def beside(self, other: Sum) -> Sum:
        """This sum's horizons, then those of the other."""
        return Sum(np.concatenate((self.mean, other.mean)), np.concatenate((self.variance, other.variance)))

    def add(self, chances: Floats) -> None:
        """One more, in place."""
        mean, variance = self
        mean += chances
        variance += chances * (1.0 - chances)

    def doubted(self, doubt: float | Floats) -> Sum:
        """As one whose chances may be off all together, by this share of them (standard deviation)."""
        off = doubt * self.mean
        return Sum(self.mean, self.variance + off * off)


def nobody_free(ready: int, both: Sum) -> Floats:
    """Chance at each horizon that one more answer would find nobody: P(ready + free <= answers).

    `both`: the answers beside those who come free.  Each sum is taken as the distribution of Panjer's class
    with its mean and variance, which is off by 0.02 as a rule and by up to 0.08 when a few operators are all
    but sure to come free and others are not.
    """
    mean, variance = both
    horizons = len(mean) // 2
    expected, comes = float(mean[horizons - 1]), float(mean[-1])
    spread = float(variance[horizons - 1]) + float(variance[-1])
    if spread > MANY or comes > FAR:
        return _normal(ready, both)
    if ready > expected + 8.0 * sqrt(spread) + 8.0:
        return np.zeros(horizons)
    rows = int(comes + 4.0 * sqrt(spread + 0.1)) + 2
    pmf = _panjer(mean, variance, max(ready, 0) + rows)
    if pmf is None:
        return _normal(ready, both)
    more = 1.0 - np.add.accumulate(pmf[:, :horizons], axis=0)  # P(answers > m), rows m = 0 ..
    came = pmf[:rows, horizons:]
    enough = max(1 - ready, 0)  # come free: with fewer even the first answer finds nobody
    chance: Floats = np.vecdot(came[enough:].T, more[enough + ready - 1 : max(rows + ready - 1, 0)].T)
    return chance + np.add.reduce(came[:enough], axis=0) if enough else chance


_COUNTED = np.arange(0.0, 400.0)  # k
_WEIGHTS = np.stack((-_COUNTED, np.ones(400)), axis=1) / (_COUNTED[:, None] + 1.0)  # of -a, and of a + b
SMALLEST = 1e-280
LEAST_RATIO = 0.01  # of variance to mean: of chances that are all but sure


def _panjer(mean: Floats, variance: Floats, top: int) -> Floats | None:
    """P(X = 0 .. top), rows: binomial, Poisson or negative binomial, as the variance says.

    P(k + 1) = P(k) (a k + (a + b)) / (k + 1) with a = 1 - mean / variance, a + b = mean^2 / variance and
    P(0) = (1 - a)^((a + b) / a) (Panjer, ASTIN Bulletin 12, 1981).  None: P(0) is too small to be written.
    """
    mean = mean + TINY
    ratio = np.maximum(variance / mean, LEAST_RATIO)
    if 1.0 in ratio.tolist():  # Poisson, the limit of the others, has no P(0) of this form
        ratio += TINY
    less = 1.0 - ratio
    nothing = ratio ** (mean / less)
    if min(nothing.tolist()) < SMALLEST:
        return None
    pmf = np.empty((top + 1, len(mean)))
    pmf[0] = nothing
    np.maximum(_WEIGHTS[:top].dot(np.array((less, mean)) / ratio), 0.0, out=pmf[1:])
    return np.multiply.accumulate(pmf, axis=0, out=pmf)


def _normal(ready: int, both: Sum) -> Floats:
    mean, variance = both
    horizons = len(mean) // 2
    spread = np.sqrt(np.maximum(variance[:horizons] + variance[horizons:], 1e-6))
    z = (mean[:horizons] - mean[horizons:] + (0.5 - ready)) / spread
    # The distribution function by Page's approximation, error under 1.5e-4 (Applied Statistics 26, 1977).
    out: Floats = 0.5 + 0.5 * np.tanh(0.7988 * z * (1.0 + 0.04417 * z * z))
    return out
