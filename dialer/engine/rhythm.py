"""When the pacer decides: at once where nothing is forecast, else at least a quarter of a second apart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf

GATHER_S = 0.03  # one decision, one look into the database, for all that comes in the same breath
APART_S = 0.25  # between two forecasts; closer together they gain nothing (docs/why/pacing.md)
MOST_SHARE = 0.1  # of all time that may go into deciding: a great floor is looked at less often


class Rhythm:
    """A whole round is for every campaign, a quick one for those that decide at once.

    Whole rounds that something wakes are at least APART_S and at most the interval apart.  A quick round
    follows what urges it in the next turn of the loop: all that comes in one turn is decided together.  A
    trunk's limit on calls per second, opening, makes a quick round due as well: if it had to wait for the
    next operator to become free, calls would start in clumps as the last ones ended, for ever.

    `spent` counts the processor's seconds of this thread: waiting for a busy processor is no reason to rest.
    """

    def __init__(self, interval_s: float, spent: Callable[[], float] = lambda: 0.0) -> None:
        self._interval_s = interval_s
        self._spent = spent
        self._spent_before_s = 0.0
        self._stir = asyncio.Event()
        self._woken_s = inf  # since when something waits for a whole round
        self._is_urged = False
        self._is_whole = True
        self._whole_from_s = 0.0
        self._quick_from_s = 0.0

    def wake(self) -> None:
        """Something changed that a decision may depend on."""
        if self._woken_s == inf:
            self._woken_s = asyncio.get_running_loop().time()
            self._stir.set()

    def urge(self) -> None:
        """Something changed that a campaign may dial by."""
        self.wake()
        if not self._is_urged:
            self._is_urged = True
            self._stir.set()

    def begins(self, *, whole: bool) -> None:
        """A round: what was told before it is in it."""
        self._spent_before_s = self._spent()
        self._is_whole = whole
        self._is_urged = False
        if whole:
            self._woken_s = inf

    def is_over(self) -> None:
        """The round: the longer it took, the longer it is to the next."""
        over_s = asyncio.get_running_loop().time()
        rest_s = min((self._spent() - self._spent_before_s) * (1 / MOST_SHARE - 1), self._interval_s)
        self._quick_from_s = over_s + rest_s
        if self._is_whole:
            self._whole_from_s = over_s + min(max(APART_S, rest_s), self._interval_s)

    async def next(
        self, pause_s: float, decides_at_once: Callable[[], bool], opens_in_s: float = inf
    ) -> bool:
        """Returns when the next round is due, after `pause_s` at the latest: whether it is a whole one.

        `opens_in_s`: until a trunk that has used up its calls per second takes another.
        """
        clock = asyncio.get_running_loop().time
        now_s = clock()
        opens_s = max(now_s + max(opens_in_s, GATHER_S), self._quick_from_s)
        ends_s = min(now_s + pause_s, opens_s)
        while True:
            whole_s = ends_s if self._woken_s == inf else max(self._whole_from_s, self._woken_s + GATHER_S)
            quick_s = max(self._quick_from_s, 0.0 if self._is_urged else opens_s)
            due_s = min(whole_s, quick_s) if quick_s < whole_s and decides_at_once() else whole_s
            if (now_s := clock()) >= due_s:
                return now_s >= whole_s
            self._stir.clear()
            try:
                async with asyncio.timeout(due_s - now_s):  # wait_for may swallow a cancellation
                    await self._stir.wait()
            except TimeoutError:
                pass
