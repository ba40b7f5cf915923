"""Who will answer and who will be free: chances at some instants ahead, from the curves that were learned."""

from __future__ import annotations

import numpy as np

from dialer.domain.pacing.curves import Floats
from dialer.domain.pacing.learned import ANSWERS, RING_EDGES, RINGS, SETUP_EDGES, TALK_EDGES, Learned

HORIZONS = 10  # instants at which a call dialled now may be answered, each as likely as the others
STEP_S = 0.5
LONGEST_SETUP_S = 12.0
SLICE_S = 1.0
MOST = 0.98
TINY = 1e-9


class Forecast:
    """Tables by age at the horizons `at_s` (seconds from now); made anew when the curves have moved.

    Of a call with a chance p of being answered, which rings for a seconds, the chance of an answer within the
    next h is p (F(a + h) - F(a)) / (p (1 - F(a)) + (1 - p) N(a)): F are the answer times of those that are
    answered, N the share of the others that still ring (a mixture cure model: Boag, JRSS B 11, 1949).
    """

    def __init__(self, learned: Learned, *, ring_s: float, grace_s: float) -> None:
        """`grace_s`: an operator who comes free so long after the answer is in time."""
        self._ages = np.arange(0.0, ring_s + STEP_S, STEP_S)
        answered, silent, self.ringing_share = self._ringing(learned)
        began, mids = self._set_up(learned, ring_s)
        self.at_s = self._instants(answered, began, mids)
        horizon = self._ages[:, None] + self.at_s[None, :]
        self._soon = np.interp(horizon, self._ages, answered, right=1.0) - answered[:, None]
        self._yet = np.maximum(1.0 - answered, 0.0)[:, None]
        self._silent = np.maximum(silent, 0.0)[:, None]
        self._from_set_up = self._before_ringing(learned, answered, began, mids)
        self._operators(learned, self.at_s + grace_s)

    # --- tables

    def _ringing(self, learned: Learned) -> tuple[Floats, Floats, float]:
        """F and N at each age, and the share of dials that come to ring."""
        ended, alive = learned.ring.shares()
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
        rows = np.arange(0.0, LONGEST_SETUP_S, STEP_S)
        later = np.where(mids[None, :] > rows[:, None], began[None, :], 0.0)
        wait = np.maximum(mids[None, :] - rows[:, None], 0.0)
        left = self.at_s[None, None, :] - wait[:, :, None]
        hit = (later[:, :, None] * np.interp(left, self._ages, answered, left=0.0, right=1.0)).sum(axis=1)
        _, alive = learned.setup.shares()
        chances: Floats = hit / np.maximum(np.interp(rows, SETUP_EDGES, alive), 0.02)[:, None]
        return chances

    def _operators(self, learned: Learned, by_s: Floats) -> None:
        """Free by then: the talk ends, the wrap-up ends, and no break follows."""
        stays = 1.0 - learned.break_share
        talk, wrap_up = learned.talk.hazard(), learned.wrap_up.hazard()
        slices = np.arange(0.0, float(by_s[-1]) + SLICE_S, SLICE_S)
        ends = np.diff(_ended(talk, slices), axis=1)
        left = np.maximum(by_s[None, :] - (slices[:-1] + SLICE_S / 2)[:, None], 0.0)
        wrapped = 1.0 - np.exp(-np.interp(left, TALK_EDGES, wrap_up))
        self._after_talk = stays * (ends @ wrapped)
        self._after_wrap_up = stays * _ended(wrap_up, by_s)
        self.after_break: Floats = 1.0 - np.exp(-learned.return_rate * by_s)

    # --- chances: a row for each age, a column for each horizon

    @property
    def new(self) -> Floats:
        """Of a call dialled now, for each p of its chance to be answered at all."""
        first: Floats = self._from_set_up[0]
        return first

    def answers_ringing(self, ages_s: Floats, p: Floats) -> Floats:
        """`p`: chance of the dial, before anything was known of it."""
        at = np.minimum((ages_s / STEP_S).astype(np.intp), len(self._ages) - 1)
        q = np.minimum(p / self.ringing_share, MOST)[:, None]
        chances: Floats = q * self._soon[at] / (q * self._yet[at] + (1.0 - q) * self._silent[at] + TINY)
        return chances

    def answers_in_set_up(self, ages_s: Floats, p: Floats) -> Floats:
        """`ages_s`: since the dialing; nothing has rung yet."""
        at = np.minimum((ages_s / STEP_S).astype(np.intp), len(self._from_set_up) - 1)
        chances: Floats = np.minimum(p[:, None] * self._from_set_up[at], MOST)
        return chances

    def late_answer(self, age_s: float, p: float) -> float:
        """The chance that a call which has rung for so long is still answered within the ring time."""
        at = min(int(age_s / STEP_S), len(self._ages) - 1)
        q = min(p / self.ringing_share, MOST)
        still = q * float(self._yet[at, 0])
        return still / (still + (1.0 - q) * float(self._silent[at, 0]) + TINY)

    def free_after_talk(self, ages_s: Floats) -> Floats:
        """Of operators who have talked for so long."""
        return self._after_talk[np.searchsorted(TALK_EDGES, ages_s, side="right") - 1]

    def free_after_wrap_up(self, ages_s: Floats) -> Floats:
        """Of operators who have been in wrap-up for so long."""
        return self._after_wrap_up[np.searchsorted(TALK_EDGES, ages_s, side="right") - 1]


def _ended(hazard: Floats, ahead_s: Floats) -> Floats:
    """For each bin of age: the chance to have ended so many seconds later."""
    ages = TALK_EDGES[:-1]
    gone = np.interp(ages, TALK_EDGES, hazard)[:, None]
    ended: Floats = 1.0 - np.exp(gone - np.interp(ages[:, None] + ahead_s[None, :], TALK_EDGES, hazard))
    return ended
