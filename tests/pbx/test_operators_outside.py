"""An outside number as operator's phone: only a person who presses 1 is an operator, and a line is taken."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from dialer.domain.keys import SETTLE_S
from dialer.domain.operators import Account, State
from dialer.domain.types import EndedBy, OperatorId, Outcome, PhoneKind, PhoneNumber
from dialer.lab.fate import Does, Plan, Rule, Voice, tone_of
from dialer.lab.lab import Lab, Options
from dialer.lab.phones import KEY_PAUSE_S
from dialer.worlds import fixed
from tests.pbx.office import TRUNK, numbers, open_office, phases

AT_HOME, VOICEMAIL = "+79301110061", "+79302220062"
PLAN = Plan(
    seed=7,
    rules=(
        Rule(VOICEMAIL.lstrip("+"), {Does.MACHINE: 1}, ring_s=fixed(0.3), talk_s=fixed(3)),
        Rule("*", {Does.ANSWER: 1}, ring_s=fixed(0.3), talk_s=fixed(90), voice=Voice("number")),
    ),
)


def outside(account: Account) -> Account:
    number = PhoneNumber(AT_HOME if account.id == "101" else VOICEMAIL)
    return replace(account, phone=PhoneKind.OUTSIDE, number=number, trunk=TRUNK, sip_password_file="")


async def test_an_outside_phone_counts_after_press_1_takes_a_line_and_a_voicemail_never_is_an_operator() -> (
    None
):
    (person,) = people = numbers("+7916", 1)
    async with Lab.start(Options(plan=PLAN, phones=2)) as lab:
        async with open_office(
            lab, people, account=outside, trunk=lambda its: replace(its, lines=2)
        ) as office:
            await office.start()
            for operator in ("101", "102"):
                await office.do(operator, "login")
            await office.until(lambda: are_called(lab, AT_HOME, VOICEMAIL), "both are called")
            await asyncio.sleep(1)
            assert await office.state("101") == "connecting", "answered, but nobody has pressed 1"
            await press(lab, AT_HOME, "1")
            await office.stands("101", "paused", "login")
            await office.do("101", "ready")
            await asyncio.sleep(0.5)
            assert not await office.calls(), "the two phones take both lines of the trunk"
            told = await office.service.get(f"/v1/campaigns/{office.campaign}/explain")
            await office.stands("102", "offline")
            call = await office.comes_to(person, "bridged")
            assert call["operator"] == "101"
            await asyncio.sleep(SETTLE_S[State.TALKING])
            await press(lab, AT_HOME, "#*")
            await office.stands("101", "wrap_up")
            assert await lab.world.in_call() == [AT_HOME.lstrip("+")], "the leg stays up"
            cdr = await office.cdr(person)
            async with office.stores() as stores:
                now = datetime.now(UTC)
                changes = await stores.records.changes(OperatorId("102"), now - timedelta(hours=1), now)
            await office.go_home()
            heard = phases(lab.world.heard_by(AT_HOME), person=tone_of(person))
            by_person = phases(lab.world.heard_by(person), operator=tone_of(AT_HOME))
    assert (cdr.outcome, cdr.ended_by) == (Outcome.CONNECTED, EndedBy.OPERATOR)
    assert heard
    assert by_person
    assert "2 of 2 lines in use" in str(told["gates"])
    became = [change.became for change in changes if change.was is not change.became]
    assert became == [State.CONNECTING, State.OFFLINE], "a voicemail is no operator"


async def are_called(lab: Lab, *numbers: str) -> bool:
    return {number.lstrip("+") for number in numbers} <= set(await lab.world.in_call())


async def press(lab: Lab, number: str, keys: str) -> None:
    channel = (await lab.world.carrier.channels())[number.lstrip("+")]
    for key in keys:
        await lab.world.carrier.console.ask("PlayDTMF", Channel=channel, Digit=key, Duration="100")
        await asyncio.sleep(KEY_PAUSE_S)
