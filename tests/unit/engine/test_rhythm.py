"""When the pacer decides: what comes in one breath together, whole rounds apart, quick ones at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf

import pytest

from dialer.engine.rhythm import APART_S, GATHER_S, Rhythm
from tests.unit.engine.virtual import in_virtual_time


def clock() -> float:
    return asyncio.get_running_loop().time()


def later(s: float, act: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(s, act)


async def rounds(
    rhythm: Rhythm, n: int, *, takes_s: float = 0.0, at_once: bool = True, opens_in_s: float = inf
) -> list[tuple[float, bool]]:
    """When the next rounds began, and whether they were whole."""
    seen = []
    for _ in range(n):
        whole = await rhythm.next(1.0, lambda: at_once, opens_in_s)
        seen.append((round(clock(), 3), whole))
        rhythm.begins(whole=whole)
        if takes_s:
            await asyncio.sleep(takes_s)
        rhythm.is_over()
    return seen


@in_virtual_time
async def test_where_nothing_happens_a_whole_round_comes_after_each_pause() -> None:
    assert await rounds(Rhythm(5.0), 3) == [(1.0, True), (2.0, True), (3.0, True)]


@in_virtual_time
async def test_what_wakes_it_in_one_breath_is_decided_together() -> None:
    rhythm = Rhythm(5.0)
    later(0.10, rhythm.wake)
    later(0.11, rhythm.wake)
    assert await rounds(rhythm, 2) == [(0.1 + GATHER_S, True), (round(1.1 + GATHER_S, 3), True)]


@in_virtual_time
async def test_whole_rounds_are_a_quarter_of_a_second_apart() -> None:
    rhythm = Rhythm(5.0)
    rhythm.wake()
    later(0.05, rhythm.wake)
    (first, _), (second, whole) = await rounds(rhythm, 2)
    assert (first, whole) == (GATHER_S, True)
    assert second == pytest.approx(first + APART_S)


@pytest.mark.parametrize(("at_once", "first"), [(True, (0.1, False)), (False, (0.1 + GATHER_S, True))])
@in_virtual_time
async def test_what_urges_it_is_followed_at_once_where_campaigns_decide_at_once(
    at_once: bool, first: tuple[float, bool]
) -> None:
    rhythm = Rhythm(5.0)
    later(0.1, rhythm.urge)
    assert (await rounds(rhythm, 1, at_once=at_once))[0] == first


@in_virtual_time
async def test_after_a_quick_round_the_whole_one_still_comes() -> None:
    rhythm = Rhythm(5.0)
    later(0.1, rhythm.urge)
    assert await rounds(rhythm, 2) == [(0.1, False), (0.1 + GATHER_S, True)]


@in_virtual_time
async def test_a_round_that_took_long_is_followed_by_nine_times_as_long_a_rest_at_most_the_interval() -> None:
    quick = Rhythm(5.0, spent=clock)
    quick.wake()
    await rounds(quick, 1, takes_s=0.1)
    quick.wake()
    assert await rounds(quick, 1) == [(pytest.approx(GATHER_S + 0.1 + 0.9), True)]
    slow = Rhythm(2.0, spent=clock)
    slow.wake()
    began = clock()
    await rounds(slow, 1, takes_s=1.0)
    slow.wake()
    assert await rounds(slow, 1) == [(pytest.approx(began + GATHER_S + 1.0 + 2.0), True)]


@in_virtual_time
async def test_a_round_that_waited_for_the_processor_is_followed_as_soon_as_any_other() -> None:
    rhythm = Rhythm(5.0, spent=lambda: 0.0)
    rhythm.urge()
    await rounds(rhythm, 1, takes_s=0.1)
    rhythm.urge()
    assert [at_s for at_s, _ in await rounds(rhythm, 1)] == [0.1]


@pytest.mark.parametrize(
    ("at_once", "first"), [(True, (0.05, False)), (False, (round(APART_S + GATHER_S, 3), True))]
)
@in_virtual_time
async def test_a_trunk_that_opens_is_not_kept_waiting_by_what_woke_the_pacer_before(
    at_once: bool, first: tuple[float, bool]
) -> None:
    rhythm = Rhythm(5.0)
    rhythm.wake()
    await rounds(rhythm, 1)
    rhythm.wake()
    (at_s, whole), *_ = await rounds(rhythm, 1, at_once=at_once, opens_in_s=0.05)
    assert (round(at_s - GATHER_S, 3), whole) == (first[0] - (0.0 if at_once else GATHER_S), first[1])


@in_virtual_time
async def test_a_trunk_that_opens_often_makes_rounds_a_breath_apart() -> None:
    assert await rounds(Rhythm(5.0), 2, opens_in_s=0.001) == [(GATHER_S, True), (2 * GATHER_S, True)]
