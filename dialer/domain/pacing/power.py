"""Power: a fixed number of lines per free operator; whoever answers first gets the longest ready one."""

from __future__ import annotations

from math import floor

from dialer.domain.campaign import Campaign
from dialer.domain.pacing.decision import Dial, OperatorView
from dialer.domain.pacing.supply import Supply
from dialer.domain.said import counted

_ROUNDING = 1e-9  # 2.3 x 10 is 22.999999999999996


class Power:
    """A campaign's turn within one decision.

    It holds operators for its calls: a whole one for each person who waits, then as many as `ratio` asks for
    the calls on their way.  An operator whose phone must be rung first carries one line at most: the ring may
    be missed.
    """

    def __init__(self, campaign: Campaign, supply: Supply) -> None:
        self._campaign = campaign
        self._supply = supply
        self._lines = 0.0  # what the operators held so far can carry
        self._dialled = supply.unanswered(campaign.id)
        supply.keep(campaign, supply.waiting(campaign.id))
        while not self._carry(self._dialled) and self._hold_another():
            pass

    def next_line(self) -> Dial | str:
        """Dial when the operators held, with one or more others if need be, can carry one line more."""
        wanted = self._dialled + 1
        if not self._carry(wanted) and not self._supply.free(self._campaign):
            return self._nobody()
        if why := self._supply.obstacle(self._campaign):
            return why
        while not self._carry(wanted):
            if not self._hold_another():
                return self._nobody()
        self._dialled = wanted
        return self._supply.dial(self._campaign)

    def noticed(self, dial: Dial) -> None:
        """Nothing to learn from it: the supply gives every operator once."""

    def _carry(self, lines: int) -> bool:
        return floor(self._lines + _ROUNDING) >= lines

    def _hold_another(self) -> bool:
        operator = self._supply.least_shared(self._campaign)
        if operator is None:
            return False
        self._supply.take(operator.id)
        self._lines += self._carries(operator)
        return True

    def _carries(self, operator: OperatorView) -> float:
        return self._campaign.ratio if operator.free else min(1.0, self._campaign.ratio)

    def _nobody(self) -> str:
        if self._dialled:
            return counted(
                "{n} on its way is all that free operators carry at {ratio:g} lines each; {why}",
                "{n} on their way are all that free operators carry at {ratio:g} lines each; {why}",
                self._dialled,
                ratio=self._campaign.ratio,
                why=self._supply.nobody(self._campaign),
            )
        return self._supply.nobody(self._campaign)
