"""What the link relies on, asked of a real Asterisk: a failure says that an upgrade changed the ground."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from dialer.adapters.ari.connection import Request
from dialer.adapters.ari.events import WANTED
from dialer.adapters.ari.listener import Listener
from dialer.adapters.ari.switch import AriSwitch
from dialer.domain.call import Alerted, Answered, Destroyed, EnteredApp
from dialer.domain.errors import Fatal, Refused, TimedOut
from dialer.domain.types import ChannelId
from dialer.lab.lab import Lab, Options
from dialer.ports.asterisk import Outgoing
from tests.pbx.linked import PLAN, Linked, linked, polled, ready
from tests.ports.board import BUSY
from tests.ports.outside import FROM_OUTSIDE
from tests.ports.switch import PROMISES, Promise


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lab() -> AsyncIterator[Lab]:
    options = Options(plan=PLAN, phones=0, is_heard=False, knobs={"INBOUND_GUARD_S": "3"})
    async with Lab.start(options) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def link(lab: Lab) -> AsyncIterator[Linked]:
    async with ready(lab) as running:
        yield running


@pytest_asyncio.fixture(scope="class", loop_scope="session")
async def board(lab: Lab) -> AsyncIterator[Linked]:
    """A link for all of a class: Asterisk takes half a second to come back to the next one."""
    async with ready(lab) as running:
        yield running


class TestPromises:
    """The pretend Asterisk is asked the same: tests/sim/test_switch_promises.py."""

    @pytest.mark.parametrize("promise", [*PROMISES, *FROM_OUTSIDE], ids=lambda promise: promise.__name__)
    async def test_the_real_asterisk_keeps_it(self, board: Linked, promise: Promise) -> None:
        await promise(board)


class Garbled(Request):
    """A frame that Asterisk cannot read."""

    def frame(self, request_id: str) -> str:
        return '{"type": "RESTRequest", "request_id": "' + request_id


async def test_asterisk_connects_shows_its_password_and_names_its_boot(link: Linked) -> None:
    assert link.switch.link.is_ready
    assert link.diary.boots == [await link.switch.booted_at()]


async def test_with_a_wrong_password_it_stays_outside_and_comes_in_once_it_is_right(lab: Lab) -> None:
    async with linked(lab, password="wrong") as shut:

        async def refused_twice() -> bool:
            return shut.listener.refused >= 2

        await polled(refused_twice, "refused and trying again")
        assert not shut.switch.link.is_connected
    async with ready(lab):
        pass


async def test_requests_right_behind_the_handshake_are_not_lost(lab: Lab) -> None:
    for _ in range(5):
        async with linked(lab) as link:
            switch = link.switch

            async def connected(switch: AriSwitch = switch) -> bool:
                return switch.link.is_connected

            await polled(connected, "connected")
            ping = Request("GET", "asterisk/ping")
            answers = await asyncio.gather(*(link.switch.link.request(ping) for _ in range(3)))
            assert [answer["ping"] for answer in answers] == ["pong"] * 3


async def test_a_frame_that_asterisk_does_not_answer_costs_its_own_timeout_only(link: Linked) -> None:
    garbled = asyncio.create_task(link.switch.link.request(Garbled("GET", "x"), timeout_s=0.3))
    assert await link.switch.booted_at() == link.diary.boots[0]
    with pytest.raises(TimedOut):
        await garbled


async def test_a_refusal_tells_asterisks_reason(link: Linked) -> None:
    with pytest.raises(Refused, match="Channel not found") as refusal:
        await link.switch.go_on(ChannelId("c-nobody"), context="obz-out", exten="safe")
    assert refusal.value.status == 404


async def test_a_trunk_that_asterisk_does_not_know_is_named(link: Linked) -> None:
    with pytest.raises(Refused, match="no way to 'nowhere'"):
        await link.switch.originate(
            Outgoing(
                link.channel(),
                endpoint="PJSIP/79000100001@nowhere",
                context="obz-out",
                exten="answered",
                caller_id="74950000000",
                timeout_s=30,
            )
        )


async def test_events_that_say_nothing_new_are_not_sent(link: Linked) -> None:
    channel = await link.call()
    await link.diary.hears(channel, EnteredApp)
    await link.switch.hang_up(channel)
    await link.diary.hears(channel, Destroyed)
    kinds = [event["type"] for event in link.diary.raw]
    assert set(kinds) <= set(WANTED)
    assert len(kinds) <= 16


async def test_no_sign_changes_on_its_way(link: Linked) -> None:
    channel = await link.call()
    await link.diary.hears(channel, EnteredApp)
    asked = Request("GET", f"channels/{channel}/variable", {"variable": "OBZ_TEST"})
    for value in ("a+b", "100%", "%41", "a&b=c", "Иванов", 'say "so"', "a;b"):
        await link.switch.set_variable(channel, "OBZ_TEST", value)
        assert await link.switch.link.request(asked) == {"value": value}
    await link.switch.hang_up(channel)


async def test_events_come_at_once_and_not_after_forty_milliseconds(link: Linked) -> None:
    """Without quick acknowledgements the median is 42 ms: Asterisk's Nagle waits for our delayed ACK."""
    for _ in range(30):
        channel = await link.call(BUSY)
        await link.diary.hears(channel, Destroyed)
    assert len(link.diary.lags) > 100
    print(f"\nevent lag: {figures(link.diary.lags)}")
    assert statistics.median(link.diary.lags) < 0.020


async def test_requests_come_back_at_once(link: Linked) -> None:
    pings, originates = [], []
    for _ in range(200):
        started = time.perf_counter()
        await link.switch.link.request(Request("GET", "asterisk/ping"))
        pings.append(time.perf_counter() - started)
    for _ in range(30):
        started = time.perf_counter()
        channel = await link.call(BUSY)
        originates.append(time.perf_counter() - started)
        await link.diary.hears(channel, Destroyed)
    print(f"\nping: {figures(pings)}, originate: {figures(originates)}")
    assert statistics.median(pings) < 0.020


async def test_an_originate_does_not_wait_for_a_name_lookup(link: Linked) -> None:
    """Where the host's own name is in no hosts file each takes 200 ms, one after another."""
    started = time.perf_counter()
    channels = await asyncio.gather(*(link.call(BUSY) for _ in range(10)))
    assert time.perf_counter() - started < 1.0
    for channel in channels:
        await link.diary.hears(channel, Destroyed)


async def test_a_second_dialer_on_the_same_port_is_told_so(lab: Lab, link: Linked) -> None:
    with pytest.raises(Fatal, match="taken"):
        await Listener("127.0.0.1", link.listener.port).start()


async def test_alerting_and_answer_carry_asterisks_own_time(link: Linked) -> None:
    channel = await link.call()
    answered = await link.diary.hears(channel, Answered)
    rang = link.diary.of(channel, Alerted)[0]
    assert 0.05 < (answered.at - rang.at).total_seconds() < 0.5
    await link.switch.hang_up(channel)
    await link.diary.hears(channel, Destroyed)


def figures(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    return f"p50 {p50 * 1000:.2f} ms, p99 {p99 * 1000:.2f} ms of {len(ordered)}"
