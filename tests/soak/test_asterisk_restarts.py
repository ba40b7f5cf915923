"""Asterisk is stopped in good order, or killed, ten times with calls of all fates: nobody goes home."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dialer.demo.summary import double_booked
from dialer.domain.types import Mode
from dialer.lab.fate import Does, Plan, Rule
from dialer.lab.lab import Lab, Options
from dialer.worlds import fixed
from tests.pbx.office import Office, numbers, open_office

DESKS, TIMES = 8, 10
PLAN = Plan(
    seed=5,
    rules=(
        Rule("7911*", {Does.ANSWER: 1}, ring_s=fixed(1.0), talk_s=fixed(12)),
        Rule("7922*", {Does.BUSY: 1}),
        Rule("7933*", {Does.GONE_AT_ONCE: 1}, ring_s=fixed(0.2)),
        Rule("*", {Does.NO_ANSWER: 1}),
    ),
)


async def all_back(office: Office) -> bool:
    states = [await office.state(operator) for operator in office.operators]
    return all(state in ("ready", "reserved", "talking", "wrap_up") for state in states)


@pytest.mark.parametrize("how", ["planned", "killed"])
async def test_ten_ends_of_asterisk_send_nobody_home_and_lose_no_record(how: str) -> None:
    mixed = [
        number
        for row in zip(
            *(numbers(prefix, 150) for prefix in ("+7911", "+7922", "+7933", "+7944")), strict=True
        )
        for number in row
    ]
    async with Lab.start(Options(plan=PLAN, phones=DESKS)) as lab:
        async with open_office(
            lab,
            mixed,
            change=lambda its: replace(its, mode=Mode.POWER, ratio=3.0, ring_s=8, cap=30, retries={}),
        ) as office:
            await office.ready()
            began_at = datetime.now(UTC)
            await office.start()
            for turn in range(TIMES):
                await office.in_flight(4, "bridged", timeout_s=60)
                await asyncio.sleep(turn * 0.137 % 1.0)
                if how == "planned":
                    await lab.pbx.stop()
                else:
                    await lab.pbx.kill9()
                await lab.pbx.start()
                await office.until(lambda: all_back(office), "every operator is back at work", 40)
            await office.pause()
            await office.quiet(timeout_s=90)
            cdrs, leads = await office.cdrs(), await office.leads()
            async with office.stores() as stores:
                changes = await stores.ledger.changes(None, began_at, datetime.now(UTC))
    gone = [one for one in changes if one.became == "offline"]
    assert not gone, gone
    assert max(Counter(cdr.number for cdr in cdrs).values()) == 1
    assert {cdr.number for cdr in cdrs} == {
        number for lead in leads if lead.attempts for number in lead.numbers
    }
    assert not [lead for lead in leads if lead.status == "leased"]
    assert double_booked(cdrs) == 0
    print(how, len(cdrs), dict(Counter(cdr.outcome for cdr in cdrs)), Counter(cdr.reason for cdr in cdrs))
