"""What pacing has learned of every campaign, from every event of calls and operators."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from dialer.domain.call import Call, Event, State
from dialer.domain.campaign import Campaign
from dialer.domain.lead import Lead
from dialer.domain.operators import Operator, StateChange
from dialer.domain.operators import State as Post
from dialer.domain.pacing.budget import Budget, aim
from dialer.domain.pacing.decision import Dial
from dialer.domain.pacing.forecast import Forecast, UnderWay
from dialer.domain.pacing.learned import ANSWERS, GONE, RINGS, STOPS, Learned
from dialer.domain.pacing.lessons import Attempt, Lessons
from dialer.domain.pacing.odds import Odds
from dialer.domain.pacing.price import Price
from dialer.domain.pacing.team import Team
from dialer.domain.pacing.traits import LESSONS, Divisions, Features, features
from dialer.domain.types import CampaignId, Direction, EndedBy, LeadId, OperatorId, Outcome, TrunkId

FRESH_S, STALE_S = 15.0, 120.0  # a forecast is not made anew before the one, always after the other,
NEWS = 1.02  # and between them when so much more has been seen
CAREFUL_RATE = 0.5  # of answers, before any call was made: too many expected is the safe side
RANKED_S = 60.0  # a lead's place among those at hand is looked at again after so long
ZoneOf = Callable[[str], tzinfo]


class Known:
    """One campaign."""

    def __init__(self, product: Learned, odds: Odds) -> None:
        self.learned = Learned(product)
        self.lessons = Lessons(Odds(history=odds))
        self.divisions = Divisions()
        self.budget = Budget()
        self.team = Team()
        self._price = Price()
        self._priced_for: tuple[Any, ...] = ()
        self._priced = (0.0, 0.0)
        self._forecast: Forecast | None = None
        self._made: tuple[datetime, float, int] | None = None

    def forecast(
        self, now: datetime, ring_s: float, grace_s: float, under_way: Callable[[], UnderWay]
    ) -> Forecast:
        """At most STALE_S old; `under_way` is asked when a new one is made."""
        if self._forecast is None or self._made is None or self._is_old(now, ring_s):
            self._forecast = Forecast(self.learned, ring_s=ring_s, grace_s=grace_s, under_way=under_way())
            self._made = (now, ring_s, self.learned.seen())
        return self._forecast

    def late_answer(self, age_s: float, p: float, trunk: str) -> float:
        """The chance that a call which has rung for so long is still answered, as last foreseen."""
        return self._forecast.late_answer(age_s, p, trunk) if self._forecast is not None else 0.0

    def _is_old(self, now: datetime, ring_s: float) -> bool:
        assert self._made is not None
        made_at, made_for, seen = self._made
        age_s = abs((now - made_at).total_seconds())
        if made_for != ring_s or age_s >= STALE_S:
            return True
        return age_s >= FRESH_S and self.learned.seen() > seen * NEWS

    def begin(self, lead: Lead, attempt: Attempt) -> None:
        """It goes out."""
        self.lessons.begin(lead.id, attempt)
        self.divisions.see(lead)

    def price(self, ceiling: float, team: int, now: datetime) -> tuple[float, float]:
        """(Calls that may still be abandoned at the share aimed at, the risk that one more dial may run)."""
        asked = (self.budget.sums(now), ceiling, team, self._price.to_state())
        if asked != self._priced_for:
            left = self.budget.left(aim(ceiling, team), now)
            price = self._price.at(left, self.budget.left(ceiling, now), ceiling, team)
            self._priced_for, self._priced = asked, (left, price)
        return self._priced

    def steer(self, ceiling: float, team: int, now: datetime) -> None:
        """One more live answer."""
        self._price.steer(self.budget.left(aim(ceiling, team), now), team)

    def to_state(self) -> dict[str, Any]:
        """Plain data; the budget is folded from the records and not kept here."""
        return {
            "learned": self.learned.to_state(),
            "odds": self.lessons.odds.to_state(),
            "price": self._price.to_state(),
            "columns": list(self.divisions.columns),
        }

    def from_state(self, state: Mapping[str, Any], odds: Odds) -> None:
        """What an earlier run learned."""
        self.learned.from_state(state["learned"])
        self.lessons = Lessons(Odds.from_state(state["odds"], odds))
        self._price.from_state(state["price"])
        self.divisions.columns = tuple(state.get("columns", ()))


class Knowledge:
    """Everything learned; told of every event, asked at every decision."""

    def __init__(self, zone_of: ZoneOf) -> None:
        self._zone_of = zone_of
        self.product = Learned()
        self.product_odds = Odds(CAREFUL_RATE)
        self._known: dict[CampaignId, Known] = {}
        self._posts: dict[OperatorId, tuple[Post, datetime, CampaignId | None]] = {}
        self._ranked: dict[LeadId, float] = {}
        self._ranked_at = datetime.min.replace(tzinfo=UTC)
        self._aims: dict[CampaignId, tuple[float, int]] = {}  # ceiling and team, as last decided for

    def of(self, campaign: CampaignId) -> Known:
        """What is known of this campaign; a new one begins at the product's history."""
        known = self._known.get(campaign)
        if known is None:
            known = self._known[campaign] = Known(self.product, self.product_odds)
        return known

    def load(self, states: Mapping[str, Mapping[str, Any]], budgets: Mapping[CampaignId, Budget]) -> None:
        """What an earlier run left: `to_states`, and the budgets by the records."""
        if (product := states.get("product")) is not None:
            self.product.from_state(product["learned"])
            self.product_odds = Odds.from_state(product["odds"])
        for key, state in states.items():
            kind, _, number = key.partition(":")
            if kind == "campaign":
                self.of(CampaignId(int(number))).from_state(state, self.product_odds)
        for campaign, budget in budgets.items():
            self.of(campaign).budget = budget

    def to_states(self) -> dict[str, dict[str, Any]]:
        """Plain data by key."""
        product = {"learned": self.product.to_state(), "odds": self.product_odds.to_state()}
        return {
            "product": product,
            **{f"campaign:{id_}": known.to_state() for id_, known in self._known.items()},
        }

    def clock_was_set(self, by: timedelta) -> None:
        """Our clock shows so much more than before: a talk or a break has lasted as long as it has.

        The budgets count by the hour of the calendar, as the records do.
        """
        self._posts = {who: (post, at + by, campaign) for who, (post, at, campaign) in self._posts.items()}
        for known in self._known.values():
            known.lessons.clock_was_set(by)

    def note_aims(self, campaigns: Iterable[Campaign]) -> None:
        """Those decided for by forecast: from now on their budgets steer their prices, and no others."""
        self._aims = {each.id: (each.ceiling, max(1, len(each.operators))) for each in campaigns}

    # --- leads

    def chance(self, lead: Lead, trunk: TrunkId, now: datetime) -> Attempt:
        """The features of dialling this lead now, and the chance that a person answers."""
        known = self.of(lead.campaign)
        found = self._features(lead, now, trunk)
        return Attempt(found, known.lessons.odds.p(found), now)

    def dialled(self, dial: Dial, now: datetime) -> None:
        """It goes out: from now on its chance counts, and its end will teach."""
        self.of(dial.campaign).begin(dial.lead, self.chance(dial.lead, dial.trunk, now))

    def rank(self, lead: Lead, now: datetime) -> float:
        """As `chance`, whatever the trunk; at most RANKED_S old."""
        if not timedelta() <= now - self._ranked_at < timedelta(seconds=RANKED_S):
            self._ranked, self._ranked_at = {}, now
        p = self._ranked.get(lead.id)
        if p is None:
            found = self._features(lead, now)
            p = self._ranked[lead.id] = self.of(lead.campaign).lessons.odds.p(found)
        return p

    def _features(self, lead: Lead, now: datetime, trunk: str = "") -> Features:
        columns = self.of(lead.campaign).divisions.columns
        return features(lead, now, offset=self._offset(lead, now), trunk=trunk, columns=columns)

    def _offset(self, lead: Lead, now: datetime) -> timedelta:
        if not lead.zones:
            return timedelta()
        return now.astimezone(self._zone_of(lead.zones[0])).utcoffset() or timedelta()

    # --- events of calls

    def saw(self, before: Call | None, event: Event | None, after: Call) -> None:
        """Cheap; the same event twice teaches once, for the call itself has changed only once."""
        if after.direction is not Direction.OUT:
            return
        if before is None:
            self._adopted(after)
            return
        if before.ring_at is None and after.ring_at is not None:
            self._learn_setup(after, RINGS, after.ring_at)
        if before.answer_at is None and after.answer_at is not None:
            self._answered(after)
        if before.message_at is None and after.message_at is not None and before.bridge_at is None:
            self.of(after.campaign).budget.abandoned(after.answer_at or after.message_at)
        if before.state is not State.ENDED and after.state is State.ENDED:
            self._ended(after)

    def _adopted(self, call: Call) -> None:
        """In flight at a restart: its record, from which the budget is folded, is not written yet."""
        if call.answer_at is None:
            return
        budget = self.of(call.campaign).budget
        budget.answered(call.answer_at)
        if call.message_at is not None and call.bridge_at is None:
            budget.abandoned(call.answer_at)

    def _answered(self, call: Call) -> None:
        assert call.answer_at is not None
        known = self.of(call.campaign)
        if call.ring_at is None:
            self._learn_setup(call, RINGS, call.answer_at)
            self._learn_ring(call, 0.0, ANSWERS)
        else:
            self._learn_ring(call, _span(call.ring_at, call.answer_at), ANSWERS)
        known.budget.answered(call.answer_at)
        if (aims := self._aims.get(call.campaign)) is not None:
            known.steer(*aims, call.answer_at)
        self._teach(call)

    def _ended(self, call: Call) -> None:
        if call.answer_at is not None:
            if call.outcome is Outcome.ABANDONED and call.message_at is None:
                self.of(call.campaign).budget.abandoned(call.answer_at)
            return
        if call.outcome is Outcome.NOT_DIALLED or call.end_at is None:
            self._teach(call)
            return
        by_us = call.ended_by not in (EndedBy.NETWORK, EndedBy.PERSON)
        if call.ring_at is not None:
            self._learn_ring(call, _span(call.ring_at, call.end_at), None if by_us else STOPS)
        else:
            self._learn_setup(call, None if by_us else GONE, call.end_at)
        self._teach(call)

    def _late(self, call: Call, age_s: float) -> float:
        """The chance that a call which we gave up at this age would still have been answered."""
        known = self.of(call.campaign)
        return known.late_answer(age_s, known.lessons.p(call.lead), call.trunk)

    def _teach(self, call: Call) -> None:
        """Of a call that was answered, or is over."""
        ended_at = call.answer_at or call.end_at
        if call.lead is None or ended_at is None:
            return
        lessons = self.of(call.campaign).lessons
        if call.answer_at is not None:
            lessons.end(call.lead, 1.0, ended_at)
        elif call.outcome is Outcome.GIVEN_UP and call.ring_at is not None:
            lessons.end(call.lead, self._late(call, _span(call.ring_at, ended_at)), ended_at)
        elif call.outcome is not None and call.outcome in LESSONS:
            lessons.end(call.lead, LESSONS[call.outcome], ended_at)
        else:  # never dialled, ended by ourselves, or nobody knows how it ended
            lessons.drop(call.lead, ended_at)

    def _learn_setup(self, call: Call, cause: int | None, until_at: datetime) -> None:
        if call.dialled_at is not None:
            for learned in (self.of(call.campaign).learned, self.product):  # begins before this call
                learned.set_up(call.trunk, _span(call.dialled_at, until_at), cause)

    def _learn_ring(self, call: Call, age_s: float, cause: int | None) -> None:
        for learned in (self.product, self.of(call.campaign).learned):
            learned.ring.learn(age_s, cause)

    # --- events of operators

    def moved(self, change: StateChange, operator: Operator) -> None:
        """Talks, wrap-ups and breaks, as they end."""
        was = self._posts.get(change.operator)
        campaign = change.campaign or operator.campaign or (was[2] if was else None)
        if was is not None and was[0] is change.became:
            return
        self._posts[change.operator] = (change.became, change.at, campaign)
        if was is None or was[0] is not change.was:
            return
        span = _span(was[1], change.at)
        every = [self.product] if was[2] is None else [self.product, self.of(was[2]).learned]
        for learned in every:
            if change.was is Post.TALKING:
                learned.talk.learn(span, 0)
            elif change.was is Post.WRAP_UP:
                learned.wrapped(span, to_break=change.became is not Post.READY)
            elif change.was is Post.PAUSED and change.became is Post.READY:
                learned.returned(span)


def _span(since_at: datetime, until_at: datetime) -> float:
    return max(0.0, (until_at - since_at).total_seconds())
