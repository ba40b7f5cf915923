"""Two loops in one process: calls live on one, HTTP on the other; what crosses between them is here."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

from dialer.domain.call import Call
from dialer.domain.cdr import Tally
from dialer.domain.operators import Operator
from dialer.ports.between import Command, Desk, Shown

Value = TypeVar("Value")
# Python's threads change places this often when both want to run. The default, 5 ms, would be waited for at
# each request to Asterisk while a page is made.
SWITCH_S = 0.0005


class Crossing:
    """Runs coroutines on the loop that it was made on, asked from another one."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    async def run(self, work: Coroutine[Any, Any, Value]) -> Value:
        """The value or the error of `work`; cancelled, it cancels the work over there as well."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))


class DeskAcross:
    """A `Desk` that answers on its own loop."""

    def __init__(self, desk: Desk, crossing: Crossing) -> None:
        self._desk = desk
        self._run = crossing.run

    async def do(self, command: Command) -> Mapping[str, Any]:
        return await self._run(self._desk.do(command))


class ShownAcross:
    """Live state that is read on its own loop."""

    def __init__(self, live: Shown, crossing: Crossing) -> None:
        self._live = live
        self._run = crossing.run

    async def calls(self) -> Sequence[Call]:
        return await self._run(self._live.calls())

    async def operators(self) -> Sequence[Operator]:
        return await self._run(self._live.operators())

    async def tallies(self, day: str) -> Mapping[tuple[str, int, str], Tally]:
        return await self._run(self._live.tallies(day))


@asynccontextmanager
async def on_own_loop(
    make: Callable[[], AbstractAsyncContextManager[None]], name: str
) -> AsyncIterator[asyncio.Future[None]]:
    """Enters the context on a loop and a thread of its own, and leaves it there at the end.

    Gives a future that is done when the thread has ended, with the error that ended it. What cannot be
    entered raises here.
    """
    here = asyncio.get_running_loop()
    entered: asyncio.Future[None] = here.create_future()
    ended: asyncio.Future[None] = here.create_future()
    there: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def live() -> None:
        leave = asyncio.Event()
        there.append((asyncio.get_running_loop(), leave))
        async with make():
            here.call_soon_threadsafe(_settle, entered, None)
            await leave.wait()

    def run() -> None:
        error: BaseException | None = None
        try:
            asyncio.run(live())
        except BaseException as failure:  # a boundary: it is raised again on the other loop
            error = failure
        here.call_soon_threadsafe(_settle, ended, error)

    sys.setswitchinterval(SWITCH_S)
    threading.Thread(target=run, name=name, daemon=True).start()
    await asyncio.wait({entered, ended}, return_when=asyncio.FIRST_COMPLETED)
    if ended.done():
        ended.result()
    try:
        yield ended
    finally:
        if not ended.done():
            loop, leave = there[0]
            loop.call_soon_threadsafe(leave.set)
        await asyncio.wait({ended})
        entered.cancel()


def _settle(future: asyncio.Future[None], error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
