"""A list called through a carrier that is not ours: sipp, by its own count, agrees with the records."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from dialer.domain.cdr import Cdr
from dialer.domain.types import Alerting, EndedBy, Outcome
from dialer.lab import sipp, tones
from dialer.lab.lab import Lab, Options
from dialer.lab.sipp import Sipp
from tests.pbx.office import Office, numbers, open_office

RING_S, ANSWERS_AFTER_S, TALK_S = 1.5, 0.3, 2.0
PREFIXES = {"leave": "+7916", "busy": "+7901", "no_answer": "+7905"}
LEAVE, BUSY, NO_ANSWER = (numbers(prefix, n) for prefix, n in zip(PREFIXES.values(), (3, 2, 2), strict=True))
CALLED = dict(zip(PREFIXES, (LEAVE, BUSY, NO_ANSWER), strict=True))


async def test_a_list_is_called_through_an_independent_carrier_and_both_sides_count_the_same() -> None:
    people = [*LEAVE, *BUSY, *NO_ANSWER]
    async with Lab.start(Options(phones=2)) as lab, AsyncExitStack() as carriers:
        ways = {
            scenario: await carriers.enter_async_context(
                sipp.start(lab.folder / scenario, scenario=scenario, ring_s=ANSWERS_AFTER_S, talk_s=TALK_S)
            )
            for scenario in PREFIXES
        }
        async with open_office(
            lab, people, change=lambda its: replace(its, ring_s=RING_S, wrap_up_s=0.2)
        ) as office:
            await connect(office, ways)
            await office.ready()
            await office.start()
            cdrs = {number: await office.cdr(number, timeout_s=40) for number in people}
            for phone in map(lab.world.phone, office.operators):
                await tones.listen_for(await phone.last_heard(), phone.hertz)  # sipp sends back what it hears
        figures = {
            scenario: await carrier.settled(len(CALLED[scenario])) for scenario, carrier in ways.items()
        }
    for scenario, called in CALLED.items():
        its = figures[scenario]
        assert (its.taken, its.good, its.failed) == (len(called), len(called), 0), scenario
        assert {cdrs[number].trunk for number in called} == {trunk_of(scenario)}
    for number in LEAVE:
        was_a_talk(cdrs[number])
    for cdr in (cdrs[number] for number in BUSY):
        assert (cdr.outcome, cdr.ended_by) == (Outcome.BUSY, EndedBy.NETWORK)
        assert (cdr.cause, cdr.sip_code) == (17, 486)
    for cdr in (cdrs[number] for number in NO_ANSWER):
        assert (cdr.outcome, cdr.ended_by, cdr.answer_at) == (Outcome.NO_ANSWER, EndedBy.RING_TIME, None)
        assert cdr.ring_s == pytest.approx(RING_S, abs=0.5)


def was_a_talk(cdr: Cdr) -> None:
    """With an operator at once, ended by the person when the scenario says."""
    assert (cdr.outcome, cdr.ended_by) == (Outcome.CONNECTED, EndedBy.PERSON)
    assert cdr.operator in ("101", "102")
    assert cdr.alerting is Alerting.RINGING
    assert cdr.ring_s == pytest.approx(ANSWERS_AFTER_S, abs=0.5)
    assert cdr.talk_s == pytest.approx(TALK_S, abs=0.5)


def trunk_of(scenario: str) -> str:
    return scenario.replace("_", "-")


async def connect(office: Office, ways: Mapping[str, Sipp]) -> None:
    """A trunk for each, which takes the numbers of its prefix, and the campaign on them."""
    for scenario, carrier in ways.items():
        where = {"host": carrier.host, "port": carrier.port, "prefixes": [PREFIXES[scenario]]}
        body = {"id": trunk_of(scenario), "caller_ids": ["+74951234567"], "lines": 10, **where}
        await office.service.post("/v1/trunks", body)
    await office.change(trunks=[trunk_of(scenario) for scenario in ways])
