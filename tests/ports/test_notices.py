"""Notices reach other processes in order: the same promises in memory, by a socket, by a real Redis."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from dialer.adapters.local.wire import open_beside, serve_beside, socket_of
from dialer.adapters.memory.notices import KEPT, Ring
from dialer.adapters.redis.notices import carry, follow
from dialer.background import background
from dialer.domain.errors import Missing
from dialer.domain.types import CellId
from dialer.ports.between import About, Command, News, Notice, Notices
from tests.servers import Server

MAIN = CellId("main")
BEGINS = 1_000_000


class NoDesk:
    async def do(self, command: Command) -> Mapping[str, Any]:
        raise Missing("nobody is asked here")


@dataclass
class Line:
    """Where the engine puts notices, and where another process reads them."""

    board: Ring
    reader: Notices
    seq: int = 0

    def tell(self, *numbers: int) -> None:
        for n in numbers:
            self.board.publish(About.CALL, f"c-{n}", {"n": n})

    async def next(self, wait_s: float = 10.0) -> News:
        news = await self.reader.since(self.seq, wait_s=wait_s)
        self.seq = news.last
        return news

    async def until(self, n: int) -> list[int]:
        """What comes up to this one; a gap is told as -1."""
        found: list[int] = []
        async with asyncio.timeout(15):
            while n not in found:
                news = await self.next()
                found += [-1] * news.gap + [one.body["n"] for one in news.notices]
        return found


@asynccontextmanager
async def line(kind: str, place: Path, url: str, board: Ring) -> AsyncIterator[Line]:
    match kind:
        case "memory":
            yield Line(board, board)
        case "socket":
            path = socket_of(place, MAIN)
            async with serve_beside(path, NoDesk(), None, {}, board), open_beside(path, MAIN) as beside:
                yield Line(board, beside.notices)
        case _:
            ring = Ring()
            async with background(out=carry(url, MAIN, board), back=follow(url, MAIN, ring)):
                yield Line(board, ring)


@pytest.fixture(params=["memory", "socket", "redis"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("redis_url")) if kind == "redis" else ""


@pytest.fixture
async def told(kind: str, url: str, tmp_path: Path) -> AsyncIterator[Line]:
    async with line(kind, tmp_path, url, Ring(BEGINS)) as opened:
        yield opened


async def test_each_notice_comes_once_and_in_order_behind_the_gap_of_the_beginning(told: Line) -> None:
    told.tell(0)
    assert await told.until(0) == [-1, 0]
    told.tell(*range(1, 2001))
    assert await told.until(2000) == list(range(1, 2001))
    assert await told.next(wait_s=0.05) == News((), told.seq)


async def test_a_notice_says_what_how_and_with_which_number(told: Line) -> None:
    told.board.publish(About.OPERATOR, "101", {"state": "ready", "reason": "", "call": None})
    news = await told.next()
    assert news.notices == (
        Notice(BEGINS + 1, "operator", "101", {"state": "ready", "reason": "", "call": None}),
    )


async def test_who_waits_is_woken_by_the_next_notice_and_two_readers_see_the_same(told: Line) -> None:
    told.tell(0)
    await told.until(0)
    other = Line(told.board, told.reader, told.seq)
    waiting = asyncio.gather(told.until(2), other.until(2))
    await asyncio.sleep(0.05)
    told.tell(1, 2)
    assert await waiting == [[1, 2], [1, 2]]


async def test_a_reader_that_was_away_too_long_is_told_and_gets_what_is_still_there(told: Line) -> None:
    told.tell(0)
    await told.until(0)
    for first in range(1, 4 * KEPT, 100):
        told.tell(*range(first, first + 100))
        await asyncio.sleep(0)
    last = 4 * KEPT + 100
    told.tell(*range(first + 100, last))
    late = Line(told.board, told.reader, told.seq)
    found = await late.until(last - 1)
    assert found[0] == -1
    assert found[-KEPT // 2 :] == list(range(last - KEPT // 2, last)), "the newest, without a hole"
    told.tell(last)
    assert (await late.until(last))[-1] == last


async def test_a_reader_never_takes_more_memory_than_the_ring(told: Line) -> None:
    for first in range(0, 3 * KEPT, 64):
        told.tell(*range(first, first + 64))
        await asyncio.sleep(0)
    await told.until(first + 63)
    for ring in (told.board, told.reader):
        assert isinstance(ring, Ring)
        assert len(ring._kept) <= KEPT


async def test_an_engine_that_starts_anew_is_seen_as_a_gap_and_goes_on(
    kind: str, url: str, tmp_path: Path
) -> None:
    if kind == "memory":
        pytest.skip("it dies with its readers")
    reader = 0
    for begins, numbers in ((BEGINS, (1, 2)), (2 * BEGINS, (3, 4)), (BEGINS // 2, (5, 6))):
        async with line(kind, tmp_path, url, Ring(begins)) as opened:
            opened.seq = reader
            opened.tell(*numbers)
            found = await opened.until(numbers[-1])
            assert found[0] == -1, (begins, found)
            assert found[-2:] == list(numbers)
            reader = opened.seq


async def test_over_a_socket_a_reader_outlives_the_engine_and_hears_the_next_one(tmp_path: Path) -> None:
    path = socket_of(tmp_path, MAIN)
    async with open_beside(path, MAIN) as beside:
        for begins in (BEGINS, 2 * BEGINS, BEGINS // 2):
            board = Ring(begins)
            async with serve_beside(path, NoDesk(), None, {}, board):
                reader = Line(board, beside.notices)
                reader.tell(1, 2)
                assert await reader.until(2) == [-1, 1, 2]


async def test_redis_that_is_away_loses_nothing_that_the_engine_still_has_and_hinders_it_never(
    redis_server: Server, redis_url: str
) -> None:
    ring = Ring()
    told = Line(Ring(BEGINS), ring)
    async with background(out=carry(redis_url, MAIN, told.board), back=follow(redis_url, MAIN, ring)):
        told.tell(0)
        await told.until(0)
        redis_server.send(signal.SIGSTOP)
        try:
            told.tell(*range(1, 200))
            await asyncio.sleep(0.3)
        finally:
            redis_server.send(signal.SIGCONT)
        assert await told.until(199) == list(range(1, 200))


async def test_the_stream_is_bounded_and_redis_that_was_emptied_goes_on(redis_url: str) -> None:
    ring = Ring()
    told = Line(Ring(BEGINS), ring)
    async with (
        background(out=carry(redis_url, MAIN, told.board), back=follow(redis_url, MAIN, ring)),
        Redis.from_url(redis_url) as redis,
    ):
        for first in range(0, 3 * KEPT, 512):
            told.tell(*range(first, first + 512))
            await asyncio.sleep(0.005)
        await told.until(first + 511)
        assert await redis.xlen("obz:notices:main") <= KEPT + 200
        await redis.flushdb()
        told.tell(100_000)
        assert (await told.until(100_000))[-1] == 100_000
