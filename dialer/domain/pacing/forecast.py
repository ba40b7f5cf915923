"""Who will answer and who will be free: chances at some instants ahead, from the curves that were learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from dialer.domain.pacing.chance import Sum
from dialer.domain.pacing.curves import Ages, Curve, Floats
from dialer.domain.pacing.decision import CallView
from dialer.domain.pacing.learned import ANSWERS, RING_EDGES, RINGS, SETUP_EDGES, TALK_EDGES, Learned
from dialer.domain.pacing.team import AWAY, Counts

HORIZONS = 10  # instants at which a call dialled now may be answered, each as likely as the others
STEP_S = 0.5
STEP = timedelta(seconds=STEP_S)
SET_UP_ROWS = 24  # whatever takes longer is as good as 12 s old
SLICE_S = 1.0
MOST = 0.98
TINY = 1e-9
ANY = ""  # a trunk that nothing is known of
_ROWS_S = np.arange(SET_UP_ROWS) * STEP_S


@dataclass(frozen=True, slots=True)
class UnderWay:
    """How old is what has not ended yet, in seconds."""

    ringing_s: Ages = ()
    talks_s: Ages = ()
    wraps_s: Ages = ()


NOTHING = UnderWay()


class _SetUp:
    """How a trunk's calls come to ring: the share that does, and how likely it begins in each slice."""

    def __init__(self, curve: Curve, ring_s: float) -> None:
        ended, alive = curve.shares()
        self.ringing_share = max(float(ended[RINGS][-1]), 1e-3)
        fine = np.arange(0.0, ring_s + STEP_S / 2, STEP_S / 2)
        self.began: Floats = np.diff(np.interp(fine, SETUP_EDGES, ended[RINGS]) / self.ringing_share)
        self.mids: Floats = (fine[:-1] + fine[1:]) / 2
        self.alive: Floats = np.maximum(np.interp(_ROWS_S, SETUP_EDGES, alive), 0.02)


