"""The stores that the settings of this place lead to: the running service's, else the database's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar

from dialer.adapters.local.shared import SOCKET, mark_of, reach_stores
from dialer.cli.environment import load_settings
from dialer.domain.access import Role, caller
from dialer.ports.stores import Stores
from dialer.settings import Settings
from dialer.storage import database_url, open_database

OWNER = caller("cli", Role.ADMIN)  # whoever may open the database may everything
T = TypeVar("T")


def with_stores(work: Callable[[Settings, Stores], Awaitable[T]]) -> T:
    """Does the work with the stores of the service where it runs here, else with the database open."""
    return _with(_nearest, work)


def with_database(work: Callable[[Settings, Stores], Awaitable[T]]) -> T:
    """Does the work with the database open: for what moves a whole list or a year of records."""
    return _with(open_database, work)


def _with(
    opening: Callable[[Settings], AbstractAsyncContextManager[Stores]],
    work: Callable[[Settings, Stores], Awaitable[T]],
) -> T:
    settings = load_settings()

    async def do() -> T:
        async with opening(settings) as stores:
            return await work(settings, stores)

    return asyncio.run(do())


@asynccontextmanager
async def _nearest(settings: Settings) -> AsyncIterator[Stores]:
    path = settings.data_dir / SOCKET
    async with reach_stores(path, mark_of(database_url(settings))) as near:
        if near is not None:
            yield near
            return
    async with open_database(settings) as stores:
        yield stores
