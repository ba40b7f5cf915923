"""Who will answer and who will be free: chances at some instants ahead, from the curves that were learned."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dialer.domain.pacing.chance import Sum
from dialer.domain.pacing.curves import Floats
from dialer.domain.pacing.learned import ANSWERS, RING_EDGES, RINGS, SETUP_EDGES, TALK_EDGES, Learned

HORIZONS = 10  # instants at which a call dialled now may be answered, each as likely as the others
STEP_S = 0.5
SET_UP_ROWS = 24  # whatever takes longer is as good as 12 s old
SLICE_S = 1.0
MOST = 0.98
TINY = 1e-9
_TALK_STARTS = TALK_EDGES[:-1]


@dataclass(frozen=True, slots=True)
class UnderWay:
    """How old is what has not ended yet, in seconds."""

    ringing_s: Sequence[float] = ()
    talks_s: Sequence[float] = ()
    wraps_s: Sequence[float] = ()


NOTHING = UnderWay()


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
        answered, silent, self.ringing_share = self._ringing(learned, under_way)
        began, mids = self._set_up(learned, ring_s)
        self.at_s = self._instants(answered, began, mids)
        before = self._before_ringing(learned, answered, began, mids)
        self.new: Floats = before[0]  # of a call dialled now, for each p of its chance to be answered at all
        self._calls(answered, silent, before)
        self._operators(learned, self.at_s + grace_s, under_way)

    # --- tables

    def _ringing(self, learned: Learned, under_way: UnderWay) -> tuple[Floats, Floats, float]:
        """F and N at each age, and the share of dials that come to ring."""
        ended, alive = learned.ring.shares(under_way.ringing_s)
        got = np.interp(self._ages, RING_EDGES, ended[ANSWERS])
        total = min(max(float(got[-1]), 1e-6), 1.0 - 1e-6)
        silent = (np.interp(self._ages, RING_EDGES, alive) - (total - got)) / (1.0 - total)
        rings, _ = learned.setup.shares()
        return got / total, silent, max(float(rings[RINGS][-1]), 1e-3)

    def _set_up(self, learned: Learned, ring_s: float) -> tuple[Floats, Floats]:
        """How likely the ringing begins in each slice of the time from the dialing, and their middles."""
        fine = np.arange(0.0, ring_s + STEP_S / 2, STEP_S / 2)
        ended, _ = learned.setup.shares()
        began = np.diff(np.interp(fine, SETUP_EDGES, ended[RINGS]) / self.ringing_share)
        return began, (fine[:-1] + fine[1:]) / 2

    def _instants(self, answered: Floats, began: Floats, mids: Floats) -> Floats:
        """Quantiles of the time from the dialing to the answer."""
        ahead = np.interp(self._ages[None, :] - mids[:, None], self._ages, answered, left=0.0, right=1.0)
        by_then = (began[:, None] * ahead).sum(axis=0)
        by_then = np.maximum.accumulate(by_then / max(float(by_then[-1]), TINY)) + TINY * self._ages
        instants: Floats = np.interp((np.arange(HORIZONS) + 0.5) / HORIZONS, by_then, self._ages)
        return instants

    def _before_ringing(self, learned: Learned, answered: Floats, began: Floats, mids: Floats) -> Floats:
        """For each p: the chance of an answer, by the time since the dialing."""
        rows = np.arange(SET_UP_ROWS) * STEP_S
        later = np.where(mids[None, :] > rows[:, None], began[None, :], 0.0)
        wait = np.maximum(mids[None, :] - rows[:, None], 0.0)
        left = self.at_s[None, None, :] - wait[:, :, None]
        hit = (later[:, :, None] * np.interp(left, self._ages, answered, left=0.0, right=1.0)).sum(axis=1)
        _, alive = learned.setup.shares()
        chances: Floats = hit / np.maximum(np.interp(rows, SETUP_EDGES, alive), 0.02)[:, None]
        return chances

    def _calls(self, answered: Floats, silent: Floats, before: Floats) -> None:
        """One table for calls of all ages: first those that ring, then those that do not ring yet."""
        ahead = self._ages[:, None] + self.at_s[None, :]
        soon = np.interp(ahead, self._ages, answered, right=1.0) - answered[:, None]
        self._soon = np.concatenate((soon, before * self.ringing_share))
        self._soon_squared = self._soon**2
        sure = [1.0] * len(before)
        self._yet: list[float] = np.maximum(1.0 - answered, 0.0).tolist() + sure
        self._silent: list[float] = (np.maximum(silent, 0.0) + TINY).tolist() + sure

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
        self._talk_doubt = learned.talk_doubt

    # --- chances

    def answers(self, calls: Iterable[tuple[bool, float, float]]) -> Sum:
        """Of calls under way: (whether it rings, its age in seconds, the chance of the dial).

        The age is that of the ringing, else of the dial; the chance the one from before anything was known.
        """
        rows, likely = [], []
        ages, top, share, yet, silent = (
            len(self._ages),
            len(self._yet) - 1,
            self.ringing_share,
            self._yet,
            self._silent,
        )
        for rings, age_s, p in calls:
            row = max(int(age_s / STEP_S), 0)
            row = min(row, ages - 1) if rings else min(row + ages, top)
            q = min(p / share, MOST)
            rows.append(row)
            likely.append(q / (q * yet[row] + (1.0 - q) * silent[row]))
        if not rows:
            return Sum.none(HORIZONS)
        at, weights = np.array(rows), np.array(likely)
        mean = weights @ self._soon[at]
        return Sum(mean, mean - (weights * weights) @ self._soon_squared[at])

    def free(self, talks_s: Sequence[float], wraps_s: Sequence[float], away: int) -> Sum:
        """Of operators who have talked, or have been in wrap-up, for so long, and of those on a break."""
        bins = len(TALK_EDGES) - 1
        counts = np.zeros(2 * bins + 1)
        for ages, first in ((talks_s, 0), (wraps_s, bins)):
            if ages:
                at = _TALK_STARTS.searchsorted(np.maximum(ages, 0.0), side="right") - 1
                counts[first : first + bins] = np.bincount(at, minlength=bins)
        counts[-1] = away
        moments = counts @ self._comes_free
        return Sum(moments[:HORIZONS], moments[HORIZONS:]).doubted(self._talk_doubt)

    def late_answer(self, age_s: float, p: float) -> float:
        """The chance that a call which has rung for so long is still answered within the ring time."""
        at = min(int(age_s / STEP_S), len(self._ages) - 1)
        q = min(p / self.ringing_share, MOST)
        still = q * self._yet[at]
        return still / (still + (1.0 - q) * self._silent[at])


def _ended(hazard: Floats, ahead_s: Floats) -> Floats:
    """For each bin of age: the chance to have ended so many seconds later."""
    ages = TALK_EDGES[:-1]
    gone = np.interp(ages, TALK_EDGES, hazard)[:, None]
    ended: Floats = 1.0 - np.exp(gone - np.interp(ages[:, None] + ahead_s[None, :], TALK_EDGES, hazard))
    return ended
