"""The pretend Asterisk keeps what the real one keeps: the promises that tests/pbx asks of that."""

from __future__ import annotations

import asyncio

import pytest

from dialer.domain.errors import LinkDown, TimedOut
from dialer.domain.trunk import Trunk
from dialer.sim.fate import Fate
from dialer.sim.lines import WAY_S
from dialer.sim.switch import PretendAsterisk
from tests.ports.board import BUSY, GONE_AT_ONCE, PHONE, RINGS, TRUNK, Board, Diary
from tests.ports.outside import FROM_OUTSIDE
from tests.ports.switch import PROMISES, Promise
from tests.unit.engine.virtual import in_virtual_time

FATES = {
    BUSY: Fate("busy"),
    RINGS: Fate("no_answer"),
    GONE_AT_ONCE: Fate(after_s=0.1, waits_s=0.02),
}


class FarEnd:
    """See tests.ports.board.FarEnd."""

    def __init__(self, asterisk: PretendAsterisk) -> None:
        self._asterisk = asterisk

    async def call_in(self, number: str, to: str, *, waits_s: int) -> None:
        self._asterisk.call_in(number, to, TRUNK, waits_s=waits_s)

    async def register(self, desk: int) -> str:
        address = f"desk-{desk}:5060"
        self._asterisk.registry.register(PHONE, address)
        return address

    async def unregister(self, desk: int) -> None:
        self._asterisk.registry.unregister(PHONE)


async def board() -> Board:
    asterisk, diary = PretendAsterisk(lambda number: FATES.get(number[:6], Fate(after_s=0.1))), Diary()
    asterisk.connect_to(diary)
    await asterisk.push_trunk(Trunk(TRUNK, "127.0.0.2"), "")
    its = Board(asterisk, diary, far=FarEnd(asterisk))
    asterisk.inbound_guard_s = its.inbound_guard_s
    return its


@pytest.mark.parametrize("promise", [*PROMISES, *FROM_OUTSIDE], ids=lambda promise: promise.__name__)
@in_virtual_time
async def test_the_pretend_asterisk_keeps_it(promise: Promise) -> None:
    await promise(await board())


@pytest.mark.parametrize(("after_s", "is_done"), [(WAY_S / 2, False), (WAY_S * 1.5, True)])
@in_virtual_time
async def test_a_request_during_which_the_link_is_lost_may_have_been_done(
    after_s: float, is_done: bool
) -> None:
    its = await board()
    asterisk = its.switch
    assert isinstance(asterisk, PretendAsterisk)
    calling = asyncio.create_task(its.call(RINGS))
    await asyncio.sleep(after_s)
    asterisk.lose_link()
    with pytest.raises(LinkDown):
        await calling
    assert bool(asterisk.dialled) is is_done
    with pytest.raises(LinkDown):
        await its.call(RINGS)
    asterisk.connect_to(its.diary)
    assert len(await asterisk.channels()) == is_done


@in_virtual_time
async def test_what_happens_while_nobody_is_connected_is_told_first_and_in_order() -> None:
    its = await board()
    asterisk = its.switch
    assert isinstance(asterisk, PretendAsterisk)
    channel = await its.call(GONE_AT_ONCE)
    asterisk.lose_link()
    await asyncio.sleep(1)
    assert not its.diary.news
    asterisk.connect_to(its.diary)
    assert its.diary.heard_before_ready == len(its.diary.news)
    stamps = [event.at for event in its.diary.of(channel)]
    assert stamps == sorted(stamps)
    assert len(stamps) >= 6


@in_virtual_time
async def test_an_answer_that_does_not_come_says_nothing_of_what_was_done() -> None:
    its = await board()
    asterisk = its.switch
    assert isinstance(asterisk, PretendAsterisk)
    asterisk.fault_after = lambda request: TimedOut("no answer") if request == "originate" else None
    with pytest.raises(TimedOut):
        await its.call(RINGS)
    assert len(asterisk.dialled) == 1
