"""Running a campaign: start, pause, stop, the trunk's limits, do-not-call, explain, test calls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio

from dialer.domain.types import LeadStatus, Mode, Outcome
from dialer.lab.fate import Does, Plan, Rule
from dialer.lab.lab import Lab, Options
from dialer.worlds import fixed
from tests.pbx.office import TRUNK, Office, numbers, open_office

PLAN = Plan(
    seed=7,
    rules=(
        Rule("7901*", {Does.BUSY: 1}),
        Rule("7915*", {Does.ANSWER: 1}, ring_s=fixed(0.3), talk_s=fixed(60)),
        Rule("7917*", {Does.ANSWER: 1}, ring_s=fixed(60), talk_s=fixed(1)),
        Rule("7922*", {Does.ANSWER: 1}, ring_s=fixed(2.0), talk_s=fixed(0.5)),
        Rule("*", {Does.ANSWER: 1}, ring_s=fixed(0.3), talk_s=fixed(0.5)),
    ),
)


PHONES = 8
CLOCKS_S = 0.05  # what a request may take longer, or shorter, than the one before it on its way


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def office() -> AsyncIterator[Office]:
    """One for all of these; each begins a campaign of its own."""
    async with Lab.start(Options(plan=PLAN, phones=PHONES)) as lab, open_office(lab, []) as office:
        yield office


async def explained(office: Office) -> dict[str, Any]:
    return dict(await office.service.get(f"/v1/campaigns/{office.campaign}/explain"))


async def closed(office: Office) -> list[str]:
    """The names of the gates that are closed, in their order."""
    return [gate["name"] for gate in (await explained(office))["gates"] if not gate["is_open"]]


async def dialled(office: Office) -> int:
    """How many numbers were dialled so far, ended or not."""
    return len(await office.cdrs()) + len(await office.calls())


async def test_start_pause_and_stop_take_effect_within_a_second_and_explain_names_the_true_reason(
    office: Office,
) -> None:
    await office.begin(numbers("+7931", 200), change=lambda its: replace(its, wrap_up_s=0.1), phones=2)
    assert (await closed(office))[0] == "status"
    await office.start()
    await asyncio.sleep(1)
    told = await explained(office)
    assert await dialled(office) == 0, "nobody is logged in, nobody is called"
    assert "None of the campaign's 2 operators is logged in" in told["summary"]
    await office.ready()
    await office.until(lambda: several(office, 1), "the first call", 2)
    for operator in office.operators:
        await office.do(operator, "pause", {"reason": "lunch"})
    for operator in office.operators:
        await office.stands(operator, "paused")
    await office.quiet()
    before = await dialled(office)
    told = await explained(office)
    assert "No operator is free (2 paused)" in told["summary"]
    await asyncio.sleep(1)
    assert await dialled(office) == before, "nobody is ready, nobody is called"
    for operator in office.operators:
        await office.do(operator, "ready")
    await office.until(lambda: several(office, before + 4), "it goes on")
    paused_at = datetime.now(UTC)
    await office.pause()
    await office.quiet()
    assert "The campaign is paused" in (await explained(office))["summary"]
    started_at = datetime.now(UTC)
    before = len(await office.cdrs())
    await office.start()
    await office.until(lambda: several(office, before + 4), "it goes on")
    stopped_at = datetime.now(UTC)
    await office.service.post(f"/v1/campaigns/{office.campaign}/stop")
    await office.quiet()
    await asyncio.sleep(1)
    instants = sorted(cdr.dialled_at for cdr in await office.cdrs())
    statuses = {lead.status for lead in await office.leads()}
    await office.start()
    await office.service.patch(f"/v1/trunks/{TRUNK}", {"enabled": False})
    await office.until(lambda: says(office, f"trunk {TRUNK} is switched off"), "the trunk", 5)
    await office.service.patch(f"/v1/trunks/{TRUNK}", {"enabled": True})
    day = datetime.now(UTC).weekday()
    never = {"weekday": (day + 3) % 7, "start": "10:00", "end": "11:00"}
    await office.change(schedule=[never])
    await office.until(lambda: says(office, "no calling hour"), "the hours", 5)
    gate = next(gate for gate in (await explained(office))["gates"] if gate["name"] == "schedule")
    assert gate["opens_at"]
    await office.go_home()
    second = timedelta(seconds=1)
    assert not [at for at in instants if paused_at + second < at < started_at]
    assert min(at for at in instants if at > started_at) - started_at < second
    assert not [at for at in instants if at > stopped_at + second]
    assert LeadStatus.LEASED not in statuses, "a stopped campaign gives its leads back"


async def several(office: Office, n: int) -> bool:
    return await dialled(office) >= n


async def says(office: Office, words: str) -> bool:
    return words.lower() in str((await explained(office))["summary"]).lower()


async def test_a_number_barred_while_the_campaign_runs_is_not_dialled_and_the_list_ends_with_a_reason(
    office: Office,
) -> None:
    people = numbers("+7922", 6)
    await office.begin(people, change=lambda its: replace(its, wrap_up_s=0.1), phones=1)
    await office.ready()
    await office.start()
    await office.comes_to(people[0], "ringing")
    await office.service.post("/v1/dnc", {"entry": people[1]})
    await office.service.post("/v1/dnc", {"entry": people[3][:-1] + "*"})
    await office.until(lambda: says(office, "the list is worked through"), "the end of the list")
    cdrs = await office.cdrs()
    status = {lead.number: lead.status for lead in await office.leads()}
    barred = [number for number in people if status[number] is LeadStatus.EXCLUDED]
    assert {cdr.number for cdr in cdrs} == set(people) - set(barred)
    assert people[1] in barred
    assert not called(office.lab, barred)


def called(lab: Lab, barred: list[str]) -> list[str]:
    return [number for number in barred if lab.world.heard_by(number).exists()]


@asynccontextmanager
async def counting(lab: Lab) -> AsyncIterator[list[tuple[float, str, str]]]:
    """The carrier's own count: when a call came in or ended there, by its console."""
    seen: list[tuple[float, str, str]] = []
    async with lab.world.carrier.console.listen() as ear:

        async def follow() -> None:
            while True:
                event = await ear.get()
                if event["Event"] in ("Newchannel", "Hangup"):
                    seen.append((time.monotonic(), event["Event"], event["Uniqueid"]))

        following = asyncio.create_task(follow())
        try:
            yield seen
        finally:
            following.cancel()


