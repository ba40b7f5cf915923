"""What a risk may cost: the abandon budget turned into a price."""

from __future__ import annotations

from math import exp, log, sqrt

FIRST_PRICE = 0.06  # before the budget has spoken
LEAST_PRICE, MOST_PRICE = 0.003, 0.5
CARE = 2.0  # calls of the budget: the price falls with fewer in hand
MENDING = 0.25  # of the ceiling: the risk that is allowed while the share is above it


class Price:
    """Rises with what is left of the budget, falls with what is missing.

    A proportional and an integral part on the budget, not on a rate over some window: what was spent is
    spent (PI control).
    """

    def __init__(self) -> None:
        self._base = log(FIRST_PRICE)

    def at(self, left: float, in_hand: float, ceiling: float, team: int) -> float:
        """The risk that one more dial may run.

        `left`: abandoned calls still allowed at the share aimed at, `in_hand`: at the ceiling.  With less
        than CARE calls in hand the price falls, and over the ceiling only what mends it is dialled: no risk
        dearer than MENDING of the ceiling, the mean one being half as dear as the dearest.
        """
        pull = _pull(team)
        limit = 1.5 / pull
        spare = min(limit, max(-limit, left - _reserve(team)))
        price = min(MOST_PRICE, exp(self._base + pull * spare))
        hand = min(1.0, max(0.0, in_hand / CARE))
        return min(price, hand * price + (1.0 - hand) * MENDING * ceiling)

    def steer(self, left: float, team: int) -> None:
        """One more live answer: the base goes where the budget comes out even."""
        moved = self._base + _pull(team) / 100 * min(20.0, max(-20.0, left - _reserve(team)))
        self._base = min(log(MOST_PRICE), max(log(LEAST_PRICE), moved))

    def to_state(self) -> float:
        """Plain data."""
        return self._base

    def from_state(self, state: float) -> None:
        """What an earlier run learned."""
        self._base = float(state)


def _pull(team: int) -> float:
    """How strongly one call of the budget moves the price: a small team's day has few."""
    return min(0.25, 0.6 / max(team, 1))


def _reserve(team: int) -> float:
    """Calls of the budget that are better left unspent."""
    return 0.3 * sqrt(max(team, 1))
