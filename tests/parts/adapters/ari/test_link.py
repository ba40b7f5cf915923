"""The link's promises, tried with a pretended Asterisk whose every frame the test chooses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from dialer.adapters.ari import link as link_module
from dialer.adapters.ari.connection import RawEvent, Request
from dialer.adapters.ari.link import Link
from dialer.adapters.ari.listener import Credentials, Listener
from dialer.domain.errors import BadValue, Fatal, LinkDown, Refused, TimedOut
from dialer.domain.types import CellId

NOW = datetime(2025, 1, 1, 12, 0, 0, tzinfo=UTC)
WHO = {"Authorization": aiohttp.encode_basic_auth("dialer", "secret")}
PING = Request("GET", "asterisk/ping")
REGISTERED = {"type": "ApplicationRegistered", "application": "dialer"}


@dataclass
class Diary:
    """A link's user that writes down what it is told; `trouble` makes its next set-ups fail."""

    lines: list[str] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    trouble: list[Exception] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def took(self, event: RawEvent) -> None:
        if event["type"] == "Poison":
            raise ValueError("cannot be taken")
        self.write(event["type"])

    async def set_up(self) -> None:
        self.write("set up")
        if self.trouble:
            raise self.trouble.pop()

    def saw_link(self, is_ready: bool) -> None:
        self.write("ready" if is_ready else "down")

    def saw_lag(self, lag_s: float) -> None:
        self.lags.append(lag_s)

    def write(self, line: str) -> None:
        self.lines.append(line)
        self.news.set()

    async def has(self, *lines: str) -> None:
        """Waits until exactly these lines are written."""
        try:
            async with asyncio.timeout(3):
                while self.lines != list(lines):
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            assert self.lines == list(lines)


