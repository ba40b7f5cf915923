"""Whatever is asked, with whatever values, memory, SQLite and PostgreSQL answer alike or refuse alike."""

from __future__ import annotations

import asyncio
import inspect
import shutil
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from dialer.adapters.memory import memory_stores
from dialer.adapters.sql.database import Database
from dialer.adapters.sql.open import open_stores
from dialer.adapters.sql.tables import metadata
from dialer.ports.stores import Stores
from tests.ports.hostile import Asked, World, stories
from tests.ports.made import AT
from tests.servers import Server, psql


class Twins:
    """The three kinds of stores side by side, emptied for each story."""

    def __init__(self, urls: list[str]) -> None:
        self._urls = urls
        self._opened: list[tuple[str, Stores, Database]] = []
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()

    def open(self) -> None:
        self._runner.run(self._open())

    async def _open(self) -> None:
        for url in self._urls:
            stores = await self._stack.enter_async_context(open_stores(url, clock=lambda: AT))
            self._opened.append((url.partition(":")[0], stores, Database(url)))

    def close(self) -> None:
        self._runner.run(self._stack.aclose())
        for _, _, database in self._opened:
            self._runner.run(database.close())
        self._runner.close()

    def tell(self, story: list[Asked]) -> None:
        self._runner.run(self._tell(story))

    async def _tell(self, story: list[Asked]) -> None:
        worlds = {"memory": World(memory_stores(lambda: AT))}
        for name, stores, database in self._opened:
            await _empty(database)
            worlds[name] = World(stores)
        for asked in story:
            told = {name: await world.ask(asked) for name, world in worlds.items()}
            assert told["memory"] == told["sqlite"] == told["postgresql"], (asked, told)


async def _empty(database: Database) -> None:
    """In one go; the counts last, which triggers write."""
    names = [table.name for table in reversed(metadata.sorted_tables) if table.name != "lead_counts"]
    script = ";".join(f"DELETE FROM {name}" for name in [*names, "lead_counts"])
    async with database.connection() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await (driver.executescript if database.is_sqlite else driver.execute)(script)


def test_whatever_a_store_is_asked_is_looked_at_before(stores: Stores) -> None:
    bare = [
        f"{field.name}.{verb}"
        for field in fields(stores)
        for verb, request in inspect.getmembers(
            type(getattr(stores, field.name)), inspect.iscoroutinefunction
        )
        if not verb.startswith("_") and not hasattr(request, "__wrapped__")
    ]
    assert bare == []


@pytest.fixture(scope="module")
def twins(
    sqlite_template: Path,
    postgres_server: Server,
    postgres_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Twins]:
    file = tmp_path_factory.mktemp("twins") / "twins.db"
    shutil.copy(sqlite_template, file)
    assert psql(postgres_server, f"CREATE DATABASE twins TEMPLATE {postgres_template}")
    address = f"postgresql://dialer@127.0.0.1:{postgres_server.port}/twins"
    made = Twins([f"sqlite:///{file}", address])
    made.open()
    yield made
    made.close()
    psql(postgres_server, "DROP DATABASE twins WITH (FORCE)")


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
@given(story=stories)
def test_the_three_kinds_of_stores_answer_alike(twins: Twins, story: list[Asked]) -> None:
    twins.tell(story)
