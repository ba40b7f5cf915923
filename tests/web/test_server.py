"""The server says where it is, stops in time, and names the setting when it cannot start."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from typing import Any

import pytest

from dialer.domain.errors import Fatal
from dialer.web.server import serve


async def _start(app: Any, **options: Any) -> tuple[asyncio.Task[None], int]:
    bound: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(
        serve(app, "127.0.0.1", 0, on_bound=lambda host, port: bound.set_result(port), **options)
    )
    return task, await asyncio.wait_for(bound, 10)


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_taken_port_is_told_with_the_setting_that_mends_it() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Fatal, match=f"port {port} on 127.0.0.1 is taken .* DIALER_API_PORT"):
            await serve(None, "127.0.0.1", port)  # type: ignore[arg-type]  # it never gets so far


async def test_a_part_without_the_api_names_its_own_setting() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        named = ("DIALER_HEALTH_BIND", "DIALER_AGI_HEALTH_PORT")
        with pytest.raises(Fatal, match="set DIALER_AGI_HEALTH_PORT"):
            await serve(None, "127.0.0.1", other.getsockname()[1], named=named)  # type: ignore[arg-type]


async def test_an_address_of_another_machine_is_told_with_its_setting() -> None:
    with pytest.raises(Fatal, match="DIALER_API_BIND"):
        await serve(None, "192.0.2.1", 0)  # type: ignore[arg-type]  # it never gets so far


async def test_a_request_that_never_ends_does_not_hold_up_the_stop() -> None:
    began = asyncio.Event()

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        began.set()
        await asyncio.Event().wait()

    task, port = await _start(endless, stop_s=1)
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.wait_for(began.wait(), 5)
    before = time.monotonic()
    await _stop(task)
    assert time.monotonic() - before < 3.5
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_request_under_way_is_answered_before_the_stop() -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        began.set()
        await go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    task, port = await _start(slow)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.wait_for(began.wait(), 5)
    task.cancel()
    go_on.set()
    answer = await asyncio.wait_for(reader.read(), 5)
    assert answer.endswith(b"4\r\ndone\r\n0\r\n\r\n")
    await _stop(task)
    writer.close()
