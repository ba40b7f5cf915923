"""A trunk's calls per second: kept, spread evenly, and used up."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest

from dialer.domain.trunk import Trunk
from dialer.domain.types import TrunkId
from dialer.engine.trunks import APART, BURST_S, Trunks
from dialer.sim.clock import START_AT
from tests.unit.engine.virtual import in_virtual_time

MAIN = TrunkId("main")
NO_LINES: Counter[TrunkId] = Counter()


def made(calls_per_s: float) -> Trunks:
    trunks = Trunks()
    trunks.load([Trunk(MAIN, "127.0.0.2", lines=1000, calls_per_s=calls_per_s)])
    return trunks


def decided(trunks: Trunks, *, every_s: float, for_s: float) -> list[float]:
    """When calls are decided by somebody who always dials what is allowed."""
    times: list[float] = []
    for n in range(round(for_s / every_s)):
        now = START_AT + timedelta(seconds=n * every_s)
        for _ in range(trunks.views(NO_LINES, now)[MAIN].calls_now):
            trunks.sent(MAIN, now)
            times.append(n * every_s)
    return times


@pytest.mark.parametrize("calls_per_s", [0.5, 3, 20, 100])
def test_what_a_trunk_allows_is_used_up_however_late_each_decision_comes(calls_per_s: float) -> None:
    times = decided(made(calls_per_s), every_s=0.07, for_s=60)
    assert len(times) == pytest.approx(60 * calls_per_s, abs=2 + calls_per_s * BURST_S)


@pytest.mark.parametrize("calls_per_s", [3, 20, 100])
def test_calls_are_spread_over_the_second_and_do_not_go_out_in_one_heap(calls_per_s: float) -> None:
    at_once = Counter(decided(made(calls_per_s), every_s=0.02, for_s=10))
    assert max(at_once.values()) <= 1 + calls_per_s * BURST_S
    assert max(count for at, count in at_once.items() if at > 1) <= 1 + calls_per_s * 0.02


def test_a_trunk_that_is_used_up_says_when_it_takes_another_call() -> None:
    trunks = made(4)
    assert trunks.opens_in_s(START_AT) is None
    trunks.sent(MAIN, START_AT)
    opens_in_s = trunks.opens_in_s(START_AT)
    assert opens_in_s is not None
    assert 0 < opens_in_s <= 0.25
    later = START_AT + timedelta(seconds=opens_in_s + 0.001)
    assert trunks.views(NO_LINES, later)[MAIN].calls_now == 1


@in_virtual_time
async def test_nothing_is_decided_on_top_of_requests_that_wait_for_their_turn() -> None:
    trunks = made(2)
    waiting = [asyncio.create_task(trunks.turn(MAIN)) for _ in range(6)]
    await asyncio.sleep(0.5)
    assert trunks.views(NO_LINES, START_AT + timedelta(seconds=10))[MAIN].calls_now == 0
    await asyncio.gather(*waiting)
    assert trunks.views(NO_LINES, START_AT + timedelta(seconds=20))[MAIN].calls_now >= 1


@in_virtual_time
@pytest.mark.parametrize("calls_per_s", [0.49, 3, 20, 100])
async def test_requests_leave_in_order_one_after_another_and_never_above_the_ceiling(
    calls_per_s: float,
) -> None:
    trunks, clock = made(calls_per_s), asyncio.get_running_loop().time
    left: list[tuple[int, float]] = []

    async def leave(n: int) -> None:
        await trunks.turn(MAIN)
        left.append((n, clock()))

    count = round(3 * calls_per_s) + 3
    await asyncio.gather(*(leave(n) for n in range(count)))
    times = [at for _, at in left]
    assert [n for n, _ in left] == list(range(count))
    assert all(b - a >= APART / calls_per_s - 1e-6 for a, b in pairwise(times))
    window_s, most = max(1.0, 1 / calls_per_s), max(1, int(calls_per_s))
    assert all(b - a >= window_s - 1e-6 for a, b in zip(times, times[most:], strict=False))


@in_virtual_time
async def test_one_that_waits_for_its_turn_wakes_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    trunks, naps, sleep = made(20), 0, asyncio.sleep

    async def counted(seconds: float) -> None:
        nonlocal naps
        naps += 1
        await sleep(seconds)

    monkeypatch.setattr(asyncio, "sleep", counted)
    await asyncio.gather(*(trunks.turn(MAIN) for _ in range(40)))
    assert naps <= 2 * 40  # the clock may ring a moment early
