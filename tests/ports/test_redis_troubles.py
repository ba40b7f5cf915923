"""Whatever Redis answers, or does not: the caller sees one kind of error, and the next request is served."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from dialer.adapters.memory.notices import Ring
from dialer.adapters.redis.client import CheckedPipeline, CheckedRedis
from dialer.adapters.redis.live import RedisLive, open_live
from dialer.adapters.redis.notices import carry, follow
from dialer.adapters.redis.wire import open_desk, serve_commands
from dialer.background import background
from dialer.domain.cdr import Tally
from dialer.domain.errors import StoreDown
from dialer.domain.types import CallId, CampaignId, CellId
from dialer.ports.between import About, Command
from tests.ports.made import CELL
from tests.ports.test_live import ANN, CALL, DAY, NINE, until
from tests.servers import Server

WHOSE = ("101", CampaignId(1))
KEY = (*WHOSE, NINE)
BEFORE = NINE - timedelta(days=1)
MAIN = CellId("main")
CLOSES, SILENT = b"closes", b""
# What is answered in place of Redis to each command.
ANSWERS: Mapping[str, bytes] = {
    "a key of another kind": b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
    "no memory is left": b"-OOM command not allowed when used memory > 'maxmemory'.\r\n",
    "it is loading": b"-LOADING Redis is loading the dataset in memory\r\n",
    "a replica": b"-READONLY You can't write against a read only replica.\r\n",
    "a replica without its master": b"-MASTERDOWN Link with MASTER is down\r\n",
    "it cannot save": b"-MISCONF Redis is configured to save RDB snapshots, but it's unable to persist\r\n",
    "a password is wanted": b"-NOAUTH Authentication required.\r\n",
    "a right is missing": b"-NOPERM this user has no permissions to run the command\r\n",
    "busy with a script": b"-BUSY Redis is busy running a script.\r\n",
    "no such script": b"-NOSCRIPT No matching script.\r\n",
    "too many clients": b"-ERR max number of clients reached\r\n",
    "it is no Redis": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "half an answer": b"$100\r\nabc",
    "an answer that is too long": b"$99999999999\r\nabc",
    "the answer to another question": b"+PONG\r\n",
    "no answer": SILENT,
    "the connection is closed": CLOSES,
}
AT_THE_END = (ANSWERS["half an answer"], CLOSES)  # behind these the connection is closed
ARRAY = re.compile(rb"\*[0-9]+\r\n\$")


class Between:
    """A way to Redis on which somebody may answer in its place."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.answer: bytes | None = None
        self.only = b""  # it is given to this command alone
        self.adds = b""  # behind the next answer comes this one, which nobody has asked for
        self.late_s = 0.0
        self.forgets = 0  # so many answers to come are lost: what was asked is done
        self.met = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection("127.0.0.1", self._port)
        pumping = asyncio.create_task(self._pump(back, writer))
        try:
            while asked := await reader.read(65536):
                if self.answer is None or self.only not in asked:
                    forth.write(asked)
                    continue
                self.met.set()
                if self.answer is not CLOSES:
                    writer.write(self.answer * len(ARRAY.findall(asked)))
                if self.answer in AT_THE_END:
                    return
        finally:
            pumping.cancel()
            writer.close()
            forth.close()

    async def _pump(self, back: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while said := await back.read(65536):
            if self.forgets:
                self.forgets -= 1
                writer.close()
                return
            await asyncio.sleep(self.late_s)
            writer.write(said + self.adds)
            self.adds = b""


@asynccontextmanager
async def between(server: Server) -> AsyncIterator[tuple[Between, str]]:
    proxy = Between(server.port)
    async with await asyncio.start_server(proxy.serve, "127.0.0.1", 0) as listening:
        yield proxy, f"redis://127.0.0.1:{listening.sockets[0].getsockname()[1]}/0"


def asked_of(live: RedisLive) -> list[Callable[[], Awaitable[Any]]]:
    return [
        lambda: live.put_call(CELL, CALL),
        lambda: live.drop_call(CELL, CallId("c-9")),
        live.calls,
        lambda: live.put_operator(CELL, ANN),
        live.operators,
        lambda: live.clear(CellId("west")),
        lambda: live.add(KEY, Tally(attempts=1), once=CallId("c-2")),
        lambda: live.tallies(*DAY),
        lambda: live.reset_tallies(BEFORE, DAY[0], {(*WHOSE, BEFORE): Tally(attempts=1)}),
    ]


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_of_whatever_redis_says_the_caller_hears_that_it_is_away_and_the_next_is_served(
    redis_server: Server, redis_url: str, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    monkeypatch.setattr("dialer.adapters.redis.client.ANSWER_S", 0.05)
    async with between(redis_server) as (proxy, url), open_live(url) as live:
        await live.put_call(CELL, CALL)
        proxy.answer = answer
        for asked in asked_of(live):
            with pytest.raises(StoreDown, match=r"cannot be used: \S"):
                await asyncio.wait_for(asked(), 5)
        proxy.answer = None
        for asked in asked_of(live):
            await asked()
        assert await live.calls() == [CALL]
        assert await live.operators() == [ANN]
        assert await live.tallies(*DAY) == {WHOSE: Tally(attempts=1)}


async def test_what_was_done_and_not_answered_is_asked_again_and_done_once(
    redis_server: Server, redis_url: str
) -> None:
    async with between(redis_server) as (proxy, url), open_live(url) as live:
        await live.put_call(CELL, CALL)
        for asked in (*asked_of(live), *asked_of(live)):
            proxy.forgets = 1
            await asked()
        assert await live.calls() == [CALL]
        assert await live.operators() == [ANN]
        assert await live.tallies(*DAY) == {WHOSE: Tally(attempts=1)}


class Counting:
    """A desk that counts what it does."""

    done = 0

    async def do(self, command: Command) -> Mapping[str, Any]:
        self.done += command.verb == "ready"
        return {"done": self.done}


@pytest.mark.parametrize("answer", [ANSWERS["a key of another kind"], ANSWERS["it is no Redis"], CLOSES])
async def test_commands_go_through_again_whatever_redis_has_said_meanwhile(
    redis_server: Server, redis_url: str, answer: bytes
) -> None:
    desk = Counting()
    async with between(redis_server) as (proxy, url):
        serving = asyncio.create_task(serve_commands(url, MAIN, desk))
        async with open_desk(url, MAIN, timeout_s=5.0) as far:
            await until(lambda: far.do(Command("hello", "operator:0")), bool)
            proxy.answer = answer
            with pytest.raises(StoreDown):
                await far.do(Command("ready", "operator:101"))
            proxy.answer = None
            done = await until(lambda: far.do(Command("ready", "operator:101")), bool)
        assert done == {"done": 1}
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


@asynccontextmanager
async def watch(url: str) -> AsyncIterator[None]:
    async with open_live(url):
        yield


ENDLESS: Mapping[str, Callable[[str], Any]] = {
    "watch": watch,
    "commands": lambda url: background(commands=serve_commands(url, MAIN, Counting())),
    "carry": lambda url: background(carry=carry(url, MAIN, rung())),
    "follow": lambda url: background(follow=follow(url, MAIN, Ring())),
}


def rung() -> Ring:
    """One that has a notice to carry."""
    ring = Ring()
    ring.publish(About.CALL, "c-1", {})
    return ring


@pytest.mark.parametrize("name", ENDLESS)
async def test_what_goes_on_until_it_is_cancelled_ends_though_the_client_has_swallowed_the_cancellation(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """As asyncio.wait_for of Python 3.11 does, where what it waits for ends at the same moment."""
    asked = asyncio.Event()

    async def swallow(*args: object, **options: object) -> None:
        asked.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait() if "DEL" not in args else None
        raise RedisConnectionError("it is away")

    monkeypatch.setattr(CheckedRedis, "execute_command", swallow)
    monkeypatch.setattr(CheckedPipeline, "execute", swallow)
    async with asyncio.timeout(20):
        async with ENDLESS[name](redis_url):
            await asked.wait()
            await asyncio.sleep(0)
        assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
