"""An engine that works a list of every kind of lead dials those that the outlook named, and no other."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import time, timedelta
from functools import cache
from itertools import product
from zoneinfo import ZoneInfo

from dialer.domain.dnc import Entry
from dialer.domain.lead import Lead
from dialer.domain.listwork import Change
from dialer.domain.outlook import Gates, Why
from dialer.domain.schedule import every_day
from dialer.domain.types import LeadId, LeadStatus, PhoneNumber
from dialer.sim.clock import START_AT, now
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import House
from tests.unit.engine.virtual import in_virtual_time

ZONES = (("Europe/Moscow",), ("Asia/Omsk",), ("Asia/Kamchatka",), ("Europe/Moscow", "Asia/Kamchatka"), ())
NUMBERS = ("plain", "barred", "abroad", "short", "barred, then plain", "abroad, then barred")
LATER = START_AT + timedelta(minutes=20)


def numbers(kind: str, n: int) -> tuple[PhoneNumber, ...]:
    written = {
        "plain": f"+7911{n:07}",
        "barred": f"+7921{n:07}",
        "abroad": f"+4930{n:07}",
        "short": f"+711{n:03}",
    }
    return tuple(PhoneNumber(written[each]) for each in kind.split(", then "))


@in_virtual_time
async def test_an_engine_dials_those_whom_the_outlook_names_now_and_no_other() -> None:
    house = House(PretendAsterisk(lambda number: Fate("busy")))
    campaign = await house.furnish(operators=6, leads=0, schedule=every_day(time(9), time(20)), retries={})
    rows = [
        Lead(LeadId(0), campaign.id, numbers(kind, n), zones=zones)
        for n, (kind, zones, _) in enumerate(product(NUMBERS, ZONES, range(4)))
    ]
    await house.stores.leads.import_list(campaign.id, "kinds.csv", rows, now=now())
    await house.stores.numbers.block(Entry("+7921*", None, "asked", now()))
    every = await house.leads(campaign)
    waits = [Change(one, replace(one, status=LeadStatus.RETRY, next_at=LATER)) for one in every[::7]]
    assert len(await house.stores.choices.change(waits)) == len(waits)
    every = await house.leads(campaign)
    await house.start()
    trunks = list(await house.stores.trunks.all())
    gates = Gates(campaign, trunks, cache(ZoneInfo), house.shell.check_number)
    known = await house.stores.numbers.history({one for row in every for one in row.numbers}, campaign.id)
    foreseen = {row.id: gates.foresee(row, known, now()) for row in every}
    assert {one.why for one in foreseen.values()} >= {
        None,
        Why.BARRED,
        Why.ZONE,
        Why.HOURS,
        Why.RETRY,
        Why.TRUNK,
    }
    await house.all_ready()
    await asyncio.sleep(15 * 60)
    dialled = {cdr.lead for cdr in await house.cdrs()}
    assert dialled == {id_ for id_, one in foreseen.items() if one.at is not None and one.at < LATER}
    assert len(dialled) >= 10
    await asyncio.sleep(20 * 60)
    dialled = {cdr.lead for cdr in await house.cdrs()}
    assert dialled == {id_ for id_, one in foreseen.items() if one.at is not None and one.at <= LATER}
    await house.stop()
