"""A trunk's calls per second: kept, spread evenly, and used up."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from math import inf

import pytest

from dialer.domain.call import Call
from dialer.domain.pacing.decision import TrunkView
from dialer.domain.trunk import Trunk
from dialer.domain.types import CallId, CampaignId, Outcome, PhoneNumber, TrunkId
from dialer.engine.refusals import FIRST_REST_S, IN_ROW
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
    assert trunks.opens_in_s(START_AT) == inf
    trunks.sent(MAIN, START_AT)
    opens_in_s = trunks.opens_in_s(START_AT)
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


def view(trunks: Trunks, lines: int = 0, after_s: float = 0.0) -> TrunkView:
    return trunks.views(Counter({MAIN: lines}), START_AT + timedelta(seconds=after_s))[MAIN]


@pytest.mark.parametrize(("in_use", "free"), [(0, 1000), (999, 1), (1000, 0), (1001, 0)])
def test_the_lines_that_are_left_are_never_fewer_than_none(in_use: int, free: int) -> None:
    assert view(made(20), in_use).lines_free == free


def test_a_refused_request_leaves_the_trunk_alone_for_five_seconds_whichever_way_the_clock_goes() -> None:
    trunks = made(20)
    trunks.refused(MAIN, START_AT, "Allocation failed")
    assert view(trunks).why == "Asterisk refused a call by trunk main: Allocation failed"
    assert [view(trunks, after_s=s).usable for s in (-5, -4.9, 4.9, 5)] == [True, False, False, True]


def test_joins_that_come_apart_rest_the_trunk_longer_each_time_up_to_an_hour_until_one_is_heard() -> None:
    trunks = made(20)
    rests = []
    for _ in range(9):
        trunks.came_apart(MAIN, START_AT)
        rests.append(next(m for m in range(200) if view(trunks, after_s=60 * m).usable))
    assert rests == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert "rests until" in view(trunks).why
    trunks.was_heard(MAIN)
    assert view(trunks).usable
    trunks.came_apart(MAIN, START_AT)
    assert view(trunks, after_s=60).usable


@pytest.mark.parametrize(
    ("register", "state", "usable"),
    [
        (True, "Registered", True),
        (True, "registered", True),
        (True, "", True),
        (True, "Rejected", False),
        (False, "Rejected", True),
    ],
)
def test_a_trunk_that_must_register_is_used_when_it_is(register: bool, state: str, usable: bool) -> None:
    trunks = made(20)
    trunks.load([replace(trunks.all()[0], register=register)])
    trunks.registration_of = lambda trunk: state
    assert view(trunks).usable is usable
    assert view(trunks).why == ("" if usable else "trunk main is not registered (Rejected)")


def test_a_trunk_that_is_off_barred_or_full_says_so_in_this_order() -> None:
    trunks = made(20)
    trunks.why_full = lambda trunk, now: "full"
    assert view(trunks).why == "full"
    trunks.bars[MAIN] = "no codec"
    assert view(trunks).why == "no codec"
    trunks.load([replace(trunks.all()[0], enabled=False)])
    assert view(trunks).why == "trunk main is switched off"
    trunks.sent(MAIN, START_AT)
    assert trunks.opens_in_s(START_AT) == inf, "nobody waits for one that is off"


def test_a_resting_trunk_is_tried_by_one_call() -> None:
    trunks = made(100)
    refused = Call(
        CallId("c"), CampaignId(1), None, PhoneNumber("+79160000001"), MAIN,
        dialled_at=START_AT, end_at=START_AT, outcome=Outcome.TRUNK_REFUSED,
    )  # fmt: skip
    for _ in range(IN_ROW):
        assert view(trunks).calls_now > 1
        trunks.refusals.ended(refused, START_AT)
    assert not view(trunks).usable
    tried = view(trunks, after_s=FIRST_REST_S)
    assert (tried.usable, tried.lines_free, tried.calls_now) == (True, 1, 1)


def test_when_our_clock_is_set_a_trunk_rests_for_as_long_as_was_said() -> None:
    trunks = made(20)
    trunks.refused(MAIN, START_AT, "no")
    trunks.clock_was_set(timedelta(hours=1))
    assert [view(trunks, after_s=3600 + s).usable for s in (4.9, 5)] == [False, True]
    trunks.came_apart(MAIN, START_AT)
    trunks.clock_was_set(timedelta(hours=1))
    assert [view(trunks, after_s=3600 + s).usable for s in (59, 60)] == [False, True]


@in_virtual_time
async def test_a_request_by_a_trunk_that_was_taken_away_meanwhile_goes_at_once() -> None:
    trunks = made(1)
    for _ in range(3):
        await trunks.turn(TrunkId("gone"))
    assert asyncio.get_running_loop().time() == 0


@in_virtual_time
async def test_a_slow_trunk_sends_one_request_in_its_time() -> None:
    trunks, clock = made(0.5), asyncio.get_running_loop().time
    left = []
    for _ in range(3):
        await trunks.turn(MAIN)
        left.append(clock() - 0)
    assert [round(b - a, 3) for a, b in pairwise(left)] == [2.0, 2.0]
