"""What everything in a cell stands on: order of events, clocks that ring once, tasks that somebody keeps."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from dialer.domain.errors import NetworkTrouble, TimedOut
from dialer.engine.errands import Errands
from dialer.engine.lag import LOOK_S, LoopLag
from dialer.engine.mailbox import Mailbox
from dialer.engine.timers import Timers
from dialer.sim.clock import now
from tests.unit.engine.virtual import in_virtual_time

SECOND = timedelta(seconds=1)

# --- events ------------------------------------------------------------------------------------------------


def test_what_an_event_brings_runs_after_it_in_order_and_before_its_sender_goes_on() -> None:
    mailbox, done = Mailbox(), list[str]()

    def first() -> None:
        for name in ("second", "third"):
            mailbox.post(lambda name=name: done.append(name))  # type: ignore[misc]
        done.append("first")

    mailbox.post(first)
    assert done == ["first", "second", "third"]


def test_an_event_that_cannot_be_handled_stops_no_other_and_is_counted() -> None:
    mailbox, done, mistakes = Mailbox(), list[str](), list[str]()
    mailbox.on_mistake = mistakes.append

    def fails() -> None:
        mailbox.post(lambda: done.append("behind it"))
        raise ZeroDivisionError

    mailbox.post(fails)
    mailbox.post(lambda: done.append("later"))
    assert done == ["behind it", "later"]
    assert (mailbox.failed, mistakes) == (1, ["events"])


# --- clocks ------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_clock_rings_once_and_one_that_is_started_again_rings_at_the_later_time() -> None:
    timers, rang = Timers(now), list[str]()
    timers.start("a", now() + SECOND, lambda: rang.append("early"))
    timers.start("a", now() + 3 * SECOND, lambda: rang.append("late"))
    timers.start("b", now() + 2 * SECOND, lambda: rang.append("stopped"))
    timers.start("c", now() - SECOND, lambda: rang.append("overdue"))
    timers.stop("b")
    timers.stop("nobody's")
    await asyncio.sleep(0.1)
    assert rang == ["overdue"]
    await asyncio.sleep(10)
    assert rang == ["overdue", "late"]


@in_virtual_time
async def test_when_all_clocks_are_stopped_none_rings() -> None:
    timers, rang = Timers(now), list[str]()
    for key in "abc":
        timers.start(key, now() + SECOND, lambda: rang.append("rang"))
    timers.stop_all()
    await asyncio.sleep(10)
    assert rang == []


# --- errands -----------------------------------------------------------------------------------------------


async def fails(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "mistakes"), [(TimedOut("no answer"), 0), (NetworkTrouble("gone"), 0), (ZeroDivisionError(), 1)]
)
@in_virtual_time
async def test_whoever_sent_an_errand_is_told_of_its_failure_and_only_a_mistake_of_ours_is_counted(
    error: Exception, mistakes: int
) -> None:
    errands, told, counted = Errands(), list[Exception](), list[str]()
    errands.on_mistake = counted.append
    errands.start(fails(error), "one", told.append)
    errands.start(asyncio.sleep(1), "two", told.append)
    assert len(errands) == 2
    await errands.settle(5)
    assert told == [error]
    assert (errands.failed, len(counted), len(errands)) == (mistakes, mistakes, 0)


@in_virtual_time
async def test_what_is_not_done_in_time_is_cancelled_and_says_nothing() -> None:
    errands, told = Errands(), list[Exception]()
    task = errands.start(asyncio.sleep(100), "long", told.append)
    await errands.settle(1)
    assert task.cancelled()
    assert (told, errands.failed, len(errands)) == ([], 0, 0)


# --- a loop that is late -----------------------------------------------------------------------------------


@in_virtual_time
async def test_a_loop_that_keeps_up_holds_nothing_and_a_slow_answer_of_asterisk_does() -> None:
    lag, seen = LoopLag(), list[tuple[float, float]]()
    lag.on_lag = lambda lag_s, busy_s: seen.append((lag_s, busy_s))
    watching = asyncio.create_task(lag.run())
    await asyncio.sleep(1)
    assert lag.obstacle() == ""
    assert all(lag_s < 1e-6 and not busy_s for lag_s, busy_s in seen)
    assert len(seen) == pytest.approx(1 / LOOK_S, abs=1)
    lag.answered(0.6)
    assert "Asterisk took 0.6 s" in lag.obstacle()
    seen.clear()
    await asyncio.sleep(1)
    assert sum(busy_s for _, busy_s in seen) == pytest.approx(1.0, abs=1.1 * LOOK_S), "as long as it is held"
    await asyncio.sleep(10)
    assert lag.obstacle() == ""
    watching.cancel()
