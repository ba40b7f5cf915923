"""Live state: the same on memory, over a socket, and on a real Redis, which may be killed."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest
from redis.asyncio import Redis

from dialer.adapters.local.live import SharedLive
from dialer.adapters.local.wire import Beside, open_beside, serve_beside, socket_of
from dialer.adapters.memory.live import MemoryLive
from dialer.adapters.redis.client import open_redis
from dialer.adapters.redis.live import RedisLive, open_live
from dialer.domain.call import Call, State
from dialer.domain.cdr import Cdr, Tally
from dialer.domain.days import span_of
from dialer.domain.errors import Fatal, Missing, StoreDown
from dialer.domain.kpi import QUARTER, Whose, by_quarter, fold, quarter_of, slot_of, tally_of
from dialer.domain.operators import Operator
from dialer.domain.types import CallId, CampaignId, CellId, LeadId, OperatorId, PhoneNumber, TrunkId
from dialer.ports.between import Command, Live
from tests.ports.made import AT, CELL, ODD_DAYS, around, record
from tests.servers import Server

WEST = CellId("west")
DAY = span_of(date(2026, 1, 31), UTC)
NINE = quarter_of(AT)
ANN = Operator(OperatorId("101"), "Анна", since_at=AT)
CALL = Call(
    CallId("c-1"), CampaignId(1), LeadId(2), PhoneNumber("+79161234567"), TrunkId("main"), dialled_at=AT
)
T = TypeVar("T")


class Followed(SharedLive):
    """Written in one process and read in another, over a socket: what was written before is seen."""

    beside: Beside

    async def calls(self) -> Sequence[Call]:
        await self.beside.ask("nothing")
        return await self.beside.live.calls()

    async def operators(self) -> Sequence[Operator]:
        await self.beside.ask("nothing")
        return await self.beside.live.operators()

    async def tallies(self, since_at: datetime, until_at: datetime) -> Mapping[Whose, Tally]:
        await self.beside.ask("nothing")
        return await self.beside.live.tallies(since_at, until_at)


@pytest.fixture(params=["memory", "socket", "redis"])
async def live(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Live]:
    match request.param:
        case "memory":
            yield MemoryLive()
        case "redis":
            async with open_live(str(request.getfixturevalue("redis_url"))) as opened:
                yield opened
        case _:
            followed, place = Followed(), socket_of(tmp_path, "main")
            asks = {"nothing": nothing}
            async with serve_beside(place, NoDesk(), followed, asks), open_beside(place, CELL) as beside:
                followed.beside = beside
                await until(beside.live.calls, lambda calls: not calls)
                yield followed


class NoDesk:
    async def do(self, command: Command) -> Mapping[str, Any]:
        raise Missing("nobody is asked here")


async def nothing() -> None: ...


def folded(cdrs: Sequence[Cdr]) -> Mapping[Whose, Tally]:
    """Of records that were dialled on one day."""
    return {key[:2]: tally for key, tally in fold(cdrs, UTC).items()}


async def until(ask: Callable[[], Awaitable[T]], is_right: Callable[[T], bool]) -> T:
    """Ask until the answer is right; an answer that cannot be had yet is no answer."""
    async with asyncio.timeout(15):
        while True:
            try:
                answer = await ask()
            except StoreDown:
                answer = None
            if answer is not None and is_right(answer):
                return answer
            await asyncio.sleep(0.05)


async def test_calls_of_all_cells_are_seen_in_their_last_state(live: Live) -> None:
    later = replace(CALL, state=State.BRIDGED, talk_since_at=AT + timedelta(seconds=1))
    other = replace(CALL, id=CallId("c-2"))
    await live.put_call(CELL, CALL)
    await live.put_call(CELL, later)
    await live.put_call(WEST, other)
    assert sorted(await live.calls(), key=lambda call: call.id) == [later, other]
    await live.drop_call(CELL, later.id)
    await live.drop_call(CELL, CallId("c-unknown"))
    assert await live.calls() == [other]


async def test_operators_are_seen_in_their_last_state(live: Live) -> None:
    await live.put_operator(CELL, ANN)
    await live.put_operator(CELL, replace(ANN, reason="tea"))
    assert await live.operators() == [replace(ANN, reason="tea")]


async def test_a_cell_that_starts_forgets_its_last_run_and_no_other(live: Live) -> None:
    other = replace(CALL, id=CallId("c-2"))
    await live.put_call(CELL, CALL)
    await live.put_operator(CELL, ANN)
    await live.put_call(WEST, other)
    await live.clear(CELL)
    await live.clear(CellId("never-seen"))
    assert await live.calls() == [other]
    assert await live.operators() == []


async def test_the_live_sums_are_the_fold_over_the_records_each_told_twice(live: Live) -> None:
    cdrs = [
        record(
            f"c-{n}",
            operator=[OperatorId("101"), OperatorId("102"), None][n % 3],
            campaign=CampaignId(1 + n % 2),
            talk_s=n * 0.1,
            end_at=AT + timedelta(microseconds=n * 333_333),
        )
        for n in range(300)
    ]
    await asyncio.gather(*(live.add(slot_of(cdr), tally_of(cdr), once=cdr.id) for cdr in cdrs + cdrs))
    assert await live.tallies(*DAY) == folded(cdrs)
    assert await live.tallies(DAY[1], DAY[1] + timedelta(days=1)) == {}


@pytest.mark.parametrize(("zone", "day"), ODD_DAYS)
async def test_what_was_counted_without_a_zone_is_told_by_the_day_of_any(
    live: Live, zone: str, day: date
) -> None:
    """Sums were kept by the day of the zone that the engine had: in any other they were another day's."""
    since_at, until_at = span_of(day, ZoneInfo(zone))
    cdrs = around(since_at, until_at)
    for cdr in cdrs:
        await live.add(slot_of(cdr), tally_of(cdr), once=cdr.id)
    its = [key for key in fold(cdrs, ZoneInfo(zone)).items() if key[0][2] == day.isoformat()]
    assert await live.tallies(since_at, until_at) == {key[:2]: tally for key, tally in its}
    assert len(its) == 6


