"""Predictive: a line more while its own risk of finding nobody is worth its price."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from dialer.domain.campaign import Campaign
from dialer.domain.law import LAWFUL_RING_S, choose, may_give_up
from dialer.domain.operators import State
from dialer.domain.pacing.chance import Sum, nobody_free
from dialer.domain.pacing.curves import Floats
from dialer.domain.pacing.decision import CallView, Dial, Outlook, Snapshot
from dialer.domain.pacing.forecast import HORIZONS, Forecast
from dialer.domain.pacing.knowledge import Attempt, Knowledge
from dialer.domain.pacing.supply import UNANSWERED, WAITING, Supply
from dialer.domain.said import Said, said
from dialer.domain.types import CallId, CampaignId

Shares = Mapping[CampaignId, float]
GRACE_S = 1.5  # an operator who comes free so long after the answer still gets the person


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
        known = knowledge.of(campaign.id)
        knowledge.note_aim(campaign)
        team = max(1, len(campaign.operators))
        self._left = known.left(campaign.ceiling, team, self._now)
        self._price = known.price(campaign.ceiling, team, self._now)
        self._forecast: Forecast = known.forecast(self._now, campaign.ring_s, GRACE_S)
        self._soonest = 0.0  # the chance that whoever answers next finds nobody
        self._shares = shares = _shares(campaign, snapshot)
        self._floor = _floor(campaign, snapshot, supply, shares)
        self._free = Sum(HORIZONS)
        self._answers = Sum(HORIZONS)
        self._ringing: list[CallView] = []
        self._lines = 0.0
        self._add_operators()
        self._add_calls(_competing(snapshot, shares))
        if campaign.best_first:
            supply.rank(campaign.id, lambda lead: -knowledge.rank(lead, self._now))
        self._risk = self._assess()
        supply.keep(campaign, min(len(supply.free(campaign)), int(self._lines) + supply.waiting(campaign.id)))

    def next_line(self) -> Dial | str:
        """Dial the next lead, or say why not."""
        if not self._floor.at_work:
            return self._supply.nobody(self._campaign)
        if why := self._supply.obstacle(self._campaign):
            return why
        if not self._supply.free(self._campaign) and self._risk > self._price:
            return self._too_dear()
        self._supply.keep(self._campaign, 1)
        attempt, dial = self._dial()
        self._knowledge.dialled(dial.lead.id, attempt)
        self._answers.add_one(attempt.p * self._forecast.new)
        self._lines += 1
        self._risk = self._assess()
        return dial

    def give_up(self) -> Sequence[CallId]:
        """Ringing calls that may lawfully end and would likely find nobody.

        A late answer is so unlikely that the contact lost weighs less than the abandoned call saved.
        """
        if not may_give_up(choose(self._campaign.country, self._campaign.purpose)):
            return ()
        if self._floor.ready > 0 and self._floor.at_work:
            return ()
        if self._floor.at_work and self._soonest <= self._price:
            return ()
        return [
            call.id
            for call in self._ringing
            if call.campaign == self._campaign.id
            and call.ring_at is not None
            and (self._now - call.ring_at).total_seconds() >= LAWFUL_RING_S
        ]

    def outlook(self) -> Outlook:
        """The figures behind the decision."""
        return Outlook(
            within_s=float(self._forecast.at_s[-1]),
            ringing=len(self._ringing),
            lines=int(self._lines),
            answers=float(self._answers.mean[-1]),
            free=max(0, self._floor.ready) + float(self._free.mean[-1]),
            risk=self._risk,
            price=self._price,
            budget=self._left,
            coming=float(self._free.mean[-1]),
            shares=self._shares,
        )

    # --- parts

    def _assess(self) -> float:
        """The risk of one more dial."""
        by_horizon = nobody_free(self._floor.ready, self._answers, self._free)
        self._soonest = float(by_horizon[0])
        return float(by_horizon.mean())

    def _dial(self) -> tuple[Attempt, Dial]:
        dial = self._supply.dial(self._campaign)
        return self._knowledge.chance(dial.lead, dial.trunk, self._now), dial

    def _add_operators(self) -> None:
        floor, forecast = self._floor, self._forecast
        if floor.talks_s:
            self._free.add(forecast.free_after_talk(np.array(floor.talks_s)))
        if floor.wraps_s:
            self._free.add(forecast.free_after_wrap_up(np.array(floor.wraps_s)))
        if floor.away:
            self._free.add_one(forecast.after_break, floor.away)

    def _add_calls(self, calls: Iterable[tuple[CallView, float]]) -> None:
        """Every call on its way to these operators; `share` of its chances is theirs."""
        rings: list[tuple[float, float]] = []
        begins: list[tuple[float, float]] = []
        for call, share in calls:
            p = share * self._knowledge.p_of(call.lead, call.campaign)
            self._lines += share
            if call.ring_at is not None:
                self._ringing.append(call)
                rings.append((_age(call.ring_at, self._now), p))
            else:
                begins.append((_age(call.since_at, self._now), p))
        if rings:
            ages, chances = _columns(rings)
            self._answers.add(self._forecast.answers_ringing(ages, chances))
        if begins:
            ages, chances = _columns(begins)
            self._answers.add(self._forecast.answers_in_set_up(ages, chances))

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
    team = campaign.operators
    floor = Floor(sum(view.free for view in supply.free(campaign)), [], [], 0, 0)
    for view in snapshot.operators:
        if view.leaving or view.id not in team:
            continue
        match view.state:
            case State.TALKING | State.RESERVED:
                floor.talks_s.append(_age(view.since_at, snapshot.at))
            case State.WRAP_UP:
                floor.wraps_s.append(_age(view.since_at, snapshot.at))
            case State.PAUSED:
                floor.away += 1
        floor.at_work += view.state in (State.READY, State.RESERVED, State.TALKING, State.WRAP_UP)
    floor.ready -= round(sum(shares.get(call.campaign, 0.0) for call in snapshot.calls
                             if call.operator is None and call.state in WAITING))  # fmt: skip
    return floor


def _shares(campaign: Campaign, snapshot: Snapshot) -> Shares:
    """Of each campaign: the part of its operators that are this one's too, and so of its answers."""
    return {
        other.id: len(other.operators & campaign.operators) / len(other.operators)
        for other in snapshot.campaigns
        if other.operators
    }


def _competing(snapshot: Snapshot, shares: Shares) -> Iterable[tuple[CallView, float]]:
    """Calls on their way without an operator of their own, and how far they are for this team."""
    for call in snapshot.calls:
        if call.operator is None and call.state in UNANSWERED and (share := shares.get(call.campaign, 0.0)):
            yield call, share


def _age(since_at: datetime, now: datetime) -> float:
    return max(0.0, (now - since_at).total_seconds())


def _columns(rows: Sequence[tuple[float, float]]) -> tuple[Floats, Floats]:
    table = np.array(rows)
    return table[:, 0], table[:, 1]
