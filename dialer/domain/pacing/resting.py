"""A predictive campaign between two of its decisions: what is its due is kept for it, nothing is dialled."""

from __future__ import annotations

from dialer.domain.campaign import Campaign
from dialer.domain.pacing.decision import Dial
from dialer.domain.pacing.supply import Supply


class Kept:
    """An operator was kept: the next line may be another campaign's."""


KEPT = Kept()


class Resting:
    """Takes its turns as ever: campaigns that decide at once leave it its part of shared operators."""

    def __init__(self, campaign: Campaign, supply: Supply) -> None:
        self._campaign = campaign
        self._supply = supply
        supply.keep_for_calls(campaign)

    def next_line(self) -> Kept | str:
        """Keep the operator whom a line would need."""
        if self._supply.least_shared(self._campaign) is None or self._supply.obstacle(self._campaign):
            return "it rests"
        self._supply.keep(self._campaign, 1)
        self._supply.promise(self._campaign)
        return KEPT

    def noticed(self, dial: Dial) -> None:
        """Nothing to learn from it."""
