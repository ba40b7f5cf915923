"""Predictive: a line more while its own risk of finding nobody is worth its price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dialer.domain.call import State as CallState
from dialer.domain.campaign import Campaign
from dialer.domain.law import LAWFUL_RING_S, choose, may_give_up
from dialer.domain.operators import State
from dialer.domain.pacing.chance import Sum, nobody_free
from dialer.domain.pacing.curves import Floats
from dialer.domain.pacing.decision import Dial, Outlook, Snapshot
from dialer.domain.pacing.forecast import HORIZONS, Forecast, UnderWay
from dialer.domain.pacing.knowledge import Knowledge
from dialer.domain.pacing.supply import UNANSWERED, WAITING, Supply
from dialer.domain.said import Said, said
from dialer.domain.types import CallId, CampaignId

Shares = Mapping[CampaignId, float]
GRACE_S = 1.5  # an operator who comes free so long after the answer still gets the person
RINGING, TALKING, RESERVED = CallState.RINGING, State.TALKING, State.RESERVED
WRAP_UP, PAUSED, READY = State.WRAP_UP, State.PAUSED, State.READY


@dataclass(slots=True)
class Floor:
    """What the operators of a campaign, and all who compete for them, do now."""

    ready: int  # free at once, less the people who wait
    talks_s: list[float]
    wraps_s: list[float]
    away: int
    at_work: int


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
        self._floor = floor = _floor(campaign, snapshot, supply, self._shares)
        self._forecast: Forecast = known.forecast(
            self._now, campaign.ring_s, GRACE_S, lambda: self._under_way(snapshot)
        )
        self._free = self._forecast.free(floor.talks_s, floor.wraps_s, floor.away)
        self._ripe: list[CallId] = []  # the campaign's own that have rung long enough to be given up
        self._ringing = self._lines = 0
        self._answers = self._on_their_way(snapshot)
        self._risks: tuple[float, float] | None = None
        self._outlook: Outlook | None = None
        if campaign.best_first:
            supply.rank(campaign.id, lambda lead: -knowledge.rank(lead, self._now))
        supply.keep(campaign, supply.unanswered(campaign.id) + supply.waiting(campaign.id))

    def next_line(self) -> Dial | str:
        """Dial the next lead, or say why not."""
        if not self._floor.at_work:
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
            self._floor.ready -= dial.operator in self._campaign.operators
            self._risks = self._outlook = None
        elif share := self._shares.get(dial.campaign, 0.0):
            p = self._knowledge.of(dial.campaign).lessons.p(dial.lead.id)
            self._expect(share * p * self._forecast.new(dial.trunk))

    def give_up(self) -> Sequence[CallId]:
        """Ringing calls that may lawfully end and would likely find nobody.

        A late answer is so unlikely that the contact lost weighs less than the abandoned call saved.
        """
        if not self._ripe or (self._floor.ready > 0 and self._floor.at_work):
            return ()
        if self._floor.at_work and self._assessed()[1] <= self._price:
            return ()
        pack = choose(self._campaign.country, self._campaign.purpose)
        return self._ripe if may_give_up(pack) else ()

    def outlook(self) -> Outlook:
        """The figures behind the decision."""
        if self._outlook is None:
            self._outlook = Outlook(
                within_s=float(self._forecast.at_s[-1]),
                ringing=self._ringing,
                lines=self._lines,
                answers=float(self._answers.mean[-1]),
                free=max(0, self._floor.ready) + float(self._free.mean[-1]),
                risk=self._risk(),
                price=self._price,
                budget=self._left,
                coming=float(self._free.mean[-1]),
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
            answers = self._answers.doubted(self._known.lessons.odds.doubt())
            by_horizon = nobody_free(self._floor.ready, answers, self._free)
            self._risks = float(np.add.reduce(by_horizon)) / HORIZONS, float(by_horizon[0])
        return self._risks

    def _expect(self, p: Floats) -> None:
        """One line more, which is answered with these chances."""
        self._answers = self._answers.plus(p)
        self._lines += 1
        self._risks = self._outlook = None

    def _under_way(self, snapshot: Snapshot) -> UnderWay:
        """What has not ended yet."""
        own = self._campaign.id
        ringing = [
            (self._now - call.ring_at).total_seconds()
            for call in snapshot.calls
            if call.state is RINGING and call.campaign == own and call.ring_at is not None
        ]
        return UnderWay(ringing, self._floor.talks_s, self._floor.wraps_s)

    def _on_their_way(self, snapshot: Snapshot) -> Sum:
        """Every call that competes for these operators, by the share of its answers that is theirs."""
        now, own = self._now, self._campaign.id
        teams = {
            id_: (share, lessons.chances.get, lessons.odds.level())
            for id_, share in self._shares.items()
            if share and (lessons := self._knowledge.of(id_).lessons)
        }
        calls = []
        for call in snapshot.calls:
            if call.operator is not None or call.hanging_up or call.state not in UNANSWERED:
                continue
            if (team := teams.get(call.campaign)) is None:
                continue
            share, chance, level = team
            p = share * (level if call.lead is None else chance(call.lead, level))
            rings = call.ring_at is not None
            age_s = (now - (call.ring_at or call.since_at)).total_seconds()
            calls.append((rings, age_s, p, call.trunk))
            if rings:
                self._ringing += 1
                if age_s >= LAWFUL_RING_S and call.campaign == own:
                    self._ripe.append(call.id)
        self._lines = len(calls)
        return self._forecast.answers(calls)

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


def _floor(campaign: Campaign, snapshot: Snapshot, supply: Supply, shares: Shares) -> Floor:
    """The campaign's operators who are not leaving; one whose phone must be rung first is no free one yet."""
    team, now = campaign.operators, snapshot.at
    floor = Floor(supply.free_at_first(campaign), [], [], 0, 0)
    for view in snapshot.operators:
        state = view.state
        if view.leaving or view.id not in team:
            continue
        if state is TALKING or state is RESERVED:
            floor.talks_s.append((now - view.since_at).total_seconds())
        elif state is WRAP_UP:
            floor.wraps_s.append((now - view.since_at).total_seconds())
        elif state is PAUSED:
            floor.away += 1
        elif state is READY:
            floor.at_work += 1
    floor.at_work += len(floor.talks_s) + len(floor.wraps_s)
    floor.ready -= round(sum(shares.get(call.campaign, 0.0) for call in snapshot.calls
                             if call.operator is None and call.state in WAITING))  # fmt: skip
    return floor


def _shares(campaign: Campaign, snapshot: Snapshot) -> Shares:
    """Of each campaign: the part of its operators that are this one's too, and so of its answers."""
    return {
        other.id: 1.0
        if other is campaign
        else len(other.operators & campaign.operators) / len(other.operators)
        for other in snapshot.campaigns
        if other.operators
    }
