"""The clock of this machine, and ids that sort by it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

SET_S = 0.05  # the machine's clock was set when it leaves the steady one by so much


def utc_now() -> datetime:
    return datetime.now(UTC)


def boot_seconds() -> float:
    """Since this machine started, its sleep included; nobody can set it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def new_id() -> str:
    """Sorts by time: milliseconds since 1970 and 40 random bits, in hexadecimal digits."""
    milliseconds = int(utc_now().timestamp() * 1000)
    return f"{milliseconds:011x}{secrets.token_hex(5)}"


class SteadyClock:
    """The wall clock as it was at the start, carried on by the monotonic one: no span ever jumps.

    When the machine's clock is set, this one goes on as before until `follow` is asked.
    """

    def __init__(
        self,
        wall_s: Callable[[], float] = time.time,
        steady_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall_s = wall_s
        self._steady_s = steady_s
        self._apart_s = wall_s() - steady_s()

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self._steady_s() + self._apart_s, UTC)

    def follow(self) -> timedelta:
        """Shows the machine's clock again; gives how far that one was set since the last question."""
        set_s = self._wall_s() - self._steady_s() - self._apart_s
        if abs(set_s) < SET_S:
            return timedelta()
        self._apart_s += set_s
        return timedelta(seconds=set_s)
