"""A failure of one part is counted under its name, told once in full, and reaches no other part."""

from __future__ import annotations

import asyncio

import pytest
import structlog
from structlog.testing import capture_logs

from dialer.domain.errors import Fatal, StoreDown
from dialer.engine.guard import ANEW_S, Guard
from tests.unit.engine.virtual import in_virtual_time


def one() -> None:
    raise ValueError("one")


def another() -> None:
    raise ValueError("another")


def deep() -> None:
    one()


@pytest.fixture(autouse=True)
def _whole_log() -> None:
    structlog.reset_defaults()


def test_what_goes_well_is_told_so_and_counted_nowhere() -> None:
    guard, done = Guard(), list[int]()
    assert guard.run("part", done.append, 1)
    assert (done, guard.failed) == ([1], {})


def test_the_same_mistake_is_told_once_and_counted_each_time() -> None:
    guard = Guard()
    with capture_logs() as lines:
        assert not guard.run("part", one)
        assert not guard.run("part", deep)
        assert not guard.run("part", one)
    assert guard.failed == {"part": 3}
    assert [line["log_level"] for line in lines] == ["error", "debug", "debug"]
    assert [line.get("times") for line in lines] == [None, 2, 3]


@pytest.mark.parametrize(("part", "act"), [("part", another), ("another part", one)])
def test_another_mistake_and_another_part_are_told_too(part: str, act: object) -> None:
    guard = Guard()
    with capture_logs() as lines:
        guard.run("part", one)
        guard.run(part, act)  # type: ignore[arg-type]
    assert [line["log_level"] for line in lines] == ["error", "error"]


def test_a_trouble_that_is_expected_is_no_mistake_of_the_program() -> None:
    guard = Guard()
    with capture_logs() as lines:
        guard.caught("part", StoreDown("gone"))
    assert guard.failed == {}
    assert [(line["log_level"], line["reason"]) for line in lines] == [("warning", "gone")]


def test_a_counter_that_fails_itself_harms_nothing() -> None:
    guard = Guard()
    guard.on_failure = lambda part: one()
    with capture_logs() as lines:
        assert not guard.run("part", another)
    assert [line["event"] for line in lines][-1] == "a failure could not be counted"


def test_an_error_that_was_never_raised_has_no_place_and_is_counted_all_the_same() -> None:
    guard = Guard()
    guard.caught("part", ValueError())
    assert guard.failed == {"part": 1}


@in_virtual_time
async def test_a_loop_that_fails_is_begun_anew_and_a_fatal_error_ends_it() -> None:
    guard, began = Guard(), list[float]()

    async def loop() -> None:
        began.append(asyncio.get_running_loop().time())
        await asyncio.sleep(2)
        if len(began) == 3:
            raise Fatal("taken over")
        one()

    with pytest.raises(Fatal):
        await guard.lasting("loop", loop)
    assert [at - began[0] for at in began] == [0, 2 + ANEW_S, 2 * (2 + ANEW_S)]
    assert guard.failed == {"loop": 2}


@in_virtual_time
async def test_a_turn_says_whether_it_went_well() -> None:
    async def fails() -> None:
        one()

    guard = Guard()
    assert await guard.turn("part", asyncio.sleep(1))
    assert not await guard.turn("part", fails())
