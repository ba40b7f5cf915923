"""Tasks that somebody must keep: nothing is lost to the garbage collector, no failure is silent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import structlog

from dialer.domain.errors import is_expected

log = structlog.get_logger()

OnFailure = Callable[[Exception], None]


class Errands:
    """Starts short tasks and keeps them until they end; one that fails says so, the others go on.

    `on_failure` is called for every exception, whatever its kind: what the errand was for (a call, a leg)
    is told there, so that nothing waits for a clock because a task died.  A cancelled errand is silent.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self.failed = 0  # by mistakes of this program; expected troubles are not counted
        self.on_mistake: Callable[[str], None] = lambda part: None

    def start(
        self, work: Coroutine[Any, Any, None], name: str, on_failure: OnFailure | None = None
    ) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(partial(self._done, on_failure))
        return task

    def _done(self, on_failure: OnFailure | None, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        if is_expected(error):
            log.info("an errand came to nothing", errand=task.get_name(), reason=str(error))
        else:
            self.failed += 1
            log.error("an errand failed", errand=task.get_name(), exc_info=error)
            self.on_mistake("errands")
        if on_failure is not None and isinstance(error, Exception):
            on_failure(error)

    def __len__(self) -> int:
        return len(self._tasks)

    async def settle(self, timeout_s: float) -> None:
        """Wait for what is under way, then cancel what is left."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout_s)
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
