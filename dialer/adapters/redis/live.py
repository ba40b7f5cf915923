"""Live state in Redis: what other processes and the wallboard read."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from secrets import token_hex
from typing import TypeVar, cast

import structlog
from redis.asyncio import Redis

from dialer.adapters.codec import decode, encode
from dialer.adapters.redis.client import PREFIX, as_ours, open_redis, place
from dialer.domain.call import Call
from dialer.domain.cdr import Tally
from dialer.domain.errors import BadValue, StoreDown
from dialer.domain.kpi import QUARTER, Slot, Whose, quarter_of
from dialer.domain.operators import Operator
from dialer.domain.types import CallId, CellId

log = structlog.get_logger()
T = TypeVar("T")

CELLS = f"{PREFIX}:cells"
STATE_KEPT_S = 86_400  # of a cell that never came back
SUMS_KEPT_S = 8 * 86_400
LOOK_S = 1.0  # between two looks whether Redis is there and the same
COUNTS = ("attempts", "answered", "connected", "abandoned")
SECONDS = ("talk_s", "duration_s")  # kept as whole microseconds: sums are exact in any order

# Counts a call once: its id goes into the set of the day in UTC together with its figures, or neither does.
ADD_ONCE = """
if redis.call('SADD', KEYS[2], ARGV[1]) == 0 then return {} end
for i = 3, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[2])
return {}
"""
# The sums of a span, from those of its quarters of an hour; what is no number is passed over.
SUM_UP = """
local sums = {}
for _, key in ipairs(KEYS) do
  local told = redis.call('HGETALL', key)
  for i = 1, #told, 2 do
    local n = tonumber(told[i + 1])
    if n then sums[told[i]] = (sums[told[i]] or 0) + n end
  end
