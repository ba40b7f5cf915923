"""What a cell does now and then while all is well, and leaves alone while Asterisk is away."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest

from dialer.domain.said import Said
from dialer.domain.types import CellId, LeadId
from dialer.engine.cell import LEASE_CHECK_S, MARK_S
from dialer.engine.hopper import LEASE_S
from dialer.sim.clock import now, until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import House, at_work
from tests.unit.engine.virtual import in_virtual_time


@in_virtual_time
async def test_the_journal_is_told_each_second_that_asterisk_is_heard_and_not_while_it_is_away() -> None:
    house = House(PretendAsterisk())
    await house.furnish()
    await house.start()
    heard: list[datetime] = []
    house.shell.journal.heard = heard.append  # type: ignore[method-assign]
    await asyncio.sleep(10 * MARK_S + 0.5)
    assert len(heard) == pytest.approx(10, abs=1)
    assert now() - heard[-1] <= timedelta(seconds=MARK_S)
    house.asterisk.lose_link()
    heard.clear()
    await asyncio.sleep(10 * MARK_S)
    assert not heard, "an end that nobody hears must not be put behind this"
    house.asterisk.connect_to(house.cell)
    await asyncio.sleep(3 * MARK_S)
    assert heard
    await house.stop()


@in_virtual_time
async def test_the_lead_of_a_long_talk_stays_ours_and_is_asked_for_once_a_minute() -> None:
    house = await at_work(Fate(after_s=1, talk_s=3600), leads=1)
    await until(lambda: house.watcher.seen["bridged"] == 1)
    (call,) = house.calls()
    asked: list[tuple[set[LeadId], datetime]] = []
    renew = house.stores.leases.renew

    async def renewed(leads: Iterable[LeadId], **args: Any) -> Any:
        asked.append((set(leads), args["until_at"]))
        return await renew(leads, **args)

    house.cell._stores.leases.renew = renewed  # type: ignore[method-assign]
    await asyncio.sleep(10 * LEASE_CHECK_S)
    whole = [until_at for leads, until_at in asked if leads == {call.lead}]
    assert len(whole) == pytest.approx(10, abs=2)
    assert whole[-1] > now() + timedelta(seconds=LEASE_S - 2 * LEASE_CHECK_S)
    await house.stop()


@in_virtual_time
async def test_a_cell_says_in_a_line_how_it_fares() -> None:
    house = await at_work(Fate(after_s=1, talk_s=60), leads=1)
    await until(lambda: house.watcher.seen["bridged"] == 1)

    def standing() -> str:
        told = house.cell.standing()
        assert isinstance(told, Said)
        return str(told)

    assert standing() == "1 campaign runs, 1 call in flight"
    house.asterisk.lose_link()
    assert standing() == "waiting for Asterisk: 1 call in flight"
    house.asterisk.connect_to(house.cell)
    draining = asyncio.create_task(house.cell.drain(5))
    await asyncio.sleep(1)
    assert standing() == "draining: 1 call in flight"
    assert not await draining, "the talk is longer than that"
    assert await house.cell.drain(120), "and then it is over"
    await house.stop()


@in_virtual_time
async def test_leases_of_the_last_life_go_back_but_those_of_calls_that_go_on() -> None:
    house = await at_work(Fate(after_s=1, talk_s=600), leads=5)
    await until(lambda: house.watcher.seen["bridged"] == 1)
    (call,) = house.calls()
    await house.kill()
    given_back: list[tuple[CellId, set[LeadId]]] = []
    release = house.stores.leases.release_cell

    async def released(cell: CellId, *, but: Iterable[LeadId]) -> int:
        given_back.append((cell, set(but)))
        return await release(cell, but=but)

    house.stores.leases.release_cell = released  # type: ignore[method-assign]
    await house.start()
    assert given_back == [(house.shell.cell, {call.lead})]
    await house.stop()
