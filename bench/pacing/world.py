"""A floor in virtual time, policy only: leads, network, operators and their breaks, without an engine."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import numpy as np

from bench.pacing.leads import Population
from bench.pacing.leads import World as Leads
from dialer.domain.lead import Lead
from dialer.domain.types import Outcome

START_AT = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
GRACE_S = 2.0  # a person who gets no operator is dropped
APART_S = 0.5  # between two decisions
IDLE_S = 1.0  # a look even if nothing happened
LATE_S = 60.0  # who is off shift looks again after so long
DAY_S = 8 * 3600.0

RING, GONE, ANSWER, TIRED, DROP, TALKED, WRAPPED, BACK, LOOK = range(9)
SETUP, RINGING, WAITING, TALKING, ENDED = range(5)
READY, BUSY, WRAP, AWAY, OFF = range(5)


@dataclass(frozen=True)
class Kind:
    """What a day is like; seconds and shares. Callables take the time of day in seconds."""

    operators: int
    answer: float
    talk_s: float
    hours: float = 8.0
    setup_s: float = 1.8
    setup_sigma: float = 0.35
    busy: float = 0.06
    fail: float = 0.05
    ring_s: float = 28.0
    ring_median_s: float = 10.0
    ring_sigma: float = 0.45
    refusals: float = 0.25
    refusal_s: float = 15.0
    talk_sigma: float = 0.8
    wrap_s: float = 12.0
    wrap_sigma: float = 0.6
    break_every_s: float = 2700.0
    break_s: float = 240.0
    lines: int = 1_000_000
    answer_at: Callable[[float], float] | None = None  # share by time, in place of `answer`
    away: Callable[[float], float] | None = None  # share of operators that should be on a break now
    machine_errors: float = 0.0  # share of live answers that detection takes for machines, hence abandoned
    team_at: Callable[[float], int] | None = None  # how many of the operators are on shift at a time
    mixed: bool = False  # the leads differ (`leads`)
    voicemail: float = (
        0.0  # share of the unanswered that a machine picks up, at 18 to 22 s: an answer to pacing
    )

    @classmethod
    def named(cls, name: str, **more: Any) -> Kind:
        """10_25_150: operators, answer percent, mean talk seconds; 10_25_150_mix: the leads differ."""
        operators, answer, talk, *rest = name.split("_")
        return cls(int(operators), int(answer) / 100, float(talk), mixed=rest == ["mix"], **more)


class Call:
    __slots__ = ("answer_s", "dialled", "id", "lead", "ring_at", "state")

    def __init__(self, id_: int, dialled: float, lead: Lead | None) -> None:
        self.id = id_
        self.lead = lead
        self.dialled = dialled
        self.state = SETUP
        self.ring_at = -1.0
        self.answer_s = -1.0  # from the first ringing; below 0: never


class Operator:
    __slots__ = ("break_at", "id", "pause_s", "paused_at", "state")

    def __init__(self, id_: int) -> None:
        self.id = id_
        self.state = READY
        self.break_at = 0.0
        self.pause_s = 0.0
        self.paused_at = -1.0


class Pacing(Protocol):
    """What is judged. `world` may be read: calls that are up, operators, who is ready."""

    def decide(self, world: World) -> Sequence[Call]:
        """Dials through the world; gives the ringing calls to give up."""

    def saw(self, world: World, what: int, call: Call) -> None: ...
    def moved(self, world: World, operator: Operator, was: int) -> None: ...


class Draws:
    """Everything that leads do, drawn ahead: lead k behaves alike under every policy."""

    def __init__(self, kind: Kind, seed: int, block: int = 16384) -> None:
        self.kind, self.seed, self.block = kind, seed, block
        self.blocks: list[list[tuple[float, ...]]] = []

    def get(self, k: int) -> tuple[float, ...]:
        """setup, fate u, ring to answer, talk, wrap-up, machine u."""
        at, within = divmod(k, self.block)
        while at >= len(self.blocks):
            self.blocks.append(self._draw(len(self.blocks)))
        return self.blocks[at][within]

    def _draw(self, n: int) -> list[tuple[float, ...]]:
        kind, size = self.kind, self.block
        rng = np.random.default_rng((self.seed, n))
        setup = rng.lognormal(math.log(kind.setup_s) - kind.setup_sigma**2 / 2, kind.setup_sigma, size)
        fate = rng.random(size)
        ring = np.maximum(2.0, rng.lognormal(math.log(kind.ring_median_s), kind.ring_sigma, size))
        mean = (kind.talk_s - kind.refusals * kind.refusal_s) / (1 - kind.refusals)
        long_ = rng.lognormal(math.log(mean) - kind.talk_sigma**2 / 2, kind.talk_sigma, size)
        short = rng.exponential(kind.refusal_s, size)
        talk = np.where(rng.random(size) < kind.refusals, short, long_)
        wrap = rng.lognormal(math.log(kind.wrap_s) - kind.wrap_sigma**2 / 2, kind.wrap_sigma, size)
        machine = rng.random(size)
        return list(zip(*(x.tolist() for x in (setup, fate, ring, talk, wrap, machine)), strict=True))


@dataclass
class Day:
    """What came of it."""

    occupancy: float = 0.0
    abandoned: int = 0
    answered: int = 0
    dials: int = 0
    connected: int = 0
    given_up: int = 0
    deepest: int = 0  # how far down its list the day went: the highest number of a lead that was dialled
    idle_s: float = 0.0
    logged_s: float = 0.0
    decisions: int = 0

    @property
    def abandon(self) -> float:
        return self.abandoned / self.answered if self.answered else 0.0


class World:
    """One day."""

    def __init__(self, kind: Kind, seed: int, pacing: Pacing) -> None:
        self.kind, self.pacing = kind, pacing
        self.draws = Draws(kind, seed)
        self.people = Population(Leads(kind.answer, seed)) if kind.mixed else None
        self.now = 0.0
        self.heap: list[tuple[float, int, int, Any]] = []
        self.seq = 0
        self.calls: dict[int, Call] = {}  # not ended, and without an operator
        self.waiting: deque[Call] = deque()
        self.operators = [Operator(n) for n in range(kind.operators)]
        self.rng = np.random.default_rng((seed, 10**6))
        for op in self.operators:
            op.break_at = float(self.rng.exponential(kind.break_every_s))
            if self.is_off(op):
                self.leave(op, OFF, LATE_S)
        self.ready = deque(op for op in self.operators if op.state == READY)
        self.next_lead = 0
        self.day = Day()
        self.busy_s = 0.0
        self.end_s = kind.hours * 3600.0

    def push(self, at: float, what: int, who: Any) -> None:
        self.seq += 1
        heapq.heappush(self.heap, (at, self.seq, what, who))

    def run(self) -> Day:
        heap, pop = self.heap, heapq.heappop
        self.push(0.0, LOOK, None)
        look_at = 0.0
        last = -1.0
        while heap:
            at, _, what, who = pop(heap)
            if at >= self.end_s:
                break
            self.now = at
            if what == LOOK:
                if at < look_at:
                    continue
                last = at
                self.look()
                look_at = at + IDLE_S
                self.push(look_at, LOOK, None)
                continue
            if self.happen(what, who):
                due = max(at, last + APART_S)
                if due < look_at:
                    look_at = due
                    self.push(due, LOOK, None)
        return self.total()

    def happen(self, what: int, who: Any) -> bool:
        """True when a decision may depend on it."""
        if what <= DROP:
            call: Call = who
            if what == RING:
                if call.state != SETUP:
                    return False
                call.state, call.ring_at = RINGING, self.now
                tired_at = call.dialled + self.kind.ring_s
                if call.answer_s >= 0 and self.now + call.answer_s < tired_at:
                    self.push(self.now + call.answer_s, ANSWER, call)
                else:
                    self.push(tired_at, TIRED, call)
            elif what == GONE:
                self.end(call, Outcome.BUSY)
            elif what == ANSWER:
                if call.state != RINGING:
                    return False
                self.answer(call)
            elif what == TIRED:
                if call.state != RINGING:
                    return False
                self.end(call, Outcome.NO_ANSWER)
            elif what == DROP:
                if call.state != WAITING:
                    return False
                self.day.abandoned += 1
                self.waiting.remove(call)
                self.end(call, Outcome.ABANDONED)
            self.pacing.saw(self, what, call)
            return True
        op: Operator = who
        was = op.state
        if what == TALKED:
            op.state = WRAP
        elif self.is_off(op):
            self.leave(op, OFF, LATE_S)
        elif self.wants_break(op, what):
            self.leave(op, AWAY, self.break_length())
        else:
            if what == BACK:
                op.pause_s += self.now - op.paused_at
                op.paused_at = -1.0
                op.break_at = self.now + float(self.rng.exponential(self.kind.break_every_s))
            op.state = READY
            self.ready.append(op)
        self.pacing.moved(self, op, was)
        if op.state == READY and self.waiting:
            self.connect(self.waiting.popleft())
        return True

    def leave(self, op: Operator, state: int, for_s: float) -> None:
        """Away from the desk."""
        if op.paused_at < 0:
            op.paused_at = self.now
        op.state = state
        self.push(self.now + for_s, BACK, op)

    def is_off(self, op: Operator) -> bool:
        """Not on shift now."""
        return self.kind.team_at is not None and op.id >= self.kind.team_at(self.now)

    def break_length(self) -> float:
        return 60.0 if self.kind.away else self.kind.break_s

    def wants_break(self, op: Operator, what: int) -> bool:
        if self.kind.away is not None:
            away = sum(1 for each in self.operators if each.state == AWAY and each is not op)
            return away < round(self.kind.away(self.now) * len(self.operators))
        return what == WRAPPED and self.now >= op.break_at

    def answer(self, call: Call) -> None:
        self.day.answered += 1
        call.state = WAITING
        self.waiting.append(call)
        if self.draws.get(call.id)[5] < self.kind.machine_errors:
            self.day.abandoned += 1
            self.waiting.remove(call)
            self.end(call, Outcome.ABANDONED)
        elif self.ready:
            self.waiting.remove(call)
            self.connect(call)
        else:
            self.push(self.now + GRACE_S, DROP, call)

    def connect(self, call: Call) -> None:
        op = self.ready.popleft()
        self.day.connected += 1
        _, _, _, talk, wrap, _ = self.draws.get(call.id)
        op.state = BUSY
        call.state = TALKING
        self.calls.pop(call.id, None)
        self.result(call, Outcome.CONNECTED)
        self.busy_s += min(talk + wrap, self.end_s - self.now)
        self.push(self.now + talk, TALKED, op)
        self.push(self.now + talk + wrap, WRAPPED, op)
        self.pacing.moved(self, op, READY)

    def end(self, call: Call, outcome: Outcome) -> None:
        call.state = ENDED
        self.calls.pop(call.id, None)
        self.result(call, outcome)

    def result(self, call: Call, outcome: Outcome) -> None:
        """A mixed list takes its lead back."""
        if call.lead is not None and self.people is not None:
            self.people.result(call.lead, outcome, self.at())

    def dial(self, lead: Lead | None = None) -> Call:
        """The next number; in a mixed world the policy names the lead."""
        k = self.next_lead
        self.next_lead += 1
        setup, _, ring, _, _, machine = self.draws.get(k)
        call = self.calls[k] = Call(k, self.now, lead)
        self.day.dials += 1
        fate = self.fate(k) if lead is None else self.fate_of(lead)
        if fate in (Outcome.BUSY, Outcome.NETWORK_FAILURE):
            self.push(self.now + setup, GONE, call)
        else:
            if fate is Outcome.CONNECTED:
                call.answer_s = ring
            elif machine < self.kind.voicemail:
                call.answer_s = 18.0 + 4.0 * machine / self.kind.voicemail
            self.push(self.now + setup, RING, call)
        return call

    def fate(self, k: int) -> Outcome:
        """Of the dial number k, if all leads are alike."""
        kind, luck = self.kind, self.draws.get(k)[1]
        if luck < kind.busy + kind.fail:
            return Outcome.BUSY
        p = kind.answer if kind.answer_at is None else kind.answer_at(self.now)
        return Outcome.CONNECTED if luck < kind.busy + kind.fail + p else Outcome.NO_ANSWER

    def fate_of(self, lead: Lead) -> Outcome:
        """Of this lead, now."""
        assert self.people is not None
        self.people.take(lead)
        self.day.deepest = max(self.day.deepest, lead.id)
        return self.people.fate(lead, self.at())

    def at(self) -> datetime:
        """Now, as an instant."""
        return START_AT + timedelta(seconds=self.now)

    def look(self) -> None:
        self.day.decisions += 1
        for call in self.pacing.decide(self):
            self.day.given_up += 1
            self.end(call, Outcome.GIVEN_UP)

    def total(self) -> Day:
        day = self.day
        paused = sum(
            op.pause_s + (self.end_s - op.paused_at if op.paused_at >= 0 else 0.0) for op in self.operators
        )
        day.logged_s = len(self.operators) * self.end_s - paused
        day.occupancy = self.busy_s / day.logged_s
        day.idle_s = day.logged_s - self.busy_s
        return day
