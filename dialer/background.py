"""Works that run beside a body, for as long as it does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import structlog

log = structlog.get_logger()


@asynccontextmanager
async def background(**works: Coroutine[Any, Any, Any]) -> AsyncIterator[None]:
    """Runs these beside the body; the first that fails ends the body with its error."""
    body = asyncio.current_task()
    failed: list[BaseException] = []

    def done(task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            failed.append(error)
            if body is not None:
                body.cancel()

    tasks = [asyncio.create_task(work, name=name) for name, work in works.items()]
    for task in tasks:
        task.add_done_callback(done)
    try:
        yield
    except asyncio.CancelledError:
        if failed and body is not None:
            body.uncancel()
            raise failed[0] from None
        raise
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def now_and_then(every_s: float, what: str, work: Callable[[], Awaitable[object]]) -> None:
    """Until cancelled: this is done at once and then so often; what fails is told and tried again."""
    while True:
        try:
            await work()
        except Exception as fault:  # the boundary: it is done for all times to come
            log.warning(f"{what}: tried again later", reason=str(fault) or type(fault).__name__)
        await asyncio.sleep(every_s)
