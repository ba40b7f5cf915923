"""Commands reach the cell in another process, and answers and errors come back as they were."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from dialer.adapters.commands import opened
from dialer.adapters.local.wire import open_beside, serve_beside, socket_of
from dialer.adapters.redis.wire import open_desk, serve_commands
from dialer.domain.errors import (
    BadValue,
    Conflict,
    Forbidden,
    LinkDown,
    Missing,
    ObzvonError,
    Refused,
    StoreDown,
    TimedOut,
)
from dialer.domain.operators import Operator, State
from dialer.domain.types import CellId, OperatorId
from dialer.ports.between import Command, Desk
from tests.ports.made import AT
from tests.servers import Server

MAIN = CellId("main")
READY = Command("ready", "operator:101")


class FakeDesk:
    """Does what the test says, and remembers what was asked."""

    def __init__(self, error: Exception | None = None, answer: Mapping[str, Any] | None = None) -> None:
        self.error = error
        self.answer = answer or {}
        self.asked: list[Command] = []
        self.wait_for: asyncio.Event | None = None
        self.busy = asyncio.Event()

    async def do(self, command: Command) -> Mapping[str, Any]:
        self.asked.append(command)
        if self.wait_for is not None and command.verb == "pause":
            self.busy.set()
            await self.wait_for.wait()
        if self.error is not None:
            raise self.error
        return self.answer


@pytest.fixture(params=["redis", "socket"])
def wire(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Redis, or a socket on this machine: where the two ends meet."""
    return str(request.getfixturevalue("redis_url") if request.param == "redis" else tmp_path)


@asynccontextmanager
async def served(url: str, desk: Desk, *, timeout_s: float = 5.0) -> AsyncIterator[Desk]:
    """The two ends of the wire; the engine's end is listening."""
    if url.startswith("/"):
        place = socket_of(Path(url), MAIN)
        async with serve_beside(place, desk, None, {}), open_beside(place, MAIN, timeout_s=timeout_s) as far:
            await there(far, desk)
            yield far
        return
    serving = asyncio.create_task(serve_commands(url, MAIN, desk))
    try:
        async with open_desk(url, MAIN, timeout_s=timeout_s) as far:
            await there(far, desk)
            yield far
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


def asked(url: str) -> AbstractAsyncContextManager[Desk]:
    """The asking end alone."""
    return open_beside(socket_of(Path(url), MAIN), MAIN) if url.startswith("/") else open_desk(url, MAIN)


async def there(far: Desk, desk: Desk) -> None:
    """Until a command comes through."""
    async with asyncio.timeout(10):
        while True:
            with suppress(StoreDown):
                await far.do(Command("hello", "operator:0"))
                break
            await asyncio.sleep(0.02)
    if isinstance(desk, FakeDesk):
        desk.asked.clear()


async def test_a_command_is_done_there_and_answered_here(wire: str) -> None:
    answer = {"operator": Operator(OperatorId("101"), "Анна", state=State.READY, since_at=AT), "n": 3}
    desk = FakeDesk(answer=answer)
    async with served(wire, desk) as far:
        command = Command("pause", "operator:101", {"reason": "чай"}, key="k-1")
        told = await far.do(command)
    assert desk.asked == [command]
    assert told["n"] == 3
    assert told["operator"]["state"] == "ready"
    assert told["operator"]["since_at"] == AT.isoformat()


