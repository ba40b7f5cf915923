"""Named clocks that fire once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from datetime import datetime

from dialer.ports.between import Clock


class Timers:
    """One timer per key; starting it again moves it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._running: dict[Hashable, asyncio.TimerHandle] = {}

    def start(self, key: Hashable, due_at: datetime, fire: Callable[[], None]) -> None:
        self.stop(key)
        delay_s = max(0.0, (due_at - self._clock()).total_seconds())

        def fired() -> None:
            self._running.pop(key, None)
            fire()

        self._running[key] = asyncio.get_running_loop().call_later(delay_s, fired)

    def stop(self, key: Hashable) -> None:
        if (running := self._running.pop(key, None)) is not None:
            running.cancel()

    def stop_all(self) -> None:
        for key in list(self._running):
            self.stop(key)
