"""A connection is taken up by the next life, silenced before its end, kept while Asterisk is frozen."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp.http import WebSocketReader, WebSocketWriter, WSMsgType

from dialer.adapters.ari import link as link_module
from dialer.adapters.ari import listener as listener_module
from dialer.adapters.ari.connection import Inbox, RawEvent, Request
from dialer.adapters.ari.link import Link
from dialer.adapters.ari.listener import Credentials, Listener
from dialer.domain.errors import LinkDown
from dialer.domain.types import CellId
from tests.shelf import Shelf

WHO = Credentials("dialer", "secret")
PING = Request("GET", "asterisk/ping")
SILENCE = {"allowed": [{"type": "RESTResponse"}], "disallowed": []}


@dataclass
class Diary:
    """A link's user that writes down what it is told."""

    lines: list[str] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def took(self, event: RawEvent) -> None:
        self.write(event["type"])

    async def set_up(self) -> None:
        self.write("set up")

    def saw_link(self, is_ready: bool) -> None:
        self.write("ready" if is_ready else "down")

    def saw_lag(self, lag_s: float) -> None: ...

    def write(self, line: str) -> None:
        self.lines.append(line)
        self.news.set()

    async def has(self, *lines: str) -> None:
        try:
            async with asyncio.timeout(4):
                while self.lines != list(lines):
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            assert self.lines == list(lines)


class Asterisk:
    """The far end, frame by frame: it answers nothing by itself, pings included."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._protocol = writer.transport.get_protocol()
        loose: Any = self._protocol
        loose._paused = False  # as aiohttp's own protocol has it
        self._out = WebSocketWriter(loose, writer.transport, use_mask=True)  # type: ignore[arg-type]
        self._inbox = Inbox(loose)
        self._in = WebSocketReader(self._inbox, 0, compress=False, decode_text=True)

    @property
    def port(self) -> int:
        return int(self._writer.get_extra_info("sockname")[1])

    async def say(self, *frames: dict[str, Any]) -> None:
        for frame in frames:
            await self._out.send_frame(json.dumps(frame).encode(), WSMsgType.TEXT)

    async def say_bytes(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def hear(self, kind: WSMsgType = WSMsgType.TEXT) -> Any:
        """The next frame of this kind: a request, what a ping holds."""
        async with asyncio.timeout(4):
            while True:
                for at, message in enumerate(self._inbox.messages):
                    if message.type is kind:
                        del self._inbox.messages[at]
                        return json.loads(message.data) if kind is WSMsgType.TEXT else message.data
                data = await self._reader.read(65_536)
                if not data:
                    raise EOFError
                self._in.feed_data(data)

    async def pong(self) -> None:
        await self._out.send_frame(bytes(await self.hear(WSMsgType.PING)), WSMsgType.PONG)

    async def answer(self, request: dict[str, Any], body: object = None) -> None:
        await self.say(
            {
                "type": "RESTResponse",
                "request_id": request["request_id"],
                "status_code": 200,
                "message_body": json.dumps(body),
            }
        )

    async def registers(self) -> None:
        await self.say({"type": "ApplicationRegistered", "application": "dialer"})

    async def is_hung_up_on(self) -> bool:
        with pytest.raises(EOFError):
            await self.hear(WSMsgType.BINARY)
        return True

    def goes(self) -> None:
        self._writer.transport.abort()


@asynccontextmanager
async def asterisk(port: int) -> AsyncIterator[Asterisk]:
    """One that has shaken hands."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    key = base64.b64encode(bytes(16)).decode()
    writer.write(
        f"GET /ari/main HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: ari\r\n"
        f"Authorization: {WHO.header().decode()}\r\n\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101")
    try:
        yield Asterisk(reader, writer)
    finally:
        writer.transport.abort()


@dataclass
class Life:
    diary: Diary
    link: Link
    listener: Listener


