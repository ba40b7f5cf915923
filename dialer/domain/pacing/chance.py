"""Sums of unlike chances: how many answer, how many come free, and whether one more would find nobody."""

from __future__ import annotations

import numpy as np

from dialer.domain.pacing.curves import Floats

MANY = 14.0  # variance past which a normal distribution will do


class Sum:
    """Sums of chances, and of their squares, by horizon: how many answer, or how many come free."""

    __slots__ = ("mean", "second")

    def __init__(self, horizons: int) -> None:
        self.mean: Floats = np.zeros(horizons)
        self.second: Floats = np.zeros(horizons)

    def add(self, chances: Floats) -> None:
        """Rows of them."""
        self.mean = self.mean + chances.sum(axis=0)
        self.second = self.second + (chances * chances).sum(axis=0)

    def add_one(self, chances: Floats, weight: float = 1.0) -> None:
        """One row; `weight` of them alike."""
        self.mean = self.mean + weight * chances
        self.second = self.second + weight * chances * chances


def nobody_free(ready: int, answers: Sum, free: Sum) -> Floats:
    """Chance at each horizon that one more answer would find nobody: P(ready + free <= answers).

    Sums of unlike Bernoulli variables are taken as binomials of the same mean and variance, which is off by
    0.02 as a rule and by up to 0.08 when a few operators are all but sure to come free and others are not.
    """
    spread = answers.mean - answers.second + free.mean - free.second
    if float(spread[-1]) > MANY:
        return _normal(ready, answers, free)
    columns = len(answers.mean)
    if ready > answers.mean[-1] + 8.0 * spread[-1] ** 0.5 + 8.0:
        return np.zeros(columns)
    rows = int(free.mean[-1] + 4.0 * (spread[-1] + 0.1) ** 0.5) + 2
    top = max(ready, 0) + rows
    means = np.concatenate((answers.mean, free.mean))
    pmf = _binomials(means, np.concatenate((answers.second, free.second)), top)
    found = 1.0 - np.cumsum(pmf[:, :columns], axis=0)  # P(answers > m), rows m = 0 ..
    comes = pmf[:rows, columns:]
    if ready > 0:
        reach = found[ready - 1 : ready - 1 + rows]
    else:
        reach = np.ones_like(comes)
        if rows + ready > 1:
            reach[1 - ready :] = found[: rows - 1 + ready]
    chance: Floats = np.maximum((comes * reach).sum(axis=0), 0.0)
    return chance


_ROWS = np.arange(400.0)[:, None]
_LOG_FACTORIAL = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1.0, 400.0)))))[:, None]


def _binomials(mean: Floats, second: Floats, top: int) -> Floats:
    """P(X = 0 .. top), rows, of binomials with this mean and this sum of squares; n need not be whole."""
    p = np.minimum(second / np.maximum(mean, 1e-9), 0.99) + 1e-6
    n = np.maximum(mean, 1e-9) / p
    falling = np.log(np.maximum(n - _ROWS[:top], 1e-12))
    logs = np.empty((top + 1, len(mean)))
    logs[0] = 0.0
    np.cumsum(falling, axis=0, out=logs[1:])
    q = np.log1p(-p)
    logs += _ROWS[: top + 1] * (np.log(p) - q) + n * q - _LOG_FACTORIAL[: top + 1]
    out: Floats = np.exp(logs, out=logs)
    return out


def _normal(ready: int, answers: Sum, free: Sum) -> Floats:
    mean = ready + free.mean - answers.mean
    spread = np.sqrt(np.maximum(free.mean - free.second + answers.mean - answers.second, 1e-6))
    z = (0.5 - mean) / spread
    return _phi(z)


def _phi(z: Floats) -> Floats:
    """Normal distribution function; Page's approximation, error under 1.5e-4."""
    y = 1.5976 * z * (1 + 0.04417 * z * z) * 1.0
    out: Floats = 1.0 / (1.0 + np.exp(-np.clip(y, -40, 40)))
    return out
