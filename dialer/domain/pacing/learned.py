"""What one campaign has learned of its calls and its operators, beginning at what the product knows."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Any

import numpy as np

from dialer.domain.pacing.curves import Curve, Floats, lognormal_rates

SETUP_EDGES = np.concatenate((np.arange(0.0, 12.0, 0.25), [12.0, 20.0, 40.0]))
RING_EDGES = np.concatenate((np.arange(0.0, 60.0, 0.5), [60.0, 90.0, 150.0]))
TALK_EDGES = np.concatenate(([0.0, 2.0, 4.0], 6.0 * 1.25 ** np.arange(0, 34), [20000.0]))

RINGS, GONE = 0, 1  # how a set-up ends
ANSWERS, STOPS = 0, 1  # how a ringing ends, if we do not end it
ENDS = 0

SETUP_MEMORY, RING_MEMORY, TALK_MEMORY = 2000.0, 3000.0, 1500.0  # half-lives, in ends seen
SETUP_PRIOR, RING_PRIOR, TALK_PRIOR = 20.0, 30.0, 4.0  # what a prior is worth, in ends seen
BREAKS_PRIOR = (1.0, 20.0)  # breaks in wrap-ups
AWAY_PRIOR = (300.0, 1.0)  # seconds away in returns
COUNTS_MEMORY = 400.0
NAMES = ("setup", "ring", "talk", "wrap_up")


class Learned:
    """Curves of set-up, ringing, talk and wrap-up; how often a break follows, how long it lasts.

    How long a call takes until it rings, and whether it does, is the trunk's: each has a curve of its own,
    which begins at what the product knows of this trunk.  Whatever comes later is the people's.
    """

    def __init__(self, product: Learned | None = None) -> None:
        """`product`: the history of all campaigns, which is this one's prior."""
        self._product = product
        rates = product.rates() if product is not None else PRIORS
        self.by_trunk: dict[str, Curve] = {}
        self.setup = Curve(SETUP_EDGES, rates["setup"], SETUP_PRIOR, SETUP_MEMORY)
        self.ring = Curve(RING_EDGES, rates["ring"], RING_PRIOR, RING_MEMORY)
        self.talk = Curve(TALK_EDGES, rates["talk"], TALK_PRIOR, TALK_MEMORY)
        self.wrap_up = Curve(TALK_EDGES, rates["wrap_up"], TALK_PRIOR, TALK_MEMORY)
        self._breaks, self._wraps = BREAKS_PRIOR
        self._away_s, self._returns = AWAY_PRIOR

    def rates(self) -> Mapping[str, Floats]:
        """Of the four curves: causes x bins, per second."""
        return {name: getattr(self, name).rates() for name in NAMES}

    def set_up(self, trunk: str, age_s: float, cause: int | None) -> None:
        """A call through this trunk rings, is gone, or was cut short (None) so long after the dialing."""
        self._of(trunk).learn(age_s, cause)
        self.setup.learn(age_s, cause)

    def _of(self, trunk: str) -> Curve:
        if (curve := self.by_trunk.get(trunk)) is None:
            known = self.setup if self._product is None else self._product._of(trunk)
            curve = self.by_trunk[trunk] = Curve(SETUP_EDGES, known.rates(), SETUP_PRIOR, SETUP_MEMORY)
        return curve

    def seen(self) -> int:
        """Ends of anything, so far."""
        return self.setup.seen + self.ring.seen + self.talk.seen + self.wrap_up.seen

    @property
    def talk_doubt(self) -> float:
        """How far the chances of talks to end may be off: 1 / sqrt(ends), the relative error of a rate."""
        return 1.0 / sqrt(TALK_PRIOR + min(self.talk.seen, TALK_MEMORY))

    @property
    def break_share(self) -> float:
        """Of wrap-ups that end in a break."""
        return self._breaks / self._wraps

    @property
    def return_rate(self) -> float:
        """Of operators who are away, per second."""
        return self._returns / self._away_s

    def wrapped(self, age_s: float, *, to_break: bool) -> None:
        """A wrap-up ended."""
        self.wrap_up.learn(age_s, ENDS)
        keep = 1 - 1 / COUNTS_MEMORY
        self._breaks, self._wraps = self._breaks * keep + to_break, self._wraps * keep + 1

    def returned(self, away_s: float) -> None:
        """An operator came back."""
        keep = 1 - 1 / COUNTS_MEMORY
        self._away_s, self._returns = self._away_s * keep + away_s, self._returns * keep + 1

    def to_state(self) -> dict[str, Any]:
        """Plain data."""
        return {
            **{name: getattr(self, name).to_state() for name in NAMES},
            "trunks": {trunk: curve.to_state() for trunk, curve in self.by_trunk.items()},
            "breaks": [self._breaks, self._wraps],
            "away": [self._away_s, self._returns],
        }

    def from_state(self, state: Mapping[str, Any]) -> None:
        """What an earlier run learned."""
        for name in NAMES:
            getattr(self, name).from_state(state[name])
        for trunk, known in state.get("trunks", {}).items():
            self._of(trunk).from_state(known)
        self._breaks, self._wraps = state["breaks"]
        self._away_s, self._returns = state["away"]


def _ring_prior(share: float) -> Floats:
    """Answers of a share of the calls, lognormal; the others ring on."""
    rates = lognormal_rates(RING_EDGES, 10.0, 0.5)
    waits = np.exp(-np.concatenate(([0.0], np.cumsum(rates * np.diff(RING_EDGES)))))[:-1]
    answers = share * waits * rates / (share * waits + 1 - share)
    return np.stack((answers, np.full_like(answers, 1e-4)))


def _setup_prior(gone: float) -> Floats:
    rates = lognormal_rates(SETUP_EDGES, 1.6, 0.5)
    return np.stack(((1 - gone) * rates, gone * rates))


# The product's own first guess, before any campaign has taught it better.
PRIORS: Mapping[str, Floats] = {
    "setup": _setup_prior(0.1),
    "ring": _ring_prior(0.3),
    "talk": lognormal_rates(TALK_EDGES, 60.0, 1.2)[None, :],
    "wrap_up": lognormal_rates(TALK_EDGES, 10.0, 0.8)[None, :],
}