async def test_a_call_of_long_ago_is_counted_beside_those_of_today(live: Live) -> None:
    """Told late, by a journal that waited for its database."""
    old = record("c-0", dialled_at=AT - timedelta(days=6))
    for cdr in (record("c-1"), old):
        await live.add(slot_of(cdr), tally_of(cdr), once=cdr.id)
    assert (await live.tallies(*DAY))["101", 1].attempts == 1
    assert (await live.tallies(DAY[0] - timedelta(days=7), DAY[1]))["101", 1].attempts == 2


async def test_sums_that_are_set_anew_go_on_from_there(live: Live) -> None:
    first, second = record("c-1"), record("c-2", talk_s=1.5)
    await live.add(slot_of(first), tally_of(first), once=first.id)
    await live.reset_tallies(*DAY, {("102", 7, NINE): Tally(attempts=3, talk_s=0.1)})
    await live.add(slot_of(first), tally_of(first), once=first.id)  # was counted before: not again
    await live.add(slot_of(second), tally_of(second), once=second.id)
    assert await live.tallies(*DAY) == {
        ("102", 7): Tally(attempts=3, talk_s=0.1),
        ("101", 1): tally_of(second),
    }
    await live.reset_tallies(NINE + QUARTER, DAY[1], {})
    assert len(await live.tallies(*DAY)) == 2
    await live.reset_tallies(*DAY, {})
    assert await live.tallies(*DAY) == {}


# --- only Redis can go away ---


async def test_while_redis_is_away_every_method_says_so(redis_server: Server, redis_url: str) -> None:
    async with open_live(redis_url) as live:
        await live.put_call(CELL, CALL)
        redis_server.kill()
        cdr = record("c-1")
        for attempt in (
            live.put_call(CELL, CALL),
            live.drop_call(CELL, CALL.id),
            live.calls(),
            live.put_operator(CELL, ANN),
            live.operators(),
            live.clear(CELL),
            live.add(slot_of(cdr), tally_of(cdr), once=cdr.id),
            live.tallies(*DAY),
            live.reset_tallies(*DAY, {}),
        ):
            with pytest.raises(
                StoreDown, match=rf"Redis at 127\.0\.0\.1:{redis_server.port} cannot be used: "
            ):
                await asyncio.wait_for(attempt, 5)


async def test_a_redis_that_comes_back_empty_shows_everything_again(
    redis_server: Server, redis_url: str
) -> None:
    cdrs = [record("c-1"), record("c-2")]
    recounts = 0

    async def recount() -> None:
        nonlocal recounts
        for cdr in cdrs:
            await live.add(slot_of(cdr), tally_of(cdr), once=cdr.id)
        recounts += 1

    async with open_live(redis_url, on_return=recount) as live:
        await live.put_call(CELL, CALL)
        await live.put_operator(CELL, ANN)
        await recount()
        redis_server.kill()
        with pytest.raises(StoreDown):
            await live.put_call(CELL, replace(CALL, state=State.RINGING))
        redis_server.start()
        assert await until(live.calls, bool) == [replace(CALL, state=State.RINGING)]
        assert await until(live.operators, bool) == [ANN]
        assert await until(lambda: live.tallies(*DAY), lambda sums: sums == folded(cdrs))
        assert recounts >= 1


async def some_looks(redis: Redis, n: int = 5) -> None:
    """Until Redis was looked at so often."""

    async def looks() -> int:
        return int((await redis.info("commandstats"))["cmdstat_exists"]["calls"])

    began = await looks()
    await until(looks, lambda now: now >= began + n)


