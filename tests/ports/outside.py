"""What every switch promises of what comes from outside: return calls, and phones that register and move.

Asked like `tests/ports/switch.py`, whose list of promises this one continues.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dialer.domain.call import Destroyed, EnteredApp, EnteredBridge, LeftApp
from dialer.domain.operators import Account
from dialer.domain.types import ChannelId, OperatorId
from dialer.ports.asterisk import ChannelNews, ChannelSeen, Outgoing, PhoneNews
from tests.ports.board import ANSWERS, CALLER, PHONE, PHONE_PASSWORD, TRUNK, Board
from tests.ports.switch import TO_OURS, Promise, ended, kinds, refusal

NEW_PHONE = "188"  # of an account that was made a moment ago


async def came_in(board: Board, *, waits_s: int = 30) -> ChannelNews:
    """A return call, as it was told."""
    number = f"{ANSWERS}{next(board.ids):05}"
    await board.far.call_in(number, CALLER, waits_s=waits_s)

    def told() -> list[ChannelNews]:
        return [each for each in board.diary.news if isinstance(each, ChannelNews) and each.caller == number]

    await board.diary.until(lambda: bool(told()), f"the call of {number}")
    (news,) = told()
    return news


async def seen(board: Board, channel: ChannelId) -> ChannelSeen:
    (its,) = [each for each in await board.switch.channels() if each.id == channel]
    return its


# --- return calls ------------------------------------------------------------------------------------------


async def a_return_call_is_told_with_who_calls_whom_and_by_which_trunk(board: Board) -> None:
    news = await came_in(board)
    assert isinstance(news.event, EnteredApp)
    assert (news.args, news.exten, news.endpoint) == (("inbound", CALLER), "s", TRUNK)
    its = await seen(board, news.channel)
    assert (its.state, its.context, its.exten, its.app) == ("Ring", "obz-in", "s", "Stasis")
    assert kinds(board, news.channel) == ["EnteredApp"]
    await board.switch.hang_up(news.channel)
    assert await ended(board, news.channel) == (16, None, False)


async def a_return_call_that_is_taken_is_ours_like_any_other(board: Board) -> None:
    channel, bridge = (await came_in(board)).channel, await board.bridge()
    await board.switch.answer(channel)
    await board.switch.connect(channel, bridge)
    await board.diary.hears(channel, EnteredBridge)
    assert (await seen(board, channel)).state == "Up"
    await board.switch.hang_up(channel)
    assert await ended(board, channel) == (16, None, True)
    heard = kinds(board, channel)
    assert heard[:2] == ["EnteredApp", "EnteredBridge"]
    assert set(heard[2:4]) == {"HangupRequested(32, soft)", "LeftBridge"}
    assert heard[4:] == ["LeftApp", "HangupRequested(16, soft)", "Destroyed"]


async def a_caller_who_gives_up_was_never_answered(board: Board) -> None:
    channel = (await came_in(board, waits_s=1)).channel
    await board.diary.hears(channel, Destroyed)
    assert (await ended(board, channel))[2] is False
    entered, asked, *rest = kinds(board, channel)
    assert (entered, rest) == ("EnteredApp", ["LeftApp", "HangupRequested(16, soft)", "Destroyed"])
    assert re.fullmatch(r"HangupRequested\(\d+\)", asked), "by the caller, with whatever cause"


async def a_caller_whom_nobody_takes_in_time_hears_the_message_and_is_not_ours(board: Board) -> None:
    news = await came_in(board)
    left = await board.diary.hears(news.channel, LeftApp)
    assert abs((left.at - news.event.at).total_seconds() - board.inbound_guard_s) < 0.5
    await is_told_to_be_sorry(board, news.channel)


async def a_caller_may_be_sent_to_the_message(board: Board) -> None:
    channel = (await came_in(board)).channel
    await board.switch.go_on(channel, context="obz-in", exten="sorry")
    await board.diary.hears(channel, LeftApp)
    await is_told_to_be_sorry(board, channel)


async def is_told_to_be_sorry(board: Board, channel: ChannelId) -> None:
    its = await seen(board, channel)
    assert (its.state, its.context, its.exten) == ("Up", "obz-in", "sorry")
    assert its.app in ("Answer", "Playback")
    for name, (_, status, request) in TO_OURS.items():
        assert (name, await refusal(request(board.switch, channel))) == (name, status)
    await board.switch.hang_up(channel)
    assert (await ended(board, channel))[2] is True
    assert kinds(board, channel) == [
        *("EnteredApp", "LeftApp", "HangupRequested(32, soft)", "HangupRequested(16, soft)", "Destroyed")
    ]


# --- registrations -----------------------------------------------------------------------------------------


async def at_desk(board: Board, desk: int = 0) -> str:
    """The phone is known and registers from this desk; the address, once it is told that it answers."""
    await board.switch.push_phone(Account(OperatorId(PHONE), "Ann"), PHONE_PASSWORD)
    address = await board.far.register(desk)
    await board.diary.until(lambda: (address, True, False) in of_phone(board), f"{PHONE} at {address}")
    return address


def of_phone(board: Board) -> list[tuple[str, bool, bool]]:
    """What was told of it: address, whether it answers, whether its registration has ended."""
    told = (each for each in board.diary.news if isinstance(each, PhoneNews) and each.endpoint == PHONE)
    return [(each.contact, each.is_reachable, each.is_removed) for each in told]


async def leg_of(board: Board) -> ChannelId:
    """The phone was rung and has answered."""
    leg = ChannelId(f"o-{PHONE}-{board.channel()}")
    await board.switch.originate(rings(leg))
    await board.diary.hears(leg, EnteredApp)
    return leg


def rings(leg: ChannelId, phone: str = PHONE) -> Outgoing:
    return Outgoing(
        leg, endpoint=f"PJSIP/{phone}", context="obz-leg", exten="up", caller_id=CALLER, timeout_s=20
    )


async def a_phone_that_registers_is_told_with_its_address_and_can_be_rung(board: Board) -> None:
    await at_desk(board)
    assert PHONE in await board.switch.reachable()
    leg = await leg_of(board)
    await board.switch.hang_up(leg)
    assert await ended(board, leg) == (16, None, True)
    await board.far.unregister(0)


async def a_phone_that_moves_is_told_at_its_new_address_and_no_more_at_the_old_one(board: Board) -> None:
    old = await at_desk(board)
    new = await at_desk(board, 1)
    await board.diary.until(lambda: (old, False, True) in of_phone(board), f"{PHONE} left {old}")
    assert new != old
    assert PHONE in await board.switch.reachable()
    leg = await leg_of(board)
    await board.switch.hang_up(leg)
    await board.diary.hears(leg, Destroyed)
    await board.far.unregister(1)


async def a_phone_that_unregisters_is_told_and_cannot_be_rung_until_it_is_back(board: Board) -> None:
    address = await at_desk(board)
    await board.far.unregister(0)
    await board.diary.until(lambda: (address, False, True) in of_phone(board), f"{PHONE} left")
    assert PHONE not in await board.switch.reachable()
    asked = board.switch.originate(rings(ChannelId(f"o-{PHONE}-{board.channel()}")))
    assert await refusal(asked) in (409, 500), "by what its thread met before"
    board.diary.news.clear()
    await at_desk(board)
    leg = await leg_of(board)
    await board.switch.hang_up(leg)
    await board.diary.hears(leg, Destroyed)
    await board.far.unregister(0)


async def a_phone_that_never_registered_cannot_be_reached_or_rung(board: Board) -> None:
    await board.switch.push_phone(Account(OperatorId(NEW_PHONE), "Bob"), PHONE_PASSWORD)
    assert NEW_PHONE not in await board.switch.reachable()
    leg = ChannelId(f"o-{NEW_PHONE}-{board.channel()}")
    assert await refusal(board.switch.originate(rings(leg, NEW_PHONE))) in (409, 500), "as one that has left"
    assert leg not in [each.id for each in await board.switch.channels()]
    await board.switch.drop_endpoint(NEW_PHONE)


async def a_leg_outlives_the_registration_of_its_phone(board: Board) -> None:
    address = await at_desk(board)
    leg = await leg_of(board)
    board.diary.news.clear()
    await board.far.unregister(0)
    await board.diary.until(lambda: (address, False, True) in of_phone(board), f"{PHONE} left")
    assert (await seen(board, leg)).state == "Up"
    assert kinds(board, leg) == []
    await board.switch.hang_up(leg)
    await board.diary.hears(leg, Destroyed)


FROM_OUTSIDE: Sequence[Promise] = (
    a_return_call_is_told_with_who_calls_whom_and_by_which_trunk,
    a_return_call_that_is_taken_is_ours_like_any_other,
    a_caller_who_gives_up_was_never_answered,
    a_caller_whom_nobody_takes_in_time_hears_the_message_and_is_not_ours,
    a_caller_may_be_sent_to_the_message,
    a_phone_that_registers_is_told_with_its_address_and_can_be_rung,
    a_phone_that_moves_is_told_at_its_new_address_and_no_more_at_the_old_one,
    a_phone_that_unregisters_is_told_and_cannot_be_rung_until_it_is_back,
    a_phone_that_never_registered_cannot_be_reached_or_rung,
    a_leg_outlives_the_registration_of_its_phone,
)
