"""The product's own policy in the bench's world, through the port that the engine uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from bench.pacing import world as w
from dialer.domain import call as c
from dialer.domain.call import Rules
from dialer.domain.campaign import Campaign
from dialer.domain.lead import Lead
from dialer.domain.operators import LegState, Operator, State, StateChange
from dialer.domain.pacing.decision import CallView, Decision, OperatorView, Snapshot, TrunkView
from dialer.domain.pacing.lessons import Attempt
from dialer.domain.pacing.policies import Policies
from dialer.domain.types import (
    CallId,
    CampaignId,
    CampaignStatus,
    EndedBy,
    LeadId,
    Mode,
    OperatorId,
    Outcome,
    PhoneNumber,
    TrunkId,
)

ONE, MAIN = CampaignId(1), TrunkId("main")
AT_HAND = 40
POSTS = {w.READY: State.READY, w.BUSY: State.TALKING, w.WRAP: State.WRAP_UP, w.AWAY: State.PAUSED,
         w.OFF: State.OFFLINE}  # fmt: skip
BREATH = timedelta(microseconds=1)


class Product:
    """Satisfies `world.Pacing`; everything that the policy sees is a real object of the domain."""

    def __init__(
        self, kind: w.Kind, mode: Mode = Mode.PREDICTIVE, at_hand: int = AT_HAND, **changes: Any
    ) -> None:
        self.policies = Policies(ZoneInfo)
        ids = [OperatorId(str(100 + n)) for n in range(kind.operators)]
        self.campaign = replace(
            Campaign(ONE, "bench", mode=mode, status=CampaignStatus.RUNNING, operators=frozenset(ids),
                     trunks=(MAIN,), ring_s=kind.ring_s),
            **changes,
        )  # fmt: skip
        self.rules = Rules(ring_s=kind.ring_s)
        self.lines = kind.lines
        self.calls: dict[int, c.Call] = {}
        self.views: dict[int, CallView] = {}
        self.waiting: set[int] = set()  # answered, and no operator seen yet
        here = len(ids) if kind.team_at is None else kind.team_at(0.0)
        states = [State.READY if n < here else State.OFFLINE for n in range(len(ids))]
        self.posts: dict[int, OperatorView] = {
            n: self._post(id_, states[n], w.START_AT, None) for n, id_ in enumerate(ids)
        }
        self.operators = [
            Operator(id_, state=state, leg=LegState.UP, since_at=w.START_AT)
            for id_, state in zip(ids, states, strict=True)
        ]
        for operator in self.operators:
            change = StateChange(operator.id, operator.state, operator.state, "", w.START_AT)
            self.policies.moved(change, operator)
        self._numbers = count(1)
        self.at_hand = at_hand
        self.leads: list[Lead] = []
        self.last: Decision = Decision()

    # --- leads

    def candidates(self, world: w.World) -> Sequence[Lead]:
        """The next leads of the list."""
        if world.people is not None:
            return world.people.due(world.at(), self.at_hand)
        while len(self.leads) < self.at_hand:
            n = next(self._numbers)
            self.leads.append(Lead(LeadId(n), ONE, (PhoneNumber(f"+79{n:09}"),)))
        return self.leads

    # --- the port

    def decide(self, world: w.World) -> Sequence[w.Call]:
        now = world.at()
        calls = list(self.views.values())
        talks = sum(post.state is State.TALKING for post in self.posts.values())
        free = self.lines - len(calls) - talks
        snapshot = Snapshot(
            now, [self.campaign], {ONE: self.candidates(world)}, calls, list(self.posts.values()),
            {MAIN: TrunkView(MAIN, max(free, 0), 1_000_000, usable=True)},
        )  # fmt: skip
        decision = self.last = self.policies.decide(snapshot)
        for dial in decision.dial:
            if world.people is None:
                self.leads.remove(dial.lead)
            self._dial(world.dial(dial.lead if world.people else None), dial.lead, now)
        given_up = [world.calls[int(id_)] for id_ in decision.give_up]
        for call in given_up:
            self._end(call, now, Outcome.GIVEN_UP, EndedBy.PACING)
        return given_up

    def _dial(self, what: w.Call, lead: Lead, now: datetime) -> None:
        call = c.Call(CallId(str(what.id)), ONE, lead.id, lead.number, MAIN, self.rules,
                      state=c.State.ORIGINATING, leased_at=now, dialled_at=now)  # fmt: skip
        self._put(what, None, call)

    def _put(self, what: w.Call, before: c.Call | None, after: c.Call) -> None:
        self.policies.saw(before, None, after)
        self.calls[what.id] = after
        since = after.answer_at or after.ring_at or after.dialled_at
        assert since is not None
        self.views[what.id] = CallView(after.id, ONE, MAIN, after.state, since, after.ring_at, after.operator,
                                       after.number, after.lead)  # fmt: skip

    def _end(self, what: w.Call, now: datetime, outcome: Outcome, by: EndedBy) -> None:
        self.waiting.discard(what.id)
        before = self.calls.pop(what.id)
        del self.views[what.id]
        after = replace(before, state=c.State.ENDED, end_at=now, outcome=outcome, ended_by=by)
        self.policies.saw(before, None, after)

    def saw(self, world: w.World, what: int, call: w.Call) -> None:
        now = world.at()
        before = self.calls.get(call.id)
        if before is None:
            return
        if what == w.RING:
            self._put(call, before, replace(before, state=c.State.RINGING, ring_at=now))
        elif what == w.GONE:
            self._end(call, now, Outcome.BUSY, EndedBy.NETWORK)
        elif what == w.TIRED:
            self._end(call, now, Outcome.NO_ANSWER, EndedBy.RING_TIME)
        elif what == w.DROP:
            self._end(call, now, Outcome.ABANDONED, EndedBy.SERVICE)
        elif what == w.ANSWER:
            after = replace(before, state=c.State.ANSWERED, answer_at=now)
            self._put(call, before, after)
            if call.state == w.ENDED:  # taken for a machine
                self._end(call, now, Outcome.ABANDONED, EndedBy.SERVICE)
            else:
                self.waiting.add(call.id)
                self._take_over(world, now)

    def moved(self, world: w.World, operator: w.Operator, was: int) -> None:
        now = world.at()
        self._take_over(world, now)
        one, became = self.operators[operator.id], POSTS[operator.state]
        ready = now if became is State.READY else None
        self.posts[operator.id] = self._post(one.id, became, now, ready)
        change = StateChange(one.id, POSTS[was], became, "", now, campaign=ONE)
        self.policies.moved(change, one)

    def _take_over(self, world: w.World, now: datetime) -> None:
        """Calls that have got an operator: pacing needs them no more."""
        for n in [n for n in self.waiting if n not in world.calls]:
            self.waiting.discard(n)
            before = self.calls.pop(n)
            del self.views[n]
            self.policies.saw(before, None, replace(before, state=c.State.BRIDGED, bridge_at=now))

    def _post(
        self, id_: OperatorId, state: State, since_at: datetime, ready_at: datetime | None
    ) -> OperatorView:
        return OperatorView(id_, state, since_at, ready_at, free=state is State.READY, summonable=False,
                            campaign=ONE, leaving=False)  # fmt: skip


class Seer(Product):
    """Knows each lead's true chance: what the best possible odds would be worth."""

    def decide(self, world: w.World) -> Sequence[w.Call]:
        """As the product does, with the world's own chances."""
        people = world.people
        if people is not None:

            def true(lead: Lead, trunk: TrunkId, now: datetime) -> Attempt:
                return Attempt((), people.chance(lead, now), now)

            self.policies.knowledge.chance = true  # type: ignore[method-assign]
        return super().decide(world)
