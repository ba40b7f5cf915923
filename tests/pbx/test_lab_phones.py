"""Pretend phones: they register, answer, dial feature codes, press keys, hang up, and vanish."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from dialer.domain.errors import BadValue, Missing, NetworkTrouble
from dialer.lab import tones
from dialer.lab.lab import Lab

ROUTES = {
    "*10": "login",
    "*11": "ready",
    "*12": "pause",
    "*13": "disposition",
    "*14": "logout",
    "*15": "state",
}


@asynccontextmanager
async def agi_answering(lab: Lab, *commands: str) -> AsyncIterator[asyncio.Queue[dict[str, str]]]:
    """A FastAGI server that gives each call the commands and hangs up; what each call brought with it."""
    calls: asyncio.Queue[dict[str, str]] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = (await reader.readuntil(b"\n\n")).decode()
        brought = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)
        for command in commands:
            writer.write(f"{command}\n".encode())
            brought[command] = (await reader.readline()).decode().strip()
        calls.put_nowait(brought)
        writer.close()

    server = await asyncio.start_server(serve, lab.values["AGI_ADDRESS"], int(lab.values["AGI_PORT"]))
    async with server:
        yield calls


@pytest.mark.parametrize(("code", "route"), ROUTES.items())
async def test_a_feature_code_reaches_its_route_with_the_phone_that_dialled(
    ari: Any, lab: Lab, code: str, route: str
) -> None:
    async with agi_answering(lab, "HANGUP") as calls:
        await lab.world.phone("101").dial(code)
        brought = await asyncio.wait_for(calls.get(), 5)
        assert brought["agi_request"].endswith(f"/{route}")
        assert brought["agi_arg_1"] == "101"
        assert brought["HANGUP"].startswith("200 result=1")


async def test_keys_pressed_after_the_answer_arrive_in_order(ari: Any, lab: Lab) -> None:
    ask = "GET DATA beep 6000 4"
    async with agi_answering(lab, ask) as calls:
        await lab.world.phone("101").dial("*12", keys="1290")
        assert "result=1290" in (await asyncio.wait_for(calls.get(), 10))[ask]


async def test_while_the_service_does_not_answer_a_feature_code_is_heard_to_fail(ari: Any, lab: Lab) -> None:
    phone = lab.world.phone("102")
    await tones.listen_for(await phone.dial("*11"), 425.0)
    await phone.free()


async def test_the_echo_test_needs_no_service(ari: Any, lab: Lab) -> None:
    phone = lab.world.phone("102")
    await tones.listen_for(await phone.dial("*16"), phone.hertz)
    await phone.hang_up()
    await phone.free()


@pytest.mark.parametrize("extension", ["79161234567", "112", "*99", "s", "answered"])
async def test_a_phone_can_dial_nothing_but_feature_codes(ari: Any, lab: Lab, extension: str) -> None:
    with pytest.raises(NetworkTrouble, match="could not reach"):
        await lab.world.phone("101").dial(extension)


@pytest.mark.parametrize(("keys", "is_up"), [("1", True), ("91", True), ("2", False), ("999", False)])
async def test_an_outside_phone_becomes_a_leg_only_by_pressing_1(
    ari: Any, ear: Any, lab: Lab, keys: str, is_up: bool
) -> None:
    phone = lab.world.phone("101")
    leg = await ari.originate("PJSIP/101", "obz-leg/press1", OBZ_PRESS1=str(lab.sounds / "press1"))
    await ari.up(leg)
    await phone.press(keys)
    if is_up:
        assert (await ear.hears(leg, "StasisStart"))["args"] == ["leg"]
        await ari.hang_up(leg)
    await ari.gone(leg, 20)
    assert bool(ear.of(leg, "StasisStart")) == is_up


async def test_a_phone_can_be_busy_or_not_answer_and_then_answer_again(ari: Any, ear: Any, lab: Lab) -> None:
    phone = lab.world.phone("101")
    await ari.send("POST", "applications/dialer/subscription", eventSource="endpoint:PJSIP/101")
    await phone.behave("busy")
    assert (await ear.hears(await ari.ring("101"), "ChannelDestroyed"))["tech_cause"] == 486
    await phone.behave("no_answer")
    leg = await ari.originate("PJSIP/101", "obz-leg/up", timeout_s=1)
    assert (await ear.hears(leg, "ChannelDestroyed"))["cause"] == 19
    await phone.behave("answer", stay_s=0.2)
    leg = await ari.ring("101")
    await ear.hears(leg, "StasisStart")
    await ear.hears(leg, "ChannelDestroyed")
    await phone.behave()


async def test_an_unplugged_phone_says_nothing_and_registers_again_when_plugged(ari: Any, lab: Lab) -> None:
    phone = lab.world.phone("103")
    leg = await ari.ring("103")
    await ari.up(leg)
    await phone.unplug()
    unheard = await ari.originate("PJSIP/103", "obz-leg/up", timeout_s=1)
    await ari.gone(unheard)
    assert await ari.state(leg) == "Up", "a vanished phone does not hang up"
    await phone.plug()
    await phone.registered()
    assert not await phone.in_call()
    await ari.hang_up(leg)
    again = await ari.ring("103")
    await ari.up(again)
    await ari.hang_up(again)
    await ari.gone(again)


async def test_a_phone_that_shares_its_asterisk_cannot_be_unplugged(lab: Lab) -> None:
    with pytest.raises(BadValue, match="shares its Asterisk"):
        await lab.world.phone("101").unplug()


async def test_who_is_in_no_call_cannot_hang_up_or_press_keys(ari: Any, lab: Lab) -> None:
    with pytest.raises(Missing, match="phone 102 is in no call"):
        await lab.world.phone("102").hang_up()
    with pytest.raises(Missing, match="79161230077 is in no call"):
        await lab.world.hang_up("79161230077")
    with pytest.raises(Missing, match="no phone 999"):
        lab.world.phone("999")


async def test_a_phone_with_a_wrong_password_stays_outside(ari: Any, lab: Lab) -> None:
    await ari.push("auth", "102", auth_type="userpass", username="102", password="changed")
    phones = lab.world.phones[0]
    await phones.console.command("pjsip send register 102")
    phone = lab.world.phone("102")
    try:
        await phone.refused()
    finally:
        await ari.push("auth", "102", auth_type="userpass", username="102", password=lab.handsets[1].password)
    await phone.registered()