@asynccontextmanager
async def life(shelf: Shelf, port: int = 0, *, heartbeat_s: float = 60.0) -> AsyncIterator[Life]:
    diary = Diary()
    link = Link(CellId("main"), "dialer", diary)
    listener = Listener("127.0.0.1", port, store=shelf, heartbeat_s=heartbeat_s)
    listener.add(link, WHO)
    await listener.start()
    try:
        yield Life(diary, link, listener)
    finally:
        await listener.stop()


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    it = Shelf()
    yield it
    it.clear()


async def test_the_next_life_reads_what_lay_there_and_is_set_up_by_the_answer_to_its_ping(
    shelf: Shelf,
) -> None:
    async with life(shelf) as first:
        port = first.listener.port
        async with asterisk(port) as far:
            await far.registers()
            await first.diary.has("set up", "ready")
            await first.listener.stop()
            await far.say({"type": "A"}, {"type": "B"})
            async with life(shelf, port) as second:
                await second.diary.has("A", "B")
                await far.say({"type": "C"})
                await far.pong()
                await second.diary.has("A", "B", "C", "set up", "ready")
                assert first.diary.lines == ["set up", "ready", "down"]
                asking = asyncio.create_task(second.link.request(PING))
                await far.answer(await far.hear(), "pong")
                assert await asking == "pong"
                shelf.goes_on = False
                ending = asyncio.create_task(second.listener.stop())
                await far.answer(await far.hear())
                await far.hear(WSMsgType.CLOSE)
                far.goes()
                await ending
    assert shelf.names == []


async def test_half_a_frame_that_one_life_has_seen_is_a_whole_one_for_the_next(shelf: Shelf) -> None:
    text = b'{"type": "A"}'
    frame = bytes([0x81, len(text)]) + text
    for cut in range(1, len(frame)):
        async with life(shelf) as first, asterisk(first.listener.port) as far:
            await far.registers()
            await far.say_bytes(frame + frame[:cut])
            await first.diary.has("A", "set up", "ready")
            await first.listener.stop()
            async with life(shelf, 0) as second:
                await far.say_bytes(frame[cut:])
                await second.diary.has("A")
        shelf.clear()


