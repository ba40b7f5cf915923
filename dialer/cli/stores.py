"""The database that the settings of this place lead to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from dialer.cli.environment import load_settings
from dialer.domain.access import Role, caller
from dialer.ports.stores import Stores
from dialer.settings import Settings
from dialer.storage import open_database

OWNER = caller("cli", Role.ADMIN)  # whoever may open the database may everything
T = TypeVar("T")


def with_stores(work: Callable[[Settings, Stores], Awaitable[T]]) -> T:
    """Does the work with the database of the settings open."""
    settings = load_settings()

    async def do() -> T:
        async with open_database(settings) as stores:
            return await work(settings, stores)

    return asyncio.run(do())
