"""What every switch promises: asked of a real Asterisk in tests/pbx, of the pretend one in tests/sim."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from dialer.domain.call import (
    Alerted,
    Destroyed,
    EnteredApp,
    EnteredBridge,
    Event,
    HangupRequested,
    LeftApp,
    LeftBridge,
    MessageStarted,
)
from dialer.domain.errors import BadValue, Refused
from dialer.domain.operators import SLOT
from dialer.domain.types import BridgeId, ChannelId
from dialer.ports.asterisk import ChannelNews, Switch
from tests.ports.board import ANSWERS, BUSY, GONE_AT_ONCE, RINGS, TRUNK, Board

Promise = Callable[[Board], Awaitable[None]]
Request = Callable[[Switch, ChannelId], Awaitable[object]]
PROMISES: list[Promise] = []
NOBODY, NOWHERE = ChannelId("c-nobody"), BridgeId("b-nowhere")

# What is asked of a channel that must be with the service, and how it is refused when it is not.
TO_OURS: Mapping[str, tuple[int, int, Request]] = {  # no such channel; it is elsewhere
    "set_variable": (404, 409, lambda switch, channel: switch.set_variable(channel, "OBZ_X", "1")),
    "start_music": (404, 409, lambda switch, channel: switch.start_music(channel)),
    "stop_music": (0, 409, lambda switch, channel: switch.stop_music(channel)),
    "play": (404, 409, lambda switch, channel: switch.play(channel, "sound:beep")),
    "mute": (404, 409, lambda switch, channel: switch.mute(channel, True)),
    "send_keys": (404, 409, lambda switch, channel: switch.send_keys(channel, "1")),
    "answer": (404, 409, lambda switch, channel: switch.answer(channel)),
    "go_on": (404, 409, lambda switch, channel: switch.go_on(channel, context="obz-out", exten="safe")),
    "connect": (404, 409, lambda switch, channel: switch.connect(channel, NOWHERE)),
    "add": (404, 404, lambda switch, channel: switch.add(channel, NOWHERE)),
    "remove": (0, 0, lambda switch, channel: switch.remove(channel, NOWHERE)),
}


def promise(kept: Promise) -> Promise:
    PROMISES.append(kept)
    return kept


async def refusal(asked: Awaitable[object]) -> int:
    """The status with which it is refused; 0: it is not."""
    try:
        await asked
    except Refused as refused:
        return refused.status
    return 0


def kinds(board: Board, channel: ChannelId) -> list[str]:
    """What was heard of a channel; what comes twice is told once."""
    told: list[str] = []
    for event in board.diary.of(channel):
        name = type(event).__name__
        if isinstance(event, HangupRequested):
            name += f"({event.cause}{', soft' if event.is_soft else ''})"
        if name not in told:
            told.append(name)
    return told


async def ended(board: Board, channel: ChannelId) -> tuple[int, int | None, bool]:
    """Cause, SIP code, and whether it had been answered."""
    end = await board.diary.hears(channel, Destroyed)
    assert isinstance(end, Destroyed)
    return end.cause, end.sip_code, end.was_up


async def at(board: Board, event: type[Event], prefix: str = ANSWERS) -> ChannelId:
    """A call of which this has been heard."""
    channel = await board.call(prefix)
    await board.diary.hears(channel, event)
    return channel


async def in_message(board: Board) -> ChannelId:
    channel = await at(board, EnteredApp)
    await board.switch.go_on(channel, context="obz-out", exten="safe")
    await board.diary.hears(channel, MessageStarted)
    return channel


async def talking(board: Board) -> tuple[ChannelId, BridgeId]:
    bridge, channel = await board.bridge(), await at(board, EnteredApp)
    await board.switch.connect(channel, bridge)
    await board.diary.hears(channel, EnteredBridge)
    return channel, bridge


async def inside(board: Board) -> Mapping[BridgeId, tuple[ChannelId, ...]]:
    return {each.id: each.channels for each in await board.switch.bridges()}


# --- the course of a call ----------------------------------------------------------------------------------


@promise
async def one_call_is_told_from_its_ringing_to_its_end(board: Board) -> None:
    channel, bridge = await talking(board)
    (seen,) = [each for each in await board.switch.channels() if each.id == channel]
    assert (seen.state, seen.context, seen.exten, seen.app) == ("Up", "obz-out", "answered", "Stasis")
    assert (await inside(board))[bridge] == (channel,)
    await board.switch.hang_up(channel)
    assert await ended(board, channel) == (16, None, True)
    heard = kinds(board, channel)
    assert heard[:4] == ["Alerted", "Answered", "EnteredApp", "EnteredBridge"]
    assert set(heard[4:6]) == {"HangupRequested(32, soft)", "LeftBridge"}
    assert heard[6:] == ["LeftApp", "HangupRequested(16, soft)", "Destroyed"], (
        "the dialplan's own end is soft"
    )
    assert channel not in {each.id for each in await board.switch.channels()}


@promise
async def what_rings_is_listed_and_is_not_ours_yet(board: Board) -> None:
    channel = await at(board, Alerted, RINGS)
    (seen,) = [each for each in await board.switch.channels() if each.id == channel]
    assert (seen.state, seen.app) == ("Ringing", "AppDial2")
    assert (seen.context, seen.exten) == ("obz-in", "s"), "it is where its endpoint's calls come in"
    await board.switch.hang_up(channel)
    assert await ended(board, channel) == (16, None, False)
    assert kinds(board, channel) == ["Alerted", "HangupRequested(32, soft)", "Destroyed"]


@promise
async def a_busy_number_is_heard_of_although_it_never_reached_our_application(board: Board) -> None:
    channel = await board.call(BUSY)
    assert await ended(board, channel) == (17, 486, False)
    assert kinds(board, channel) == ["HangupRequested(17)", "Destroyed"]


@promise
async def who_hangs_up_himself_has_asked_for_the_end_and_nobody_else_has(board: Board) -> None:
    channel = await board.call(GONE_AT_ONCE)
    assert await ended(board, channel) == (16, None, True)
    assert kinds(board, channel) == [
        *("Alerted", "Answered", "EnteredApp"),
        *("HangupRequested(16)", "LeftApp", "HangupRequested(16, soft)", "Destroyed"),
    ]


@promise
async def a_number_that_rings_too_long_is_ended_by_the_switch_alone(board: Board) -> None:
    channel = await board.call(RINGS, timeout_s=1)
    assert await ended(board, channel) == (19, 480, False)
    assert kinds(board, channel) == ["Alerted", "Destroyed"]


@promise
async def the_end_shows_the_reason_that_was_given(board: Board) -> None:
    ends = {"busy": (17, 486), "congestion": (34, 503), "rejected": (21, 403), "no_answer": (19, 480)}
    for reason, end in ends.items():
        channel = await at(board, Alerted, RINGS)
        await board.switch.hang_up(channel, reason)
        assert await ended(board, channel) == (*end, False)


@promise
async def an_id_may_be_used_again_and_not_twice_at_once(board: Board) -> None:
    channel = await board.call(RINGS)
    with pytest.raises(Refused, match="already exists") as refused:
        await board.call(RINGS, channel=channel)
    assert refused.value.status == 409
    await board.switch.hang_up(channel)
    await ended(board, channel)
    await board.call(BUSY, channel=channel)
    busy = lambda: any(getattr(end, "cause", 0) == 17 for end in board.diary.of(channel, Destroyed))  # noqa: E731
    await board.diary.until(busy, "its end, again")


# --- what is refused ---------------------------------------------------------------------------------------


@promise
async def a_channel_that_is_gone_is_not_found(board: Board) -> None:
    for name, (status, _, request) in TO_OURS.items():
        assert (name, await refusal(request(board.switch, NOBODY))) == (name, status)
    assert await refusal(board.switch.add(NOBODY, await board.bridge())) == 400
    assert await refusal(board.switch.whisper(NOBODY, ChannelId("s-nobody"))) == 404


@promise
async def a_channel_that_rings_or_hears_the_message_is_not_ours(board: Board) -> None:
    bridge = await board.bridge()
    for channel in (await at(board, Alerted, RINGS), await in_message(board)):
        for name, (_, status, request) in TO_OURS.items():
            assert (name, await refusal(request(board.switch, channel))) == (name, status)
        assert await refusal(board.switch.add(channel, bridge)) == 422
        await board.switch.hang_up(channel)


@promise
async def a_trunk_or_a_phone_that_it_does_not_have_is_no_way(board: Board) -> None:
    for endpoint in ("PJSIP/79000100001@nowhere", "PJSIP/999"):
        status = await refusal(board.switch.originate(board.outgoing(board.channel(), endpoint)))
        assert (endpoint, status) in ((endpoint, 409), (endpoint, 500)), "by what its thread met before"


@promise
async def what_would_be_another_request_is_never_sent(board: Board) -> None:
    heard = len(board.diary.news)
    call = board.outgoing(board.channel(), f"PJSIP/{ANSWERS}00001@{TRUNK}")
    for change in (
        *({"endpoint": each} for each in (f"PJSIP/7916;x@{TRUNK}", f"SIP/7916@{TRUNK}", "PJSIP/A B", "")),
        *({"caller_id": each} for each in ("", "7495\n", "7" * 81)),
        *({"timeout_s": each} for each in (0, 601)),
        *({"variables": each} for each in ({"A B": ""}, {"A": "x\r\ny"})),
        *({"context": "a b"}, {"exten": "a,1"}, {"channel": "c+1"}),
    ):
        wrong: dict[str, Any] = change
        with pytest.raises(BadValue):
            await board.switch.originate(replace(call, **wrong))
    switch = board.switch
    for asked in (
        lambda: switch.hang_up(NOBODY, "boredom"),
        lambda: switch.hang_up(ChannelId("../c")),
        lambda: switch.play(NOBODY),
        lambda: switch.play(NOBODY, "sound:../../etc/passwd"),
        lambda: switch.stop_playing("a b"),
        lambda: switch.send_keys(NOBODY, "1,2"),
        lambda: switch.set_variable(NOBODY, "A B", "1"),
        lambda: switch.set_variable(NOBODY, "A", "1\n2"),
        lambda: switch.go_on(NOBODY, context="obz out", exten="safe"),
        lambda: switch.create_bridge(BridgeId("a b")),
        lambda: switch.destroy_bridge(BridgeId("a/b")),
        lambda: switch.add(ChannelId("c-1"), BridgeId("a/b")),
        lambda: switch.add(ChannelId("c-1,c-2"), BridgeId("b-1")),
        lambda: switch.remove(ChannelId("c-1,c-2"), BridgeId("b-1")),
        lambda: switch.remove(ChannelId("c-1"), BridgeId("a/b")),
        lambda: switch.whisper(NOBODY, ChannelId("s 1")),
        lambda: switch.mute(ChannelId("c/1"), True),
        lambda: switch.start_music(ChannelId("c/1")),
        lambda: switch.stop_music(ChannelId("c/1")),
        lambda: switch.noted_of(NOBODY, "a-b"),
        lambda: switch.drop_endpoint("A B"),
    ):
        with pytest.raises(BadValue):
            await asked()
    assert not [news for news in board.diary.news[heard:] if isinstance(news, ChannelNews)]


@promise
async def what_is_done_already_is_no_error(board: Board) -> None:
    channel, bridge = await at(board, Alerted, RINGS), await board.bridge()
    await board.switch.create_bridge(bridge)
    await board.switch.remove(channel, bridge)
    await board.switch.hang_up(channel)
    await ended(board, channel)
    await board.switch.hang_up(channel)
    await board.switch.remove(channel, bridge)
    await board.switch.destroy_bridge(bridge)
    await board.switch.destroy_bridge(bridge)
    await board.switch.stop_playing("never-begun")
    await board.switch.drop_endpoint("nobody")


# --- the guard and the message -----------------------------------------------------------------------------


@promise
async def a_person_whom_nobody_connects_hears_the_message(board: Board) -> None:
    channel = await at(board, MessageStarted)
    heard = board.diary.of(channel)
    entered, begun = (next(e for e in heard if isinstance(e, kind)) for kind in (EnteredApp, MessageStarted))
    assert 1.4 < (begun.at - entered.at).total_seconds() < 1.9
    (seen,) = [each for each in await board.switch.channels() if each.id == channel]
    assert (seen.state, seen.exten, seen.app) == ("Up", "safe", "Playback")
    assert await ended(board, channel) == (16, None, True)
    assert kinds(board, channel)[2:] == [
        *("EnteredApp", "LeftApp", "MessageStarted", "MessageEnded"),
        *("HangupRequested(16, soft)", "Destroyed"),
    ]


@promise
async def who_is_hung_up_in_the_message_has_not_heard_its_end(board: Board) -> None:
    channel = await in_message(board)
    await board.switch.hang_up(channel)
    await ended(board, channel)
    assert "MessageEnded" not in kinds(board, channel)


@promise
async def a_connected_person_is_out_of_the_guards_reach(board: Board) -> None:
    channel, _ = await talking(board)
    with pytest.raises(AssertionError, match="not heard"):
        await board.diary.hears(channel, MessageStarted, timeout_s=2.0)
    await board.switch.hang_up(channel)


@promise
async def a_person_who_could_not_be_connected_is_the_guards_again(board: Board) -> None:
    channel = await at(board, EnteredApp)
    refused_at = board.diary.of(channel, EnteredApp)[0].at
    assert await refusal(board.switch.connect(channel, NOWHERE)) == 404
    message = await board.diary.hears(channel, MessageStarted, timeout_s=2.0)
    assert 0.2 < (message.at - refused_at).total_seconds() < 1.0
    await board.switch.hang_up(channel)


@promise
async def the_guard_may_be_set_by_hand(board: Board) -> None:
    channel = await at(board, EnteredApp)
    await board.switch.set_variable(channel, "TIMEOUT(absolute)", "0.2")
    message = await board.diary.hears(channel, MessageStarted, timeout_s=1.2)
    assert (message.at - board.diary.of(channel, EnteredApp)[0].at).total_seconds() < 1.0
    await board.switch.hang_up(channel)


# --- bridges -----------------------------------------------------------------------------------------------


@promise
async def who_is_added_once_more_has_left_in_between(board: Board) -> None:
    channel, bridge = await talking(board)
    other = await board.bridge()
    for into in (bridge, other):
        entries = len(board.diary.of(channel, EnteredBridge))
        await board.switch.add(channel, into)
        await board.diary.until(
            lambda entries=entries: len(board.diary.of(channel, EnteredBridge)) > entries, "in again"
        )
    moves = [e for e in board.diary.of(channel) if isinstance(e, (EnteredBridge, LeftBridge))]
    assert [(type(e), e.bridge) for e in moves] == [
        *((EnteredBridge, bridge), (LeftBridge, bridge), (EnteredBridge, bridge)),
        *((LeftBridge, bridge), (EnteredBridge, other)),
    ]
    assert {room: (await inside(board))[room] for room in (bridge, other)} == {bridge: (), other: (channel,)}
    await board.switch.remove(channel, bridge)
    assert (await inside(board))[other] == (channel,), "it is elsewhere"
    await board.switch.hang_up(channel)


@promise
async def a_bridge_that_is_taken_away_leaves_its_people_ours(board: Board) -> None:
    channel, bridge = await talking(board)
    await board.switch.destroy_bridge(bridge)
    await board.diary.hears(channel, LeftBridge)
    assert bridge not in await inside(board)
    assert not board.diary.of(channel, LeftApp)
    assert await refusal(board.switch.add(channel, bridge)) == 404
    await board.switch.add(channel, await board.bridge())
    await board.switch.hang_up(channel)


@promise
async def to_the_message_out_of_a_bridge(board: Board) -> None:
    channel, _ = await talking(board)
    await board.switch.go_on(channel, context="obz-out", exten="safe")
    await board.diary.hears(channel, MessageStarted)
    assert kinds(board, channel)[3:] == ["EnteredBridge", "LeftBridge", "LeftApp", "MessageStarted"]
    await board.switch.hang_up(channel)


# --- sound -------------------------------------------------------------------------------------------------


@promise
async def a_sound_that_is_missing_is_no_error_and_nobody_is_told(board: Board) -> None:
    channel = await at(board, EnteredApp)
    heard = len(board.diary.of(channel))
    await board.switch.play(channel, "sound:no-such-thing", "sound:beep", playback=f"p-{board.run}")
    assert board.diary.of(channel)[heard:] == []
    await board.switch.hang_up(channel)


@promise
async def a_whisper_is_told_to_come_and_to_go_and_its_name_is_used_once(board: Board) -> None:
    channel, whisper = await at(board, EnteredApp), ChannelId(f"s-{board.run}")
    await board.switch.whisper(channel, whisper)
    assert await refusal(board.switch.whisper(channel, whisper)) == 500
    await board.diary.hears(whisper, EnteredApp)
    (seen,) = [each for each in await board.switch.channels() if each.id == whisper]
    assert (seen.state, seen.app) == ("Up", "Stasis")
    await board.switch.play(whisper, "sound:beep")
    await board.switch.hang_up(whisper)
    await board.diary.hears(whisper, LeftApp)
    async with asyncio.timeout(10):  # the channel itself is gone a moment later
        while await refusal(board.switch.play(whisper, "sound:beep")) != 404:  # noqa: ASYNC110  no event tells
            await asyncio.sleep(0.05)
    again = ChannelId(f"s-{board.run}-2")
    await board.switch.whisper(channel, again)
    await board.diary.hears(again, EnteredApp)
    await board.switch.hang_up(channel)
    await board.diary.hears(again, LeftApp)
    assert not board.diary.of(whisper, Destroyed)
    assert not board.diary.of(again, Destroyed)


# --- what is noted -----------------------------------------------------------------------------------------


@promise
async def a_call_is_noted_with_its_request_and_again_at_its_end(board: Board) -> None:
    place = f"t{board.run}"
    assert await board.switch.noted_of(NOBODY, place) is None
    channel = board.channel()
    call = board.outgoing(channel, f"PJSIP/{RINGS}00001@{TRUNK}")
    await board.switch.originate(replace(call, variables={SLOT: place}))
    noted = await board.switch.noted_of(channel, place)
    assert noted is not None
    assert (noted.end_at, noted.answer_at) == (None, None)
    await board.diary.hears(channel, Alerted)
    await board.switch.hang_up(channel, "busy")
    await ended(board, channel)
    noted = await board.switch.noted_of(channel, place)
    assert noted is not None
    assert noted.end_at is not None
    assert (noted.cause, noted.answer_at) == (17, None)
    assert await board.switch.noted_of(NOBODY, place) is None, "it is another one's"


@promise
async def requests_are_served_in_their_order(board: Board) -> None:
    channel, bridge = await at(board, EnteredApp), BridgeId(f"b-{board.run}")
    statuses = await asyncio.gather(
        *(
            refusal(asked)
            for asked in (
                board.switch.create_bridge(bridge),
                board.switch.add(channel, bridge),
                board.switch.destroy_bridge(bridge),
                board.switch.add(channel, bridge),
            )
        )
    )
    assert statuses[:3] == [0, 0, 0]
    assert statuses[3] in (404, 409), "it is gone, or about to go"
    await board.switch.hang_up(channel)