async def test_an_answer_to_a_request_of_the_life_before_is_nobodys(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with life(shelf) as first, asterisk(first.listener.port) as far:
        await far.registers()
        asking = asyncio.create_task(first.link.request(PING))
        old = await far.hear()
        await first.listener.stop()
        with pytest.raises(LinkDown):
            await asking
        monkeypatch.setattr("dialer.adapters.ari.connection.LIFE", "another")
        async with life(shelf) as second:
            await far.pong()
            await second.diary.has("set up", "ready")
            asking = asyncio.create_task(second.link.request(PING))
            new = await far.hear()
            await far.answer(old, "old")
            await far.answer(new, "new")
            assert await asking == "new"


async def test_the_port_stays_open_between_two_lives(shelf: Shelf) -> None:
    async with life(shelf) as first:
        port = first.listener.port
    with socket.create_connection(("127.0.0.1", port)):
        async with life(shelf, port), asterisk(port):
            pass


async def test_a_port_that_was_changed_is_closed_and_the_new_one_opened(shelf: Shelf) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        other = taken.getsockname()[1]
    async with life(shelf) as first:
        port = first.listener.port
    async with life(shelf, other) as second:
        assert second.listener.port == other
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


async def test_a_connection_that_ends_is_forgotten_and_nobody_holds_it(shelf: Shelf) -> None:
    async with life(shelf) as its:
        async with asterisk(its.listener.port) as far:
            await far.registers()
            await its.diary.has("set up", "ready")
            assert len(shelf.names) == 2
        await its.diary.has("set up", "ready", "down")
        await asyncio.sleep(0)
        assert shelf.names == ["door"]


async def test_silence_comes_before_the_goodbye_and_the_goodbye_waits_for_its_answer(shelf: Shelf) -> None:
    shelf.goes_on = False
    async with life(shelf) as its, asterisk(its.listener.port) as far:
        await far.registers()
        await its.diary.has("set up", "ready")
        ending = asyncio.create_task(its.listener.stop())
        asked = await far.hear()
        assert (asked["method"], asked["uri"]) == ("PUT", "applications/dialer/eventFilter")
        assert json.loads(asked["message_body"]) == SILENCE
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await far.hear(WSMsgType.CLOSE)
        await far.say({"type": "Last"})
        await far.answer(asked)
        await far.hear(WSMsgType.CLOSE)
        far.goes()
        await ending
        assert its.link.is_silenced
        assert its.diary.lines[:3] == ["set up", "ready", "Last"]


async def test_a_frozen_asterisk_is_never_hung_up_on_and_set_up_anew_when_it_is_heard_again(
    shelf: Shelf,
) -> None:
    async with life(shelf, heartbeat_s=0.1) as its, asterisk(its.listener.port) as far:
        await far.registers()
        await its.diary.has("set up", "ready")
        asking = asyncio.create_task(its.link.request(PING, timeout_s=60))
        await its.diary.has("set up", "ready", "down")
        with pytest.raises(LinkDown):
            await asking
        with pytest.raises(LinkDown, match="connected and does not answer"):
            await its.link.request(PING)
        assert its.link.is_frozen
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await far.hear(WSMsgType.CLOSE)
        await far.say({"type": "Late"})
        for _ in range(2):
            await far.pong()
        await its.diary.has("set up", "ready", "down", "Late", "set up", "ready")
        assert not its.link.is_frozen


async def test_a_first_connection_that_answers_is_silenced_and_told_goodbye_when_a_second_comes(
    shelf: Shelf,
) -> None:
    async with life(shelf) as its, asterisk(its.listener.port) as old:
        await old.registers()
        await its.diary.has("set up", "ready")
        async with asterisk(its.listener.port) as new:
            await old.answer(await old.hear())
            await old.hear(WSMsgType.CLOSE)
            old.goes()
            await new.registers()
            await its.diary.has("set up", "ready", "down", "set up", "ready")


async def test_a_first_connection_that_does_not_answer_is_read_on_and_tells_nothing(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "PATIENCE_S", 0.05)
    async with life(shelf) as its, asterisk(its.listener.port) as old:
        await old.registers()
        await its.diary.has("set up", "ready")
        async with asterisk(its.listener.port) as new:
            await new.registers()
            await its.diary.has("set up", "ready", "down", "set up", "ready")
            await old.say({"type": "Stale"})
            await new.say({"type": "Fresh"})
            await its.diary.has("set up", "ready", "down", "set up", "ready", "Fresh")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await old.hear(WSMsgType.CLOSE)


async def test_who_says_nothing_after_he_has_come_in_does_not_keep_his_place(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener_module.handshake, "WITHIN_S", 0.05)
    async with life(shelf) as its:
        reader, writer = await asyncio.open_connection("127.0.0.1", its.listener.port)
        writer.write(b"GET /ari/main HTTP/1.1\r\n")
        async with asyncio.timeout(2):
            assert await reader.read() == b""
        writer.close()


async def test_a_host_name_with_several_addresses_is_listened_on_at_each_and_kept(shelf: Shelf) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    listener = Listener("localhost", port, store=shelf)
    await listener.start()
    addresses = {found[4][0] for found in socket.getaddrinfo("localhost", port, type=socket.SOCK_STREAM)}
    assert shelf.names == ["door"] * len(addresses)
    await listener.stop()
    for address in addresses:
        socket.create_connection((address, port)).close()
    again = Listener("localhost", port, store=shelf)
    await again.start()
    assert shelf.names == ["door"] * len(addresses)
    shelf.goes_on = False
    await again.stop()
    assert shelf.names == []
    for address in addresses:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address, port))


async def test_a_bind_that_was_changed_waits_until_the_old_port_is_given_back() -> None:
    """The holder closes its copy when it has read that it may, which is later than our own is closed."""

    class Slow(Shelf):
        def forget(self, name: str) -> None:
            asyncio.get_running_loop().call_later(0.2, super().forget, name)

    shelf = Slow()
    async with life(shelf) as first:
        port = first.listener.port
    listener = Listener("0.0.0.0", port, store=shelf)
    await listener.start()
    assert listener.port == port
    await listener.stop()
    shelf.clear()