async def test_the_trunks_lines_and_calls_per_second_are_never_exceeded_by_the_carriers_count(
    office: Office,
) -> None:
    people = numbers("+7931", 60) + numbers("+7901", 20)
    await office.begin(
        people,
        change=lambda its: replace(its, wrap_up_s=0.1, mode=Mode.POWER, ratio=2.0),
        phones=PHONES,
    )
    await office.service.patch(f"/v1/trunks/{TRUNK}", {"lines": 5, "calls_per_s": 6.0})
    async with counting(office.lab) as seen:
        await office.ready()
        await office.start()
        await office.until(lambda: several(office, 36), "36 calls")
        await office.pause()
        await office.quiet()
        cdrs = await office.cdrs()
    await office.service.patch(f"/v1/trunks/{TRUNK}", {"lines": 100, "calls_per_s": 50.0})
    up = most = 0
    for _, what, _ in seen:
        up += 1 if what == "Newchannel" else -1
        most = max(most, up)
    begins = [at for at, what, _ in seen if what == "Newchannel"]
    in_a_second = max(sum(at <= other < at + 1.0 - CLOCKS_S for other in begins) for at in begins)
    assert len(begins) == len(cdrs)
    assert most == 5
    assert in_a_second <= 6
    assert {cdr.outcome for cdr in cdrs} <= {Outcome.CONNECTED, Outcome.BUSY, Outcome.HUNG_UP_EARLY}


async def test_one_test_call_tells_each_step_of_a_trunk_or_a_phone(office: Office) -> None:
    await office.begin([], phones=1)
    good = await office.service.post(f"/v1/trunks/{TRUNK}/test", {"number": "+79160000001"})
    busy = await office.service.post(f"/v1/trunks/{TRUNK}/test", {"number": "+79010000001"})
    phone = await office.service.post("/v1/operators/101/test")
    await office.lab.world.phones[0].console.command("pjsip send unregister 101")
    await office.until(lambda: is_off(office.lab), "the phone is off")
    await office.do("101", "login")
    await office.stands("101", "offline", "phone_not_registered")
    off = await office.service.post("/v1/operators/101/test")
    log = (office.lab.folder / "service.log").read_text()
    assert not await office.cdrs(), "a test is no attempt"
    await office.lab.world.phones[0].console.command("pjsip send register 101")
    await office.lab.world.phone("101").registered()
    said = [" / ".join(each["result"]["steps"]) for each in (good, busy, phone, off)]
    oks = [each["result"]["ok"] for each in (good, busy, phone, off)]
    assert oks == [True, False, True, False]
    assert "rings (180)" in said[0]
    assert "answered" in said[0]
    assert "the message began" in said[0]
    assert "busy (cause 17, SIP 486 Busy Here)" in said[1]
    assert "answered" in said[2]
    assert "registered" in said[3]
    assert "phone 101 is not registered" in log


async def is_off(lab: Lab) -> bool:
    return not await lab.world.phone("101").is_registered()


async def test_one_switch_ends_talks_at_once_and_ringing_as_soon_as_a_law_allows_it(office: Office) -> None:
    people = numbers("+7915", 1) + numbers("+7917", 2) + numbers("+7931", 50)
    await office.begin(
        people, change=lambda its: replace(its, mode=Mode.POWER, ratio=3.0, ring_s=40.0), phones=1
    )
    await office.ready()
    await office.start()
    await office.in_flight(1, "bridged")
    await office.in_flight(2, "ringing")
    told = await office.service.post("/v1/stop", {"talks": "end"})
    assert (told["given_up"], told["ended"], told["go_on"], told["pushed"]) == (2, 1, 0, True)
    await office.stands("101", "wrap_up", timeout_s=3)
    assert len(await office.calls()) == 2
    await office.quiet()
    cdrs = {cdr.number: cdr for cdr in await office.cdrs()}
    campaign = await office.service.get(f"/v1/campaigns/{office.campaign}")
    assert campaign["status"] == "paused"
    assert [cdrs[number].outcome for number in people[:3]] == [
        Outcome.CONNECTED,
        Outcome.GIVEN_UP,
        Outcome.GIVEN_UP,
    ]
    assert all(15 <= cdrs[number].ring_s < 17 for number in people[1:3])
    assert len(cdrs) == 3
