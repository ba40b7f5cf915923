"""How calls end: who hung up, longest talk and hold, strays that nobody owns, doubled events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from dialer.domain.keys import SETTLE_S
from dialer.domain.operators import State
from dialer.domain.types import EndedBy, Outcome
from dialer.lab.fate import Does, Plan, Rule
from dialer.lab.lab import Lab, Options
from dialer.worlds import fixed
from tests.pbx.office import Office, numbers, open_office

PLAN = Plan(seed=7, rules=(Rule("*", {Does.ANSWER: 1}, ring_s=fixed(0.3), talk_s=fixed(90)),))


async def in_talk(office: Office, people: list[str]) -> dict[str, str]:
    """Who talks with which operator, once all do."""
    await office.ready()
    await office.start()
    await office.in_flight(len(people), "bridged")
    return {call["number"]: call["operator"] for call in await office.calls()}


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def office() -> AsyncIterator[Office]:
    """One for all of these; each begins a campaign of its own."""
    async with Lab.start(Options(plan=PLAN, phones=5)) as lab, open_office(lab, []) as office:
        yield office


async def test_every_way_to_hang_up_ends_one_talk_and_leaves_one_record_and_the_leg(office: Office) -> None:
    person, key, rest, both, legs = people = numbers("+7916", 5)
    await office.begin(people, change=lambda its: replace(its, wrap_up_s=3.0), phones=5)
    with_whom = await in_talk(office, people)
    await asyncio.sleep(SETTLE_S[State.TALKING])  # keys that come sooner were meant for a talk before
    await office.lab.world.hang_up(person)
    await office.lab.world.phone(with_whom[key]).press("#*")
    await office.do(with_whom[rest], "hang_up")
    at_once = (office.lab.world.hang_up(both), office.lab.world.phone(with_whom[both]).press("#*"))
    await asyncio.gather(*at_once)
    await asyncio.gather(office.lab.world.hang_up(legs), office.lab.world.phone(with_whom[legs]).hang_up())
    for number in (person, key, rest, both):
        await office.stands(with_whom[number], "wrap_up", timeout_s=3)
        assert await office.lab.world.phone(with_whom[number]).in_call(), "the leg stays up"
    await office.quiet()
    for number in (person, key, rest, both):
        await office.stands(with_whom[number], "ready")
    await office.stands(with_whom[legs], "offline")
    by = {number: (await office.cdr(number)).ended_by for number in people}
    outcomes = {number: (await office.cdr(number)).outcome for number in people}
    assert not await office.lab.world.in_call()
    last = outcomes.pop(
        legs
    )  # Asterisk heard one of the two first: the operator is lost where it was the phone
    assert last in (Outcome.CONNECTED, Outcome.OPERATOR_LOST)
    assert set(outcomes.values()) == {Outcome.CONNECTED}
    assert (by[person], by[key], by[rest]) == (EndedBy.PERSON, EndedBy.OPERATOR, EndedBy.OPERATOR)
    assert by[both] in (EndedBy.PERSON, EndedBy.OPERATOR)


async def test_the_longest_hold_brings_the_person_back_and_the_longest_talk_ends_the_call(
    office: Office,
) -> None:
    (person,) = people = numbers("+7917", 1)
    await office.begin(
        people, change=lambda its: replace(its, longest_hold_s=1.5, longest_talk_s=6.0), phones=1
    )
    await in_talk(office, people)
    await office.do("101", "hold")

    async def is_on_hold() -> bool:
        return bool((await office.call(person) or {}).get("on_hold"))

    async def is_back() -> bool:
        return not await is_on_hold()

    await office.until(is_on_hold, "on hold", 2)
    await office.until(is_back, "back from hold by itself", 4)
    assert await office.state("101") == "talking"
    cdr = await office.cdr(person, timeout_s=15)
    assert (cdr.outcome, cdr.ended_by, cdr.reason) == (Outcome.CONNECTED, EndedBy.LIMIT, "longest talk")
    assert cdr.bridge_at
    assert (cdr.end_at - cdr.bridge_at).total_seconds() == pytest.approx(6.0, abs=0.5)
    assert cdr.talk_s == pytest.approx(6.0 - 1.5, abs=0.6)


async def test_doubled_events_do_no_harm_and_strays_with_our_names_are_ended(
    office: Office, ask: Callable[[Lab], Any], until: Callable[..., Awaitable[None]]
) -> None:
    (person,) = people = numbers("+7918", 1)
    await office.begin(people, phones=2)
    async with ask(office.lab) as ari:
        await office.ready("101")
        await office.start()
        call = (await office.comes_to(person, "bridged"))["id"]
        for source in (
            f"channel:{call}",
            "endpoint:PJSIP/trunk/carrier",
            "endpoint:PJSIP/101",
            "bridge:ob-101",
        ):
            await ari.send("POST", "applications/dialer/subscription", eventSource=source)
        await ari.send("POST", "bridges", type="mixing", bridgeId="ob-999")
        query = {"context": "obz-phones", "extension": "*16", "priority": "1", "callerId": "100"}
        for stray in ("c-stray", "o-999-stray"):
            phone = {"endpoint": "PJSIP/102", "channelId": stray, **query}
            await ari.send("POST", "channels", **phone)
        foreign = await ari.originate("PJSIP/102", "obz-phones/*16")
        await office.do("101", "hold")
        await asyncio.sleep(0.5)
        await office.do("101", "unhold")
        await until(lambda: are_gone(ari, "c-stray", "o-999-stray"), "strays are ended", 45)
        bridges = {each["id"] for each in await ari.send("GET", "bridges")}
        assert "ob-999" not in bridges
        assert "ob-101" in bridges
        assert await ari.state(foreign) == "Up", "what is not ours is left alone"
        assert await office.state("101") == "talking"
        await office.lab.world.hang_up(person)
        cdr = await office.cdr(person)
        await office.stands("101", "wrap_up")
        await ari.hang_up(foreign)
    assert (cdr.outcome, cdr.ended_by) == (Outcome.CONNECTED, EndedBy.PERSON)
    assert 0 < cdr.talk_s < (cdr.end_at - cdr.bridge_at).total_seconds() - 0.4


async def are_gone(ari: Any, *channels: str) -> bool:
    return not {each["id"] for each in await ari.send("GET", "channels")} & set(channels)
