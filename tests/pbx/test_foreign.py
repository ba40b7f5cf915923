"""Phones and carriers that are not ours, as they really behave: what becomes of the talk, what is told."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest

from dialer.domain.errors import NetworkTrouble, ObzvonError
from dialer.domain.types import Direction, EndedBy, Outcome, PhoneNumber
from dialer.lab import site
from dialer.lab.lab import Lab, Options
from tests.pbx import ua
from tests.pbx.office import Office, numbers, open_office
from tests.pbx.ua import Message, Ua

HOSTS = itertools.count(11)  # a carrier is known by its address
OTHER_DESK = "127.0.0.4"
CALLER = "+74951234567"
FIRST, SECOND = numbers("+7916", 2)
DEAF = numbers("+7902", 1)[0]


@asynccontextmanager
async def foreign(*people: str) -> AsyncIterator[tuple[Office, AsyncExitStack]]:
    """An office without a phone of the lab's: operator 150 has a phone of another make."""
    async with Lab.start(Options(phones=0)) as lab, AsyncExitStack() as ends:
        async with furnished(lab, people) as office:
            yield office, ends


@asynccontextmanager
async def furnished(lab: Lab, people: Sequence[str]) -> AsyncIterator[Office]:
    """The office in this lab."""
    async with open_office(lab, people, change=lambda its: replace(its, wrap_up_s=0.2)) as office:
        body = {"id": "150", "name": "Foreign", "sip_password": "secret-150"}
        await office.service.post("/v1/operators", body)
        await office.change(operators=["150"])
        yield office


async def phone(office: Office, ends: AsyncExitStack, host: str = site.PHONES) -> Ua:
    where = (office.lab.sip.host, office.lab.sip.port)
    return await ends.enter_async_context(ua.listening(host, where, user="150", password="secret-150"))


async def carrier(office: Office, ends: AsyncExitStack, name: str, prefix: str, **trunk: Any) -> Ua:
    """A carrier of another make, and the trunk to it."""
    where = (office.lab.sip.host, office.lab.sip.port)
    its = await ends.enter_async_context(ua.listening(f"127.0.0.{next(HOSTS)}", where))
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


async def test_phones_and_carriers_of_other_makes_are_worked_with_as_they_really_are() -> None:
    """The stories below share one office; each is named after the promise that it keeps."""
    async with foreign(DEAF, FIRST, SECOND) as (office, ends):
        desk, other = await phone(office, ends), await phone(office, ends, OTHER_DESK)
        people = await carrier(office, ends, "people", "+7916", codecs=["alaw", "ulaw"])
        await what_asterisk_cannot_do_is_refused(office, ends)
        deaf = await carrier(office, ends, "deaf", "+7902", probe=False)
        deaf.wants = lambda request: request.method != "OPTIONS"
        await outside_operators_log_in(office, ends)
        await office.change(trunks=["deaf", "people"], operators=["150", "161"])
        assert await desk.register() == 200
        await office.stands("161", "paused", "login")  # its trunk's keys are sound, and were heard
        await office.do("161", "ready")
        await office.ready("150")
        await office.start()
        assert (await office.comes_to(DEAF, "bridged"))["operator"] == "161"  # ready for longer

        await office.comes_to(FIRST, "bridged")
        await the_offer_has_the_trunks_order_and_the_phone_shows_the_person(desk, people)
        await a_talk_outlives_the_registration_of_its_phone(office, desk, other)
        people.hang_up()
        await office.stands("150", "ready")
        await desk.hears(shows("0000"), "nobody on the display")
        await a_phone_without_a_registration_gets_no_new_call(office, desk)
        await a_phone_that_falls_mute_is_told_so_and_rung_once_more(office, desk)
        people.hang_up()
        await office.stands("150", "ready")
        await who_calls_back_is_known_and_a_stranger_is_refused(office, people)
        await an_operator_whose_key_was_not_heard_is_told_so(office)
        deaf.hang_up()
        await a_phone_that_names_a_way_of_asterisks_own_reaches_nobody(office, desk, people)
        await office.go_home("161")
        records = {cdr.number: cdr for cdr in await office.cdrs() if cdr.direction is Direction.OUT}
    for number in (FIRST, DEAF):
        its = records[PhoneNumber(number)]
        assert (its.outcome, its.ended_by, its.caller_id) == (Outcome.CONNECTED, EndedBy.PERSON, CALLER)
    assert records[PhoneNumber(FIRST)].talk_s > 1, "it was listened to for a second without a registration"


async def what_asterisk_cannot_do_is_refused(office: Office, ends: AsyncExitStack) -> None:
    with pytest.raises(ObzvonError, match=r"cannot translate g729.*alaw, g722, gsm, ulaw"):
        await carrier(office, ends, "strange", "+7903", codecs=["alaw", "g729"])
    with pytest.raises(ObzvonError, match=r"no SIP transport tls.*or use tcp, udp"):
        await carrier(office, ends, "strange", "+7903", transport="tls")
    with pytest.raises(ObzvonError, match="no SIP transport tls"):
        await office.service.patch("/v1/trunks/people", {"transport": "tls"})
    told = await office.service.patch("/v1/trunks/people", {"srtp": True})
    assert "its keys travel in clear over udp" in told["remark"]
    assert (await office.service.patch("/v1/trunks/people", {"srtp": False}))["remark"] == ""


