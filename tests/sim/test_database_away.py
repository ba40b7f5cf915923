"""The database is away for minutes: no lead comes twice, no pause is cut short, no attempt is forgotten."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from dialer.domain.campaign import Retry
from dialer.domain.types import LeadStatus, Mode, Outcome
from dialer.sim.clock import now, until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import House, at_work
from tests.unit.engine.virtual import in_virtual_time

PAUSE = timedelta(seconds=300)
BUSY = {Outcome.BUSY: Retry((PAUSE, PAUSE, PAUSE))}


def mixed(number: str) -> Fate:
    n = int(number)
    return Fate("busy") if n % 3 == 0 else Fate(after_s=2, talk_s=10 + n % 40)


def dials(asterisk: PretendAsterisk) -> dict[str, list[datetime]]:
    """When each number was dialled."""
    found: dict[str, list[datetime]] = defaultdict(list)
    for at, number, _ in asterisk.dialled:
        found[number].append(at)
    return found


async def check(house: House, asterisk: PretendAsterisk, *, most: int) -> None:
    """Against the carrier's own count."""
    await house.check_records()
    for number, instants in dials(asterisk).items():
        assert len(instants) <= most, number
        for earlier, later in pairwise(instants):
            assert later - earlier >= PAUSE, (number, earlier, later)
    attempts = Counter(number for _, number, _ in asterisk.dialled)
    for lead in await house.leads(campaign=house.campaign):
        assert lead.attempts == attempts[lead.number.removeprefix("+")], lead


@pytest.mark.parametrize(("away_s", "fault"), [(400.0, "read_only"), (1300.0, "away")])
@in_virtual_time
async def test_whatever_its_length_each_number_is_dialled_as_often_and_as_late_as_it_should(
    away_s: float, fault: str
) -> None:
    house = await at_work(
        mixed, operators=4, leads=36, mode=Mode.POWER, ratio=2.0, retries=BUSY, max_attempts=3
    )
    asterisk = house.asterisk
    for _ in range(2):
        before = len(asterisk.dialled)
        await until(lambda before=before: len(asterisk.dialled) >= before + 12 or not house.calls(), 400)
        setattr(house.faults, fault, "gone")
        await asyncio.sleep(away_s)
        setattr(house.faults, fault, "")
        await house.stores.leases.release_run_out(
            now(), gone_s=0
        )  # a neighbour of an older version is there first
        await asyncio.sleep(30)
    await asyncio.sleep(1000)
    assert await house.leads(house.campaign, LeadStatus.LEASED) == []
    await check(house, asterisk, most=3)
    await house.stop()


@in_virtual_time
async def test_answers_that_are_lost_cost_no_lead_and_double_none() -> None:
    house = await at_work(
        mixed, operators=4, leads=50, mode=Mode.POWER, ratio=2.0, retries=BUSY, max_attempts=2
    )
    asterisk = house.asterisk
    for n in range(20):
        house.faults.lost_answers = 1 + n % 3
        await asyncio.sleep(7.3)
    await asyncio.sleep(1000)
    assert len(dials(asterisk)) == 50, "a lead whose lease was lost is dialled later"
    assert await house.leads(house.campaign, LeadStatus.LEASED) == []
    await check(house, asterisk, most=2)
    await house.stop()


@in_virtual_time
async def test_after_a_crash_while_the_database_is_away_nothing_is_dialled_again() -> None:
    """The facts wait in the journal; the leases of their leads are not given back before them."""
    house = await at_work(
        mixed, operators=6, leads=40, mode=Mode.POWER, ratio=2.0, retries=BUSY, max_attempts=2
    )
    asterisk = house.asterisk
    await until(lambda: len(asterisk.dialled) >= 20)
    house.faults.read_only = "cannot execute in a read-only transaction"
    await asyncio.sleep(20)
    assert house.journal.depth() > 5
    await house.kill()
    house.faults.read_only = ""
    await house.start()
    await house.worked_through(house.campaign)
    await asyncio.sleep(900)
    await check(house, asterisk, most=2)
    await house.stop()
