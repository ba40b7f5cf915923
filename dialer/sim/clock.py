"""A clock that jumps: an event loop whose time goes straight to the next timer when nothing is left to do."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

T = TypeVar("T")
START_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday
LONGEST_S = 7 * 24 * 3600.0  # a story that takes longer waits for something that never comes
LOOK_EVERY = 1000  # turns of the loop between two looks at real sockets: nothing here uses any


class _Jump(selectors.BaseSelector):
    """Never waits: what the loop would wait for is added to its time."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self._turns = 0
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._turns += 1
        if (timeout is None or self._turns % LOOK_EVERY == 0) and (ready := self._real.select(0)):
            return ready
        if timeout == 0:
            return []
        if timeout is None or self.now_s > LONGEST_S:
            raise RuntimeError("everybody waits and no timer is running: nothing will ever happen")
        self.now_s += timeout
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class VirtualLoop(asyncio.SelectorEventLoop):
    """Tasks and timers as ever; a day takes as long as its events."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now_s


def now() -> datetime:
    """The virtual instant (UTC); at most a microsecond behind the loop, never ahead of a timer."""
    return _instant(asyncio.get_running_loop().time())


@lru_cache(maxsize=1)  # time stands still while things happen
def _instant(passed_s: float) -> datetime:
    return START_AT + timedelta(seconds=round(passed_s, 6))


class MachineClock:
    """The house's own wall clock, which somebody may set: as `adapters.clock.SteadyClock`."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._set_by = timedelta()  # not followed yet

    def __call__(self) -> datetime:
        return now() + self._ahead

    def set(self, by_s: float) -> None:
        """The machine's clock jumps."""
        self._set_by += timedelta(seconds=by_s)

    def follow(self) -> timedelta:
        set_by, self._set_by = self._set_by, timedelta()
        self._ahead += set_by
        return set_by


def hour() -> float:
    """Hours since the start."""
    return asyncio.get_running_loop().time() / 3600


def run(story: Coroutine[Any, Any, T]) -> T:
    """Runs it in a loop of its own whose clock jumps."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(story)


async def until(happened: Callable[[], bool], within_s: float = 60.0) -> None:
    """Lets virtual time pass until it is so; looks often at first, then every fiftieth of what has passed.

    Raises TimeoutError.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not happened():
        passed = loop.time() - began
        if passed > within_s:
            raise TimeoutError(f"did not happen within {within_s:g} s of virtual time")
        await asyncio.sleep(min(0.5, max(0.02, passed / 50)))
