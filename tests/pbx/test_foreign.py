"""Phones and carriers that are not ours, as they really behave: what becomes of the talk, what is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

from dialer.domain.errors import ObzvonError
from dialer.domain.types import EndedBy, Outcome
from dialer.lab import site
from dialer.lab.lab import Lab, Options
from tests.pbx import ua
from tests.pbx.office import Office, numbers, open_office
from tests.pbx.ua import Message, Ua

OTHER_DESK = "127.0.0.4"
CALLER = "+74951234567"
FIRST, SECOND = numbers("+7916", 2)


@asynccontextmanager
async def foreign(*people: str) -> AsyncIterator[tuple[Office, AsyncExitStack]]:
    """An office without a phone of the lab's: operator 150 has a phone of another make."""
    async with Lab.start(Options(phones=0)) as lab, AsyncExitStack() as ends:
        async with open_office(lab, people, change=lambda its: replace(its, wrap_up_s=0.2)) as office:
            body = {"id": "150", "name": "Foreign", "sip_password": "secret-150"}
            await office.service.post("/v1/operators", body)
            await office.change(operators=["150"])
            yield office, ends


async def phone(office: Office, ends: AsyncExitStack, host: str = site.PHONES) -> Ua:
    where = (office.lab.sip.host, office.lab.sip.port)
    return await ends.enter_async_context(ua.listening(host, where, user="150", password="secret-150"))


async def carrier(office: Office, ends: AsyncExitStack, name: str, prefix: str, **trunk: Any) -> Ua:
    """A carrier of another make, and the trunk to it."""
    where = (office.lab.sip.host, office.lab.sip.port)
    its = await ends.enter_async_context(ua.listening("127.0.0.5", where))
    body = {"id": name, "host": its.host, "port": its.port, "prefixes": [prefix], "caller_ids": [CALLER]}
    await office.service.post("/v1/trunks", body | trunk)
    return its


async def of_150(office: Office) -> dict[str, Any]:
    return dict(await office.service.get("/v1/operators/150"))


def shows(name: str) -> Any:
    """A request that tells a phone who is on the line."""
    return lambda each: not each.status and name in each.get("p-asserted-identity")


def offers(each: Message) -> bool:
    return not each.status and each.method == "INVITE"


async def test_a_talk_outlives_the_registration_of_its_phone_and_ends_by_sound_alone() -> None:
    async with foreign(FIRST, SECOND) as (office, ends):
        desk, other = await phone(office, ends), await phone(office, ends, OTHER_DESK)
        people = await carrier(office, ends, "people", "+7916", codecs=["alaw", "ulaw"])
        await office.change(trunks=["people"])
        assert await desk.register() == 200
        await office.ready("150")
        await office.start()
        await office.comes_to(FIRST, "bridged")
        offer = await people.hears(offers, "INVITE")
        assert offer.codecs[:2] == ["8", "0"], "the trunk's order on the wire"

        assert await other.register() == 200
        await asyncio.sleep(1)
        now = await of_150(office)
        assert (now["state"], now["phone_reachable"]) == ("talking", True)
        assert OTHER_DESK in now["phone_note"]
        assert await other.register(0) == 200
        await office.until(lambda: _is(office, "phone_reachable", False), "150 has no way to its phone")
        sound = desk.packets
        await asyncio.sleep(1)
        now = await of_150(office)
        assert (now["state"], now["leg"]) == ("talking", "up")
        assert desk.packets - sound > 40, "the operator goes on hearing the person"
        people.hang_up()
        await office.stands("150", "ready")
        await asyncio.sleep(1)
        assert not await office.calls(), "no new call while there is no way to the phone"
        assert "new calls wait" in (await of_150(office))["phone_note"]

        await asyncio.sleep(0.5)
        assert await desk.register() == 200
        await office.comes_to(SECOND, "bridged")
        assert (await of_150(office))["phone_note"] == ""
        desk.be_silent()
        await office.stands("150", "connecting", "no_sound", timeout_s=15)
        await office.comes_to(SECOND, "bridged")  # it was rung once more, and speaks again
        await office.go_home("150")
        cdr = await office.cdr(FIRST)
    assert (cdr.outcome, cdr.ended_by) == (Outcome.CONNECTED, EndedBy.PERSON)
    assert cdr.talk_s > 2


async def _is(office: Office, name: str, value: object) -> bool:
    return bool((await of_150(office))[name] == value)


async def test_carriers_of_every_kind_are_used_or_refused_and_never_end_in_silence() -> None:
    """One gives no sound at all, one answers no OPTIONS, one speaks what Asterisk cannot translate."""
    kinds = {"mute": "+7901", "deaf": "+7902", "strange": "+7903"}
    people = {name: numbers(prefix, 1)[0] for name, prefix in kinds.items()}
    async with foreign(people["mute"], people["deaf"]) as (office, ends):
        desk = await phone(office, ends)
        mute = await carrier(office, ends, "mute", kinds["mute"])
        mute.sends_sound = False
        deaf = await carrier(office, ends, "deaf", kinds["deaf"], probe=False)
        deaf.wants = lambda request: request.method != "OPTIONS"
        refusal = ""
        try:
            await carrier(office, ends, "strange", kinds["strange"], codecs=["alaw", "g729"])
        except ObzvonError as error:
            refusal = str(error)
        assert "cannot translate g729" in refusal
        assert "alaw, g722, gsm, ulaw" in refusal
        await office.change(trunks=list(kinds)[:2])
        assert await desk.register() == 200
        await office.ready("150")
        await office.start()
        await office.comes_to(people["mute"], "bridged")
        silent = await office.cdr(people["mute"], timeout_s=45)
        await office.comes_to(people["deaf"], "bridged", timeout_s=30)
        deaf.hang_up()
        talked = await office.cdr(people["deaf"])
    assert (silent.outcome, silent.ended_by, silent.reason) == (
        Outcome.CONNECTED,
        EndedBy.NETWORK,
        "no sound came from the line",
    )
    assert 25 < silent.talk_s < 33
    assert (talked.outcome, talked.ended_by) == (Outcome.CONNECTED, EndedBy.PERSON)
