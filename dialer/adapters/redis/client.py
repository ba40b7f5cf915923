"""The connection to Redis, and its troubles as our errors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from dialer.domain.errors import Fatal, StoreDown
from dialer.domain.said import said

PREFIX = "obz"
CONNECT_S = 2.0
ANSWER_S = 5.0  # longer than any blocking read of ours, see BLOCK_S
BLOCK_S = 2
CONNECTIONS = 64  # each command under way may hold one in a blocking read


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
        )
    except ValueError as bad:
        raise Fatal(
            said("DIALER_REDIS_URL cannot be read ({bad}): write it as redis://host:6379/0", bad=bad)
        ) from None
    client = Redis.from_pool(pool)  # closes the pool with itself
    try:
        yield client
    finally:
        await client.aclose()


def place(url: str) -> str:
    """Where this Redis is, without its password."""
    parts = parse_url(url)
    return str(parts.get("path") or f"{parts.get('host', 'localhost')}:{parts.get('port', 6379)}")


@contextmanager
def as_ours(where: str) -> Iterator[None]:
    """Whatever goes wrong with Redis is StoreDown, with the way out."""
    try:
        yield
    except (RedisError, OSError) as trouble:
        why = str(trouble) or type(trouble).__name__
        raise StoreDown(said("Redis at {where} cannot be used: {why}", where=where, why=why)) from trouble
