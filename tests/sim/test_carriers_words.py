"""Odd ends of calls in a whole cell: announcements, answers without sound, networks that break a talk."""

from __future__ import annotations

import asyncio

import pytest

from dialer.domain import shifts
from dialer.domain.operators import State
from dialer.domain.types import Alerting, EndedBy, Mode, Outcome
from dialer.sim.clock import until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import House, at_work
from tests.unit.engine.virtual import in_virtual_time


async def one_call(fate: Fate, *, mode: Mode = Mode.PROGRESSIVE, ring_s: float = 20.0) -> House:
    house = await at_work(fate, operators=1, leads=1, mode=mode, ring_s=ring_s, retries={})
    await house.settled_after_dial()
    return house


@in_virtual_time
async def test_the_ring_time_counts_from_the_180_that_comes_after_an_announcement() -> None:
    house = await one_call(Fate("no_answer", announced_s=8.0), ring_s=15.0)
    (cdr,) = await house.check_records()
    assert (cdr.outcome, cdr.ended_by, cdr.alerting) == (
        Outcome.NO_ANSWER,
        EndedBy.RING_TIME,
        Alerting.RINGING,
    )
    assert cdr.setup_s == pytest.approx(8.05, abs=0.1)
    assert cdr.ring_s == pytest.approx(15.0, abs=0.1)
    await house.stop()


@in_virtual_time
async def test_an_answer_without_sound_stays_in_the_ledger_of_the_abandoned() -> None:
    house = await one_call(Fate("no_sound", after_s=2))
    (cdr,) = await house.check_records()
    assert (cdr.outcome, cdr.ended_by, cdr.reason) == (
        Outcome.ABANDONED,
        EndedBy.NETWORK,
        "the answer brought no usable sound",
    )
    assert cdr.answer_at is not None
    assert house.operator().state is State.READY
    await house.stop()


@pytest.mark.parametrize(
    ("broken", "by"), [(None, EndedBy.PERSON), ((38, 500), EndedBy.NETWORK), ((44, 0), EndedBy.NETWORK)]
)
@in_virtual_time
async def test_who_ended_a_talk_is_told_apart(broken: tuple[int, int] | None, by: EndedBy) -> None:
    house = await one_call(Fate(after_s=2, talk_s=10, broken=broken))
    (cdr,) = await house.check_records()
    assert (cdr.outcome, cdr.ended_by) == (Outcome.CONNECTED, by)
    await house.stop()


@pytest.mark.parametrize(("broken", "by"), [(None, EndedBy.PERSON), ((38, 500), EndedBy.NETWORK)])
@in_virtual_time
async def test_who_ended_a_talk_is_told_apart_by_asterisks_note_too(
    broken: tuple[int, int] | None, by: EndedBy
) -> None:
    """The service was dead, and the events went to its socket."""
    house = await at_work(Fate(after_s=2, talk_s=10, broken=broken), operators=1, leads=1)
    asterisk = house.asterisk
    await until(lambda: house.watcher.seen["bridged"] == 1)
    await house.kill()
    await asyncio.sleep(20)
    asterisk.lose_events()
    await house.start()
    await until(lambda: not house.calls() and not house.journal.depth())
    (cdr,) = await house.check_records()
    assert (cdr.outcome, cdr.ended_by, cdr.estimated) == (Outcome.CONNECTED, by, False)
    await house.stop()


@in_virtual_time
async def test_a_forwarded_desk_phone_says_so() -> None:
    house = House(PretendAsterisk())
    house.asterisk.phones["101"] = Fate("moved")
    await house.furnish(operators=1, leads=0)
    await house.start()
    await house.all_ready(but=["101"])
    house.ask("101", shifts.LoginAsked)
    await until(lambda: house.operator().state is State.OFFLINE)
    assert house.operator().reason == "phone_forwarded"
    await house.stop()
