"""Some hours of one floor without an engine: the policy itself, people and operators who are only drawn."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count

from dialer.domain.call import Call, Rules
from dialer.domain.call import State as At
from dialer.domain.campaign import Campaign
from dialer.domain.lead import Lead
from dialer.domain.operators import LegState, Operator, State, StateChange
from dialer.domain.pacing.decision import CallView, Dial, OperatorView, Policy, Snapshot, TrunkView
from dialer.domain.types import (
    CallId,
    CampaignId,
    CampaignStatus,
    EndedBy,
    LeadId,
    OperatorId,
    Outcome,
    PhoneNumber,
    TrunkId,
)
from dialer.sim.callers import drawing, drawn
from dialer.sim.fate import Fate
from dialer.sim.scenario import HOUR_S, Scenario

START_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ONE, MAIN = CampaignId(1), TrunkId("sim")
PLENTY = 1_000_000  # of lines
COMING_S = 180.0  # within which everybody has come
ENDS = {"busy": Outcome.BUSY, "congestion": Outcome.CONGESTION, "no_answer": Outcome.NO_ANSWER}


@dataclass(slots=True)
class Tally:
    """What came of the hours that count."""

    hours: float = 0.0
    dials: int = 0
    answered: int = 0
    abandoned: int = 0
    connected: int = 0
    given_up: int = 0
    decisions: int = 0
    busy_s: float = 0.0  # talk and wrap-up
    present_s: float = 0.0  # logged in less pauses

    @property
    def occupancy(self) -> float:
        return self.busy_s / self.present_s if self.present_s else 0.0

    @property
    def abandoned_share(self) -> float:
        return self.abandoned / self.answered if self.answered else 0.0


@dataclass(slots=True, eq=False)
class _Line:
    """A call, and what becomes of it."""

    call: Call
    fate: Fate
    is_up: bool = True  # nobody talks in it yet


@dataclass(slots=True, eq=False)
class _Post:
    """Where an operator is, and since when."""

    operator: Operator
    state: State = State.OFFLINE
    since_s: float = 0.0
    wants_rest: bool = False
    line: _Line | None = None  # reserved for, or talking in


class Floor:
    """One campaign, one trunk, leads without end. Time goes from event to event."""

    def __init__(self, world: Scenario, seed: int, policy: Policy, *, apart_s: float, idle_s: float) -> None:
        """Two decisions are at least `apart_s` apart, and at most `idle_s`."""
        self._world, self._seed, self._policy = world, seed, policy
        self._apart_s, self._idle_s = apart_s, idle_s
        self._answer_p = world.answers.points[0][1]
        self._chance = drawing(seed, 0, 1)
        self._heap: list[tuple[float, int, Callable[[], bool]]] = []
        self._order = count()
        ids = [OperatorId(str(101 + n)) for n in range(world.operators)]
        self._campaign = campaign_of(world, frozenset(ids))
        self._rules = Rules(ring_s=world.dialing.ring_s)
        self._lines: dict[CallId, _Line] = {}  # in flight and without an operator to talk to
        self._views: dict[CallId, CallView] = {}
        self._waiting: deque[_Line] = deque()
        self._leads: list[Lead] = []
        self._numbers = count(1)
        self._posts = {id_: _Post(Operator(id_, state=State.READY, leg=LegState.UP)) for id_ in ids}
        self._team = {id_: _view(post) for id_, post in self._posts.items()}
        self._ready: dict[OperatorId, _Post] = {}  # longest ready first
        self._counts_from_s = 0.0
        self.now_s = 0.0
        self.tally = Tally()

    def run(self, hours: float, *, warm_up_h: float = 0.0) -> Tally:
        """The floor through so many hours; those of the warm-up before them do not count."""
        self._counts_from_s, end_s = warm_up_h * HOUR_S, (warm_up_h + hours) * HOUR_S
        for post in self._posts.values():  # one after the other, as people come
            self._later(self._chance.uniform(0.0, COMING_S), partial(self._is_back, post))
        decided_s, due_s = 0.0, 0.0
        while (next_s := min(due_s, self._heap[0][0] if self._heap else due_s)) < end_s:
            self.now_s = next_s
            if self._heap and self._heap[0][0] <= due_s:
                if heapq.heappop(self._heap)[2]():
                    due_s = min(due_s, max(self.now_s, decided_s + self._apart_s))
                continue
            self._decide()
            decided_s, due_s = self.now_s, self.now_s + self._idle_s
        self.now_s = end_s
        for post in self._posts.values():
            self._count_time(post)
        self.tally.hours = hours
        return self.tally

    def _later(self, in_s: float, what: Callable[[], bool]) -> None:
        heapq.heappush(self._heap, (self.now_s + in_s, next(self._order), what))

    def _now(self) -> datetime:
        return START_AT + timedelta(seconds=self.now_s)

    @property
    def _counts(self) -> bool:
        return self.now_s >= self._counts_from_s

    # --- decisions

    def _decide(self) -> None:
        while len(self._leads) < 20 + 3 * len(self._posts):
            n = next(self._numbers)
            self._leads.append(Lead(LeadId(n), ONE, (PhoneNumber(f"+7916{n:07}"),)))
        in_use = len(self._lines) + sum(post.state is State.TALKING for post in self._posts.values())
        free = max(0, (self._world.line.lines or PLENTY) - in_use)
        decision = self._policy.decide(
            Snapshot(
                self._now(),
                [self._campaign],
                {ONE: self._leads},
                list(self._views.values()),
                list(self._team.values()),
                {MAIN: TrunkView(MAIN, free, PLENTY, usable=True)},
            )
        )
        self.tally.decisions += self._counts
        gone = {dial.lead.id for dial in decision.dial}
        self._leads = [lead for lead in self._leads if lead.id not in gone]
        for dial in decision.dial:
            self._dial(dial)
        for id_ in decision.give_up:
            self.tally.given_up += self._counts
            self._end(self._lines[id_], Outcome.GIVEN_UP, EndedBy.PACING)

    def _dial(self, dial: Dial) -> None:
        now, lead = self._now(), dial.lead
        fate = drawn(self._world, drawing(self._seed, lead.id, 1), self._answer_p)
        call = Call(CallId(str(lead.id)), ONE, lead.id, lead.number, MAIN, self._rules, state=At.ORIGINATING,
                    operator=dial.operator, leased_at=now, dialled_at=now)  # fmt: skip
        line = _Line(call, fate)
        self._lines[call.id] = line
        self.tally.dials += self._counts
        self._became(line, None, call)
        if dial.operator is not None:
            post = self._posts[dial.operator]
            post.line = line
            self._go(post, State.RESERVED)
        ends = fate.does in ("busy", "congestion")
        self._later(fate.setup_s, lambda: self._ends(line) if ends else self._rings(line))

    # --- calls

    def _became(self, line: _Line, before: Call | None, after: Call) -> None:
        self._policy.saw(before, None, after)
        line.call = after
        since_at = after.answer_at or after.ring_at or after.dialled_at
        assert since_at is not None
        self._views[after.id] = CallView(after.id, ONE, MAIN, after.state, since_at, after.ring_at,
                                         after.operator, after.number, after.lead)  # fmt: skip

    def _rings(self, line: _Line) -> bool:
        if not line.is_up:
            return False
        self._became(line, line.call, replace(line.call, state=At.RINGING, ring_at=self._now()))
        ring_s = self._rules.ring_s
        if line.fate.does == "answer" and line.fate.after_s < ring_s:
            self._later(line.fate.after_s, lambda: self._answers(line))
        else:
            self._later(ring_s, lambda: self._ends(line))
        return True

    def _answers(self, line: _Line) -> bool:
        if not line.is_up:
            return False
        self.tally.answered += self._counts
        self._became(line, line.call, replace(line.call, state=At.ANSWERED, answer_at=self._now()))
        if line.call.operator is not None:
            self._connect(line, self._posts[line.call.operator])
        elif self._ready:
            self._connect(line, next(iter(self._ready.values())))
        else:
            self._waiting.append(line)
            self._later(self._rules.give_up_s, lambda: self._is_lost(line))
        return True

    def _is_lost(self, line: _Line) -> bool:
        if not line.is_up:
            return False
        self.tally.abandoned += self._counts
        self._waiting.remove(line)
        self._end(line, Outcome.ABANDONED, EndedBy.SERVICE)
        return True

    def _ends(self, line: _Line) -> bool:
        if not line.is_up:
            return False
        does = line.fate.does
        self._end(line, ENDS.get(does, Outcome.NO_ANSWER),
                  EndedBy.NETWORK if does in ("busy", "congestion") else EndedBy.RING_TIME)  # fmt: skip
        return True

    def _end(self, line: _Line, outcome: Outcome, by: EndedBy) -> None:
        before = self._leave(line)
        after = replace(before, state=At.ENDED, end_at=self._now(), outcome=outcome, ended_by=by)
        self._policy.saw(before, None, after)
        if before.operator is not None:
            post = self._posts[before.operator]
            post.line = None
            self._is_free(post)

    def _leave(self, line: _Line) -> Call:
        """Pacing needs this call no more."""
        line.is_up = False
        del self._lines[line.call.id], self._views[line.call.id]
        return line.call

    # --- operators

    def _connect(self, line: _Line, post: _Post) -> None:
        self.tally.connected += self._counts
        before = self._leave(line)
        self._policy.saw(before, None, replace(before, state=At.BRIDGED, bridge_at=self._now(),
                                               operator=post.operator.id))  # fmt: skip
        self._go(post, State.TALKING)
        self._later(line.fate.talk_s, lambda: self._has_talked(post, line.fate.wrap_up_s))

    def _has_talked(self, post: _Post, wrap_up_s: float) -> bool:
        self._go(post, State.WRAP_UP)
        self._later(wrap_up_s, lambda: self._is_free(post))
        return True

    def _is_free(self, post: _Post) -> bool:
        if post.wants_rest:
            return self._rests(post)
        self._go(post, State.READY)
        if self._waiting:
            self._connect(self._waiting.popleft(), post)
        return True

    def _plan_rest(self, post: _Post) -> None:
        if (breaks := self._world.breaks) is not None:
            self._later(self._chance.expovariate(1 / (60 * breaks.every_min)), lambda: self._tires(post))

    def _tires(self, post: _Post) -> bool:
        post.wants_rest = True
        return self._rests(post) if post.state is State.READY else False

    def _rests(self, post: _Post) -> bool:
        assert self._world.breaks is not None
        post.wants_rest = False
        self._go(post, State.PAUSED)
        self._later(self._world.breaks.length_s.draw(self._chance), lambda: self._is_back(post))
        return True

    def _is_back(self, post: _Post) -> bool:
        self._plan_rest(post)
        return self._is_free(post)

    def _go(self, post: _Post, became: State) -> None:
        self._count_time(post)
        was, post.state, post.since_s = post.state, became, self.now_s
        self._ready.pop(post.operator.id, None)
        if became is State.READY:
            self._ready[post.operator.id] = post
        self._team[post.operator.id] = _view(post)
        self._moved(post, was, became)

    def _moved(self, post: _Post, was: State, became: State) -> None:
        change = StateChange(post.operator.id, was, became, "", self._now(), campaign=ONE)
        self._policy.moved(change, post.operator)

    def _count_time(self, post: _Post) -> None:
        span_s = self.now_s - max(post.since_s, self._counts_from_s)
        if span_s > 0 and post.state not in (State.PAUSED, State.OFFLINE):
            self.tally.present_s += span_s
            if post.state in (State.TALKING, State.WRAP_UP):
                self.tally.busy_s += span_s


def campaign_of(world: Scenario, operators: frozenset[OperatorId]) -> Campaign:
    """The campaign that the scenario speaks of."""
    dialing = world.dialing
    return Campaign(ONE, world.name, mode=dialing.mode, status=CampaignStatus.RUNNING, ratio=dialing.ratio,
                    operators=operators, trunks=(MAIN,), ring_s=dialing.ring_s,
                    ceiling=dialing.target)  # fmt: skip


def _view(post: _Post) -> OperatorView:
    since_at = START_AT + timedelta(seconds=post.since_s)
    is_ready = post.state is State.READY
    return OperatorView(post.operator.id, post.state, since_at, since_at if is_ready else None, free=is_ready,
                        summonable=False, campaign=ONE, leaving=False)  # fmt: skip
