"""An answer of Redis reaches whoever asked for it and nobody else, whatever became of the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, date, datetime
from typing import Any

import pytest

from dialer.adapters.redis.live import RedisLive, open_live
from dialer.adapters.redis.wire import open_desk, serve_commands
from dialer.domain.cdr import Tally
from dialer.domain.days import span_of
from dialer.domain.errors import StoreDown
from dialer.domain.types import CampaignId
from dialer.ports.between import Command
from tests.ports.made import CELL
from tests.ports.test_live import ANN, CALL, until
from tests.ports.test_redis_troubles import MAIN, Between, between
from tests.servers import Server

DAYS = [span_of(date(2026, 1, day), UTC) for day in range(1, 8)]
STEPS = 60  # of the loop; a question is asked and answered within some thirty


def sums(day: tuple[datetime, datetime]) -> Mapping[Any, Tally]:
    """Each day has its own."""
    return {("101", CampaignId(1)): Tally(attempts=day[0].day)}


@asynccontextmanager
async def filled(server: Server) -> AsyncIterator[tuple[Between, RedisLive]]:
    """Two connections at the most, so that a wrong one is used again soon."""
    async with between(server) as (proxy, url), open_live(url) as live:
        await live.put_call(CELL, CALL)
        await live.put_operator(CELL, ANN)
        for day in DAYS:
            await live.reset_tallies(*day, {(*whose, day[0]): its for whose, its in sums(day).items()})
        yield proxy, live


async def each_is_answered_his_own(live: RedisLive) -> None:
    told = await asyncio.gather(*(live.tallies(*day) for day in DAYS))
    assert told == [sums(day) for day in DAYS]
    assert await live.calls() == [CALL]
    assert await live.operators() == [ANN]


@pytest.fixture(autouse=True)
def two_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dialer.adapters.redis.client.CONNECTIONS", 2)


async def test_an_answer_that_nobody_asked_for_is_nobodys(redis_server: Server, redis_url: str) -> None:
    async with filled(redis_server) as (proxy, live):
        for extra in (b"%0\r\n", b":7\r\n", b"+OK\r\n", b"*1\r\n$1\r\nx\r\n", b"_\r\n"):
            proxy.adds = extra
            assert await live.tallies(*DAYS[0]) == sums(DAYS[0])
            await each_is_answered_his_own(live)


async def test_a_question_that_is_given_up_leaves_no_answer_to_the_next(
    redis_server: Server, redis_url: str
) -> None:
    async with filled(redis_server) as (_, live):
        for step in range(STEPS):
            for ask in (lambda: live.tallies(*DAYS[0]), live.calls, lambda: live.put_call(CELL, CALL)):
                asking = asyncio.ensure_future(ask())
                for _ in range(step):
                    await asyncio.sleep(0)
                asking.cancel()
                await asyncio.wait([asking])
            await each_is_answered_his_own(live)


async def test_an_answer_that_comes_too_late_is_nobodys(
    redis_server: Server, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dialer.adapters.redis.client.ANSWER_S", 0.1)
    async with filled(redis_server) as (proxy, live):
        for _ in range(3):
            proxy.late_s = 0.2
            with pytest.raises(StoreDown):
                await live.tallies(*DAYS[0])
            proxy.late_s = 0.0
            await each_is_answered_his_own(live)


class Echo:
    """A desk that says for whom it did something."""

    async def do(self, command: Command) -> Mapping[str, Any]:
        return {"of": command.target}


async def test_a_command_that_is_given_up_leaves_no_answer_to_the_next(
    redis_server: Server, redis_url: str
) -> None:
    async with served(redis_server) as (_, far):
        for step in range(STEPS):
            asking = asyncio.ensure_future(far.do(Command("ready", "operator:101")))
            for _ in range(step):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.wait([asking])
            assert await far.do(Command("ready", "operator:102")) == {"of": "operator:102"}


async def test_the_answer_to_anothers_command_is_not_taken_for_ones_own(
    redis_server: Server, redis_url: str
) -> None:
    async with served(redis_server) as (proxy, far):
        proxy.only = b"BLPOP"
        for answer in (b"*2\r\n$3\r\nkey\r\n$2\r\n{}\r\n", b"*1\r\n$2\r\n{}\r\n", b":7\r\n"):
            proxy.answer = answer
            with pytest.raises(StoreDown, match="the answer to"):
                await far.do(Command("ready", "operator:101"))
            proxy.answer = None
            told = await until(lambda: far.do(Command("ready", "operator:102")), bool)
            assert told == {"of": "operator:102"}


@asynccontextmanager
async def served(server: Server) -> AsyncIterator[tuple[Between, Any]]:
    """A desk behind Redis, and one at each end of whose connections somebody may answer."""
    async with between(server) as (proxy, url):
        serving = asyncio.create_task(serve_commands(url, MAIN, Echo()))
        async with open_desk(url, MAIN, timeout_s=5.0) as far:
            await until(lambda: far.do(Command("hello", "operator:0")), bool)
            yield proxy, far
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
