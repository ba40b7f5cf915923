"""Sums of unlike chances: how many answer, how many come free, and whether one more would find nobody."""

from __future__ import annotations

from math import sqrt

import numpy as np

from dialer.domain.pacing.curves import Floats

MANY = 14.0  # variance past which a normal distribution will do
FAR = 300.0  # operators who come free: more than are counted one by one


class Sum:
    """Sums of chances, and of their squares, by horizon: how many answer, or how many come free."""

    __slots__ = ("mean", "second")

    def __init__(self, mean: Floats, second: Floats) -> None:
        self.mean = mean
        self.second = second

    @classmethod
    def none(cls, horizons: int) -> Sum:
        """Of nothing."""
        return cls(np.zeros(horizons), np.zeros(horizons))

    def plus(self, other: Sum, p: float = 1.0) -> Sum:
        """And of others, each of which is p times as likely."""
        return Sum(self.mean + p * other.mean, self.second + p * p * other.second)


def nobody_free(ready: int, answers: Sum, free: Sum) -> Floats:
    """Chance at each horizon that one more answer would find nobody: P(ready + free <= answers).

    Sums of unlike Bernoulli variables are taken as binomials of the same mean and variance, which is off by
    0.02 as a rule and by up to 0.08 when a few operators are all but sure to come free and others are not.
    """
    columns = len(answers.mean)
    expected, comes = float(answers.mean[-1]), float(free.mean[-1])
    spread = expected - float(answers.second[-1]) + comes - float(free.second[-1])
    if spread > MANY or comes > FAR:
        return _normal(ready, answers, free)
    if ready > expected + 8.0 * sqrt(spread) + 8.0:
        return np.zeros(columns)
    rows = int(comes + 4.0 * sqrt(spread + 0.1)) + 2
    pmf = _binomials(
        np.concatenate((answers.mean, free.mean)),
        np.concatenate((answers.second, free.second)),
        max(ready, 0) + rows,
    )
    if pmf is None:
        return _normal(ready, answers, free)
    found = 1.0 - np.add.accumulate(pmf[:, :columns], axis=0)  # P(answers > m), rows m = 0 ..
    came = pmf[:rows, columns:]
    if ready > 0:
        chance: Floats = np.add.reduce(came * found[ready - 1 : ready - 1 + rows], axis=0)
    else:
        chance = np.add.reduce(came[: 1 - ready], axis=0)
        if rows + ready > 1:
            chance += np.add.reduce(came[1 - ready :] * found[: rows - 1 + ready], axis=0)
    return chance


_ROWS = np.arange(400.0)[:, None]
_AFTER = _ROWS + 1.0
SMALLEST = 1e-280


def _binomials(mean: Floats, second: Floats, top: int) -> Floats | None:
    """P(X = 0 .. top), rows, of binomials with this mean and this sum of squares; n need not be whole.

    None: so unlikely to be 0 that it cannot be written.
    """
    p = np.minimum(second / (mean + 1e-9), 0.99) + 1e-6
    n = mean / p
    pmf = np.empty((top + 1, len(mean)))
    nothing = pmf[0] = (1.0 - p) ** n
    if np.minimum.reduce(nothing) < SMALLEST:
        return None
    factors = np.maximum(n - _ROWS[:top], 0.0)
    factors *= p / (1.0 - p)
    np.divide(factors, _AFTER[:top], out=pmf[1:])
    return np.multiply.accumulate(pmf, axis=0, out=pmf)


def _normal(ready: int, answers: Sum, free: Sum) -> Floats:
    mean = ready + free.mean - answers.mean
    spread = np.sqrt(np.maximum(free.mean - free.second + answers.mean - answers.second, 1e-6))
    z = (0.5 - mean) / spread
    # The distribution function by Page's approximation, error under 1.5e-4 (Applied Statistics 26, 1977).
    out: Floats = 0.5 + 0.5 * np.tanh(0.7988 * z * (1.0 + 0.04417 * z * z))
    return out
