"""Trunks and phones given to a real Asterisk at run time, and given again when it has lost them."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import pytest_asyncio

from dialer.domain.call import Destroyed, EnteredApp, EnteredBridge, KeyPressed
from dialer.domain.errors import Refused
from dialer.domain.operators import Account
from dialer.domain.trunk import Trunk
from dialer.domain.types import BridgeId, ChannelId, Language, OperatorId, TrunkId
from dialer.lab import site, tones
from dialer.lab.lab import Lab, Options
from dialer.ports.asterisk import Outgoing, PhoneNews
from tests.pbx.linked import PLAN, Linked, linked, polled, ready, trunk_of
from tests.ports.board import ANSWERS, BUSY

ETHERNET_IP, UDP, PCMA, LENGTH, NOTE = 0x0800, 17, 8, 172, 950.0  # the message begins with this note


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lab() -> AsyncIterator[Lab]:
    async with Lab.start(Options(plan=PLAN, phones=1, loners=1)) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def link(lab: Lab) -> AsyncIterator[Linked]:
    async with ready(lab) as running:
        yield running


def account(lab: Lab, index: int = 0) -> tuple[Account, str]:
    """One of the lab's phones as an operator's, and its password."""
    handset = lab.handsets[index]
    return Account(OperatorId(handset.number), "Анна"), handset.password


def reachable(link: Linked, name: str, is_reachable: bool) -> bool:
    news = [item for item in link.diary.news if isinstance(item, PhoneNews) and item.endpoint == name]
    return any(item.is_reachable is is_reachable for item in news)


async def is_rung(link: Linked, who: Account, leg: ChannelId) -> None:
    """The phone answers, and the leg is ours."""
    await link.switch.originate(
        Outgoing(
            leg,
            endpoint=f"PJSIP/{who.id}",
            context="obz-leg",
            exten="up",
            caller_id="74950000000",
            timeout_s=20,
        )
    )
    await link.diary.hears(leg, EnteredApp)


async def test_a_pushed_phone_registers_and_can_be_called(lab: Lab, link: Linked) -> None:
    who, password = account(lab)
    await link.switch.push_phone(who, password)
    await lab.world.phone(who.id).registered()
    await link.diary.until(lambda: reachable(link, who.id, True), "the phone answers probes")
    leg = link.channel()
    await is_rung(link, who, leg)
    await link.switch.hang_up(leg)
    await link.diary.hears(leg, Destroyed)


async def test_a_key_pressed_in_mid_talk_is_heard_and_heard_once(lab: Lab, link: Linked) -> None:
    who, password = account(lab)
    await link.switch.push_phone(who, password)
    await lab.world.phone(who.id).registered()
    leg, bridge = link.channel(), BridgeId(f"b-{link.run}")
    await link.switch.create_bridge(bridge)
    await is_rung(link, who, leg)
    await link.switch.add(leg, bridge)
    person = await link.call(ANSWERS)
    await link.diary.hears(person, EnteredApp)
    await link.switch.connect(person, bridge)
    await link.diary.hears(person, EnteredBridge)
    await lab.world.phone(who.id).press("57")
    await link.diary.until(lambda: len(link.diary.of(leg, KeyPressed)) >= 2, "both keys")
    await link.switch.hang_up(person)
    await link.switch.hang_up(leg)
    await link.diary.hears(leg, Destroyed)
    assert [getattr(key, "digit", "") for key in link.diary.of(leg, KeyPressed)] == ["5", "7"]
    await link.switch.destroy_bridge(bridge)


async def test_a_phone_that_is_pushed_again_stays_registered(lab: Lab, link: Linked) -> None:
    who, password = account(lab)
    await link.switch.push_phone(who, password)
    await lab.world.phone(who.id).registered()
    await link.switch.push_phone(replace(who, language=Language.EN), password)
    assert f"{who.id}/sip:" in await lab.pbx.cli("pjsip show contacts")


async def test_an_asterisk_that_has_lost_everything_gets_it_back(lab: Lab) -> None:
    who, password = account(lab)
    async with linked(lab) as link:
        link.switch.want_phone(who, password)
        await link.diary.until(lambda: bool(link.diary.boots), "the link is ready")
        await lab.pbx.kill9()
        for database in (lab.pbx.folder / "lib").glob("astdb*"):
            database.unlink()
        await lab.pbx.start()
        await link.diary.until(lambda: len(link.diary.boots) == 2, "the link is ready again")
        await lab.world.phone(who.id).registered()
        channel = await link.call(BUSY)
        await link.diary.hears(channel, Destroyed)


async def test_one_impossible_trunk_does_not_keep_the_others_out(lab: Lab) -> None:
    async with linked(lab, trunk=False) as link:
        link.switch.want_trunk(Trunk(TrunkId("abroad"), "no-such-host.invalid"), "")
        link.switch.want_trunk(trunk_of(lab), "")
        await link.diary.until(lambda: bool(link.diary.boots), "the link is ready")
        channel = await link.call(ANSWERS)
        await link.diary.hears(channel, EnteredApp)
        await link.switch.hang_up(channel)
        await link.switch.drop_endpoint("abroad")


@pytest.mark.parametrize("srtp", [True, False])
async def test_the_sound_of_a_trunk_is_encrypted_on_the_wire_if_it_shall_be_and_is_heard(
    lab: Lab, link: Linked, srtp: bool
) -> None:
    trunk = replace(trunk_of(lab), id=TrunkId("secret"), srtp=srtp)
    await link.switch.push_trunk(trunk, "")
    number, channel = f"{ANSWERS}{76 + srtp:05}", link.channel()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(ETHERNET_IP)) as wire:
        wire.bind(("lo", ETHERNET_IP))
        await link.switch.originate(
            Outgoing(
                channel,
                endpoint=f"PJSIP/{number}@secret",
                context="obz-out",
                exten="safe",
                caller_id="74950000000",
                timeout_s=20,
                variables={"OBZ_MESSAGE": str(lab.sounds / "message")},
            )
        )
        wire.setblocking(False)
        sound = await of_the_message(lab, link, channel, wire)
    await link.switch.drop_endpoint("secret")
    assert {len(each) for each in sound[:-1]} == {LENGTH + 10 * srtp}, "SRTP adds ten bytes of authentication"
    seen = np.concatenate([alaw(each[12:LENGTH]) for each in sound[:50]])
    assert loudest(seen) < 0.1 if srtp else loudest(seen) > 0.5
    heard, _ = tones.read(lab.world.heard_by(number))
    assert loudest(heard) > 0.5, "the far end has the key"


def loudest(samples: tones.Samples) -> float:
    """The largest share that the message's first note has of a tenth of a second."""
    starts = range(0, len(samples) - 800, 400)
    return max(tones.goertzel(samples[start : start + 800], tones.RATE, NOTE) for start in starts)


