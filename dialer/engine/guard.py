"""Keeps one failure from the rest: it is counted by name, logged with its place, and goes no further."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import ParamSpec

import structlog

from dialer.domain.errors import Fatal, is_expected

log = structlog.get_logger()

ANEW_S = 1.0
P = ParamSpec("P")
Kind = tuple[str, str, int]


class Guard:
    """One per cell. `failed` counts mistakes of this program by the part that made them."""

    def __init__(self) -> None:
        self.failed: Counter[str] = Counter()
        self.on_failure: Callable[[str], None] = lambda part: None  # metrics
        self._told: dict[Kind, int] = {}

    def run(self, part: str, act: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> bool:
        """Call `act`; False when it raised."""
        try:
            act(*args, **kwargs)
        except Exception as error:  # the boundary: whatever it is, the caller goes on
            self.caught(part, error)
            return False
        return True

    async def turn(self, part: str, work: Awaitable[object]) -> bool:
        """One turn of a loop; False when it failed. Fatal and a cancellation end the loop."""
        try:
            await work
        except Fatal:
            raise
        except Exception as error:  # the boundary: the next turn comes
            self.caught(part, error)
            return False
        return True

    async def lasting(self, part: str, loop: Callable[[], Awaitable[object]]) -> None:
        """A loop that never ends: one that fails as a whole is begun anew after a moment."""
        while True:
            await self.turn(part, loop())
            await asyncio.sleep(ANEW_S)

    def caught(self, part: str, error: Exception) -> None:
        """An expected trouble is a line in the log; a mistake of ours is counted, with a traceback once."""
        if is_expected(error):
            log.warning("put off", part=part, reason=str(error))
            return
        self.failed[part] += 1
        kind = _kind(part, error)
        self._told[kind] = self._told.get(kind, 0) + 1
        if self._told[kind] == 1:
            log.error("a mistake of this program was kept from the rest", part=part, exc_info=error)
        else:
            log.debug("the same mistake again", part=part, times=self._told[kind], reason=repr(error))
        try:
            self.on_failure(part)
        except Exception as second:  # the counter itself fails: the log has it
            log.error("a failure could not be counted", part=part, exc_info=second)


def _kind(part: str, error: Exception) -> Kind:
    """Two errors from the same line are the same mistake."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return part, type(error).__name__, place.tb_lineno if place else 0