async def the_offer_has_the_trunks_order_and_the_phone_shows_the_person(desk: Ua, people: Ua) -> None:
    offer = await people.hears(offers, "INVITE")
    assert offer.codecs[:2] == ["8", "0"]
    assert CALLER in offer["from"]
    assert (await desk.hears(shows(FIRST), "name and number of the person")).method == "INVITE"


async def a_talk_outlives_the_registration_of_its_phone(office: Office, desk: Ua, other: Ua) -> None:
    """A second device comes and goes: the talk goes on, and both are told."""
    assert await other.register() == 200
    await office.until(lambda: _is(office, "phone_note", OTHER_DESK), "the second device is told of")
    assert (await of_150(office))["state"] == "talking"
    assert await other.register(0) == 200
    await office.until(lambda: _is(office, "phone_note", "new calls wait"), "there is no way to the phone")
    sound = desk.packets
    await asyncio.sleep(1)
    now = await of_150(office)
    assert (now["state"], now["leg"], now["phone_reachable"]) == ("talking", "up", False)
    assert desk.packets - sound > 40, "the operator goes on hearing the person"


async def a_phone_without_a_registration_gets_no_new_call(office: Office, desk: Ua) -> None:
    await asyncio.sleep(1)
    assert await office.call(SECOND) is None
    assert await desk.register() == 200
    await office.comes_to(SECOND, "bridged")
    assert (await of_150(office))["phone_note"] == ""


async def a_phone_that_falls_mute_is_told_so_and_rung_once_more(office: Office, desk: Ua) -> None:
    desk.be_silent()
    await office.stands("150", "connecting", "no_sound", timeout_s=15)
    await office.comes_to(SECOND, "bridged")  # it speaks again


async def who_calls_back_is_known_and_a_stranger_is_refused(office: Office, people: Ua) -> None:
    assert await people.call("user.one", FIRST[2:]) == 200, "ten digits, to a log-in of letters"
    await office.stands("150", "talking")
    await office.service.patch("/v1/trunks/people", {"unknown_callers": "busy"})
    await office.until(lambda: _is_busy(people), "a stranger hears busy, unanswered")
    assert await people.call("74951234567", "anonymous") == 486
    lines = str(await office.service.get("/metrics")).splitlines()
    met = [line for line in lines if line.startswith("dialer_unknown_callers_total") and "people" in line]
    assert max(float(line.split()[-1]) for line in met if "busy" in line) >= 2


async def outside_operators_log_in(office: Office, ends: AsyncExitStack) -> None:
    """Both send key 1 as a tone; one's trunk expects it so."""
    for id_, prefix, keys in (("161", "+7904", "inband"), ("162", "+7906", "rfc4733")):
        its = await carrier(office, ends, f"to-{id_}", prefix, keys=keys)
        its.says = [*[ua.SILENCE] * 50, *ua.key_one()] * 3
        body = {"id": id_, "name": id_, "phone": "outside", "trunk": f"to-{id_}"}
        await office.service.post("/v1/operators", body | {"number": numbers(prefix, 1)[0]})
        await office.do(id_, "login")


async def an_operator_whose_key_was_not_heard_is_told_so(office: Office) -> None:
    await office.stands("162", "offline", "no_key", timeout_s=40)
    assert "--keys inband" in (await office.service.get("/v1/operators/162"))["phone_note"]


async def a_phone_that_names_a_way_of_asterisks_own_reaches_nobody(
    office: Office, desk: Ua, people: Ua
) -> None:
    """Asterisk follows it, even by a trunk of ours: the call is ended at once, and nobody is joined to it."""
    for call in await office.calls():
        with suppress(NetworkTrouble):  # it ends at this moment by itself
            await office.service.post(f"/v1/calls/{call['id']}/hang_up")
    await office.do("150", "logout")
    await office.stands("150", "offline")
    desk.forwards_to = "PJSIP%2F79169999999%40trunk%5C%2Fpeople"
    await office.do("150", "login")
    await office.stands("150", "offline", "phone_forwarded")
    ghost = await people.hears(lambda each: offers(each) and "79169999999" in each["to"], "the ghost")
    await people.hears(lambda each: ends(each) and each["call-id"] == ghost["call-id"], "its end")
    desk.forwards_to = ""


def ends(each: Message) -> bool:
    return not each.status and each.method in ("BYE", "CANCEL")


async def _is_busy(people: Ua) -> bool:
    return await people.call("74951234567", "+79990001122") == 486


async def _is(office: Office, name: str, value: str) -> bool:
    return value in (await of_150(office))[name]