end
local found = {}
for field, n in pairs(sums) do
  found[#found + 1] = field
  found[#found + 1] = string.format('%.0f', n)
end
return found
"""


async def _nothing() -> None: ...


@asynccontextmanager
async def open_live(
    url: str, *, on_return: Callable[[], Awaitable[None]] = _nothing
) -> AsyncIterator[RedisLive]:
    """Live state that is whole again after Redis was away.

    `on_return` is called when Redis is back, or is another one than before: recount the sums then.
    """
    async with open_redis(url) as redis:
        live = RedisLive(redis, place(url))
        watching = asyncio.create_task(live.watch(on_return), name="redis-watch")
        try:
            yield live
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching


class RedisLive:
    """See dialer.ports.between.Live; every method raises StoreDown while Redis is away."""

    def __init__(self, redis: Redis, where: str) -> None:
        self._redis = redis
        self._where = where
        self._add_once = redis.register_script(ADD_ONCE)
        self._sum_up = redis.register_script(SUM_UP)
        # what this process has shown, by key: shown again to a Redis that has forgotten it
        self._shown: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self._mark = f"{PREFIX}:mark:{token_hex(8)}"  # while it is there, Redis was not emptied
        self._summed: datetime | None = None  # the newest quarter of an hour that has sums
        self._in_order = asyncio.Lock()  # an older state never overwrites a newer one

    async def clear(self, cell: CellId) -> None:
        keys = (_calls(cell), _operators(cell))
        async with self._in_order:
            for key in keys:
                self._shown.pop(key, None)
            with as_ours(self._where):
                await self._redis.delete(*keys)

    async def put_call(self, cell: CellId, call: Call) -> None:
        await self._show(cell, _calls(cell), call.id, json.dumps(encode(call)))

    async def drop_call(self, cell: CellId, call: CallId) -> None:
        async with self._in_order:
            self._shown[_calls(cell)].pop(call, None)
            with as_ours(self._where):
                await self._redis.hdel(_calls(cell), call)

    async def calls(self) -> Sequence[Call]:
        return await self._read(_calls, Call)

    async def put_operator(self, cell: CellId, operator: Operator) -> None:
        await self._show(cell, _operators(cell), operator.id, json.dumps(encode(operator)))

    async def operators(self) -> Sequence[Operator]:
        return await self._read(_operators, Operator)

    async def add(self, slot: Slot, delta: Tally, *, once: CallId) -> None:
        figures = _flat(_fields(slot, delta))
        with as_ours(self._where):
            keys = [_sums(slot[2]), _counted(slot[2])]
            await self._add_once(keys=keys, args=[once, SUMS_KEPT_S, *figures])
        if figures:
            self._has_sums(slot[2])

    async def tallies(self, since_at: datetime, until_at: datetime) -> Mapping[Whose, Tally]:
        with as_ours(self._where):
            keys = [_sums(quarter) for quarter in _quarters(since_at, until_at)]
            told = await self._sum_up(keys=keys) if keys else []
        found: defaultdict[Whose, dict[str, int]] = defaultdict(dict)
        for field, figure in zip(told[::2], told[1::2], strict=False):
            try:
                operator, campaign, name = field.split("|")
                found[operator, int(campaign)][name] = int(figure)
            except ValueError as bad:  # somebody else's word, or a later version's
                log.warning("live_sum_unreadable", field=field[:200], why=str(bad)[:200])
        return {whose: _tally(figures) for whose, figures in found.items()}

    async def reset_tallies(self, since_at: datetime, until_at: datetime, sums: Mapping[Slot, Tally]) -> None:
        by_quarter: defaultdict[datetime, dict[str, int]] = defaultdict(dict)
        for slot, tally in sums.items():
            by_quarter[slot[2]] |= _fields(slot, tally)
        with as_ours(self._where):
            async with self._redis.pipeline(transaction=True) as transaction:
                for quarter in _quarters(since_at, until_at):
                    transaction.delete(_sums(quarter))
                for quarter, fields in by_quarter.items():
                    transaction.hset(_sums(quarter), items=_flat(fields))
                    transaction.expire(_sums(quarter), SUMS_KEPT_S)
                await transaction.execute()
        if self._summed is not None and since_at <= self._summed < until_at:
            self._summed = None
        for quarter in by_quarter:
            self._has_sums(quarter)

    def _has_sums(self, quarter: datetime) -> None:
        self._summed = quarter if self._summed is None else max(quarter, self._summed)

    async def watch(self, on_return: Callable[[], Awaitable[None]]) -> None:
        """Until cancelled: look whether Redis is there; when it is back or new, show everything again."""
        known = ""
        while True:
            try:
                run, is_whole = await self._look()
                if known and (run != known or not is_whole):
                    log.info("redis_returned", where=self._where, was_emptied=not is_whole)
                    await self._show_again()
                    self._summed = None  # what is long over may be gone for good
                    await on_return()
                if not is_whole:
                    with as_ours(self._where):
                        await self._redis.set(self._mark, "1", ex=STATE_KEPT_S)
                known = run
            except StoreDown as trouble:
                if known != AWAY:
                    log.warning("redis_away", why=str(trouble))
                known = AWAY
            except Exception as fault:  # the boundary: who watches no more would never show anything again
                log.error("redis_return_failed", exc_info=fault)
                known = AWAY
            await asyncio.sleep(LOOK_S)

    async def _look(self) -> tuple[str, bool]:
        """Which run of Redis this is, and whether it has all that this process left there.

        One that was emptied, failed over or short of memory has lost the mark, or a key beside it.
        """
        with as_ours(self._where):
            server = await self._redis.info("server")
            async with self._in_order, self._redis.pipeline(transaction=False) as pipeline:
                keys = [self._mark, *(key for key, fields in self._shown.items() if fields)]
                keys += [_sums(self._summed)] if self._summed else []
                pipeline.expire(self._mark, STATE_KEPT_S)
                pipeline.exists(*keys)
                _, there = await pipeline.execute()
        return server["run_id"], there == len(keys)

    async def _show(self, cell: CellId, key: str, field: str, value: str) -> None:
        async with self._in_order, self._redis.pipeline(transaction=False) as pipeline:
            self._shown[key][field] = value
            with as_ours(self._where):
                pipeline.hset(key, field, value)
                pipeline.expire(key, STATE_KEPT_S)
                pipeline.sadd(CELLS, cell)
                await pipeline.execute()

    async def _show_again(self) -> None:
        async with self._in_order, self._redis.pipeline(transaction=True) as transaction:
            with as_ours(self._where):
                for key, fields in self._shown.items():
                    transaction.delete(key)  # calls that ended while it was away are not shown again
                    if fields:
                        transaction.hset(key, items=_flat(fields))
                        transaction.expire(key, STATE_KEPT_S)
                        transaction.sadd(CELLS, key.rpartition(":")[2])
                await transaction.execute()

    async def _read(self, key_of: Callable[[CellId], str], kind: type[T]) -> Sequence[T]:
        with as_ours(self._where):
            cells = await cast(Awaitable[set[str]], self._redis.smembers(CELLS))
            async with self._redis.pipeline(transaction=False) as pipeline:
                for cell in sorted(cells):
                    pipeline.hvals(key_of(CellId(cell)))
                shown = await pipeline.execute()
        return [value for values in shown for value in _readable(kind, values)]


AWAY = "away"  # in place of the id of a run


def _calls(cell: CellId) -> str:
    return f"{PREFIX}:calls:{cell}"


def _operators(cell: CellId) -> str:
    return f"{PREFIX}:operators:{cell}"


def _sums(quarter: datetime) -> str:
    return f"{PREFIX}:sums:{quarter:%Y-%m-%dT%H:%M}"  # UTC


def _counted(quarter: datetime) -> str:
    return f"{PREFIX}:counted:{quarter:%Y-%m-%d}"  # UTC


def _quarters(since_at: datetime, until_at: datetime) -> Iterator[datetime]:
    """Those that begin in the span."""
    quarter = quarter_of(since_at)
    while quarter < until_at:
        if quarter >= since_at:
            yield quarter
        quarter += QUARTER


def _fields(slot: Slot, tally: Tally) -> dict[str, int]:
    """The figures of one operator and campaign, but for zeros, as fields of the quarter's hash."""
    who = f"{slot[0]}|{slot[1]}"
    figures = {name: int(getattr(tally, name)) for name in COUNTS}
    figures |= {name: round(getattr(tally, name) * 1e6) for name in SECONDS}
    return {f"{who}|{name}": figure for name, figure in figures.items() if figure}


def _flat(fields: Mapping[str, str | int]) -> list[str | int]:
    return [part for field in fields.items() for part in field]


def _tally(figures: Mapping[str, int]) -> Tally:
    seconds = (figures.get(name, 0) / 1e6 for name in SECONDS)
    return Tally(*(figures.get(name, 0) for name in COUNTS), *seconds)


def _readable(kind: type[T], values: Sequence[str]) -> list[T]:
    """What this version can read; another one may be running beside it."""
    found = []
    for value in values:
        try:
            found.append(decode(kind, json.loads(value)))
        except (BadValue, ValueError, RecursionError) as bad:
            log.warning("live_state_unreadable", kind=kind.__name__, why=str(bad))
    return found