ERRORS = [
    BadValue("the verb is odd"),
    Missing("there is no operator 101"),
    Conflict("he is talking"),
    Forbidden("not in Russia"),
    LinkDown("Asterisk is not connected"),
    TimedOut("Asterisk said nothing"),
    StoreDown("the database is away"),
    ObzvonError("something"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.id)
async def test_an_error_is_raised_here_as_it_was_there(wire: str, error: ObzvonError) -> None:
    desk = FakeDesk()
    async with served(wire, desk) as far:
        desk.error = error
        with pytest.raises(ObzvonError) as told:
            await far.do(READY)
    assert (type(told.value), str(told.value)) == (type(error), str(error))


async def test_a_refusal_keeps_its_status_and_reason(wire: str) -> None:
    desk = FakeDesk()
    async with served(wire, desk) as far:
        desk.error = Refused(409, "Channel exists")
        with pytest.raises(Refused) as told:
            await far.do(READY)
    assert (told.value.status, told.value.reason) == (409, "Channel exists")


async def test_a_fault_of_the_engine_is_no_end_of_its_ear(wire: str) -> None:
    desk = FakeDesk()
    async with served(wire, desk) as far:
        desk.error = ZeroDivisionError("secret detail")
        with pytest.raises(ObzvonError, match="the engine failed at this command; its log says why"):
            await far.do(READY)
        desk.error = None
        assert await far.do(READY) == {}


async def test_one_slow_command_holds_up_no_other(wire: str) -> None:
    desk = FakeDesk()
    desk.wait_for = asyncio.Event()
    async with served(wire, desk) as far:
        slow = asyncio.create_task(far.do(Command("pause", "operator:101")))
        await asyncio.wait_for(desk.busy.wait(), 5)
        await asyncio.gather(*(far.do(READY) for _ in range(20)))
        assert not slow.done()
        desk.wait_for.set()
        assert await slow == {}


async def test_without_an_engine_it_is_said_at_once(wire: str) -> None:
    async with asked(wire) as far:
        with pytest.raises(
            StoreDown, match="no engine of the cell main is running: start it with `dialer run`"
        ):
            await asyncio.wait_for(far.do(READY), 2)


async def test_an_engine_that_stops_in_order_is_gone_at_once(wire: str) -> None:
    async with served(wire, FakeDesk()):
        pass
    async with asked(wire) as far:
        with pytest.raises(StoreDown, match="no engine of the cell main is running"):
            await asyncio.wait_for(far.do(READY), 2)


async def test_a_command_nobody_took_is_withdrawn_when_its_time_is_up(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis, open_desk(redis_url, MAIN, timeout_s=0.2) as far:
        await redis.set("obz:desk:main:here", "1")  # an engine that has frozen
        with pytest.raises(TimedOut, match=r"did not answer within 0\.2 s: nothing was done"):
            await far.do(READY)
        assert await redis.llen("obz:desk:main") == 0


async def test_a_command_under_way_at_the_timeout_is_told_as_such(wire: str) -> None:
    desk = FakeDesk()
    desk.wait_for = asyncio.Event()
    async with served(wire, desk, timeout_s=0.3) as far:
        with pytest.raises(TimedOut, match="look whether it has done what was asked"):
            await far.do(Command("pause", "operator:101"))


async def test_a_command_that_comes_too_late_or_twice_is_not_done(redis_url: str) -> None:
    desk = FakeDesk()
    async with Redis.from_url(redis_url) as redis:
        async with served(redis_url, desk) as far:
            late = {"id": "a" * 32, "until_s": 1.0, "command": {"verb": "late", "target": "operator:101"}}
            soon = {"id": "b" * 32, "until_s": 9e12, "command": {"verb": "soon", "target": "operator:101"}}
            await redis.rpush("obz:desk:main", json.dumps(late), json.dumps(soon), json.dumps(soon))
            await far.do(READY)
        assert sorted(command.verb for command in desk.asked) == ["ready", "soon"]


BAD = [
    Command("", "operator:101"),
    Command("DROP TABLE", "operator:101"),
    Command("ready", "operator"),
    Command("ready", "operator:10\r\n1"),
    Command("ready", "operator:" + "1" * 200),
    Command("ready", "operator:101", key="k\n"),
    Command("pause", "operator:101", {"reason": "x" * 70_000}),
]


@pytest.mark.parametrize("command", BAD, ids=lambda command: repr(command.target + command.key)[:24])
async def test_a_command_with_bad_parts_is_refused_before_it_is_sent(wire: str, command: Command) -> None:
    async with asked(wire) as far:
        with pytest.raises(BadValue):
            await far.do(command)


RUBBISH = [
    b"",
    b"\xff\xfe\x00",
    b"[]",
    b"{}",
    b'{"id": 1}',
    b"[" * 5_000,
    b'{"id": "../../x", "until_s": 9e12, "command": {"verb": "ready", "target": "operator:101"}}',
    b'{"id": "' + b"c" * 32 + b'", "until_s": "soon", "command": {}}',
    b'{"id": "' + b"c" * 32 + b'", "until_s": 9e12, "command": {"verb": "a b", "target": "operator:101"}}',
    b"x" * 400_000,
]


async def test_rubbish_on_the_wire_is_passed_over(redis_url: str) -> None:
    desk = FakeDesk()
    async with Redis.from_url(redis_url) as redis:
        async with served(redis_url, desk) as far:
            await redis.rpush("obz:desk:main", *RUBBISH)
            await far.do(READY)
        assert desk.asked == [READY]


async def test_commands_go_through_again_when_redis_is_back(redis_server: Server, redis_url: str) -> None:
    desk = FakeDesk()
    async with served(redis_url, desk) as far:
        redis_server.kill()
        with pytest.raises(StoreDown, match="cannot be used"):
            await asyncio.wait_for(far.do(READY), 5)
        redis_server.start()
        async with asyncio.timeout(15):
            while True:
                with suppress(StoreDown):
                    await far.do(READY)
                    break
                await asyncio.sleep(0.05)
        assert READY in desk.asked


async def test_an_answer_that_cannot_be_told_is_no_end_of_its_ear(redis_url: str) -> None:
    desk = FakeDesk()
    async with served(redis_url, desk) as far:
        desk.answer = {"n": 10**5000}  # JSON has no such number
        with pytest.raises(ObzvonError, match="the engine failed at this command; its log says why"):
            await far.do(READY)
        desk.answer = {}
        assert await far.do(READY) == {}


@pytest.mark.parametrize(
    "text", ["", "nonsense", "[]", "{}", "7", '{"error": 1}', '{"error": {}}', "[" * 9999]
)
def test_an_answer_that_cannot_be_read_is_told_as_such(text: str) -> None:
    with pytest.raises(ObzvonError, match="the engine's answer cannot be read"):
        opened(text)
