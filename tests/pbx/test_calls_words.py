"""Carriers' odd words on a real Asterisk: the record says what was meant, and nothing runs by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dialer.domain.cdr import Cdr
from dialer.domain.lead import Lead
from dialer.domain.types import Alerting, EndedBy, LeadId, LeadStatus, Mode, Outcome, PhoneNumber
from dialer.engine.refusals import IN_ROW
from dialer.lab.lab import Lab, Options
from dialer.lab.sipp import Sipp
from tests.pbx.conftest import asking
from tests.pbx.office import Office, numbers, open_office
from tests.pbx.wordy import carriers

RING_S, ANNOUNCED_S, PHONES = 2.0, 1.5, 4
ELSEWHERE = "Contact: <sip:79160000999@127.0.0.51:5999>"
# a forward that names a way of Asterisk's own
LOCAL = "Contact: <sip:Local%2Fanswered%40obz-out@127.0.0.51:5999>"
SCENARIOS: Mapping[str, tuple[str, ...]] = {
    "announced": ("183", f"wait {round(ANNOUNCED_S * 1000)}", "180", "until CANCEL"),
    "silent": ("wait 60000",),
    "forbidden": ("403 Forbidden by us",),
    "unpaid": ("402 Payment Required",),
    "declined": ("180", "wait 200", "603 Decline"),
    "late-no": ("180", "wait 200", "403 Forbidden"),
    "timed-out": ("408 Request Timeout",),
    "hops": ("483 Too Many Hops",),
    "no-sdp": ("180", "wait 200", "200 without SDP", "until BYE"),
    "moved": (f"302 Moved Temporarily|{ELSEWHERE}",),
    "moved-late": ("180", "wait 1000", f"302 Moved Temporarily|{ELSEWHERE}"),
    "choices": (f"300 Multiple Choices|{ELSEWHERE}",),
    "proxy": ("305 Use Proxy",),
    "inside": (f"302 Moved Temporarily|{LOCAL}",),
    "q1": ("180", "wait 200", '480 Nobody|Reason: Q.850;cause=1;text="x"'),
    "q17": ("480 Nobody|Reason: SIP;cause=480|Reason: Q.850;cause=17",),
    "q34": ("404 Not Found|Reason: Q.850;cause=34",),
    "q127": ("486 Busy Here|Reason: Q.850;cause=127",),
    "left": ("180", "wait 200", "200", "wait 700", "BYE"),
    "broke": ("180", "wait 200", "200", "wait 700", "BYE|Reason: Q.850;cause=38"),
    "unacked": ("180", "wait 200", "200", "wait 700", "BYE|Reason: SIP;cause=408"),
}
EXPECTED: Mapping[str, tuple[Outcome, EndedBy]] = {
    "announced": (Outcome.NO_ANSWER, EndedBy.RING_TIME),
    "silent": (Outcome.NETWORK_FAILURE, EndedBy.NETWORK),
    "unpaid": (Outcome.TRUNK_REFUSED, EndedBy.NETWORK),
    "declined": (Outcome.REJECTED, EndedBy.NETWORK),
    "late-no": (Outcome.REJECTED, EndedBy.NETWORK),
    "timed-out": (Outcome.NETWORK_FAILURE, EndedBy.NETWORK),
    "hops": (Outcome.NETWORK_FAILURE, EndedBy.NETWORK),
    "no-sdp": (Outcome.ABANDONED, EndedBy.NETWORK),
    "moved": (Outcome.MOVED, EndedBy.NETWORK),
    "moved-late": (Outcome.MOVED, EndedBy.NETWORK),
    "choices": (Outcome.MOVED, EndedBy.NETWORK),
    "proxy": (Outcome.MOVED, EndedBy.NETWORK),
    "inside": (Outcome.MOVED, EndedBy.NETWORK),
    "q1": (Outcome.UNALLOCATED, EndedBy.NETWORK),
    "q17": (Outcome.BUSY, EndedBy.NETWORK),
    "q34": (Outcome.CONGESTION, EndedBy.NETWORK),
    "q127": (Outcome.BUSY, EndedBy.NETWORK),
    "left": (Outcome.CONNECTED, EndedBy.PERSON),
    "broke": (Outcome.CONNECTED, EndedBy.NETWORK),
    "unacked": (Outcome.CONNECTED, EndedBy.NETWORK),
}
KEPT = {"q1": (1, 480), "q17": (17, 480), "q34": (34, 404), "moved": (23, 302)}  # cause and SIP code
PREFIX = {name: f"+79{place:02}" for place, name in enumerate(SCENARIOS)}
NUMBER = {name: numbers(prefix, 1)[0] for name, prefix in PREFIX.items()}
REFUSED = numbers(PREFIX["forbidden"], IN_ROW + 2)


@asynccontextmanager
async def office_with(*names: str, numbers_: list[str]) -> AsyncIterator[tuple[Office, dict[str, Sipp]]]:
    """An office whose trunks lead to these carriers, each for the numbers of its prefix."""
    wanted = {name: SCENARIOS[name] for name in names}
    async with Lab.start(Options(phones=PHONES)) as lab, carriers(lab.folder, wanted) as ways:
        async with open_office(
            lab,
            numbers_,
            change=lambda its: replace(its, ring_s=RING_S, wrap_up_s=0.2, mode=Mode.POWER, ratio=5.0),
        ) as office:
            for name, carrier in ways.items():
                where = {"host": carrier.host, "port": carrier.port, "prefixes": [PREFIX[name]]}
                body = {"id": name, "caller_ids": ["+74951234567"], "lines": 20, "calls_per_s": 20, **where}
                await office.service.post("/v1/trunks", body)
            await office.change(trunks=list(names))
            yield office, ways


async def test_each_word_of_a_carrier_is_understood_and_no_forward_is_followed() -> None:
    people = [*NUMBER.values(), *REFUSED[1:]]
    async with office_with(*SCENARIOS, numbers_=people) as (office, ways), asking(office.lab) as ari:
        await office.ready()
        await office.start()
        await says_why_it_rests(office)
        cdrs = {name: await office.cdr(NUMBER[name], timeout_s=40) for name in EXPECTED}
        counted = {name: (await ways[name].settled(1)).taken for name in EXPECTED if name != "silent"}
        leads = {lead.numbers[0]: lead for lead in await office.leads()}
        channels = [each["name"] for each in await ari.send("GET", "channels")]
        ran = await dialplan_runs(office)
        frozen = await moved_while_frozen(office, ways["moved-late"])
    assert {name: (cdr.outcome, cdr.ended_by) for name, cdr in cdrs.items()} == EXPECTED
    assert {name: (cdrs[name].cause, cdrs[name].sip_code) for name in KEPT} == KEPT
    assert counted == dict.fromkeys(counted, 1), "each number was dialled once"
    was_announced(cdrs["announced"])
    assert cdrs["silent"].ring_at is None
    assert cdrs["unpaid"].reason == "Payment Required"
    for name in ("no-sdp", "broke", "unacked"):
        assert cdrs[name].reason, name
    assert [name for name in channels if name.startswith("Local/")] == []
    answered = sum(cdr.answer_at is not None for cdr in cdrs.values())
    assert ran == answered + PHONES, "no channel has run that nobody asked for"
    for number in (*REFUSED[:IN_ROW], NUMBER["unpaid"]):
        assert (leads[number].status, leads[number].attempts) == (LeadStatus.RETRY, 0)
    assert (frozen.outcome, frozen.sip_code) == (Outcome.MOVED, 302)


def was_announced(cdr: Cdr) -> None:
    """Ring time counts from the 180 that came after the announcement."""
    assert cdr.alerting is Alerting.RINGING
    assert cdr.setup_s == pytest.approx(ANNOUNCED_S, abs=0.3)
    assert cdr.ring_s == pytest.approx(RING_S, abs=0.4)


async def dialplan_runs(office: Office) -> int:
    """How many channels have executed anything since Asterisk started."""
    (line,) = [
        line
        for line in (await office.lab.pbx.cli("core show channels count")).splitlines()
        if line.endswith("calls processed")
    ]
    return int(line.split()[0])


async def says_why_it_rests(office: Office) -> None:
    """The trunk that is always refused rests, and explain has the carrier's own words."""

    async def told() -> bool:
        explained = await office.service.get(f"/v1/campaigns/{office.campaign}/explain")
        return "403 Forbidden by us" in str(explained)

    await office.until(told, "explain says why the trunk rests")


async def moved_while_frozen(office: Office, carrier: Sipp) -> Cdr:
    """A number is dialled, the service freezes, the carrier names another number: nothing runs by itself."""
    number = numbers(PREFIX["moved-late"], 2)[1]
    before = await dialplan_runs(office)
    async with office.stores() as stores:
        lead = Lead(LeadId(0), office.campaign, (PhoneNumber(number),), zones=("Europe/Moscow",))
        await stores.leads.import_list(office.campaign, "more.csv", [lead], now=datetime.now(UTC))
    await office.comes_to(number, "ringing")
    office.freeze()
    await carrier.settled(2)
    await asyncio.sleep(0.3)
    ran = await dialplan_runs(office)
    office.thaw()
    assert ran == before
    return await office.cdr(number)
