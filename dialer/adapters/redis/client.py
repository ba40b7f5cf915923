"""The connection to Redis, and its troubles as our errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any, cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import InvalidResponse, RedisError
from redis.maint_notifications import MaintNotificationsConfig

from dialer.domain.errors import Fatal, StoreDown
from dialer.domain.said import said

PREFIX = "obz"
CONNECT_S = 2.0
ANSWER_S = 5.0  # longer than any blocking read of ours, see BLOCK_S
BLOCK_S = 2
CONNECTIONS = 64  # each command under way may hold one in a blocking read
# What Redis answers to the commands that we use, before the library makes anything of it; "_" is a step of a
# transaction.
KINDS: Mapping[str, tuple[type, ...]] = {
    "_": (str, list),
    "BLPOP": (list, type(None)),
    "EVALSHA": (list,),
    "HGETALL": (dict,),
    "HVALS": (list,),
    "INFO": (str,),
    "SET": (str,),
    "SMEMBERS": (list, set),
    "TIME": (list,),
    "XADD": (str,),
    "XREAD": (dict, list, type(None)),
    "XREVRANGE": (list,),
    **dict.fromkeys(("DEL", "EXISTS", "EXPIRE", "HDEL", "HSET", "LREM", "RPUSH", "SADD"), (int,)),
}


class CheckedPipeline(Pipeline):
    """As `CheckedRedis`."""

    async def parse_response(self, connection: Any, command_name: Any, **options: Any) -> Any:
        return await _in_step(super().parse_response(connection, command_name, **options), connection)


class CheckedRedis(Redis):
    """Raises InvalidResponse for what can only be the answer to another command."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for command, kinds in KINDS.items():
            read = self.response_callbacks.get(command, _as_it_is)
            self.set_response_callback(command, partial(_checked, command, kinds, read))

    async def parse_response(self, connection: Any, command_name: Any, **options: Any) -> Any:
        return await _in_step(super().parse_response(connection, command_name, **options), connection)

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> CheckedPipeline:
        return CheckedPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


async def _in_step(answer: Awaitable[Any], connection: Any) -> Any:
    """A connection that answers another command is closed: its next answers would be wrong as well."""
    try:
        return await answer
    except InvalidResponse:
        await connection.disconnect(nowait=True)
        raise


def _as_it_is(answer: Any, **_: Any) -> Any:
    return answer


def _checked(
    command: str, kinds: tuple[type, ...], read: Callable[..., Any], answer: Any, **options: Any
) -> Any:
    if not isinstance(answer, kinds):
        raise InvalidResponse(f"the answer to {command} is of another kind ({type(answer).__name__})")
    return read(answer, **options)


@asynccontextmanager
async def open_redis(url: str) -> AsyncIterator[Redis]:
    """A pool of connections, made when they are needed; Fatal when the address cannot be one."""
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=ANSWER_S,  # for a free one: a burst waits, it does not fail
            decode_responses=True,
            encoding_errors="replace",  # rubbish is for the reader to judge, not an end of the connection
            socket_connect_timeout=CONNECT_S,
            socket_timeout=ANSWER_S,
            # a connection that a restart has cut is made anew at once, and once: every command of ours
            # may be told twice
            retry=Retry(NoBackoff(), 1),
            # else the pool gives away a connection on which an answer lies that nobody has taken, and whoever
            # asks next is given it in place of his own
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
    except ValueError as bad:
        raise Fatal(
            said("DIALER_REDIS_URL cannot be read ({bad}): write it as redis://host:6379/0", bad=bad)
        ) from None
    client = CheckedRedis.from_pool(pool)  # closes the pool with itself
    try:
        yield client
    finally:
        await client.aclose()


async def popped(redis: Redis, key: str, timeout_s: float) -> str | None:
    """The first of this list, as soon as it has one; None when the time is up."""
    waiting = redis.blpop([key], timeout=timeout_s)
    match await cast(Awaitable[Sequence[str] | None], waiting):
        case None:
            return None
        case [whose, first] if whose == key:
            return first
        case told:
            raise InvalidResponse(f"the answer to a question about {key} is about {told[:1]}")


def place(url: str) -> str:
    """Where this Redis is, without its password."""
    parts = parse_url(url)
    return str(parts.get("path") or f"{parts.get('host', 'localhost')}:{parts.get('port', 6379)}")


@contextmanager
def as_ours(where: str) -> Iterator[None]:
    """Whatever goes wrong with Redis is StoreDown, with the way out.

    The library sends by `asyncio.wait_for`, which before Python 3.12 loses a cancellation that comes as the
    sending ends: a loop that was cancelled would go on for ever. It is raised here instead.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task is not None else 0
    try:
        yield
    except (RedisError, OSError) as trouble:
        _obey(task, before)
        why = str(trouble) or type(trouble).__name__
        raise StoreDown(said("Redis at {where} cannot be used: {why}", where=where, why=why)) from trouble
    _obey(task, before)


def _obey(task: asyncio.Task[Any] | None, before: int) -> None:
    """CancelledError where the task was asked to end since then, and nobody has taken that back."""
    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError
