"""Dialing on the real Asterisk: who is reserved when, what each behaviour of the network is called, how long it rings."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from dialer.domain.cdr import Cdr
from dialer.domain.types import Alerting, EndedBy, LeadStatus, Mode, Outcome
from dialer.lab import tones
from dialer.lab.fate import Does, Plan, Rule, fixed
from dialer.lab.lab import Lab, Options
from tests.pbx.office import numbers, open_office

MESSAGE_NOTES = (523.0, 659.0, 784.0)


def plan(*rules: Rule) -> Plan:
    return Plan(seed=7, rules=(*rules, Rule("*", {Does.ANSWER: 1}, ring_s=fixed(0.3), talk_s=fixed(0.6))))


async def test_progressive_takes_an_operator_from_dialing_on_and_a_pause_begins_after_that_call() -> None:
    slow = Rule("7921*", {Does.ANSWER: 1}, ring_s=fixed(2.5), talk_s=fixed(60))
    first, second = numbers("+7921", 2)
    async with Lab.start(Options(plan=plan(slow), phones=1)) as lab:
        async with open_office(lab, [first, second], change=lambda its: replace(its, wrap_up_s=0.5)) as office:
            await office.ready()
            await office.start()
            assert (await office.comes_to(first, "ringing"))["operator"] == "101"
            assert await office.state("101") == "reserved"
            answer = await office.do("101", "pause", {"reason": "lunch"})
            assert answer["result"]["then"] == "paused"
            assert await office.state("101") == "reserved"
            assert (await office.comes_to(first, "bridged"))["operator"] == "101"
            await office.stands("101", "talking")
            await lab.world.hang_up(first)
            await office.stands("101", "paused", "lunch")
            cdr = await office.cdr(first)
            assert cdr.outcome is Outcome.CONNECTED
            assert not await office.calls(), "nobody is ready, so nobody is called"
            await office.do("101", "ready")
            await office.comes_to(second, "bridged")
            await office.go_home()


async def test_progressive_never_has_more_calls_than_operators_and_abandons_nobody() -> None:
    async with Lab.start(Options(plan=plan(), phones=4)) as lab:
        async with open_office(
            lab, numbers("+7930", 30), change=lambda its: replace(its, wrap_up_s=0.2)
        ) as office:
            await office.ready()
            await office.start()
            await office.until(lambda: all_tried(office, 30), "30 numbers dialled", 40)
            await office.quiet()
            cdrs = await office.cdrs()
    assert {cdr.outcome for cdr in cdrs} == {Outcome.CONNECTED}
    assert len(cdrs) == 30
    spans: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for cdr in cdrs:
        spans[str(cdr.operator)].append((cdr.dialled_at, cdr.end_at))
    for of_one in spans.values():
        of_one.sort()
        assert all(end <= begin for (_, end), (begin, _) in pairwise(of_one)), "two calls for one operator"
    waits = sorted(cdr.wait_s for cdr in cdrs if cdr.wait_s is not None)
    assert waits[len(waits) // 2] < 0.2, waits


async def all_tried(office, n: int) -> bool:
    return len(await office.cdrs()) >= n


async def test_power_gives_the_longest_ready_operator_and_plays_the_message_when_nobody_is_left() -> None:
    rules = [
        Rule(f"792{i}*", {Does.ANSWER: 1}, ring_s=fixed(1.0 + i), talk_s=fixed(60)) for i in range(1, 4)
    ]
    first, second, third = (f"+792{i}0000000" for i in range(1, 4))
    async with Lab.start(Options(plan=plan(*rules), phones=2)) as lab:
        async with open_office(
            lab, [first, second, third], change=lambda its: replace(its, mode=Mode.POWER, ratio=1.5)
        ) as office:
            await office.ready("102")
            await office.ready("101")
            await office.start()
            assert (await office.comes_to(first, "bridged"))["operator"] == "102"
            assert (await office.comes_to(second, "bridged"))["operator"] == "101"
            cdr = await office.cdr(third)
            heard = tones.heard(lab.world.heard_by(third))
            await office.go_home()
            leads = {lead.number: lead for lead in await office.leads()}
            answered = [await office.cdr(number) for number in (first, second)]
    assert cdr.outcome is Outcome.ABANDONED
    assert cdr.answer_at
    assert cdr.message_at
    until_message_s = (cdr.message_at - cdr.answer_at).total_seconds()
    assert 1.3 < until_message_s <= 2.0, "the engine gives up 1.5 s after the answer, the PBX at 1.6 s"
    assert {tone.hertz for tone in heard} & set(MESSAGE_NOTES), f"the message was not heard: {heard}"
    lead = leads[cdr.number]
    assert lead.status is LeadStatus.RETRY
    assert lead.next_at
    assert lead.next_at - cdr.end_at == timedelta(hours=72)
    for each in answered:
        assert each.wait_s is not None
        assert each.wait_s < 0.5
