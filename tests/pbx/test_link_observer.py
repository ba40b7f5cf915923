"""A second, independent client watches the same calls over its own application: it must agree."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import aioari
import pytest_asyncio

from dialer.adapters.ari.connection import RawEvent
from dialer.domain.call import Destroyed, EnteredApp
from dialer.domain.types import ChannelId
from dialer.lab.lab import Lab, Options
from tests.pbx.linked import PLAN, idle, polled, ready
from tests.ports.board import ANSWERS, BUSY, GONE_AT_ONCE, RINGS
from tests.shelf import Shelf

SEEN_BY_BOTH = ("Dial", "ChannelHangupRequest", "ChannelDestroyed")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lab() -> AsyncIterator[Lab]:
    async with Lab.start(Options(plan=PLAN, phones=0, is_heard=False)) as running:
        yield running


@asynccontextmanager
async def observer(lab: Lab) -> AsyncIterator[list[RawEvent]]:
    """Everything that aioari hears of the trunk's channels."""
    place, heard = lab.environment(), list[RawEvent]()
    app = f"observer-{secrets.token_hex(3)}"  # one that was known before could be subscribed without a socket
    url = place["DIALER_ARI_HTTP_URL"].removesuffix("ari")
    client = await aioari.connect(url, place["DIALER_ARI_USER"], lab.values["ARI_PASSWORD"])
    client.on_event("*", heard.append)
    running = asyncio.create_task(client.run(apps=app))
    try:
        await polled(lambda: subscribed(client, app), "aioari is subscribed")
        yield heard
    finally:
        await client.close()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def subscribed(client: Any, app: str) -> bool:
    """Its application exists only once its socket is open."""
    try:
        await client.applications.subscribe(applicationName=app, eventSource="endpoint:PJSIP")
    except Exception:  # aioari raises whatever class its HTTP library has for a 404
        return False
    return True


def story(events: Iterable[RawEvent], channel: ChannelId) -> list[str]:
    """What happened to one channel, in Asterisk's own words and at its own times.

    Sorted and without repetition: an application that has the channel hears some things twice, and what
    happens within one millisecond comes to two applications in two orders.
    """
    ours = (
        event
        for event in events
        if event["type"] in SEEN_BY_BOTH and (event.get("channel") or event["peer"])["id"] == channel
    )
    words = ("timestamp", "type", "dialstatus", "cause", "tech_cause")
    return sorted({" ".join(str(event.get(word, "-")) for word in words) for event in ours})


async def agreed(ours: list[RawEvent], theirs: list[RawEvent], channels: Iterable[ChannelId]) -> None:
    """Both have heard every call to its end, and the same of each."""
    wanted = list(channels)

    async def all_ended() -> bool:
        return all("ChannelDestroyed" in "".join(story(theirs, channel)) for channel in wanted)

    await polled(all_ended, "aioari has heard the end of every call")
    for channel in wanted:
        assert story(ours, channel) == story(theirs, channel)
        assert len(story(ours, channel)) >= 3


async def test_both_tell_the_same_story_of_one_call(lab: Lab) -> None:
    async with ready(lab) as link, observer(lab) as theirs:
        channel = await link.call(ANSWERS)
        await link.diary.hears(channel, EnteredApp)
        await link.switch.hang_up(channel)
        await link.diary.hears(channel, Destroyed)
        await agreed(link.diary.raw, theirs, [channel])


async def test_both_tell_the_same_story_of_a_burst_of_twenty(lab: Lab) -> None:
    async with ready(lab) as link, observer(lab) as theirs:
        prefixes = [BUSY, GONE_AT_ONCE, RINGS, BUSY] * 5
        channels = await asyncio.gather(*(link.call(prefix) for prefix in prefixes))
        for channel, prefix in zip(channels, prefixes, strict=True):
            if prefix == RINGS:
                await link.switch.hang_up(channel)
        for channel in channels:
            await link.diary.hears(channel, Destroyed)
        await agreed(link.diary.raw, theirs, channels)


async def test_both_tell_the_same_story_of_calls_during_which_we_were_restarted(lab: Lab) -> None:
    shelf = Shelf()
    async with observer(lab) as theirs:
        async with ready(lab, shelf) as before:
            channels = await asyncio.gather(*(before.call(GONE_AT_ONCE) for _ in range(10)))
        await polled(lambda: idle(lab), "all calls are over")
        shelf.goes_on = False
        async with ready(lab, shelf) as after:
            ours = before.diary.raw + after.diary.raw
            assert any(event["type"] == "ChannelDestroyed" for event in after.diary.raw)
            await agreed(ours, theirs, channels)
