"""One service per cell: the second is sent away, one that was away or frozen too long stops and says so."""

from __future__ import annotations

import asyncio

import pytest

from dialer.domain.cells import Holder, Taken
from dialer.domain.errors import Fatal
from dialer.domain.types import LeadStatus
from dialer.engine.ownership import LEASE_S, Ownership
from dialer.rehearsal import CELL
from dialer.sim.clock import until
from dialer.sim.fate import Fate
from tests.unit.engine.house import at_work
from tests.unit.engine.virtual import in_virtual_time

OTHER = Holder("other", "elsewhere", 4711)


@in_virtual_time
async def test_a_second_service_is_sent_away_by_name_and_touches_nothing() -> None:
    house = await at_work(Fate(after_s=2, talk_s=200), operators=4, leads=40)
    campaign = house.campaign
    await until(lambda: house.watcher.seen["bridged"] == 4)
    leased = await house.leads(campaign, LeadStatus.LEASED)
    second = Ownership(house.stores.cells, CELL, asyncio.get_running_loop().time)
    with pytest.raises(Fatal, match=r"belongs to process 0 on house since .* UTC"):
        await second.take(OTHER)
    await asyncio.sleep(100)
    assert {lead.id for lead in leased} <= {
        lead.id for lead in await house.leads(campaign, LeadStatus.LEASED)
    }
    assert not house.cell.pacer.held()
    await house.stop()


@in_virtual_time
async def test_one_that_was_cut_off_and_replaced_dials_nothing_more_and_ends_with_a_sentence() -> None:
    house = await at_work(Fate(after_s=2, talk_s=10), operators=4, leads=400)
    asterisk = house.asterisk
    await until(lambda: house.watcher.seen["bridged"] >= 8)
    house.store_down = True
    await until(lambda: bool(house.cell.pacer.held()))
    dialled = len(asterisk.dialled)
    await asyncio.sleep(LEASE_S + 1)
    assert isinstance(await house.stores.cells.take(CELL, OTHER, lease_s=LEASE_S), Taken)
    house.store_down = False
    failure = await house.ends(within_s=30)
    assert len(asterisk.dialled) == dialled
    assert isinstance(failure, BaseExceptionGroup)
    (fatal,) = failure.exceptions
    assert isinstance(fatal, Fatal)
    assert "taken over by process 4711 on elsewhere" in str(fatal)
    await house.stop()


@in_virtual_time
async def test_while_the_database_is_away_nothing_is_dialled_and_the_list_is_not_churned() -> None:
    house = await at_work(Fate(after_s=2, talk_s=10), operators=4, leads=60)
    asterisk, campaign = house.asterisk, house.campaign
    await until(lambda: house.watcher.seen["bridged"] >= 8)
    house.faults.read_only = "cannot execute UPDATE in a read-only transaction"
    await until(lambda: bool(house.cell.pacer.held()), 60.0)
    assert "read-only" in str(house.cell.pacer.held())
    dialled, begun = len(asterisk.dialled), house.watcher.seen["leased"]
    await asyncio.sleep(600)
    assert (len(asterisk.dialled), house.watcher.seen["leased"]) == (dialled, begun)
    house.faults.read_only = ""
    await until(lambda: len(asterisk.dialled) > dialled, 5.0)
    await house.worked_through(campaign)
    assert len(await house.check_records()) == 60
    await house.stop()
