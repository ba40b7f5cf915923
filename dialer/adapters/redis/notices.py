"""Notices through Redis: one stream of bounded length for each cell."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Sequence
from typing import Any, cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from dialer.adapters.memory.notices import KEPT, Ring
from dialer.adapters.redis.client import BLOCK_S, PREFIX, as_ours, open_redis, place
from dialer.domain.errors import StoreDown
from dialer.domain.types import CellId
from dialer.ports.between import Notice

log = structlog.get_logger()

AGAIN_S = 0.5
WAIT_S = 60.0
AT_ONCE = 500
Entry = tuple[str, dict[str, str]]


async def carry(url: str, cell: CellId, ring: Ring) -> None:
    """Until cancelled: from the engine's ring to Redis. Readers see what is lost meanwhile as a gap."""
    async with open_redis(url) as redis:
        seq, was_away = 0, False
        while True:
            news = await ring.since(seq, wait_s=WAIT_S)
            try:
                with as_ours(place(url)):
                    for at in range(0, len(news.notices), AT_ONCE):
                        some = news.notices[at : at + AT_ONCE]
                        await _add(redis, stream_of(cell), some, newest=news.last)
                        seq = some[-1].seq
            except StoreDown as trouble:
                if not was_away:
                    log.warning("notices_wait", why=str(trouble))
                was_away = True
                await asyncio.sleep(AGAIN_S)
                continue
            seq, was_away = news.last, False


async def _add(redis: Redis, stream: str, notices: Sequence[Notice], *, newest: int) -> None:
    """Each once, though a cut connection makes the client send them again; `newest`: of this life."""
    try:
        await _send(redis, stream, notices)
    except ResponseError as refusal:
        if "equal or smaller" not in str(refusal):
            raise
        there = await _newest(redis, stream)
        if there > newest:  # of a life whose clock was ahead of ours: readers see that it is gone
            await redis.delete(stream)
        await _send(
            redis, stream, [notice for notice in notices if notice.seq > await _newest(redis, stream)]
        )


async def _send(redis: Redis, stream: str, notices: Sequence[Notice]) -> None:
    async with redis.pipeline(transaction=False) as pipeline:
        for one in notices:
            fields: Any = {"kind": one.kind, "id": one.id, "body": json.dumps(one.body)}
            pipeline.xadd(stream, fields, id=f"{one.seq}-0", maxlen=KEPT, approximate=True)
        await pipeline.execute()


async def follow(url: str, cell: CellId, ring: Ring) -> None:
    """Until cancelled: from Redis to the ring of a process that reads."""
    async with open_redis(url) as redis:
        last = 0
        while True:
            try:
                with as_ours(place(url)):
                    entries = await _read(redis, stream_of(cell), last)
                    if not entries and last > await _newest(redis, stream_of(cell)):
                        ring.restart()
                        last = 0
            except StoreDown:  # told by whoever reads the live state
                await asyncio.sleep(AGAIN_S)
                continue
            ring.take(notice for entry in entries for notice in _notice(entry))
            last = max([last, *(_seq(name) for name, _ in entries)])


async def _read(redis: Redis, stream: str, last: int) -> Sequence[Entry]:
    waiting = redis.xread({stream: f"{last}-0"}, count=AT_ONCE, block=int(BLOCK_S * 1000))
    found = await cast(Awaitable[list[tuple[str, list[Entry]]]], waiting)
    return found[0][1] if found else []


async def _newest(redis: Redis, stream: str) -> int:
    found = await cast(Awaitable[list[Entry]], redis.xrevrange(stream, count=1))
    return _seq(found[0][0]) if found else 0


def _notice(entry: Entry) -> Sequence[Notice]:
    name, fields = entry
    try:
        return [Notice(_seq(name), fields["kind"], fields["id"], json.loads(fields["body"]))]
    except (KeyError, ValueError, RecursionError) as bad:
        log.warning("notice_unreadable", why=repr(bad)[:200])
        return []


def _seq(name: str) -> int:
    number = name.partition("-")[0]
    return int(number) if number.isdecimal() else 0


def stream_of(cell: CellId) -> str:
    """The key of a cell's notices."""
    return f"{PREFIX}:notices:{cell}"
