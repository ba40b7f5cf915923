"""Predictive: a line more while its own risk of finding nobody is worth its price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from dialer.domain.call import State as CallState
from dialer.domain.campaign import Campaign
from dialer.domain.law import LAWFUL_RING_S, choose, may_give_up
from dialer.domain.pacing.chance import Sum, nobody_free
from dialer.domain.pacing.curves import Floats
from dialer.domain.pacing.decision import CallView, Dial, Outlook, Snapshot
from dialer.domain.pacing.forecast import HORIZONS, Forecast, UnderWay
from dialer.domain.pacing.knowledge import Knowledge
from dialer.domain.pacing.supply import Supply
from dialer.domain.pacing.team import AWAY, NOT_HERE, TALKS, WRAP_UPS
from dialer.domain.said import Said, said
from dialer.domain.types import CallId, CampaignId

Shares = Mapping[CampaignId, float]
LAWFUL_RING = timedelta(seconds=LAWFUL_RING_S)
GRACE_S = 1.5  # an operator who comes free so long after the answer still gets the person


class Predictive:
    """A campaign's turn within one decision.

    The dial's own risk is the chance that nobody is free when it is answered, averaged over the instants at
    which it may be; the price is what the abandon budget allows (`knowledge`).  While fewer lines are up than
    operators are free, one operator is kept for each: there is no risk, and no price is asked.
    """

    def __init__(self, campaign: Campaign, supply: Supply, snapshot: Snapshot, knowledge: Knowledge) -> None:
        self._campaign, self._supply, self._knowledge = campaign, supply, knowledge
        self._now = snapshot.at
        known = self._known = knowledge.of(campaign.id)
        team = max(1, len(campaign.operators))
        self._left, self._price = known.price(campaign.ceiling, team, self._now)
        self._shares = _shares(campaign, snapshot)
        counts = known.team.look(snapshot.operators, campaign.operators, self._now)
        self._at_work = len(snapshot.operators) - int(counts[AWAY] + counts[NOT_HERE])
        in_wait = sum(self._shares.get(call.campaign, 0.0) for call in supply.in_wait)
        self._ready = supply.free_at_first(campaign) - round(in_wait)  # who is not for those who wait
        self._forecast: Forecast = known.forecast(
            self._now, campaign.ring_s, GRACE_S, lambda: self._under_way(snapshot)
        )
        calls, chances = self._competing()
        self._lines = len(calls)
        self._ringing = self._lines - [call.ring_at for call in calls].count(None)
        free = self._forecast.free(counts)
        self._coming = float(free.mean[-1])
        self._both = self._forecast.answers(calls, chances, self._now).beside(free)
        self._answers = Sum(self._both.mean[:HORIZONS], self._both.variance[:HORIZONS])  # a part of both
        self._doubts = self._forecast.doubts(known.lessons.odds.doubt())
        self._risks: tuple[float, float] | None = None
        self._outlook: Outlook | None = None
        if campaign.best_first:
            supply.rank(campaign.id, lambda lead: -knowledge.rank(lead, self._now))
        supply.keep_for_calls(campaign)

    def next_line(self) -> Dial | str:
        """Dial the next lead, or say why not."""
        if not self._at_work:
            return self._supply.nobody(self._campaign)
        if why := self._supply.obstacle(self._campaign):
            return why
        if self._supply.least_shared(self._campaign) is None and self._risk() > self._price:
            return self._too_dear()
        self._supply.keep(self._campaign, 1)
        return self._supply.dial(self._campaign)

    def noticed(self, dial: Dial) -> None:
        """Whoever dials: its answers may need these operators."""
        if dial.operator is not None:
            self._ready -= dial.operator in self._campaign.operators
            self._risks = self._outlook = None
        elif share := self._shares.get(dial.campaign, 0.0):
            p = self._knowledge.of(dial.campaign).lessons.p(dial.lead.id)
            self._expect(share * p * self._forecast.new(dial.trunk))

    def give_up(self) -> Sequence[CallId]:
        """Ringing calls that may lawfully end and would likely find nobody.

        A late answer is so unlikely that the contact lost weighs less than the abandoned call saved.
        """
        if self._at_work and (self._ready > 0 or self._assessed()[1] <= self._price):
            return ()
        own, late_at = self._campaign, self._now - LAWFUL_RING
        if not own.operators or not may_give_up(choose(own.country, own.purpose)):
            return ()
        return [
            call.id
            for call in self._supply.on_their_way[own.id]
            if call.ring_at is not None and call.ring_at <= late_at
        ]

    def outlook(self) -> Outlook:
        """The figures behind the decision."""
        if self._outlook is None:
            self._outlook = Outlook(
                within_s=float(self._forecast.at_s[-1]),
                ringing=self._ringing,
                lines=self._lines,
                answers=float(self._answers.mean[-1]),
                free=max(0, self._ready) + self._coming,
                risk=self._risk(),
                price=self._price,
                budget=self._left,
                coming=self._coming,
                shares=self._shares,
            )
        return self._outlook

    # --- parts

    def _risk(self) -> float:
        """Of one more dial."""
        return self._assessed()[0]

    def _assessed(self) -> tuple[float, float]:
        """The risk of one more dial, and the chance that whoever answers next finds nobody."""
        if self._risks is None:
            by_horizon = nobody_free(self._ready, self._both.doubted(self._doubts)).tolist()
            self._risks = sum(by_horizon) / HORIZONS, by_horizon[0]  # horizons are alike
        return self._risks

    def _expect(self, p: Floats) -> None:
        """One line more, which is answered with these chances."""
        self._answers.add(p)
        self._lines += 1
        self._risks = self._outlook = None

    def _under_way(self, snapshot: Snapshot) -> UnderWay:
        """What has not ended yet."""
        own = self._campaign.id
        ringing = [
            (self._now - call.ring_at).total_seconds()
            for call in snapshot.calls
            if call.state is CallState.RINGING and call.campaign == own and call.ring_at is not None
        ]
        team = self._known.team
        return UnderWay(ringing, team.ages_s(TALKS, self._now), team.ages_s(WRAP_UPS, self._now))

    def _competing(self) -> tuple[list[CallView], list[float]]:
        """Calls on their way, each with the chance of its dial, by the share of its answers that is ours."""
        calls, chances = list[CallView](), list[float]()
        for id_, share in self._shares.items():
            if share and (theirs := self._supply.on_their_way[id_]):
                lessons = self._knowledge.of(id_).lessons
                known, level = lessons.chances.get, lessons.odds.level()
                calls += theirs
                chances += [share * known(call.lead, level) for call in theirs]
        return calls, chances

    def _too_dear(self) -> Said:
        seen = self.outlook()
        return said(
            "{ringing} ringing, {answers:.1f} answers expected in {s:.0f} s, {free:.1f} operators free,"
            " risk {risk:.1f} % at price {price:.1f} %, budget {budget:+.1f} calls",
            ringing=seen.ringing,
            answers=seen.answers,
            s=seen.within_s,
            free=seen.free,
            risk=100 * seen.risk,
            price=100 * seen.price,
            budget=seen.budget,
        )


def _shares(campaign: Campaign, snapshot: Snapshot) -> Shares:
    """Of each campaign: the part of its operators that are this one's too, and so of its answers."""
    return {
        other.id: 1.0
        if other is campaign
        else len(other.operators & campaign.operators) / len(other.operators)
        for other in snapshot.campaigns
        if other.operators
    }
