"""HTTP has a loop of its own: what is asked there is answered here, and what fails there is told here."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from dialer.domain.errors import Conflict
from dialer.loops import Crossing, DeskAcross, on_own_loop
from dialer.ports.between import Command


class Desk:
    def __init__(self) -> None:
        self.threads: list[int] = []

    async def do(self, command: Command) -> Mapping[str, Any]:
        self.threads.append(threading.get_ident())
        if command.verb == "refuse":
            raise Conflict("not now")
        if command.verb == "wait":
            await asyncio.sleep(3600)
        return {"verb": command.verb}


async def test_a_command_is_done_on_the_loop_of_calls_and_its_refusal_comes_back() -> None:
    desk, crossing = Desk(), Crossing()
    across = DeskAcross(desk, crossing)
    told: list[object] = []

    @asynccontextmanager
    async def web() -> AsyncIterator[None]:
        told.append(await across.do(Command("ready", "operator:101")))
        with pytest.raises(Conflict, match="not now"):
            await across.do(Command("refuse", "operator:101"))
        told.append(threading.get_ident())
        yield

    async with on_own_loop(web, "web"):
        pass
    assert told[0] == {"verb": "ready"}
    assert told[1] != threading.get_ident()
    assert set(desk.threads) == {threading.get_ident()}


async def test_who_stops_waiting_for_a_command_cancels_it_there() -> None:
    desk, crossing = Desk(), Crossing()
    across = DeskAcross(desk, crossing)

    @asynccontextmanager
    async def web() -> AsyncIterator[None]:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await across.do(Command("wait", "operator:101"))
        yield

    async with on_own_loop(web, "web"):
        waiting = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        await asyncio.wait(waiting, timeout=1.0) if waiting else None
        assert [task for task in waiting if not task.done()] == []


async def test_what_cannot_be_entered_raises_here() -> None:
    @asynccontextmanager
    async def web() -> AsyncIterator[None]:
        raise Conflict("the port is taken")
        yield

    with pytest.raises(Conflict, match="the port is taken"):
        async with on_own_loop(web, "web"):
            pass


async def test_what_ends_the_other_loop_is_told_here() -> None:
    failing = threading.Event()

    @asynccontextmanager
    async def web() -> AsyncIterator[None]:
        body = asyncio.current_task()
        assert body is not None
        loop = asyncio.get_running_loop()
        loop.run_in_executor(None, lambda: (failing.wait(), loop.call_soon_threadsafe(body.cancel)))
        yield

    async with on_own_loop(web, "web") as ended:
        failing.set()
        with pytest.raises(asyncio.CancelledError):
            await ended


async def test_this_loop_goes_on_while_the_other_is_held_up() -> None:
    @asynccontextmanager
    async def web() -> AsyncIterator[None]:
        asyncio.get_running_loop().call_soon(_busy, 0.5)
        yield

    async with on_own_loop(web, "web"):
        turns = 0
        until = time.monotonic() + 0.4
        while time.monotonic() < until:
            await asyncio.sleep(0)
            turns += 1
    assert turns > 100  # one alone would have been 1


def _busy(for_s: float) -> None:
    until = time.monotonic() + for_s
    while time.monotonic() < until:
        sum(range(100))
