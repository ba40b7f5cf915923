"""Dialing: who is reserved when, what each behaviour of the network is called, how long it rings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
import pytest_asyncio

from dialer.domain.cdr import Cdr
from dialer.domain.types import Alerting, EndedBy, LeadStatus, Mode, Outcome
from dialer.lab import tones
from dialer.lab.fate import Does, Plan, Rule
from dialer.lab.lab import Lab, Options
from dialer.worlds import fixed
from tests.pbx.office import Office, numbers, open_office

MESSAGE_NOTES = (525.0, 660.0, 785.0)  # of the demo message, to 5 Hz


# what the network does -> number, outcome, cause, SIP code, alerting, who ended it
BEHAVIOURS = {
    Does.BUSY: ("+79010000001", Outcome.BUSY, 17, 486, Alerting.NONE, EndedBy.NETWORK),
    Does.UNALLOCATED: ("+79020000001", Outcome.UNALLOCATED, 1, 404, Alerting.NONE, EndedBy.NETWORK),
    Does.CONGESTION: ("+79030000001", Outcome.CONGESTION, 34, 503, Alerting.NONE, EndedBy.NETWORK),
    Does.REJECTED: ("+79040000001", Outcome.REJECTED, 21, 603, Alerting.NONE, EndedBy.NETWORK),
    Does.NO_ANSWER: ("+79050000001", Outcome.NO_ANSWER, None, None, Alerting.RINGING, EndedBy.RING_TIME),
    Does.RING_ENDS: ("+79060000001", Outcome.NO_ANSWER, 19, 480, Alerting.RINGING, EndedBy.NETWORK),
    Does.EARLY_MEDIA: ("+79070000001", Outcome.CONNECTED, 16, None, Alerting.PROGRESS, EndedBy.PERSON),
    Does.PROGRESS: ("+79080000001", Outcome.CONNECTED, 16, None, Alerting.PROGRESS, EndedBy.PERSON),
    Does.QUIET: ("+79090000001", Outcome.CONNECTED, 16, None, Alerting.NONE, EndedBy.PERSON),
    Does.ANSWER: ("+79100000001", Outcome.CONNECTED, 16, None, Alerting.RINGING, EndedBy.PERSON),
    Does.GONE_AT_ONCE: ("+79110000001", None, 16, None, Alerting.RINGING, EndedBy.PERSON),
}
NEVER, NEVER_RINGS = "+79120000001", "+79130000001"  # rings for ever with 183 only; says nothing for ever
RING_S = 2.0
PLAN = Plan(
    seed=7,
    rules=(
        *(
            Rule(number.lstrip("+"), {does: 1}, ring_s=fixed(1.0), talk_s=fixed(1.0))
            for does, (number, *_) in BEHAVIOURS.items()
        ),
        Rule(NEVER.lstrip("+"), {Does.EARLY_MEDIA: 1}, ring_s=fixed(60)),
        Rule(NEVER_RINGS.lstrip("+"), {Does.QUIET: 1}, ring_s=fixed(60)),
        *(Rule(f"792{i}*", {Does.ANSWER: 1}, ring_s=fixed(1.0 + i), talk_s=fixed(60)) for i in range(1, 4)),
        Rule("7924*", {Does.ANSWER: 1}, ring_s=fixed(2.5), talk_s=fixed(60)),
        Rule("*", {Does.ANSWER: 1}, ring_s=fixed(0.3), talk_s=fixed(0.6)),
    ),
)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def office() -> AsyncIterator[Office]:
    """One for all of these; each begins a campaign of its own."""
    async with Lab.start(Options(plan=PLAN, phones=6)) as lab, open_office(lab, []) as office:
        yield office


async def test_progressive_takes_an_operator_from_dialing_on_and_a_pause_begins_after_that_call(
    office: Office,
) -> None:
    first, second = numbers("+7924", 2)
    await office.begin([first, second], change=lambda its: replace(its, wrap_up_s=0.5), phones=1)
    await office.ready()
    await office.start()
    assert (await office.comes_to(first, "ringing"))["operator"] == "101"
    assert await office.state("101") == "reserved"
    answer = await office.do("101", "pause", {"reason": "lunch"})
    assert answer["result"]["then"] == "paused"
    assert await office.state("101") == "reserved"
    assert (await office.comes_to(first, "bridged"))["operator"] == "101"
    await office.stands("101", "talking")
    await office.lab.world.hang_up(first)
    await office.stands("101", "paused", "lunch")
    cdr = await office.cdr(first)
    assert cdr.outcome is Outcome.CONNECTED
    assert not await office.calls(), "nobody is ready, so nobody is called"
    await office.do("101", "ready")
    await office.comes_to(second, "bridged")
    await office.go_home()


async def test_progressive_never_has_more_calls_than_operators_and_abandons_nobody(office: Office) -> None:
    await office.begin(numbers("+7931", 30), change=lambda its: replace(its, wrap_up_s=0.2), phones=4)
    await office.ready()
    await office.start()
    await office.until(lambda: all_tried(office, 30), "30 numbers dialled", 120)
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


async def all_tried(office: Office, n: int) -> bool:
    return len(await office.cdrs()) >= n


async def test_power_gives_the_longest_ready_operator_and_plays_the_message_when_nobody_is_left(
    office: Office,
) -> None:
    first, second, third = (f"+792{i}0000000" for i in range(1, 4))
    await office.begin(
        [first, second, third], change=lambda its: replace(its, mode=Mode.POWER, ratio=1.5), phones=2
    )
    await office.ready("102")
    await office.ready("101")
    await office.start()
    assert (await office.comes_to(first, "bridged"))["operator"] == "102"
    assert (await office.comes_to(second, "bridged"))["operator"] == "101"
    cdr = await office.cdr(third)
    heard = tones.heard(office.lab.world.heard_by(third))
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


async def test_each_behaviour_of_the_network_has_its_outcome_cause_code_and_times(office: Office) -> None:
    everybody = [number for number, *_ in BEHAVIOURS.values()]
    await office.begin(
        [NEVER_RINGS, NEVER, *everybody],
        change=lambda its: replace(its, ring_s=RING_S, wrap_up_s=0.2),
        phones=6,
    )
    await office.ready()
    await office.start()
    await office.until(lambda: all_tried(office, 2 + len(everybody)), "every number was tried", 45)
    await office.quiet()
    cdrs = {cdr.number: cdr for cdr in await office.cdrs()}
    for does, (number, *expected) in BEHAVIOURS.items():
        check(does, cdrs[number], *expected)
    never = cdrs[NEVER]
    assert (never.outcome, never.ended_by) == (Outcome.NO_ANSWER, EndedBy.RING_TIME)
    assert never.ring_s == pytest.approx(RING_S, abs=0.4), "it counts from the 183"
    silent = cdrs[NEVER_RINGS]
    assert (silent.outcome, silent.alerting) == (Outcome.NETWORK_FAILURE, Alerting.NONE)
    assert (silent.ring_s, silent.setup_s) == (None, None)
    assert silent.reason == "the network said nothing"


def check(does: Does, cdr: Cdr, outcome, cause, sip, alerting, by) -> None:
    if outcome is None:  # answer and hang-up in one breath: connected for a moment or not at all
        assert cdr.outcome in (Outcome.CONNECTED, Outcome.HUNG_UP_EARLY), does
    else:
        assert cdr.outcome is outcome, does
    assert cdr.alerting is alerting, does
    assert cdr.ended_by is by, does
    if cause is not None:
        assert (cdr.cause, cdr.sip_code) == (cause, sip), does
    if alerting is Alerting.NONE:
        assert (cdr.setup_s, cdr.ring_s) == (None, None), does
    else:
        assert cdr.setup_s is not None
        assert 0 <= cdr.setup_s < 1.0, does
        ring_s = RING_S if does is Does.NO_ANSWER else 1.0
        assert cdr.ring_s == pytest.approx(ring_s, abs=0.4), does
