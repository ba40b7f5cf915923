"""A crash loses nothing: the service, or Asterisk, dies or freezes with 40 calls in flight."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from dialer.demo.summary import double_booked
from dialer.domain.cdr import Cdr
from dialer.domain.errors import NetworkTrouble
from dialer.domain.lead import Lead
from dialer.domain.types import EndedBy, Mode, Outcome
from dialer.lab.fate import Does, Plan, Rule
from dialer.lab.lab import Lab, Options
from dialer.worlds import fixed
from tests.pbx.office import Office, numbers, open_office
from tests.servers import Server

TALKERS, RINGERS = 20, 20

ALONE_S = 12.0  # long enough that all who ring have answered, found nobody and heard the message

# 7911: ring until all are dialled, then talk on; 7922: ring until the service is gone, then answer
PLAN = Plan(
    seed=5,
    rules=(
        Rule("7911*", {Does.ANSWER: 1}, ring_s=fixed(2.0), talk_s=fixed(60)),
        Rule("7922*", {Does.ANSWER: 1}, ring_s=fixed(10), talk_s=fixed(15)),
        Rule("7933*", {Does.ANSWER: 1}, ring_s=fixed(0.3), talk_s=fixed(1)),
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
            await office.in_flight(TALKERS, "bridged", timeout_s=40)
            await office.in_flight(TALKERS + RINGERS, "bridged", "ringing", timeout_s=40)
            yield office


async def settle(office: Office) -> None:
    await office.pause()
    await office.quiet(timeout_s=90)


def check_records(cdrs: Sequence[Cdr], leads: Sequence[Lead]) -> Counter[str]:
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
        await asyncio.sleep(ALONE_S)
        before = set(await office.lab.world.in_call())
        await office.restart()
        adopted = [call for call in await office.calls() if call["state"] == "bridged"]
        assert {call["number"] for call in adopted} == talking
        assert len(before) >= TALKERS
        await settle(office)
        cdrs = await office.cdrs()
        outcomes = check_records(cdrs, await office.leads())
        assert outcomes[Outcome.CONNECTED] >= TALKERS
        by_number = {cdr.number: cdr for cdr in cdrs}
        for number in talking:
            assert by_number[number].talk_s > 20, by_number[number]
        alone = [cdr for cdr in cdrs if cdr.outcome is Outcome.ABANDONED]
        assert len(alone) >= RINGERS
        for cdr in alone:
            assert cdr.answer_at is not None
            assert cdr.message_at is not None
            assert (cdr.message_at - cdr.answer_at).total_seconds() < 2.0


async def test_a_frozen_service_leaves_nobody_in_silence_and_catches_up() -> None:
    async with forty_calls() as office:
        office.freeze()
        await asyncio.sleep(ALONE_S)
        await office.thawed()
        await settle(office)
        cdrs = await office.cdrs()
        outcomes = check_records(cdrs, await office.leads())
        assert outcomes[Outcome.CONNECTED] >= TALKERS
        alone = [cdr for cdr in cdrs if cdr.outcome is Outcome.ABANDONED]
        assert len(alone) >= RINGERS
        for cdr in alone:
            assert cdr.answer_at is not None
            assert cdr.message_at is not None
            assert (cdr.message_at - cdr.answer_at).total_seconds() < 2.0


async def test_when_asterisk_dies_its_calls_are_closed_and_operators_come_back() -> None:
    async with forty_calls() as office:
        in_flight = {call["number"] for call in await office.calls()}
        await office.lab.pbx.kill9()
        await office.lab.pbx.start()

        async def all_closed() -> bool:
            now = {call["number"] for call in await office.calls()}
            return not now & in_flight

        await office.until(all_closed, "every call of the dead Asterisk is closed", 20)

        async def all_back() -> bool:
            states = [await office.state(operator) for operator in office.operators]
            return all(state in ("ready", "reserved", "talking", "wrap_up") for state in states)

        await office.until(all_back, "every operator is back at work", 30)
        await settle(office)
        cdrs = await office.cdrs()
        check_records(cdrs, await office.leads())
        lost = [cdr for cdr in cdrs if cdr.reason == "Asterisk stopped during the call"]
        assert {cdr.number for cdr in lost} <= in_flight
        assert len(lost) >= TALKERS + RINGERS - 5
        for cdr in lost:
            assert cdr.ended_by is EndedBy.NETWORK
            assert cdr.outcome is (Outcome.CONNECTED if cdr.talk_s else Outcome.NETWORK_FAILURE)
        assert any(cdr.outcome is Outcome.CONNECTED and cdr not in lost for cdr in cdrs)  # and it goes on


async def test_redis_goes_away_and_comes_back_and_the_live_sums_are_right(redis_server: Server) -> None:
    async with Lab.start(Options(plan=PLAN, phones=4)) as lab:
        url = f"redis://127.0.0.1:{redis_server.port}/0"
        async with open_office(
            lab,
            numbers("+7933", 200),
            change=lambda its: replace(its, ring_s=15, wrap_up_s=0.2),
            environment={"DIALER_REDIS_URL": url},
        ) as office:
            await office.ready()
            await office.start()
            await office.until(lambda: at_least(office, 4), "records are written", 30)
            redis_server.kill()
            before = len(await office.cdrs())
            await office.until(lambda: at_least(office, before + 6), "records are written without Redis", 30)
            redis_server.start()
            await office.until(lambda: shown(office), "calls and operators are shown again", 20)
            await settle(office)
            live = (await office.service.get("/v1/tallies"))["total"]
            cdrs = await office.cdrs()
            assert live["attempts"] == len(cdrs)
            assert live["connected"] == sum(cdr.outcome is Outcome.CONNECTED for cdr in cdrs)
            assert abs(live["talk_s"] - sum(cdr.talk_s for cdr in cdrs)) < 0.001


async def at_least(office: Office, n: int) -> bool:
    return len(await office.cdrs()) >= n


async def shown(office: Office) -> bool:
    with suppress(NetworkTrouble):
        return bool(await office.calls())
    return False
