"""The link goes down and comes back: what is replayed, what is set up anew, how soon either end is missed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from dialer.adapters.ari.connection import Request
from dialer.adapters.ari.requests import silence
from dialer.domain.call import Destroyed, EnteredApp
from dialer.domain.errors import Fatal, LinkDown
from dialer.domain.types import ChannelId
from dialer.lab.lab import Lab, Options
from tests.pbx.linked import PLAN, Linked, idle, linked, polled, ready
from tests.ports.board import BUSY, GONE_AT_ONCE
from tests.shelf import Shelf


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lab() -> AsyncIterator[Lab]:
    async with Lab.start(Options(plan=PLAN, phones=0, is_heard=False)) as running:
        yield running


async def dial(link: Linked, prefix: str, count: int) -> list[ChannelId]:
    return list(await asyncio.gather(*(link.call(prefix) for _ in range(count))))


async def test_what_happened_while_we_were_away_is_heard_in_order_before_we_are_ready(lab: Lab) -> None:
    async with ready(lab) as before:
        channels = await dial(before, GONE_AT_ONCE, 20)
    await polled(lambda: idle(lab), "all calls are over")
    async with ready(lab) as after:
        replayed = after.diary.news[: after.diary.heard_before_ready]
        heard = {*before.diary.news, *replayed}
        for channel in channels:
            ends = [news for news in heard if getattr(news, "channel", "") == channel]
            assert sum(isinstance(getattr(news, "event", None), Destroyed) for news in ends) == 1
            stamps = [event.at for event in before.diary.of(channel) + after.diary.of(channel)]
            assert stamps == sorted(stamps)
        assert replayed
        assert not after.diary.lags


async def test_the_next_life_goes_on_in_the_middle_of_the_connection_and_hears_what_lay_unread(
    lab: Lab,
) -> None:
    shelf = Shelf()
    async with ready(lab, shelf) as before:
        channels = await dial(before, GONE_AT_ONCE, 20)
        kept = shelf.names
    await polled(lambda: idle(lab), "all calls are over")
    shelf.goes_on = False
    async with ready(lab, shelf) as after:
        assert shelf.names == kept
        heard = before.diary.news + after.diary.news[: after.diary.heard_before_ready]
        for channel in channels:
            ends = [news for news in heard if getattr(news, "channel", "") == channel]
            assert sum(isinstance(getattr(news, "event", None), Destroyed) for news in ends) == 1
        assert after.diary.heard_before_ready
        assert before.diary.boots == after.diary.boots
        assert not after.diary.lags
        channel = await after.call(BUSY)
        await after.diary.hears(channel, Destroyed)
    assert not shelf.held


async def test_a_link_that_was_silenced_by_a_life_that_died_right_after_it_hears_again(lab: Lab) -> None:
    shelf = Shelf()
    async with ready(lab, shelf) as before:
        await before.switch.link.request(silence(before.switch.link.app))
    shelf.goes_on = False
    async with ready(lab, shelf) as after:
        channel = await after.call(BUSY)
        await after.diary.hears(channel, Destroyed)


async def test_a_person_in_our_application_stays_and_can_be_hung_up_after_our_return(lab: Lab) -> None:
    async with ready(lab) as before:
        channel = await before.call()
        await before.diary.hears(channel, EnteredApp)
        await before.switch.set_variable(channel, "TIMEOUT(absolute)", "0")
    async with ready(lab) as after:
        assert channel in {seen.id for seen in await after.switch.channels()}
        await after.switch.hang_up(channel)
        await after.diary.hears(channel, Destroyed)


async def test_after_asterisks_own_restart_the_subscription_is_there_again(lab: Lab) -> None:
    async with ready(lab) as link:
        await lab.pbx.kill9()
        await link.diary.until(lambda: link.diary.downs == 1, "the link is down")
        with pytest.raises(LinkDown):
            await link.switch.booted_at()
        await lab.pbx.start()
        await link.diary.until(lambda: len(link.diary.boots) == 2, "the link is ready again")
        assert link.diary.boots[0] < link.diary.boots[1]
        channel = await link.call(BUSY)
        await link.diary.hears(channel, Destroyed)
        assert "ChannelVarset" not in {event["type"] for event in link.diary.raw}


async def test_a_frozen_asterisk_is_missed_within_four_seconds_and_its_requests_fail(lab: Lab) -> None:
    async with ready(lab) as link:
        lab.pbx.suspend()
        try:
            frozen_at = time.monotonic()
            asking = asyncio.create_task(
                link.switch.link.request(Request("GET", "asterisk/ping"), timeout_s=60)
            )
            await link.diary.until(lambda: link.diary.downs == 1, "the link is down", timeout_s=10)
            assert time.monotonic() - frozen_at < 4.0
            with pytest.raises(LinkDown):
                await asking
        finally:
            lab.pbx.resume()
        await link.diary.until(lambda: len(link.diary.boots) == 2, "the link is ready again")
        assert link.diary.boots[0] == link.diary.boots[1]


async def test_a_stop_does_not_wait_for_a_frozen_asterisk(lab: Lab) -> None:
    async with ready(lab) as link:
        lab.pbx.suspend()
        try:
            started = time.monotonic()
            await link.listener.stop()
            assert time.monotonic() - started < 2.5
        finally:
            lab.pbx.resume()


async def test_asterisk_stops_without_waiting_for_our_goodbye(lab: Lab) -> None:
    async with ready(lab) as link:
        started = time.monotonic()
        await lab.pbx.stop(grace_s=15)
        assert time.monotonic() - started < 5.0
        await link.diary.until(lambda: link.diary.downs == 1, "the link is down")
    await lab.pbx.start()


async def test_a_second_client_on_our_application_is_fatal(lab: Lab) -> None:
    place = lab.environment()
    secret = lab.values["ARI_PASSWORD"]
    headers = {"Authorization": aiohttp.encode_basic_auth(place["DIALER_ARI_USER"], secret)}
    url = f"{place['DIALER_ARI_HTTP_URL']}/events?app={place['DIALER_ARI_APP']}"
    async with linked(lab) as link, aiohttp.ClientSession(headers=headers) as session:
        await link.diary.until(lambda: bool(link.diary.boots), "the link is ready")
        async with session.ws_connect(url):
            with pytest.raises(Fatal, match="taken over the Stasis application"):
                async with asyncio.timeout(5):
                    await link.switch.link.run()
    await lab.pbx.stop()
    await lab.pbx.start()