class Forecast:
    """Tables by age at the horizons `at_s` (seconds from now); made anew when the curves have moved.

    Of a call with a chance p of being answered, which rings for a seconds, the chance of an answer within the
    next h is p (F(a + h) - F(a)) / (p (1 - F(a)) + (1 - p) N(a)): F are the answer times of those that are
    answered, N the share of the others that still ring (a mixture cure model: Boag, JRSS B 11, 1949).
    """

    def __init__(
        self, learned: Learned, *, ring_s: float, grace_s: float, under_way: UnderWay = NOTHING
    ) -> None:
        """`grace_s`: an operator who comes free so long after the answer is in time."""
        self._ages = np.arange(0.0, ring_s + STEP_S, STEP_S)
        answered, silent = self._ringing(learned, under_way)
        self.at_s = self._instants(answered, _SetUp(learned.setup, ring_s))
        self._calls(answered, silent, learned, ring_s)
        self._operators(learned, self.at_s + grace_s, under_way)

    # --- tables

    def _ringing(self, learned: Learned, under_way: UnderWay) -> tuple[Floats, Floats]:
        """F and N at each age."""
        ended, alive = learned.ring.shares(under_way.ringing_s)
        got = np.interp(self._ages, RING_EDGES, ended[ANSWERS])
        total = min(max(float(got[-1]), 1e-6), 1.0 - 1e-6)
        silent = (np.interp(self._ages, RING_EDGES, alive) - (total - got)) / (1.0 - total)
        return got / total, silent

    def _instants(self, answered: Floats, way: _SetUp) -> Floats:
        """Quantiles of the time from the dialing to the answer."""
        ahead = np.interp(self._ages[None, :] - way.mids[:, None], self._ages, answered, left=0.0, right=1.0)
        by_then = (way.began[:, None] * ahead).sum(axis=0)
        by_then = np.maximum.accumulate(by_then / max(float(by_then[-1]), TINY)) + TINY * self._ages
        instants: Floats = np.interp((np.arange(HORIZONS) + 0.5) / HORIZONS, by_then, self._ages)
        return instants

    def _calls(self, answered: Floats, silent: Floats, learned: Learned, ring_s: float) -> None:
        """One table for calls of all ages: those that ring, then trunk by trunk those that do not yet."""
        ahead = self._ages[:, None] + self.at_s[None, :]
        tables = [np.interp(ahead, self._ages, answered, right=1.0) - answered[:, None]]
        steps = np.minimum(np.arange(len(self._ages)), SET_UP_ROWS - 1)
        self._ways: dict[str, tuple[int, float]] = {}  # the first of its rows; its share of dials that ring
        self._new: dict[str, Floats] = {}
        for trunk, curve in {ANY: learned.setup, **learned.by_trunk}.items():
            way = _SetUp(curve, ring_s)
            before = self._before_ringing(answered, way)
            self._ways[trunk] = len(tables) * len(self._ages), way.ringing_share
            self._new[trunk] = before[0]
            tables.append((before * way.ringing_share)[steps])
        self._soon = np.concatenate(tables)
        sure = [1.0] * (len(self._soon) - len(self._ages))
        self._yet: list[float] = np.maximum(1.0 - answered, 0.0).tolist() + sure
        self._silent: list[float] = (np.maximum(silent, 0.0) + TINY).tolist() + sure

    def _before_ringing(self, answered: Floats, way: _SetUp) -> Floats:
        """For each p: the chance of an answer, by the time since the dialing."""
        left = self.at_s[None, :] - way.mids[:, None]
        in_time = np.interp(left, self._ages, answered, left=0.0, right=1.0)
        # A row is STEP_S older than the one before it: what may still begin comes two slices earlier.
        later = np.concatenate((way.began, np.zeros(2 * SET_UP_ROWS)))
        later = np.lib.stride_tricks.sliding_window_view(later, len(way.began))[: 2 * SET_UP_ROWS : 2]
        chances: Floats = np.einsum("rs,sh->rh", later, in_time) / way.alive[:, None]
        return chances

    def _operators(self, learned: Learned, by_s: Floats, under_way: UnderWay) -> None:
        """Free by then: the talk ends, the wrap-up ends, and no break follows; last row: those on a break."""
        stays = 1.0 - learned.break_share
        talk = learned.talk.hazard(under_way.talks_s)
        wrap_up = learned.wrap_up.hazard(under_way.wraps_s)
        slices = np.arange(0.0, float(by_s[-1]) + SLICE_S, SLICE_S)
        ends = np.diff(_ended(talk, slices), axis=1)
        left = np.maximum(by_s[None, :] - (slices[:-1] + SLICE_S / 2)[:, None], 0.0)
        wrapped = 1.0 - np.exp(-np.interp(left, TALK_EDGES, wrap_up))
        back = 1.0 - np.exp(-learned.return_rate * by_s)
        table = np.concatenate((stays * (ends @ wrapped), stays * _ended(wrap_up, by_s), back[None, :]))
        self._comes_free = np.concatenate((table, table * (1.0 - table)), axis=1)
        self._doubts = np.full(2 * HORIZONS, learned.talk_doubt)

    # --- chances

    def new(self, trunk: str) -> Floats:
        """Of a call dialled now, for each p of its chance to be answered at all."""
        return self._new.get(trunk, self._new[ANY])

    def answers(self, calls: Sequence[CallView], chances: Sequence[float], now: datetime) -> Sum:
        """Of calls under way, each with the chance of its dial, from before anything was known of it."""
        rows, likely = [], []
        ways, any_way, yet, silent = self._ways, self._ways[ANY], self._yet, self._silent
        oldest = len(self._ages) - 1
        trunk, first, share = ANY, *any_way
        for call, p in zip(calls, chances, strict=True):
            if call.trunk is not trunk:
                trunk = call.trunk
                first, share = ways.get(trunk, any_way)
            ring_at = call.ring_at
            row = (now - (ring_at or call.since_at)) // STEP
            if not 0 <= row <= oldest:  # min and max of each would be a third of the work
                row = 0 if row < 0 else oldest
            if ring_at is None:
                row += first
            q = p / share if p < MOST * share else MOST
            rows.append(row)
            likely.append(q / (q * yet[row] + (1.0 - q) * silent[row]))
        if not rows:
            return Sum.none(HORIZONS)
        soon, weights = self._soon.take(rows, axis=0), np.array(likely)
        mean = weights.dot(soon)
        return Sum(mean, mean - (weights * weights).dot(soon * soon))

    def free(self, counts: Counts) -> Sum:
        """Of operators, counted as `Team.look` does."""
        moments = counts[: AWAY + 1].dot(self._comes_free)
        return Sum(moments[:HORIZONS], moments[HORIZONS:])

    def doubts(self, of_answers: float) -> Floats:
        """Of the answers, then of `free`: how far the chances may be off all together (`Sum.doubted`)."""
        doubts = self._doubts.copy()
        doubts[:HORIZONS] = of_answers
        return doubts

    def late_answer(self, age_s: float, p: float, trunk: str) -> float:
        """The chance that a call which has rung for so long is still answered within the ring time."""
        at = min(int(age_s / STEP_S), len(self._ages) - 1)
        q = min(p / self._ways.get(trunk, self._ways[ANY])[1], MOST)
        still = q * self._yet[at]
        return still / (still + (1.0 - q) * self._silent[at])


def _ended(hazard: Floats, ahead_s: Floats) -> Floats:
    """For each bin of age: the chance to have ended so many seconds later."""
    ages = TALK_EDGES[:-1]
    gone = np.interp(ages, TALK_EDGES, hazard)[:, None]
    ended: Floats = 1.0 - np.exp(gone - np.interp(ages[:, None] + ahead_s[None, :], TALK_EDGES, hazard))
    return ended
