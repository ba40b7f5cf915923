"""Progressive: one line per free operator, who is named before the number is dialled."""

from __future__ import annotations

from dialer.domain.campaign import Campaign
from dialer.domain.pacing.decision import Dial
from dialer.domain.pacing.supply import Supply


class Progressive:
    """A campaign's turn within one decision: a line at a time, until it says why not."""

    def __init__(self, campaign: Campaign, supply: Supply) -> None:
        self._campaign = campaign
        self._supply = supply
        supply.keep_for_calls(campaign)  # dialled in another mode: they may be answered all the same

    def noticed(self, dial: Dial) -> None:
        """Nothing to learn from it: the supply gives every operator once."""

    def next_line(self) -> Dial | str:
        """The longest ready operator gets the next lead."""
        free = self._supply.free(self._campaign)
        if not free:
            return self._supply.nobody(self._campaign)
        if why := self._supply.obstacle(self._campaign):
            return why
        self._supply.take(free[0].id)
        return self._supply.dial(self._campaign, free[0].id)
