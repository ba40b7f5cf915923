"""Nobody is left in silence: the PBX's own clock, whether the service is away, idle, frozen or in time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from asterisk_conf import sounds
from dialer.lab import tones
from dialer.lab.lab import Lab

GUARD_S = 1.6
SLACK_S = 0.15
MESSAGE_HZ = 1100.0


@pytest.fixture(scope="session")
def message(lab: Lab) -> str:
    sounds.tone(lab.sounds / "campaign.wav", MESSAGE_HZ, 0.8)
    return str(lab.sounds / "campaign")


async def test_while_the_service_is_away_the_message_starts_in_time(
    left_alone: Any, listen: Any, time_between: Any
) -> None:
    number = "79161230011"
    channel = await left_alone.call(number)
    await left_alone.up(channel)
    await left_alone.gone(channel)
    world = left_alone.lab.world
    assert any(tone.hertz in (950, 425) for tone in tones.heard(world.heard_by(number))), (
        "no message was heard"
    )
    async with listen(left_alone.lab) as ear:  # the events of the outage come with their true times
        answered = await ear.hears(channel, "StasisStart")
        started = await ear.hears_step(channel, "start")
        assert time_between(answered, started) == pytest.approx(GUARD_S, abs=SLACK_S)
        assert time_between(started, await ear.hears_step(channel, "end")) > 1
        assert ear.events.index(started) < [each["type"] for each in ear.events].index(
            "ApplicationRegistered"
        )


async def test_with_a_service_that_does_nothing_the_message_starts_in_time(
    ari: Any, ear: Any, lab: Lab, message: str, time_between: Any
) -> None:
    channel = await ari.call("79161230012", OBZ_MESSAGE=message)
    started = await ear.hears_step(channel, "start")
    assert time_between(await ear.hears(channel, "StasisStart"), started) == pytest.approx(
        GUARD_S, abs=SLACK_S
    )
    await ear.hears(channel, "ChannelDestroyed")
    await tones.listen_for(lab.world.heard_by("79161230012"), MESSAGE_HZ)


async def test_with_a_service_that_took_the_call_and_froze_the_message_starts_in_time(
    ari: Any, ear: Any, lab: Lab, message: str, time_between: Any
) -> None:
    channel = await ari.call("79161230013", OBZ_MESSAGE=message)
    answered = await ear.hears(channel, "StasisStart")
    await ari.send("POST", "bridges", type="mixing", bridgeId="frozen")
    await ari.send("POST", "bridges/frozen/addChannel", channel=channel)
    started = await ear.hears_step(channel, "start")
    assert time_between(answered, started) == pytest.approx(GUARD_S, abs=SLACK_S)
    await ear.hears(channel, "ChannelDestroyed")
    await tones.listen_for(lab.world.heard_by("79161230013"), MESSAGE_HZ)
    await ari.send("DELETE", "bridges/frozen")


async def test_a_call_that_was_connected_in_time_is_left_alone(ari: Any, ear: Any) -> None:
    person = await ari.call("79161230014")
    operator = await ari.ring("101")
    await ari.up(operator)
    await ear.hears(person, "StasisStart")
    await ari.talk(person, operator)
    watch = await ari.call(
        "79161230015"
    )  # answered later: when its guard has fired, the first one's is long past
    await ear.hears_step(watch, "start")
    assert await ari.state(person) == "Up"
    assert not ear.of(person, "ChannelUserevent")
    await ari.hang_up(person, operator, watch)


async def test_the_service_can_send_a_call_to_the_message_itself(
    ari: Any, ear: Any, lab: Lab, message: str
) -> None:
    channel = await ari.call("79161230016", OBZ_MESSAGE=message)
    await ear.hears(channel, "StasisStart")
    await ari.send("POST", f"channels/{channel}/continue", context="obz-out", extension="safe", priority="1")
    await ear.hears_step(channel, "end")
    await ear.hears(channel, "ChannelDestroyed")
    await tones.listen_for(lab.world.heard_by("79161230016"), MESSAGE_HZ)


@pytest.mark.parametrize(
    ("number", "sound"), [("79161230017", ""), ("79161230018", "/nowhere/no-such-sound")]
)
async def test_without_a_playable_message_the_fallback_is_heard(
    ari: Any, ear: Any, lab: Lab, number: str, sound: str
) -> None:
    channel = await ari.call(number, OBZ_MESSAGE=sound)
    await ear.hears_step(channel, "end")
    await ear.hears(channel, "ChannelDestroyed")
    await tones.listen_for(lab.world.heard_by(number), 425.0)


@pytest.mark.parametrize("name", ["../escape", "a;System(x)", "$(touch)", "-rf", ".hidden", "a b", "a,b,c"])
async def test_a_recording_gets_no_name_but_an_id_of_ours(ari: Any, ear: Any, lab: Lab, name: str) -> None:
    before = set(lab.folder.rglob("*.raw"))
    channel = await ari.call("79161230030", OBZ_REC=name)
    await ear.hears(channel, "StasisStart")
    await ari.hang_up(channel)
    await ear.hears(channel, "ChannelDestroyed")
    assert set(lab.folder.rglob("*.raw")) == before


async def test_a_return_call_that_nobody_takes_rings_and_then_hears_a_message(
    ari: Any, ear: Any, lab: Lab
) -> None:
    number = "79161230040"
    assert await lab.world.call_in(number, "74951234567"), "the PBX never answered"
    started = next(each for each in ear.events if each.get("args", [""])[0] == "inbound")
    assert started["args"] == ["inbound", "74951234567"]
    assert started["channel"]["caller"]["number"] == number
    await tones.listen_for(lab.world.heard_by(number, "in"), 425.0)
    await ear.hears(started["channel"]["id"], "StasisEnd")


async def test_a_service_that_takes_a_return_call_talks_to_the_caller(ari: Any, ear: Any, lab: Lab) -> None:
    number = "79161230041"
    operator = await ari.ring("101")
    await ari.up(operator)
    calling = asyncio.create_task(lab.world.call_in(number, "+74951234567"))
    person = (await ear.hears_caller(number))["channel"]["id"]
    await ari.send("POST", f"channels/{person}/answer")
    assert await calling
    await ari.talk(person, operator)
    await tones.listen_for(lab.world.heard_by(number, "in"), lab.world.phone("101").hertz)
    await ari.hang_up(person, operator)
