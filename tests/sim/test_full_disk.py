"""The journal's disk is full for a while: nothing is dialled or counted, and it goes on by itself."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from dialer.domain.operators import State
from dialer.domain.types import LeadStatus, Mode, Outcome
from dialer.ports.between import Command
from dialer.sim.clock import now, until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import MAIN, House, at_work
from tests.unit.engine.virtual import in_virtual_time

WHY = "No space left on device"


@pytest.mark.parametrize("mode", [Mode.PROGRESSIVE, Mode.POWER, Mode.PREDICTIVE])
@in_virtual_time
async def test_dialing_waits_while_the_journal_cannot_be_written_and_goes_on_by_itself(mode: Mode) -> None:
    house = await at_work(
        lambda number: Fate(after_s=3, talk_s=20 + int(number[-2:]) % 9),
        operators=6,
        leads=90,
        mode=mode,
        ratio=1.5,
        retries={},
    )
    asterisk, campaign = house.asterisk, house.campaign
    await until(lambda: house.watcher.seen["bridged"] >= 12)
    house.journal.fail(WHY)
    await asyncio.sleep(60)
    dialled = len(asterisk.dialled)
    assert house.calls() == []
    assert {op.state for op in house.operators()} == {State.READY}
    assert WHY in str(house.cell.pacer.reasons[campaign.id])
    told = await house.cell.desk.do(Command("explain", f"campaign:{campaign.id}"))
    assert WHY in str(told["summary"])
    await asyncio.sleep(600)
    assert len(asterisk.dialled) == dialled
    assert not house.cell.pacer.trunk_views(now())[MAIN].why, "the trunk had no part in it"
    assert house.cell.calls.idle.is_set()
    seen = house.watcher.seen["originating"]
    assert seen <= dialled + 12, "a few were taken back, and then no more were begun"
    house.journal.mend()
    await until(lambda: len(asterisk.dialled) > dialled, 3.0)
    await house.worked_through(campaign)
    await house.check_records()
    assert max(Counter(number for _, number, _ in asterisk.dialled).values()) == 1
    assert Outcome.NO_ANSWER not in await house.outcomes()
    leads = await house.leads(campaign)
    assert all(lead.attempts == 1 for lead in leads)
    assert await house.leads(campaign, LeadStatus.LEASED) == []
    await house.stop()


@in_virtual_time
async def test_a_number_whose_mark_cannot_be_written_frees_its_operator_at_once() -> None:
    asterisk = PretendAsterisk(lambda number: Fate(after_s=3, talk_s=20))
    house = House(asterisk)
    campaign = await house.furnish(operators=1, leads=3, mode=Mode.PROGRESSIVE)
    await house.start()
    house.journal.fail(WHY)
    house.cell.pacer.holds.clear()  # the first number that meets the full disk: nobody knows of it yet
    await house.all_ready()
    await until(lambda: house.watcher.seen["originating"] > 0)
    reserved_at = next(change.at for change in house.watcher.changes if change.became is State.RESERVED)
    freed = next(change for change in house.watcher.changes if change.was is State.RESERVED)
    assert freed.became is State.READY
    assert (freed.at - reserved_at).total_seconds() < 0.1
    assert asterisk.dialled == []
    await asyncio.sleep(1)
    assert all(lead.attempts == 0 for lead in await house.leads(campaign))
    await house.stop()
