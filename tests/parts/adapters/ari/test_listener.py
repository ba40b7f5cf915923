"""Who may come in, tried with a pretended Asterisk on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from dialer.adapters.ari import listener as listener_module
from dialer.adapters.ari.connection import RawEvent
from dialer.adapters.ari.link import Link
from dialer.adapters.ari.listener import Credentials, Listener
from dialer.domain.errors import Fatal
from dialer.domain.types import CellId


class Quiet:
    """A link's user that wants nothing."""

    def took(self, event: RawEvent) -> None: ...
    async def set_up(self) -> None: ...
    def saw_link(self, is_ready: bool) -> None: ...
    def saw_lag(self, lag_s: float) -> None: ...


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    listener = Listener("127.0.0.1", 0)
    for cell in ("north", "south"):
        listener.add(Link(CellId(cell), "dialer", Quiet()), Credentials("dialer", f"secret-{cell}"))
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop()


async def knock(listener: Listener, cell: str, user: str, password: str) -> int:
    """The status of a handshake: 101 is a websocket."""
    headers = {"Authorization": aiohttp.encode_basic_auth(user, password)}
    async with aiohttp.ClientSession(headers=headers) as session:
        try:
            async with session.ws_connect(f"http://127.0.0.1:{listener.port}/ari/{cell}", protocols=("ari",)):
                return 101
        except aiohttp.WSServerHandshakeError as refusal:
            return refusal.status


async def test_each_cell_comes_in_by_its_own_path_and_password() -> None:
    async with listening() as listener:
        assert await knock(listener, "north", "dialer", "secret-north") == 101
        assert await knock(listener, "south", "dialer", "secret-south") == 101


@pytest.mark.parametrize(
    ("cell", "user", "password"),
    [
        ("north", "dialer", "secret-south"),
        ("north", "dialer", ""),
        ("north", "someone", "secret-north"),
        ("west", "dialer", "secret-north"),
        ("west", "", ""),
    ],
)
async def test_a_wrong_cell_user_or_password_is_refused_and_counted(
    cell: str, user: str, password: str
) -> None:
    async with listening() as listener:
        assert await knock(listener, cell, user, password) == 401
        assert listener.refused == 1


async def test_a_handshake_without_any_credentials_is_refused() -> None:
    async with listening() as listener, aiohttp.ClientSession() as session:
        answer = await session.get(f"http://127.0.0.1:{listener.port}/ari/west")
        assert answer.status == 401


async def test_a_port_that_is_taken_is_fatal_and_the_sentence_names_it() -> None:
    async with listening() as first:
        with pytest.raises(Fatal, match=f"127.0.0.1:{first.port}.*taken.*another port"):
            await Listener("127.0.0.1", first.port).start()


async def test_an_address_that_this_machine_does_not_have_is_fatal() -> None:
    with pytest.raises(Fatal, match="no such address"):
        await Listener("192.0.2.1", 0).start()


async def test_a_stop_does_not_wait_for_a_peer_that_never_says_goodbye(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listener_module, "GOODBYE_S", 0.05)
    async with listening() as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(
            b"GET /ari/north HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
            b"Authorization: " + Credentials("dialer", "secret-north").header() + b"\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        async with asyncio.timeout(1):
            await listener.stop()
        writer.close()
