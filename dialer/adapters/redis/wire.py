"""Commands between processes: one list per cell for requests, one short-lived list per answer."""

from __future__ import annotations

import asyncio
import json
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, cast
from uuid import uuid4

import structlog
from redis.asyncio import Redis

from dialer.adapters.codec import decode, encode
from dialer.adapters.commands import (
    AT_ONCE,
    LONGEST,
    SLOW_S,
    TIMEOUT_S,
    check,
    nobody_there,
    opened,
    result,
    unanswered,
)
from dialer.adapters.redis.client import BLOCK_S, PREFIX, as_ours, open_redis, place, popped
from dialer.domain.errors import BadValue, StoreDown
from dialer.domain.types import CellId
from dialer.ports.between import Command, Desk

log = structlog.get_logger()

KEPT_S = 60  # an answer that nobody fetched
HERE_S = 5  # an engine that does not say so for this long is not there
REMEMBERED = 1_000  # requests
REQUEST_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Request:
    """A command on its way; `until_s` is on the clock of Redis."""

    id: str
    until_s: float
    command: Command


@asynccontextmanager
async def open_desk(url: str, cell: CellId, *, timeout_s: float = TIMEOUT_S) -> AsyncIterator[RedisDesk]:
    """The desk of a cell that another process runs."""
    async with open_redis(url) as redis:
        yield RedisDesk(redis, place(url), cell, timeout_s)


class RedisDesk:
    """See dialer.ports.between.Desk; raises what the cell raised, TimedOut, or StoreDown."""

    def __init__(self, redis: Redis, where: str, cell: CellId, timeout_s: float) -> None:
        self._redis = redis
        self._where = where
        self._cell = cell
        self._timeout_s = timeout_s

    async def do(self, command: Command) -> Mapping[str, Any]:
        check(command)
        timeout_s = SLOW_S.get(command.verb, self._timeout_s)
        with as_ours(self._where):
            if not await self._redis.exists(_here(self._cell)):
                raise nobody_there(self._cell)
            request = Request(uuid4().hex, await _now_s(self._redis) + timeout_s, command)
            text = json.dumps(encode(request))
            await self._redis.rpush(_requests(self._cell), text)
            answer = await self._answer(request, timeout_s)
            if answer is None:
                undone = await self._redis.lrem(_requests(self._cell), 0, text)
                raise unanswered(self._cell, timeout_s, undone=bool(undone))
        return cast(Mapping[str, Any], opened(answer))

    async def _answer(self, request: Request, timeout_s: float) -> str | None:
        """The answer; None when the time is up. Reads are short: the client gives up on long ones."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + timeout_s
        while (left_s := end_s - loop.time()) > 0:
            answer = await popped(self._redis, _answers(request.id), min(left_s, BLOCK_S))
            if answer is not None:
                return answer
        return None


async def serve_commands(url: str, cell: CellId, desk: Desk) -> None:
    """Until cancelled: take the commands for this cell and answer them; goes on when Redis is back."""
    async with open_redis(url) as redis, asyncio.TaskGroup() as tasks:
        clerk = _Clerk(redis, place(url), cell, desk)
        here = tasks.create_task(clerk.say_here(), name="desk-here")
        try:
            while True:
                await clerk.room.acquire()
                tasks.create_task(clerk.do(await clerk.next()), name="desk-command")
        finally:
            here.cancel()
            await clerk.say_gone()


class _Clerk:
    """The engine's end of the wire."""

    def __init__(self, redis: Redis, where: str, cell: CellId, desk: Desk) -> None:
        self._redis = redis
        self._where = where
        self._cell = cell
        self._desk = desk
        self._seen: OrderedDict[str, None] = OrderedDict()  # ids of requests
        self.room = asyncio.Semaphore(AT_ONCE)

    async def say_here(self) -> None:
        while True:
            try:
                with as_ours(self._where):
                    await self._redis.set(_here(self._cell), "1", ex=HERE_S)
            except StoreDown:
                pass  # told by `next`
            await asyncio.sleep(1.0)

    async def say_gone(self) -> None:
        """Who asks from now on is told at once."""
        with suppress(StoreDown), as_ours(self._where):
            await self._redis.delete(_here(self._cell))

    async def next(self) -> str:
        was_away = False
        while True:
            try:
                with as_ours(self._where):
                    found = await popped(self._redis, _requests(self._cell), BLOCK_S)
            except StoreDown as trouble:
                if not was_away:
                    log.warning("commands_wait", why=str(trouble))
                was_away = True
                await asyncio.sleep(0.5)
                continue
            if found is not None:
                return found

    async def do(self, text: str) -> None:
        try:
            request = _read(text)
            if request is None or request.id in self._seen:  # a cut connection makes the client send again
                return
            self._seen[request.id] = None
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
            with as_ours(self._where):
                if await _now_s(self._redis) > request.until_s:
                    log.warning("command_too_late", verb=request.command.verb)
                    return
            answer = await result(partial(self._do, request.command), request.command.verb)
            with as_ours(self._where):
                async with self._redis.pipeline(transaction=True) as transaction:
                    transaction.rpush(_answers(request.id), answer)
                    transaction.expire(_answers(request.id), KEPT_S)
                    await transaction.execute()
        except StoreDown as trouble:
            log.warning("command_unanswered", why=str(trouble))
        except Exception as fault:  # the boundary: the ear is for all commands to come
            log.error("command_failed", exc_info=fault)
        finally:
            self.room.release()

    async def _do(self, command: Command) -> Mapping[str, Any]:
        check(command)
        return await self._desk.do(command)


def _read(text: str) -> Request | None:
    """A request that can be answered; others are not ours, and are told in the log only."""
    why = "it is too long"
    if len(text) <= 4 * LONGEST:
        try:
            request = decode(Request, json.loads(text))
        except (BadValue, ValueError, RecursionError) as bad:
            why = str(bad)[:200]
        else:
            if REQUEST_ID.fullmatch(request.id):
                return request
            why = "its id is not one of ours"
    log.warning("command_unreadable", why=why)
    return None


async def _now_s(redis: Redis) -> float:
    """The clock that both ends share."""
    seconds, microseconds = await redis.time()
    return float(seconds) + float(microseconds) / 1e6


def _requests(cell: CellId) -> str:
    return f"{PREFIX}:desk:{cell}"


def _here(cell: CellId) -> str:
    return f"{PREFIX}:desk:{cell}:here"


def _answers(request_id: str) -> str:
    return f"{PREFIX}:answer:{request_id}"
