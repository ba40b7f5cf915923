"""The chance that a lead answers, learned call by call.

A logistic model of a lead's features (`traits`).  Each weight has a mean and a variance of its own: a call
moves the mean by variance times surprise, and takes from the variance what it told (assumed density filtering
with a diagonal covariance: Opper 1998; Graepel and others, ICML 2010; the predictive mean: MacKay, Neural
Computation 4 (1992) 720-736).  A weight begins at the product's own history, where there is one, else with
SPREAD; what was never seen adds nothing, so with few calls every lead has the campaign's rate.

Above the weights stand a slope, which learns how much of the differences is true (Platt 1999, online), and
levels of three speeds, each with credit for what it foretold (fixed share: Herbster and Warmuth, Machine
Learning 32 (1998) 151-178): a bad list shows within some tens of calls, in a quiet hour the slow level leads.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, log, pi, sqrt
from typing import Any

from dialer.domain.errors import BadValue
from dialer.domain.pacing.traits import Features
from dialer.domain.said import said

LEAST, MOST = 0.002, 0.98
PI_8 = pi / 8
ALL = "all"  # the weight of the campaign itself
VERSION = 1

# Prior standard deviation of a weight, logits, by the first word of its feature: how far such things differ.
SPREAD: Mapping[str, float] = {
    ALL: 1.0,
    "column": 0.4,
    "kind": 0.4,
    "apart": 0.3,
    "last": 0.3,
    "heard": 0.3,
    "gap": 0.25,
    "silent": 0.25,
    "hour": 0.2,
    "hours": 0.2,
    "day": 0.15,
    "range": 0.15,
}
OTHER_SPREAD = 0.1  # list, trunk, zone, number, part of the day in a part of the list
# Prior means other than 0: each silence makes the next likelier, most of all at the same time of day.
EXPECTED: Mapping[str, float] = {
    "silent 1": -0.2,
    "silent 2": -0.2,
    "silent 3": -0.15,
    "silent 4": -0.1,
    "apart 0": -0.2,
    "last busy": 0.3,
}
OWN = 0.5  # share of SPREAD by which a campaign may differ from the product's history
LEAST_VARIANCE = 3e-4  # a weight never stops learning
MOST_WEIGHTS = 20_000  # what is new beyond them is taken as never seen

SLOPE_VARIANCE, LEAST_SLOPE_VARIANCE = 0.09, 2e-3
FLATTEST, STEEPEST = 0.05, 1.6
SPANS = (1500.0, 150.0, 20.0)  # calls that each level looks back on where ANSWERED of them are answered
ANSWERED = 0.2  # fewer answers say less: then it looks back on more calls
CREDIT = (0.75, 0.17, 0.08)  # what they start with, and are drawn back to
SHARE = 0.01  # drawn back at each call
FARTHEST = 4.0  # logits of a level
LEAST_INFORMATION = 0.03  # of one call: keeps one answer among hundreds of silences from throwing a level
RATE_SPAN = 300.0  # calls
THROUGH_SPAN, LEAST_THROUGH = 200.0, 0.5


class Odds:
    """What one campaign knows of its leads; `history` is the product's own and learns from the same calls."""

    __slots__ = (
        "_credit",
        "_history",
        "_levels",
        "_rate",
        "_slope",
        "_slope_variance",
        "_through",
        "_weights",
    )

    def __init__(self, rate: float = 0.2, history: Odds | None = None) -> None:
        self._history = history
        self._weights: dict[str, list[float]] = {ALL: [log(rate / (1 - rate)), SPREAD[ALL] ** 2]}
        self._slope, self._slope_variance = 1.0, SLOPE_VARIANCE
        self._rate, self._through = rate, 1.0
        if history is not None:
            self._weights[ALL] = list(self._prior(ALL))
            self._slope, self._rate, self._through = history._slope, history._rate, history._through
        self._levels = [0.0] * len(SPANS)
        self._credit = list(CREDIT)

    def p(self, features: Features) -> float:
        """The chance of a live answer to a dial; calibrated, within LEAST and MOST."""
        weights = self._weights
        base, variance = weights[ALL]
        total = base
        for key in features:
            mean, own = weights.get(key) or self._prior(key)
            total += mean
            variance += own
        chances = self._chances(base, total - base, 1 / sqrt(1 + PI_8 * variance))
        return min(MOST, max(LEAST, self._through * self._mixed(chances)))

    def level(self) -> float:
        """The campaign's rate: what was foretold for its last some hundred calls."""
        return self._rate

    def doubt(self) -> float:
        """How far the campaign's rate may be off, as a share of it (standard deviation)."""
        return sqrt(self._weights[ALL][1]) * (1.0 - self._rate)

    def learn(self, features: Features, answered: float | None) -> None:
        """One call is over: 1 answered live, 0 not, None: the network failed before it reached the number.

        A call that ended before its time is censored: then `answered` is the chance that it would still have
        been answered.  The surprise with it is the gradient of the censored likelihood, exactly, and the
        information is what is left without the missing part (Fisher's and Louis' identities; Louis, JRSS B 44
        (1982) 226-233).
        """
        if self._history is not None:
            self._history.learn(features, answered)
        self._through += ((answered is not None) - self._through) / THROUGH_SPAN
        self._through = max(LEAST_THROUGH, self._through)
        if answered is None:
            return
        pairs = self._own(features)
        base, total, variance = pairs[0][0], 0.0, 0.0
        for mean, own in pairs:
            total += mean
            variance += own
        certain = 1 / sqrt(1 + PI_8 * variance)
        chances = self._chances(base, total - base, certain)
        p = self._mixed(chances)
        self._rate += (self._through * p - self._rate) / RATE_SPAN
        missing = answered * (1 - answered)
        self._move_slope(total - base, answered - p, max(p * (1 - p) - missing, 0.0))
        self._move_levels(chances, answered)
        # The weights answer for the slow level alone: what a passing hour did to everybody is not theirs.
        p = 1 / (1 + exp(-certain * (total + self._levels[0])))
        _move(pairs, answered - p, max(p * (1 - p) - missing, 0.0), variance)

    # --- state ---

    def to_state(self) -> dict[str, Any]:
        """Plain data: what `from_state` makes an equal model of, the history's own not included."""
        return {
            "version": VERSION,
            "weights": {key: list(pair) for key, pair in self._weights.items()},
            "slope": [self._slope, self._slope_variance],
            "levels": list(self._levels),
            "credit": list(self._credit),
            "rate": self._rate,
            "through": self._through,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], history: Odds | None = None) -> Odds:
        """BadValue for a state that another version wrote: begin anew, from the history."""
        if state.get("version") != VERSION:
            raise BadValue(said("The statistics of answers were written by another version."))
        odds = cls(history=history)
        odds._weights = {
            key: [float(mean), float(variance)] for key, (mean, variance) in state["weights"].items()
        }
        odds._slope, odds._slope_variance = state["slope"]
        odds._levels, odds._credit = list(state["levels"]), list(state["credit"])
        odds._rate, odds._through = state["rate"], state["through"]
        return odds

    # --- parts ---

    def _prior(self, key: str) -> tuple[float, float]:
        """Mean and variance of a weight before the campaign's own first call."""
        spread = SPREAD.get(key.partition(" ")[0], OTHER_SPREAD)
        known = self._history and self._history._weights.get(key)
        if known:
            return known[0], min(spread**2, known[1] + (OWN * spread) ** 2)
        return EXPECTED.get(key, 0.0), spread**2

    def _own(self, features: Features) -> list[list[float]]:
        """The campaign's own weight and those of the features, each begun at its prior when it is new."""
        weights = self._weights
        pairs = [weights[ALL]]
        for key in features:
            pair = weights.get(key)
            if pair is None:
                pair = list(self._prior(key))
                if len(weights) < MOST_WEIGHTS:
                    weights[key] = pair
            pairs.append(pair)
        return pairs

    def _chances(self, base: float, differs: float, certain: float) -> tuple[float, float, float]:
        """By each level; `certain` draws what is not towards one half."""
        logit = base + self._slope * differs
        slow, middle, fast = self._levels
        return (
            1 / (1 + exp(-certain * (logit + slow))),
            1 / (1 + exp(-certain * (logit + middle))),
            1 / (1 + exp(-certain * (logit + fast))),
        )

    def _mixed(self, chances: tuple[float, float, float]) -> float:
        credit = self._credit
        return credit[0] * chances[0] + credit[1] * chances[1] + credit[2] * chances[2]

    def _move_slope(self, differs: float, surprise: float, information: float) -> None:
        gain = self._slope_variance * differs / (1 + information * self._slope_variance * differs**2)
        self._slope = min(STEEPEST, max(FLATTEST, self._slope + gain * surprise))
        self._slope_variance = max(
            LEAST_SLOPE_VARIANCE, self._slope_variance * (1 - gain * differs * information)
        )

    def _move_levels(self, chances: tuple[float, float, float], answered: float) -> None:
        """Every level moves by the same multiple of its surprise: so its mean error goes to nothing."""
        credit, levels = self._credit, self._levels
        gain = min(self._rate / ANSWERED, 1.0) / max(LEAST_INFORMATION, self._rate * (1 - self._rate))
        total = 0.0
        for i, p in enumerate(chances):
            credit[i] *= max(1e-9, p**answered * (1 - p) ** (1 - answered))
            total += credit[i]
            moved = levels[i] + gain * (answered - p) / SPANS[i]
            levels[i] = min(FARTHEST, max(-FARTHEST, moved))
        for i, first in enumerate(CREDIT):
            credit[i] = (1 - SHARE) * credit[i] / total + SHARE * first


def _move(pairs: list[list[float]], surprise: float, information: float, variance: float) -> None:
    scale = 1 / (1 + information * variance)
    step, shrink = surprise * scale, information * scale
    for pair in pairs:
        own = pair[1]
        pair[0] += own * step
        pair[1] = max(LEAST_VARIANCE, own - own * own * shrink)