class Asterisk:
    """The far end: sends what it is told and answers requests by hand."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def say(self, *frames: dict[str, Any]) -> None:
        for frame in frames:
            await self.socket.send_json(frame)

    async def hear(self) -> dict[str, Any]:
        frame: dict[str, Any] = await self.socket.receive_json(timeout=3)
        return frame

    async def answer(self, request: dict[str, Any], status: int, body: object) -> None:
        await self.say(
            {
                "type": "RESTResponse",
                "request_id": request["request_id"],
                "status_code": status,
                "reason_phrase": "Phrase",
                "message_body": json.dumps(body),
            }
        )


@dataclass
class Stage:
    link: Link
    diary: Diary
    listener: Listener
    session: aiohttp.ClientSession

    @asynccontextmanager
    async def asterisk(self) -> AsyncIterator[Asterisk]:
        url = f"http://127.0.0.1:{self.listener.port}/ari/main"
        async with self.session.ws_connect(url, protocols=("ari",)) as socket:
            yield Asterisk(socket)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    diary = Diary()
    link = Link(CellId("main"), "dialer", diary, now=lambda: NOW)
    listener = Listener("127.0.0.1", 0)
    listener.add(link, Credentials("dialer", "secret"))
    await listener.start()
    async with aiohttp.ClientSession(headers=WHO) as session:
        yield Stage(link, diary, listener, session)
    await listener.stop()


def event(kind: str, at: datetime = NOW) -> dict[str, str]:
    return {"type": kind, "timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")}


async def test_without_a_connection_a_request_fails_at_once(stage: Stage) -> None:
    with pytest.raises(LinkDown, match="main"):
        await stage.link.request(PING, timeout_s=60)


async def test_a_request_right_behind_the_handshake_waits_for_the_registration(stage: Stage) -> None:
    async with stage.asterisk() as asterisk:
        asking = asyncio.create_task(stage.link.request(PING))
        with pytest.raises(TimeoutError):
            await asterisk.socket.receive(timeout=0.05)
        await asterisk.say(REGISTERED)
        await asterisk.answer(await asterisk.hear(), 200, {"ping": "pong"})
        assert await asking == {"ping": "pong"}


async def test_the_outage_is_replayed_in_order_before_the_link_is_ready(stage: Stage) -> None:
    async with stage.asterisk() as asterisk:
        await asterisk.say(event("A"), event("B"), event("C"), REGISTERED, event("D"))
        await stage.diary.has("A", "B", "C", "D", "set up", "ready")


async def test_only_live_events_count_as_late(stage: Stage) -> None:
    async with stage.asterisk() as asterisk:
        await asterisk.say(
            event("Old", NOW - timedelta(hours=1)), REGISTERED, event("New", NOW - timedelta(seconds=2))
        )
        await stage.diary.has("Old", "New", "set up", "ready")
    assert stage.diary.lags == [2.0]


async def test_every_registration_sets_up_again(stage: Stage) -> None:
    async with stage.asterisk() as asterisk:
        await asterisk.say(REGISTERED)
        await stage.diary.has("set up", "ready")
    await stage.diary.has("set up", "ready", "down")
    async with stage.asterisk() as asterisk:
        await asterisk.say(REGISTERED)
        await stage.diary.has("set up", "ready", "down", "set up", "ready")


@pytest.mark.parametrize(
    "trouble", [Refused(503, "Asterisk not booted"), BadValue("no host"), KeyError("status")]
)
async def test_a_set_up_that_fails_in_any_way_is_tried_again_and_requests_wait(
    stage: Stage, trouble: Exception
) -> None:
    stage.diary.trouble.append(trouble)
    async with stage.asterisk() as asterisk:
        await asterisk.say(REGISTERED)
        await stage.diary.has("set up", "set up", "ready")


async def test_a_set_up_that_never_ends_leaves_a_request_with_its_own_timeout(stage: Stage) -> None:
    stage.diary.trouble.extend([Refused(503, "Asterisk not booted")] * 1000)
    async with stage.asterisk() as asterisk:
        await asterisk.say(REGISTERED)
        await stage.diary.has("set up")
        with pytest.raises(TimedOut, match="was not sent"):
            await stage.link.request(PING, timeout_s=0.05)


async def test_a_refusal_carries_asterisks_own_reason_and_status(stage: Stage) -> None:
    async with stage.asterisk() as asterisk:
        await asterisk.say(REGISTERED)
        asking = asyncio.create_task(stage.link.request(PING))
        await asterisk.answer(await asterisk.hear(), 404, {"message": "Channel not found"})
        with pytest.raises(Refused, match="Channel not found") as refusal:
            await asking
        assert refusal.value.status == 404


async def test_answers_find_their_requests_in_any_order(stage: Stage) -> None:
    async with stage.asterisk() as asterisk:
        await asterisk.say(REGISTERED)
        asking = [asyncio.create_task(stage.link.request(Request("GET", f"channels/{n}"))) for n in range(5)]
        heard = [await asterisk.hear() for _ in range(5)]
        for request in reversed(heard):
            await asterisk.answer(request, 200, request["uri"])
        assert await asyncio.gather(*asking) == [f"channels/{n}" for n in range(5)]


async def test_a_request_without_an_answer_times_out_alone_and_a_late_answer_does_no_harm(
    stage: Stage,
) -> None:
    async with stage.asterisk() as asterisk:
        await asterisk.say(REGISTERED)
        slow = asyncio.create_task(stage.link.request(Request("GET", "slow"), timeout_s=0.05))
        ignored = await asterisk.hear()
        with pytest.raises(TimedOut, match="GET slow"):
            await slow
        await asterisk.answer(ignored, 200, "too late")
        asking = asyncio.create_task(stage.link.request(PING))
        await asterisk.answer(await asterisk.hear(), 200, "fine")
        assert await asking == "fine"
        assert stage.link.under_way == 0


async def test_requests_under_way_fail_when_the_link_goes_down(stage: Stage) -> None:
    async with stage.asterisk() as asterisk:
        await asterisk.say(REGISTERED)
        asking = asyncio.create_task(stage.link.request(PING, timeout_s=60))
        await asterisk.hear()
    with pytest.raises(LinkDown, match="closed before it answered"):
        await asking


async def test_an_event_that_cannot_be_taken_does_not_deafen_us(stage: Stage) -> None:
    async with stage.asterisk() as asterisk:
        await asterisk.say(REGISTERED, {"type": "Poison"}, {"type": "Fine"}, {"no": "type"}, {"type": "Last"})
        await stage.diary.has("Fine", "Last", "set up", "ready")
    assert stage.link.failed_events == 2


async def test_a_frame_that_is_no_json_is_skipped(stage: Stage) -> None:
    async with stage.asterisk() as asterisk:
        await asterisk.socket.send_str("{")
        await asterisk.socket.send_str("[1]")
        await asterisk.say(REGISTERED)
        await stage.diary.has("set up", "ready")


async def test_a_newer_connection_replaces_an_older_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "PATIENCE_S", 0.05)
    async with stage.asterisk() as old:
        await old.say(REGISTERED)
        await stage.diary.has("set up", "ready")
        async with stage.asterisk() as new:
            await new.say(event("Replayed"), REGISTERED)
            await stage.diary.has("set up", "ready", "down", "Replayed", "set up", "ready")
            asking = asyncio.create_task(stage.link.request(PING))
            await new.answer(await new.hear(), 200, "new")
            assert await asking == "new"


async def test_a_taken_over_application_is_fatal_with_a_sentence(stage: Stage) -> None:
    async with stage.asterisk() as asterisk:
        await asterisk.say(REGISTERED, {"type": "ApplicationReplaced", "application": "dialer"})
        with pytest.raises(Fatal, match="taken over the Stasis application 'dialer'"):
            async with asyncio.timeout(3):
                await stage.link.run()


async def test_another_applications_fate_is_not_ours(stage: Stage) -> None:
    async with stage.asterisk() as asterisk:
        await asterisk.say(REGISTERED, {"type": "ApplicationReplaced", "application": "doctor"})
        await stage.diary.has("ApplicationReplaced", "set up", "ready")


async def test_asterisks_goodbye_is_answered_at_once(stage: Stage) -> None:
    async with stage.asterisk() as asterisk:
        await asterisk.say(REGISTERED)
        await stage.diary.has("set up", "ready")
        async with asyncio.timeout(1):
            assert await asterisk.socket.close()
        await stage.diary.has("set up", "ready", "down")
