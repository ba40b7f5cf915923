"""The API for the tests: in process, and on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
import schemathesis.pytest.plugin as fuzzing

from dialer.web.server import serve
from tests.web.world import World, build_world


def pytest_configure(config: pytest.Config) -> None:
    """Under another name than its own, which pyproject.toml turns off where no fuzzing is needed."""
    config.pluginmanager.register(fuzzing, "fuzzing")


@dataclass(frozen=True)
class Api:
    """A client of the served API, one session per role."""

    world: World
    base: str
    port: int
    sessions: dict[str, aiohttp.ClientSession]

    def __getitem__(self, role: str) -> aiohttp.ClientSession:
        return self.sessions[role]


@pytest.fixture
async def world() -> World:
    return await build_world()


@pytest.fixture
async def api(world: World) -> AsyncIterator[Api]:
    bound: asyncio.Future[tuple[str, int]] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(
        serve(world.app, "127.0.0.1", 0, on_bound=lambda host, port: bound.set_result((host, port)), stop_s=1)
    )
    host, port = await asyncio.wait_for(bound, 10)
    base = f"http://{host}:{port}"
    async with contextlib.AsyncExitStack() as stack:
        sessions = {
            role: await stack.enter_async_context(
                aiohttp.ClientSession(base, headers={"Authorization": f"Bearer {token}"})
            )
            for role, token in world.tokens.items()
        }
        sessions["nobody"] = await stack.enter_async_context(aiohttp.ClientSession(base))
        yield Api(world, base, port, sessions)
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving
