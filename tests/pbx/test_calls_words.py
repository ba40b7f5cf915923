"""Carriers' odd words on a real Asterisk: the record says what was meant, and nothing runs by itself."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dialer.domain.campaign import Campaign, Retry
from dialer.domain.cdr import Cdr
from dialer.domain.lead import Lead
from dialer.domain.types import Alerting, LeadId, LeadStatus, Mode, Outcome, PhoneNumber
from dialer.engine.refusals import IN_ROW
from dialer.lab.lab import Lab, Options
from dialer.lab.sipp import Sipp
from tests.pbx.conftest import asking
from tests.pbx.office import Office, numbers, open_office
from tests.pbx.words import OPUS, WORDS
from tests.pbx.wordy import aborted, carrier, taken

RING_S, ANNOUNCED_S, PHONES = 2.0, 1.5, 8
LONGEST_S = 120.0  # until all are called, on a machine that has other things to do
UNHEARD = [
    name for name, said in WORDS.items() if said.outcome is Outcome.ABANDONED and said.trunk is not OPUS
]
NEVER_UP = ("no-port", "foreign")  # Asterisk ends these itself, and nothing of its dialplan has run
CODER, SAFE_S = "codec_opus_open_source.so", 3.0  # a message lasts longer
# begin the numbers of a carrier that refuses us, and of one that nobody calls
FORBIDDEN, BAIT = "+7998", "+7999"
PREFIX = {name: f"+7900{place:02}" for place, name in enumerate(WORDS)}
NUMBER = {name: numbers(prefix, 1)[0] for name, prefix in PREFIX.items()}
REFUSED = numbers(FORBIDDEN, IN_ROW + 2)


@asynccontextmanager
async def office() -> AsyncIterator[tuple[Office, Sipp, Sipp]]:
    """An office whose numbers lead to a carrier that says each word, and to a bait; the two carriers."""
    said = {PREFIX[name].lstrip("+"): its.steps for name, its in WORDS.items()}
    said[FORBIDDEN.lstrip("+")] = ("403 Forbidden by us",)
    async with (
        Lab.start(Options(phones=PHONES)) as lab,
        carrier(lab.folder / "words", said) as way,
        carrier(lab.folder / "bait", {"": ("180", "wait 60000")}) as bait,
        open_office(lab, [*REFUSED, *NUMBER.values()], change=unhurried) as office,
    ):
        await lab.pbx.cli(f"module load {CODER}")
        own = {name: its.trunk for name, its in WORDS.items() if its.trunk is not None}
        await add_trunk(office, "plain", way, *[PREFIX[name] for name in WORDS if name not in own])
        for name, asked in own.items():
            await add_trunk(office, name, way, PREFIX[name], **asked)
        await add_trunk(office, "forbidden", way, FORBIDDEN)
        await add_trunk(office, "bait", bait, BAIT)
        await office.change(trunks=["plain", *own, "forbidden"])
        assert "Unloaded" in await lab.pbx.cli(f"module unload {CODER}")
        yield office, way, bait


def unhurried(its: Campaign) -> Campaign:
    """A line for each free operator: nobody waits for one. What a carrier refuses is left for later."""
    retries = {**its.retries, Outcome.TRUNK_REFUSED: Retry((timedelta(hours=1),))}
    return replace(its, ring_s=RING_S, wrap_up_s=0.2, mode=Mode.POWER, ratio=1.0, retries=retries)


async def add_trunk(office: Office, name: str, way: Sipp, *prefixes: str, **more: Any) -> None:
    where = {"host": way.host, "port": way.port, "prefixes": prefixes}
    body = {"id": name, "caller_ids": ["+74951234567"], "lines": 20, "calls_per_s": 20, **where}
    await office.service.post("/v1/trunks", body | more)


async def test_each_word_of_a_carrier_is_understood_and_no_forward_is_followed() -> None:
    async with office() as (its, way, bait), asking(its.lab) as ari:
        await its.ready()
        await its.start()
        await says_why_it_rests(its)
        cdrs = await records(its)
        counted = taken(way)
        leads = {lead.numbers[0]: lead for lead in await its.leads()}
        channels = [each["name"] for each in await ari.send("GET", "channels")]
        ran = await dialplan_runs(its)
        frozen = await moved_while_frozen(its, way)
        baited = bait.figures().taken
        complaints = aborted(way)
    right = {name: (said.outcome, said.ended_by) for name, said in WORDS.items()}
    assert {name: (cdr.outcome, cdr.ended_by) for name, cdr in cdrs.items()} == right
    kept = {name: said.kept for name, said in WORDS.items() if said.kept}
    assert {name: (cdrs[name].cause, cdrs[name].sip_code) for name in kept} == kept
    assert {number: counted[number] for number in NUMBER.values()} == dict.fromkeys(NUMBER.values(), 1)
    was_announced(cdrs["announced"])
    could_not_be_heard(cdrs["no-translator"])
    for name in UNHEARD:
        assert (cdrs[name].reason, cdrs[name].talk_s) == ("the answer brought no usable sound", 0.0), name
        assert cdrs[name].answer_at is not None, name
    assert cdrs["on-and-on"].setup_s == pytest.approx(0.7, abs=0.3), "a 183 behind the 180 changes nothing"
    assert cdrs["silent"].ring_at is None
    assert cdrs["unpaid"].reason == "Payment Required"
    for name in ("broke", "unacked", "ipv6"):
        assert cdrs[name].reason == "the network ended the call", name
    assert [name for name in channels if name.startswith("Local/")] == []
    assert complaints == [], "every call went as it is written"
    assert baited == 0, "no forward comes to a trunk of ours"
    answered = [name for name, cdr in cdrs.items() if cdr.answer_at is not None and name not in NEVER_UP]
    assert ran == len(answered) + PHONES, "no channel has run that nobody asked for"
    for number in (*REFUSED[:IN_ROW], NUMBER["unpaid"]):
        lead = leads[PhoneNumber(number)]
        assert (lead.status, lead.attempts) == (LeadStatus.RETRY, 0)
    assert (frozen.outcome, frozen.sip_code) == (Outcome.MOVED, 302)


async def records(office: Office) -> dict[str, Cdr]:
    """One of each word, as soon as all are there."""
    found: dict[str, Cdr] = {}

    async def are_there() -> bool:
        cdrs = {cdr.number: cdr for cdr in await office.cdrs()}
        found.update((name, cdrs[number]) for name, number in NUMBER.items() if number in cdrs)
        return len(found) == len(NUMBER)

    try:
        await office.until(are_there, "a record of each word", timeout_s=LONGEST_S)
    finally:
        assert NUMBER.keys() - found.keys() == set()
    assert (
        max(Counter(cdr.number for cdr in await office.cdrs() if cdr.number in NUMBER.values()).values()) == 1
    )
    return found


def was_announced(cdr: Cdr) -> None:
    """Ring time counts from the 180 that came after the announcement."""
    assert cdr.alerting is Alerting.RINGING
    assert cdr.setup_s == pytest.approx(ANNOUNCED_S, abs=0.3)
    assert cdr.ring_s == pytest.approx(RING_S, abs=0.4)


def could_not_be_heard(cdr: Cdr) -> None:
    """The message has no translator either: the person is let go at once, and the record says why."""
    assert cdr.reason == "the join came apart: no sound"
    assert (cdr.talk_s, cdr.operator) == (0.0, None)
    assert cdr.answer_at is not None
    assert (cdr.end_at - cdr.answer_at).total_seconds() < SAFE_S, "no silence until the message would be over"


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

    await office.until(told, "explain says why the trunk rests", timeout_s=LONGEST_S)


async def moved_while_frozen(office: Office, carrier: Sipp) -> Cdr:
    """A number is dialled, the service freezes, the carrier names another number: nothing runs by itself."""
    number = numbers(PREFIX["moved-late"], 2)[1]
    before = await dialplan_runs(office)
    async with office.stores() as stores:
        lead = Lead(LeadId(0), office.campaign, (PhoneNumber(number),), zones=("Europe/Moscow",))
        await stores.leads.import_list(office.campaign, "more.csv", [lead], now=datetime.now(UTC))
    await office.comes_to(number, "ringing")
    office.freeze()
    await office.until(lambda: was_taken(carrier, number), "the carrier has taken the call")
    await asyncio.sleep(1.5)  # it rings for a second
    ran = await dialplan_runs(office)
    await office.thawed()
    assert ran == before
    return await office.cdr(number)


async def was_taken(carrier: Sipp, number: str) -> bool:
    return taken(carrier)[number] == 1