async def of_the_message(lab: Lab, link: Linked, channel: ChannelId, wire: socket.socket) -> list[bytes]:
    """The packets of sound that left for the carrier until the end of the message."""
    first, last = int(lab.values["RTP_START"]), int(lab.values["RTP_END"])
    sound: list[bytes] = []
    while not link.diary.of(channel, Destroyed):
        await asyncio.sleep(0.01)
        while packet := received(wire):
            source, target = struct.unpack("!HH", packet[34:38])
            payload, is_ours = packet[42:], packet[23] == UDP and first <= source <= last
            is_ours &= packet[26:34] == socket.inet_aton(site.PBX) + socket.inet_aton(site.CARRIER)
            if is_ours and target % 2 == 0 and payload[1] & 127 == PCMA:
                sound.append(payload)
    return sound


def received(wire: socket.socket) -> bytes:
    """One packet as it leaves; empty when there is none."""
    with suppress(BlockingIOError):
        packet, (_, _, kind, *_) = wire.recvfrom(2048)
        return packet if kind != socket.PACKET_OUTGOING else received(wire)  # each is there twice on loopback
    return b""


def alaw(payload: bytes) -> tones.Samples:
    """G.711 A-law as samples."""
    sign = np.frombuffer(payload, np.uint8).astype(int) ^ 0x55
    exponent, mantissa = (sign & 0x70) >> 4, sign & 15
    level = np.where(exponent > 0, (2 * mantissa + 33) << np.maximum(exponent - 1, 0), 2 * mantissa + 1)
    return np.where(sign & 0x80, level, -level) / 4096


async def test_a_dropped_trunk_dials_no_more(lab: Lab, link: Linked) -> None:
    spare = replace(trunk_of(lab), id=TrunkId("spare"))
    await link.switch.push_trunk(spare, "")
    assert "spare" in await link.switch.endpoints()
    await link.switch.drop_endpoint("spare")
    with pytest.raises(Refused, match="spare"):
        await link.switch.originate(
            Outgoing(
                link.channel(),
                endpoint="PJSIP/79000100001@spare",
                context="obz-out",
                exten="answered",
                caller_id="74950000000",
                timeout_s=20,
            )
        )


async def test_a_trunk_that_moves_leaves_no_trace_of_its_old_address(lab: Lab, link: Linked) -> None:
    old = Trunk(TrunkId("moving"), "192.0.2.1", from_user="74950000001")
    await link.switch.push_trunk(old, "")
    await link.switch.push_trunk(replace(old, host="192.0.2.2", from_user=""), "")
    shown = await lab.pbx.cli("pjsip show endpoint trunk/moving")
    assert "192.0.2.2" in shown
    assert "192.0.2.1" not in shown
    assert "74950000001" not in shown
    await link.switch.drop_endpoint("moving")


async def test_a_phone_that_vanishes_is_noticed(lab: Lab, link: Linked) -> None:
    who, password = account(lab, 1)
    await link.switch.push_phone(who, password)
    await lab.world.phone(who.id).registered()
    await link.diary.until(lambda: reachable(link, who.id, True), "the phone answers probes")
    group = next(each for each in lab.world.phones if each.handsets[0].number == who.id)
    await group.instance.kill9()
    try:
        await link.diary.until(lambda: reachable(link, who.id, False), "the phone is gone", timeout_s=12)
    finally:
        await group.instance.start()


async def test_the_online_list_names_what_answers(lab: Lab, link: Linked) -> None:
    async def online() -> bool:
        return (await link.switch.endpoints()).get("main", False)

    await polled(online, "the trunk answers probes", timeout_s=15)
