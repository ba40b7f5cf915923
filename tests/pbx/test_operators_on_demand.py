"""Phones that are rung for each call: when, with what header, what if they are missed, how a talk ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest_asyncio

from dialer.domain.operators import Account
from dialer.domain.types import EndedBy, LegKind, Outcome
from dialer.lab.fate import Does, Plan, Rule, Voice, tone_of
from dialer.lab.lab import Lab, Options
from dialer.worlds import fixed
from tests.pbx.office import Office, numbers, open_office, phases

PLAN = Plan(
    seed=7, rules=(Rule("*", {Does.ANSWER: 1}, ring_s=fixed(1.5), talk_s=fixed(60), voice=Voice("number")),)
)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def office() -> AsyncIterator[Office]:
    """One for all of these, where 101 is rung on demand; each begins a campaign of its own."""
    async with Lab.start(Options(plan=PLAN, phones=2)) as lab:
        async with open_office(lab, [], account=on_demand) as office:
            yield office


def on_demand(account: Account) -> Account:
    return replace(account, leg=LegKind.ON_DEMAND) if account.id == "101" else account


async def test_the_phone_is_rung_when_the_person_is_with_auto_answer_and_let_go_after_the_talk(
    office: Office,
) -> None:
    first, second = people = numbers("+7916", 2)
    lab, phone = office.lab, office.lab.world.phone("101")
    await office.begin(people, change=lambda its: replace(its, wrap_up_s=0.5), phones=1)
    before = await phone.calls()
    await phone.registered()  # an on-demand phone is called only when it is needed
    await office.do("101", "login")
    assert await office.state("101") == "paused"
    await office.do("101", "ready")
    assert not await phone.in_call(), "it is rung for a call only"
    await office.start()
    await office.comes_to(first, "ringing")
    await office.until(phone.in_call, "the phone is rung", 3)
    assert (await office.call(first) or {})["state"] == "ringing", "before the person has answered"
    call = await office.comes_to(first, "bridged")
    assert call["operator"] == "101"
    await asyncio.sleep(1)
    await office.pause()
    await lab.world.hang_up(first)
    await phone.free()
    talked = await office.cdr(first)
    await office.stands("101", "ready")
    await office.start()
    await office.comes_to(second, "bridged")
    await office.pause()
    await phone.hang_up()
    ended = await office.cdr(second)
    await office.stands("101", "ready")
    assert not await phone.in_call()
    heard = phases(phone.heard(before + 1), person=tone_of(first))
    assert talked.outcome is Outcome.CONNECTED
    assert talked.wait_s is not None
    assert talked.wait_s < 0.5, "the operator was there at the answer"
    assert heard
    assert (ended.outcome, ended.ended_by) == (Outcome.CONNECTED, EndedBy.OPERATOR)


class DeskPhone(asyncio.DatagramProtocol):
    """A SIP phone that says OK to probes and "busy" to calls, and keeps what it was sent."""

    def __init__(self) -> None:
        self.invites: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, peer: tuple[str, int]) -> None:
        text = data.decode()
        method = text.split(" ", 1)[0]
        if method == "ACK":
            return
        if method == "INVITE":
            self.invites.append(text)
        kept = [
            line for line in text.split("\r\n") if line.startswith(("Via:", "From:", "Call-ID:", "CSeq:"))
        ]
        (to,) = (line for line in text.split("\r\n") if line.startswith("To:"))
        status = "486 Busy Here" if method == "INVITE" else "200 OK"
        answer = [f"SIP/2.0 {status}", *kept, f"{to};tag=desk", "Content-Length: 0", "", ""]
        self._transport.sendto("\r\n".join(answer).encode(), peer)  # type: ignore[attr-defined]


async def test_a_desk_phone_is_told_to_answer_by_itself(office: Office, ask: Callable[[Lab], Any]) -> None:
    await office.begin(numbers("+7917", 1), phones=0)
    loop = asyncio.get_running_loop()
    transport, desk = await loop.create_datagram_endpoint(DeskPhone, local_addr=("127.0.0.5", 0))
    async with ask(office.lab) as ari:
        new = {"id": "199", "name": "Desk", "leg_kind": "on_demand", "sip_password": "not-asked-for"}
        await office.service.post("/v1/operators", new)
        await office.change(operators=["199"])
        host, port = transport.get_extra_info("sockname")
        await ari.push("aor", "199", contact=f"sip:199@{host}:{port}")
        await office.ready("199")
        await office.start()
        await office.stands("199", "paused", "missed_ring")
        await office.quiet()
        await office.do("199", "logout")
    transport.close()
    (invite,) = desk.invites
    headers = {line.split(":")[0]: line for line in invite.split("\r\n") if ": " in line}
    assert "answer-after=0" in headers["Call-Info"]
    assert "alert-autoanswer" in headers["Alert-Info"]


async def test_a_missed_ring_pauses_its_operator_and_costs_one_call_or_none_where_another_is_there(
    office: Office,
) -> None:
    """101 is out of the room: first alone, then with 102 ready as well, who takes the person over."""
    people, lab = numbers("+7918", 3), office.lab
    await office.begin(people, phones=2)
    await lab.world.phone("101").behave("no_answer")
    await office.start()
    for calls, mode in enumerate(("power", "progressive"), start=1):
        await office.change(mode=mode)
        await office.ready("101")
        await office.stands("101", "paused", "missed_ring")
        await office.quiet()
        outcomes = [cdr.outcome for cdr in await office.cdrs()]
        assert outcomes == [Outcome.ABANDONED] * calls, mode
    await lab.world.phone("101").free()
    await office.pause()
    await office.ready("101")
    await office.ready("102")
    await office.start()
    call = await office.comes_to(people[-1], "bridged")
    assert call["operator"] == "102"
    await office.stands("101", "paused", "missed_ring")
    await office.go_home()
    cdr = await office.cdr(people[-1])
    await lab.world.phone("101").behave()
    assert (cdr.outcome, cdr.operator) == (Outcome.CONNECTED, "102")
    assert cdr.wait_s is not None
    assert cdr.wait_s < 1.0
