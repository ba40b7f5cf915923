"""Slow and many clients: heads have a time limit, connections a ceiling, and wrong tokens wait."""

from __future__ import annotations

import asyncio
import contextlib
import resource
from datetime import timedelta

import aiohttp
import pytest

from dialer.adapters.secrets import new_token
from dialer.web import connections, patience, shield
from dialer.web.connections import LEAST, MOST, BoundedProtocol, ceiling
from tests.web.conftest import Api
from tests.web.world import NOW, World

HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same limits, reached sooner."""
    monkeypatch.setattr(BoundedProtocol, "head_s", 0.2)
    monkeypatch.setattr(connections, "ceiling", lambda: 8)


async def closed(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(5):
        return await reader.read()


@pytest.mark.parametrize("sent", [b"", b"GET /hea", HEAD, HEAD + b"X: " + b"y" * 100])
async def test_a_head_that_does_not_end_is_cut(api: Api, sent: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(sent)
    assert b"408" in await closed(reader)
    writer.close()


async def test_a_head_that_comes_letter_by_letter_is_cut_all_the_same(api: Api) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    done = asyncio.create_task(closed(reader))
    while not done.done():
        writer.write(b"x")
        await asyncio.sleep(0.02)
    assert b"408" in await done
    writer.close()


async def test_a_body_that_stays_away_is_given_up_and_one_that_comes_in_pieces_is_not(
    world: World, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shield, "BODY_S", 0.3)
    admin = world.tokens["admin"]
    head = f"POST /v1/dnc HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {admin}\r\n"
    head += "Content-Type: application/json\r\n"
    body = b'{"entry": "+79161234567", "reason": "asked"}'
    for pieces, status in ((body[:9],), b"408"), ((body[:9], body[9:20], body[20:]), b"201"):
        reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode())
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.15)
        assert (await reader.readuntil(b"\r\n")).split()[1] == status
        writer.close()


async def test_the_second_request_of_a_connection_has_the_limit_too_and_may_come_late(api: Api) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    for _ in range(2):
        writer.write(HEAD + b"\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"200 OK" in head
        (length,) = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
        await reader.readexactly(int(length.split(b":")[1]))
        await asyncio.sleep(0.4)  # longer than a head may take: nothing was begun
    writer.write(b"GET /hea")
    assert b"408" in await closed(reader)
    writer.close()


async def test_connections_over_the_ceiling_are_closed_and_the_others_go_on(api: Api) -> None:
    async with asyncio.timeout(10):
        held = [await asyncio.open_connection("127.0.0.1", api.port) for _ in range(8)]
        refused, its = await asyncio.open_connection("127.0.0.1", api.port)
        with contextlib.suppress(ConnectionError):
            assert await refused.read() == b""
        its.close()
        reader, writer = held[0]
        writer.write(HEAD + b"Connection: close\r\n\r\n")
        assert b"200 OK" in await reader.read()
        for _, other in held:
            other.close()
        while True:  # places are free again
            try:
                async with api["viewer"].get("/healthz") as answer:
                    assert answer.status == 200
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)


def test_the_ceiling_is_below_the_descriptors_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for soft, wanted in ((1024, 256), (65536, MOST), (10, LEAST), (resource.RLIM_INFINITY, MOST)):
        monkeypatch.setattr(resource, "getrlimit", lambda which, soft=soft: (soft, soft))
        assert ceiling() == wanted


async def test_wrong_tokens_are_slowed_and_a_right_one_of_the_same_address_is_not(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "FREE", 1)
    monkeypatch.setattr(patience, "FIRST_S", 2.0)
    wrong = {"Authorization": f"Bearer obz_{'x' * 43}"}

    async def guess() -> int:
        async with api["nobody"].get("/v1/me", headers=wrong) as answer:
            return answer.status

    assert await guess() == 401
    waiting = asyncio.create_task(guess())
    await asyncio.sleep(0.1)
    async with api["viewer"].get("/v1/me") as answer:
        assert answer.status == 200
    assert not waiting.done(), "a right token waits for nobody"
    assert await waiting == 401


async def test_a_token_that_has_expired_is_told_so(world: World, api: Api) -> None:
    text, digest = new_token()
    await world.stores.tokens.add("crm", "viewer", sha256=digest, now=NOW, expires_at=NOW)
    async with api["nobody"].get("/v1/me", headers={"Authorization": f"Bearer {text}"}) as answer:
        problem = await answer.json()
        assert (answer.status, "expired at" in problem["detail"]) == (401, True)
    wish = {"name": "crm", "role": "viewer", "days": 30}
    async with api["admin"].post("/v1/tokens", json=wish) as answer:
        made = await answer.json()
        assert answer.status == 201, "its name is free again"
    assert made["expires_at"] == (NOW + timedelta(days=30)).isoformat().replace("+00:00", "Z")
    async with api["nobody"].get("/v1/me", headers={"Authorization": f"Bearer {made['token']}"}) as answer:
        assert answer.status == 200
