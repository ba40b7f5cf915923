"""What is learned of times: how likely a thing ends in the next moment, by the age that it has."""

from __future__ import annotations

from base64 import b64decode, b64encode
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ages = Sequence[float] | Floats  # seconds
RESCALE = 1e9
TINY_S = 1e-9


class Curve:
    """Rates of ending by age, with causes competing: piecewise constant, learned online, forgotten slowly.

    In each bin of age: ends seen of each cause, over seconds lived through in it (occurrence / exposure, the
    maximum-likelihood estimate for a piecewise exponential survival time; Friedman, Annals of Statistics 10,
    1982).  What is cut short by us counts its seconds and no end.  The prior is `prior_s` seconds lived
    through in each bin at the prior's rates.
    """

    def __init__(self, edges: Floats, prior_rates: Floats, prior_weight: float, half_life: float) -> None:
        """`prior_rates`: causes x bins, per second; `prior_weight`: ends that the prior is worth."""
        self.edges = edges
        self._edges: list[float] = edges.tolist()  # to find one place in, quicker than an array
        self.width = np.diff(edges)
        self._prior_rates = prior_rates
        alive = np.exp(-np.concatenate(([0.0], np.cumsum(prior_rates.sum(axis=0) * self.width)))[:-1])
        self._prior_s = prior_weight * alive * self.width + TINY_S
        self._ends = np.zeros_like(prior_rates)
        self._lived = np.zeros(len(self.width))
        self._weight = 1.0
        self._growth = 2.0 ** (1.0 / half_life)
        self.seen = 0

    def learn(self, age_s: float, cause: int | None) -> None:
        """One ended at this age by a cause, or was cut short (None)."""
        at = min(max(bisect_right(self._edges, age_s) - 1, 0), len(self.width) - 1)
        self._weight *= self._growth
        self._lived[:at] += self._weight * self.width[:at]
        self._lived[at] += self._weight * min(max(age_s - self.edges[at], 0.0), self.width[at])
        if cause is not None:
            self._ends[cause, at] += self._weight
        self.seen += 1
        if self._weight > RESCALE:
            self._ends /= self._weight
            self._lived /= self._weight
            self._weight = 1.0

    def rates(self, under_way_s: Ages = ()) -> Floats:
        """Causes x bins, per second; `under_way_s`: ages of those that have not ended yet, who count as well.

        Without them a morning's first talks to end, the short ones, would speak for all.
        """
        seen = self._ends / self._weight + self._prior_rates * self._prior_s
        lived = self._lived / self._weight + self._prior_s
        if len(under_way_s):
            ages = np.asarray(under_way_s)[:, None]
            lived += np.clip(ages - self.edges[:-1], 0.0, self.width).sum(axis=0)
        rates: Floats = seen / lived
        return rates

    def hazard(self, under_way_s: Ages = ()) -> Floats:
        """Cumulative hazard of all causes at each edge."""
        return np.concatenate(([0.0], np.cumsum(self.rates(under_way_s).sum(axis=0) * self.width)))

    def shares(self, under_way_s: Ages = ()) -> tuple[Floats, Floats]:
        """(causes x edges: share ended by each cause up to that age, edges: share still there)."""
        rates = self.rates(under_way_s)
        total = rates.sum(axis=0)
        alive = np.exp(-np.concatenate(([0.0], np.cumsum(total * self.width))))
        ended = (alive[:-1] - alive[1:]) * rates / np.maximum(total, 1e-12)
        zeros = np.zeros((len(rates), 1))
        return np.concatenate((zeros, np.cumsum(ended, axis=1)), axis=1), alive

    def to_state(self) -> dict[str, Any]:
        """Plain data, for a file or a column; the prior is in it, as if it had been seen."""
        return {
            "ends": _packed(self._ends / self._weight + self._prior_rates * self._prior_s),
            "lived": _packed(self._lived / self._weight + self._prior_s),
            "seen": self.seen,
        }

    def from_state(self, state: dict[str, Any]) -> None:
        """What an earlier run learned; of another shape: left aside."""
        ends, lived = _unpacked(state["ends"]), _unpacked(state["lived"])
        if ends.size == self._ends.size and lived.size == self._lived.size:
            self._ends, self._lived = ends.reshape(self._ends.shape), lived
            self._weight, self.seen = 1.0, int(state["seen"])
            self._prior_s = np.full(len(self.width), TINY_S)


def _packed(values: Floats) -> str:
    """Each bit of them, as text; decimal numbers would take ten times as long to write."""
    return b64encode(values.astype("<f8").tobytes()).decode()


def _unpacked(state: str | list[Any]) -> Floats:
    """A copy; also of numbers, as states were kept before.  Of anything else: none at all."""
    try:
        if isinstance(state, str):
            return np.frombuffer(b64decode(state), dtype="<f8").astype(np.float64)
        return np.array(state, dtype=np.float64).ravel()
    except ValueError:
        return np.empty(0)


def lognormal_rates(edges: Sequence[float] | Floats, median_s: float, sigma: float) -> Floats:
    """Rates per bin of a lognormal time."""
    grid = np.asarray(edges, dtype=float)
    z = (np.log(np.maximum(grid, 1e-9)) - np.log(median_s)) / sigma
    alive = 0.5 * (1.0 - _erf(z / np.sqrt(2.0)))
    alive = np.maximum(alive, 1e-12)
    rates: Floats = np.maximum(np.log(alive[:-1]) - np.log(alive[1:]), 1e-6) / np.diff(grid)
    return rates


def _erf(x: Floats) -> Floats:
    """Abramowitz and Stegun 7.1.26, error under 1.5e-7."""
    t = 1.0 / (1.0 + 0.3275911 * np.abs(x))
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    erf: Floats = np.sign(x) * (1.0 - poly * np.exp(-x * x))
    return erf
