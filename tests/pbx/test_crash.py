"""A crash loses nothing: the service, or Asterisk, dies or freezes with 40 calls in flight."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from dialer.demo.summary import double_booked
from dialer.domain.types import Mode, Outcome
from dialer.lab.fate import Does, Plan, Rule, fixed
from dialer.lab.lab import Lab, Options
from tests.pbx.office import Office, numbers, open_office

TALKERS, RINGERS = 20, 20

# 7911: answer at once and talk on; 7922: ring 6 s, then answer
PLAN = Plan(
    seed=5,
    rules=(
        Rule("7911*", {Does.ANSWER: 1}, ring_s=fixed(0.3), talk_s=fixed(25)),
        Rule("7922*", {Does.ANSWER: 1}, ring_s=fixed(6), talk_s=fixed(20)),
        Rule("*", {Does.NO_ANSWER: 1}),
    ),
)


@asynccontextmanager
async def forty_calls() -> AsyncIterator[Office]:
    """20 talking, 20 ringing (power mode, so that those find nobody free), and more in the list."""
    async with Lab.start(Options(plan=PLAN, phones=TALKERS)) as lab:
        mixed = numbers("+7911", TALKERS) + numbers("+7922", 60)
        async with open_office(
            lab, mixed, change=lambda its: replace(its, mode=Mode.POWER, ratio=2.0, ring_s=15, cap=40)
        ) as office:
            await office.ready()
            await office.start()
            await office.in_flight(TALKERS, "bridged")
            await office.in_flight(TALKERS + RINGERS, "bridged", "ringing")
            yield office


async def settle(office: Office) -> None:
    await office.pause()
    await office.quiet(timeout_s=60)


def check_records(office: Office, cdrs, leads) -> Counter[str]:
    """One record per dialled number, no number twice, nobody double-booked."""
    per_number = Counter(cdr.number for cdr in cdrs)
    assert max(per_number.values()) == 1, per_number.most_common(3)
    dialled = {number for lead in leads if lead.attempts for number in lead.numbers}
    assert dialled == set(per_number)
    assert not [lead for lead in leads if lead.status == "leased"]
    assert double_booked(cdrs) == 0
    return Counter(cdr.outcome for cdr in cdrs)


async def test_kill_9_people_talk_on_and_every_attempt_ends_in_one_record() -> None:
    async with forty_calls() as office:
        talking = {call["number"] for call in await office.calls() if call["state"] == "bridged"}
        office.kill()
        await asyncio.sleep(8)  # long enough that all who ring have answered, and nobody is there
        before = set(await office.lab.world.in_call())
        await office.restart()
        import shutil; shutil.copy(office.lab.folder / "service.log", "/tmp/service.log")
        adopted = [call for call in await office.calls() if call["state"] == "bridged"]
        assert {call["number"] for call in adopted} == talking
        assert len(before) >= TALKERS
        await settle(office)
        cdrs = await office.cdrs()
        outcomes = check_records(office, cdrs, await office.leads())
        assert outcomes[Outcome.CONNECTED] >= TALKERS
        by_number = {cdr.number: cdr for cdr in cdrs}
        for number in talking:
            assert by_number[number].talk_s > 20, by_number[number]
        alone = [cdr for cdr in cdrs if cdr.outcome is Outcome.ABANDONED]
        assert len(alone) >= RINGERS
        for cdr in alone:
            assert cdr.answer_at and cdr.message_at
            assert (cdr.message_at - cdr.answer_at).total_seconds() < 2.0