@pytest.mark.parametrize("lost", ["everything", "sums", "calls"])
async def test_a_redis_that_is_emptied_in_mid_run_shows_everything_again(
    redis_server: Server, redis_url: str, lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a person, by a fail-over to an empty replica, or short of memory: the run is the same."""
    monkeypatch.setattr("dialer.adapters.redis.live.LOOK_S", 0.02)
    cdrs = [record("c-1"), record("c-2")]
    recounts = 0

    async def recount() -> None:
        nonlocal recounts
        recounts += 1
        await live.reset_tallies(*DAY, by_quarter(cdrs))

    async with open_live(redis_url, on_return=recount) as live, open_redis(redis_url) as redis:
        await live.put_call(CELL, CALL)
        await live.put_operator(CELL, ANN)
        for cdr in cdrs:
            await live.add(slot_of(cdr), tally_of(cdr), once=cdr.id)
        await until(lambda: redis.keys("obz:mark:*"), bool)
        await some_looks(redis)
        assert recounts == 0, "nothing was lost, and something was counted anew"
        if lost == "everything":
            await redis.flushall()
        else:
            await redis.delete(*await redis.keys(f"obz:{lost}:*"))
        assert await until(live.calls, bool) == [CALL]
        assert await until(live.operators, bool) == [ANN]
        assert await until(lambda: live.tallies(*DAY), lambda sums: sums == folded(cdrs))
        await some_looks(redis)
        assert recounts == 1
        for operator in await live.operators():
            assert operator == ANN


async def test_a_redis_that_is_frozen_is_told_within_seconds_and_used_again(
    redis_server: Server, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dialer.adapters.redis.client.ANSWER_S", 0.3)
    async with open_live(redis_url) as live:
        await live.put_call(CELL, CALL)
        redis_server.send(signal.SIGSTOP)
        with pytest.raises(StoreDown):
            await asyncio.wait_for(live.calls(), 5)
        redis_server.send(signal.SIGCONT)
        assert await until(live.calls, bool) == [CALL]


async def test_what_another_version_wrote_is_passed_over(redis_url: str) -> None:
    async with open_live(redis_url) as live:
        await live.put_call(CELL, CALL)
        assert isinstance(live, RedisLive)
        await live._redis.hset("obz:calls:main", "c-9", '{"id": "c-9", "state": "levitating"}')
        await live._redis.hset("obz:calls:main", "c-8", "rubbish")
        assert await live.calls() == [CALL]


@pytest.mark.parametrize("url", ["http://x", "localhost:6379", "redis://host:port/0", ""])
async def test_an_address_that_cannot_be_one_is_fatal_with_an_example(url: str) -> None:
    with pytest.raises(Fatal, match=r"DIALER_REDIS_URL cannot be read \(.*write it as redis://host:6379/0"):
        async with open_live(url):
            pass


async def test_the_password_is_in_no_message(redis_server: Server) -> None:
    redis_server.kill()
    async with open_live(f"redis://:hush@127.0.0.1:{redis_server.port}/0") as live:
        with pytest.raises(StoreDown) as told:
            await live.calls()
    assert "hush" not in str(told.value)


async def test_rubbish_in_redis_costs_itself_only(redis_url: str) -> None:
    async with open_live(redis_url) as live, open_redis(redis_url) as redis:
        key = ("101", CampaignId(1))
        await live.put_call(CELL, CALL)
        await live.add((*key, NINE), Tally(attempts=1), once=CALL.id)
        rubbish = {"a": "[" * 9999, "b": "nonsense", "c": "1e999", "d": "[]"}
        await redis.hset(f"obz:calls:{CELL}", mapping=rubbish)
        await redis.hset(
            f"obz:sums:{NINE:%Y-%m-%dT%H:%M}",
            mapping={"x": "1", "a|b|attempts": "1", "101|1|talk_s": "nonsense"},
        )
        assert await live.calls() == [CALL]
        assert await live.tallies(*DAY) == {key: Tally(attempts=1)}


async def test_a_recount_that_fails_is_not_the_last_one(redis_server: Server, redis_url: str) -> None:
    returns = 0
    twice = asyncio.Event()

    async def on_return() -> None:
        nonlocal returns
        returns += 1
        if returns == 1:
            raise ZeroDivisionError
        twice.set()

    async with open_live(redis_url, on_return=on_return) as live, open_redis(redis_url) as redis:
        await live.put_call(CELL, CALL)

        async def is_watched() -> bool:
            return bool(await redis.keys("obz:mark:*"))

        await until(is_watched, bool)
        redis_server.kill()
        redis_server.start()
        async with asyncio.timeout(15):
            await twice.wait()
