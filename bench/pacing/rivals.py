"""What others do, as their sources and papers describe it: to be measured beside, never shipped."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, erf

from bench.pacing import world as w

TARGET = 0.03


class Vicidial:
    """ADAPT_HARD_LIMIT with its default intervals: a level for the whole team, steered by its idle share.

    Every 2.5 s it dials up to level x operators (ready or talking), less what is up; every 15 s the level
    moves by (ready - waiting) / operators; every 60 s it looks at the day's dropped share: above the target,
    level 1.
    """

    def __init__(self, kind: w.Kind) -> None:
        self.level = 1.0
        self.over = False
        self._dial_at = self._level_at = self._drops_at = 0.0

    def decide(self, world: w.World) -> Sequence[w.Call]:
        """Dials; gives nothing up."""
        now, ready = world.now, len(world.ready)
        talking = sum(op.state == w.BUSY for op in world.operators)
        if now >= self._drops_at:
            self._drops_at = now + 60.0
            self.over = world.day.abandon > TARGET
        if now >= self._level_at and ready + talking:
            self._level_at = now + 15.0
            moved = self.level * (1 + (ready - len(world.waiting)) / (ready + talking))
            self.level = 1.0 if self.over else min(3.0, max(1.0, moved))
        if now >= self._dial_at:
            self._dial_at = now + 2.5
            for _ in range(int(self.level * (ready + talking)) - len(world.calls) - talking):
                world.dial()
        return ()

    def saw(self, world: w.World, what: int, call: w.Call) -> None:
        """It looks at counts only."""

    def moved(self, world: w.World, operator: w.Operator, was: int) -> None:
        """It looks at counts only."""


class Textbook:
    """One more line while P(answers > operators free within the horizon) <= epsilon, which follows the share.

    Calls are not aged: each on its way is answered with the running rate.  Operators come free as if talks
    and wrap-ups were exponential with their running means.
    """

    HORIZON_S = 12.0

    def __init__(self, kind: w.Kind) -> None:
        self.epsilon = 0.05
        self._tried, self._answered = 20.0, 6.0
        self._talk_s, self._wrap_s = 120.0, 15.0
        self._since: dict[int, float] = {}

    def decide(self, world: w.World) -> Sequence[w.Call]:
        """Dials; gives nothing up."""
        talks = sum(op.state == w.BUSY for op in world.operators)
        wraps = sum(op.state == w.WRAP for op in world.operators)
        if not world.ready and not talks and not wraps:
            return ()
        free = len(world.ready) - len(world.waiting)
        free += int(talks * self.HORIZON_S / self._talk_s + wraps * min(1.0, self.HORIZON_S / self._wrap_s))
        p = self._answered / self._tried
        while len(world.calls) < free or _more_than(free, len(world.calls) + 1, p) <= self.epsilon:
            world.dial()
        return ()

    def saw(self, world: w.World, what: int, call: w.Call) -> None:
        """The running rate, and the feedback on epsilon at each answer."""
        if what in (w.ANSWER, w.TIRED, w.GONE):
            self._tried = self._tried * 0.998 + 1
            self._answered = self._answered * 0.998 + (what == w.ANSWER)
        if what == w.ANSWER:
            moved = self.epsilon * (1 + 0.5 * (TARGET - world.day.abandon))
            self.epsilon = min(0.5, max(0.001, moved))

    def moved(self, world: w.World, operator: w.Operator, was: int) -> None:
        """The running means of talk and wrap-up."""
        span = world.now - self._since.get(operator.id, world.now)
        self._since[operator.id] = world.now
        if was == w.BUSY:
            self._talk_s += 0.02 * (span - self._talk_s)
        elif was == w.WRAP:
            self._wrap_s += 0.02 * (span - self._wrap_s)


def _more_than(free: int, calls: int, p: float) -> float:
    """P(X > free) of a binomial; of many calls by its normal shape."""
    if free < 0:
        return 1.0
    if calls > 60:
        z = (free + 0.5 - calls * p) / (calls * p * (1 - p)) ** 0.5
        return 0.5 * (1 - erf(z / 2**0.5))
    below = (comb(calls, k) * p**k * (1 - p) ** (calls - k) for k in range(min(free, calls) + 1))
    return float(1.0 - sum(below))
