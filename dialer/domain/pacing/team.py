"""A campaign's operators, counted by what they do and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import compress, count
from operator import is_not

import numpy as np
from numpy.typing import NDArray

from dialer.domain.operators import State
from dialer.domain.pacing.curves import Floats
from dialer.domain.pacing.decision import OperatorView
from dialer.domain.pacing.learned import TALK_EDGES
from dialer.domain.types import OperatorId

Counts = NDArray[np.intp]
BINS = len(TALK_EDGES) - 1  # of the age of a talk, and of a wrap-up
# Where each begins among the counts; of those after the wrap-ups no age is asked.
TALKS, WRAP_UPS, AWAY, IDLE, NOT_HERE = 0, BINS, 2 * BINS, 2 * BINS + 1, 2 * BINS + 2
PLACES = {
    State.TALKING: TALKS,
    State.RESERVED: TALKS,
    State.WRAP_UP: WRAP_UPS,
    State.PAUSED: AWAY,
    State.READY: IDLE,
}
EPOCH, MICROSECOND, SECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta.resolution, 1e6
_LATER_BINS_US = np.ceil(TALK_EDGES[1:-1] * SECOND).astype(np.int64)
NEVER_US = 2**60


class Team:
    """Kept between two decisions, for few operators change by then: a view that is the same says the same."""

    def __init__(self) -> None:
        self._ids: frozenset[OperatorId] = frozenset()
        self._seen: list[OperatorView | None] = []
        self._place = self._since_us = np.empty(0, dtype=np.int64)

    def look(self, operators: Sequence[OperatorView], ids: frozenset[OperatorId], now: datetime) -> Counts:
        """Talks by age, wrap-ups by age, then those who are away, idle, not of the team or about to leave."""
        if ids is not self._ids or len(operators) != len(self._seen):
            self._ids, self._seen = ids, [None] * len(operators)
            self._place, self._since_us = np.empty((2, len(operators)), dtype=np.int64)
        for at in compress(count(), map(is_not, operators, self._seen)):
            view = self._seen[at] = operators[at]
            place = NOT_HERE if view.leaving or view.id not in ids else PLACES.get(view.state, NOT_HERE)
            self._place[at] = place
            self._since_us[at] = _us(view.since_at) if place < AWAY else NEVER_US
        bins = _LATER_BINS_US.searchsorted(_us(now) - self._since_us, side="right")
        return np.bincount(bins + self._place, minlength=NOT_HERE + 1)

    def ages_s(self, place: int, now: datetime) -> Floats:
        """Of all who talk, or are in wrap-up."""
        ages: Floats = (_us(now) - self._since_us[self._place == place]) / SECOND
        return ages


def _us(at: datetime) -> int:
    """Microseconds, all of them: seconds as a float would round them."""
    return (at - EPOCH) // MICROSECOND
