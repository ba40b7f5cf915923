"""Watches how late the loop turns: when it cannot keep up, nobody new is dialled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from dialer.domain.busy import Busy
from dialer.domain.said import Said

log = structlog.get_logger()

LOOK_S = 0.1


class LoopLag:
    """One per cell: what it sees holds back the pacer, and goes to the metrics."""

    def __init__(self, every_s: float = LOOK_S) -> None:
        self._every_s = every_s
        self._busy = Busy()
        self._was_busy = False
        self._clock = asyncio.get_running_loop().time  # metrics ask in a thread of their own
        self.on_lag: Callable[[float, float], None] = lambda lag_s, busy_s: None  # of each look

    def obstacle(self) -> Said | str:
        """Why nothing is dialled; empty: the machine keeps up."""
        return self._busy.obstacle(self._clock())

    def answered(self, round_trip_s: float) -> None:
        """Asterisk has answered a question after so long."""
        self._busy.told(self._clock(), round_trip_s, by_asterisk=True)

    async def run(self) -> None:
        """Until cancelled."""
        clock = self._clock
        while True:
            due_s = clock() + self._every_s
            await asyncio.sleep(self._every_s)
            now_s = clock()
            self._busy.told(now_s, now_s - due_s, by_asterisk=False)
            why = self._busy.obstacle(now_s)
            self.on_lag(now_s - due_s, (now_s - due_s + self._every_s) * bool(why))
            if why and not self._was_busy:
                log.warning("nothing is dialled for a while", reason=str(why))
            self._was_busy = bool(why)
