"""Whoever is told to end ends, whatever the client of Redis was doing at that moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import pytest
from redis.exceptions import ConnectionError as Cut

from dialer.adapters.memory.notices import Ring
from dialer.adapters.redis.client import as_ours
from dialer.adapters.redis.live import open_live
from dialer.adapters.redis.notices import carry, follow
from dialer.adapters.redis.wire import serve_commands
from dialer.domain.errors import StoreDown
from dialer.domain.types import CellId
from dialer.ports.between import Command

CELL = CellId("main")
STEPS = 90  # turns of the loop: the connection is made, and some commands have gone and come back
ENDS_S = 5.0


class Nothing:
    """A desk at which nobody asks for anything."""

    async def do(self, command: Command) -> Mapping[str, Any]:
        return {}


async def watched(url: str) -> None:
    async with open_live(url):
        await asyncio.Event().wait()


WORKS: Mapping[str, Callable[[str], Coroutine[Any, Any, None]]] = {
    "live": watched,
    "commands": lambda url: serve_commands(url, CELL, Nothing()),
    "carry": lambda url: carry(url, CELL, Ring()),
    "follow": lambda url: follow(url, CELL, Ring()),
}


async def ended(work: asyncio.Task[None]) -> tuple[set[asyncio.Task[None]], set[asyncio.Task[None]]]:
    """Whether it ended by itself; it is told again where it did not, so that a failure is told."""
    found = await asyncio.wait({work}, timeout=ENDS_S)
    for _ in range(20 if not work.done() else 0):
        work.cancel()
        await asyncio.wait({work}, timeout=0.05)
    return found


@pytest.mark.parametrize("name", WORKS)
async def test_a_loop_that_is_cancelled_at_any_step_ends(redis_url: str, name: str) -> None:
    for steps in range(STEPS):
        work = asyncio.create_task(WORKS[name](redis_url))
        for _ in range(steps):
            await asyncio.sleep(0)
        work.cancel()
        done, _ = await ended(work)
        assert done, f"it goes on, though it was cancelled after {steps} steps"
        assert work.cancelled()


@pytest.mark.parametrize("then", [None, Cut("it was cut"), OSError("gone")], ids=str)
async def test_a_cancellation_that_the_client_loses_is_obeyed(then: Exception | None) -> None:
    began = asyncio.Event()

    async def command() -> None:
        """As `asyncio.wait_for` of Python 3.11, when the sending ends at the same moment."""
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if then is not None:
                raise then from None

    async def loop() -> None:
        while True:
            try:
                with as_ours("redis"):
                    await command()
            except StoreDown:
                continue

    work = asyncio.create_task(loop())
    await began.wait()
    work.cancel()
    done, _ = await ended(work)
    assert done
    assert work.cancelled()


async def test_whoever_cleans_up_after_a_cancellation_is_not_disturbed_by_it() -> None:
    cleaned: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            for what in ("calls", "operators"):
                with as_ours("redis"):
                    await asyncio.sleep(0)
                cleaned.append(what)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task}, timeout=ENDS_S)
    assert cleaned == ["calls", "operators"]
