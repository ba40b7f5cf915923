"""One call over real SIP and RTP: who hears whom, and what each behaviour of the world looks like."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from dialer.lab import tones
from dialer.lab.fate import Does
from dialer.lab.lab import Lab


async def test_each_end_of_a_call_hears_the_other(lab: Lab, ari: Any) -> None:
    number, phone = "79161230042", lab.world.phone("101")
    person = await ari.call(number, OBZ_REC="rec-both-ends")
    operator = await ari.ring("101")
    await ari.up(person)
    await ari.up(operator)
    await ari.talk(person, operator)
    await tones.listen_for(lab.world.heard_by(number), phone.hertz)
    await tones.listen_for(await phone.last_heard(), lab.world.fate(number).tone)
    assert await lab.world.in_call() == [number]
    await lab.world.hang_up(number)
    await ari.gone(person)
    await ari.hang_up(operator)
    await ari.gone(operator)
    recording = lab.recordings / "rec-both-ends.raw"
    said, heard = (tones.heard(recording, channel, 2)[0].hertz for channel in (0, 1))
    assert (said, heard) == (lab.world.fate(number).tone, phone.hertz), (
        "left is the person, right what he hears"
    )


@pytest.mark.parametrize(
    ("number", "cause", "sip"),
    [("79010000001", 17, 486), ("79020000001", 1, 404), ("79030000001", 34, 503), ("79040000001", 21, 603)],
)
async def test_a_refused_call_shows_cause_and_sip_code(
    ari: Any, ear: Any, number: str, cause: int, sip: int
) -> None:
    channel = await ari.call(number)
    end = await ear.hears(channel, "ChannelDestroyed")
    assert (end["cause"], end["tech_cause"]) == (cause, sip)


async def test_a_number_does_at_each_call_what_it_was_told_and_then_what_its_rule_says(
    ari: Any, ear: Any
) -> None:
    number, (busy, answers) = next(iter(ari.lab.options.plan.script.items()))
    first = await ari.call(number)
    end = await ear.hears(first, "ChannelDestroyed")
    assert end["cause"] == 17
    assert lasted_s(end) >= busy.setup_s
    second = await ari.call(number)
    up = await ear.hears(second, "StasisStart")
    assert lasted_s(up) >= answers.setup_s + answers.ring_s
    await ari.hang_up(second)
    third = await ari.call(number)
    assert (await ear.hears(third, "ChannelDestroyed"))["cause"] == 1


def lasted_s(event: Any) -> float:
    """From the channel's creation to the event, by Asterisk's clock."""
    at, since = (datetime.fromisoformat(at) for at in (event["timestamp"], event["channel"]["creationtime"]))
    return (at - since).total_seconds()


async def test_a_number_that_does_not_answer_rings_until_the_caller_gives_up(ari: Any, ear: Any) -> None:
    channel = await ari.originate("PJSIP/79050000001@carrier", "obz-out/answered", timeout_s=1)
    assert (await ear.hears(channel, "ChannelStateChange"))["channel"]["state"] == "Ringing"
    assert (await ear.hears(channel, "ChannelDestroyed"))["cause"] == 19


async def test_the_network_can_end_the_ringing(ari: Any, ear: Any) -> None:
    channel = await ari.call("79100000001")
    end = await ear.hears(channel, "ChannelDestroyed")
    assert (end["cause"], end["tech_cause"]) == (19, 480)


@pytest.mark.parametrize(
    ("number", "alerting"),
    [
        ("79161230001", ["RINGING"]),
        ("79070000001", ["PROGRESS"]),
        ("79080000001", ["PROGRESS"]),
        ("79090000001", []),
    ],
)
async def test_alerting_is_180_183_or_nothing_and_then_comes_the_answer(
    ari: Any, ear: Any, number: str, alerting: list[str]
) -> None:
    channel = await ari.call(number)
    await ear.hears(channel, "StasisStart")
    said = [each["dialstatus"] for each in ear.of(channel, "Dial")]
    assert [each for each in said if each not in ("", "ANSWER")] == alerting
    await ari.hang_up(channel)
    await ear.hears(channel, "ChannelDestroyed")


async def test_a_person_can_be_gone_in_the_same_breath(ari: Any, ear: Any) -> None:
    channel = await ari.call("79110000001")
    await ear.hears(channel, "ChannelDestroyed")
    assert [each["channel"]["state"] for each in ear.of(channel, "ChannelStateChange")][-1] == "Up"


async def test_a_machine_greets_beeps_and_hangs_up(ari: Any, ear: Any, lab: Lab) -> None:
    channel = await ari.call("79060000001", OBZ_REC="rec-machine")
    start = await ear.hears(channel, "StasisStart")
    assert start["channel"]["state"] == "Up"
    operator = await ari.ring("101")
    await ari.up(operator)
    await ari.talk(channel, operator)
    await ear.hears(channel, "ChannelDestroyed")
    await ari.hang_up(operator)
    greeting = [tone.hertz for tone in tones.heard(lab.recordings / "rec-machine.raw", 0, 2)]
    assert 1000 in greeting, f"the beep was not heard among {greeting}"


async def test_the_world_file_foretells_what_each_call_does(ari: Any, ear: Any, lab: Lab) -> None:
    numbers = [f"791200001{index:02}" for index in range(24)]
    calls = {number: await ari.call(number) for number in numbers}
    codes = {Does.BUSY: 486, Does.UNALLOCATED: 404, Does.REJECTED: 603, Does.REFUSED: 403}
    for number, channel in calls.items():
        end = await ear.hears(channel, "ChannelDestroyed", 15)
        fate = lab.world.fate(number)
        assert end.get("tech_cause") == codes.get(fate.does), number
        assert bool(ear.of(channel, "StasisStart")) == (fate.does is Does.ANSWER), number
    assert len({lab.world.fate(number).does for number in numbers}) > 2, "the sample shows nothing"


async def test_a_second_call_to_a_number_has_its_own_fate(ari: Any, ear: Any, lab: Lab) -> None:
    number = next(
        number
        for number in (f"791200002{index:02}" for index in range(100))
        if lab.world.fate(number, 1).does is Does.BUSY and lab.world.fate(number, 2).does is Does.UNALLOCATED
    )
    for code in (486, 404):
        channel = await ari.call(number)
        assert (await ear.hears(channel, "ChannelDestroyed"))["tech_cause"] == code


async def test_a_person_speaks_in_sentences_and_ends_the_talk_when_the_plan_says(
    ari: Any, ear: Any, lab: Lab, time_between: Any
) -> None:
    channel = await ari.call("79130000001", OBZ_REC="rec-speech")
    operator = await ari.ring("102")
    await ari.up(operator)
    await ari.talk(channel, operator)
    end = await ear.hears(channel, "ChannelDestroyed")
    talk_s = time_between(await ear.hears(channel, "StasisStart"), end)
    assert talk_s == pytest.approx(lab.world.fate("79130000001").talk_s, abs=0.8)
    await ari.hang_up(operator)
    speech, _ = tones.read(lab.recordings / "rec-speech.raw", 0, 2)
    assert abs(speech).max() > 0.05, "nobody spoke"
