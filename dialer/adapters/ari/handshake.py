"""The beginning of a websocket, so that its socket is ours from then on: no server stands in between."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import socket
from dataclasses import dataclass

import h11
from aiohttp.http_websocket import WS_KEY

LARGEST_HEAD = 16_384
WITHIN_S = 5.0  # a peer that says nothing does not keep its place
SUBPROTOCOL = "ari"


@dataclass(frozen=True, slots=True)
class Knock:
    """Who asks to come in, and how."""

    method: str
    path: str
    authorization: str
    key: str  # of the websocket; empty for none

    def answer(self) -> bytes:
        """Lets it in."""
        accept = base64.b64encode(hashlib.sha1(self.key.encode() + WS_KEY, usedforsecurity=False).digest())
        return _response(
            101,
            "Switching Protocols",
            Upgrade="websocket",
            Connection="Upgrade",
            Sec_WebSocket_Accept=accept.decode(),
            Sec_WebSocket_Protocol=SUBPROTOCOL,
        )


async def heard(sock: socket.socket) -> Knock | None:
    """What it asks for; None for what is no request, or none within the time."""
    loop, parser = (
        asyncio.get_running_loop(),
        h11.Connection(h11.SERVER, max_incomplete_event_size=LARGEST_HEAD),
    )
    try:
        async with asyncio.timeout(WITHIN_S):
            while (event := parser.next_event()) is h11.NEED_DATA:
                parser.receive_data(await loop.sock_recv(sock, LARGEST_HEAD))
    except (OSError, TimeoutError, h11.ProtocolError):
        return None
    if not isinstance(event, h11.Request):
        return None
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in event.headers}
    is_websocket = headers.get("upgrade", "").lower() == "websocket"
    return Knock(
        event.method.decode("latin-1"),
        event.target.decode("latin-1").partition("?")[0],
        headers.get("authorization", ""),
        headers.get("sec-websocket-key", "") if is_websocket else "",
    )


def refusal(status: int, reason: str, **headers: str) -> bytes:
    """Keeps it outside."""
    return _response(status, reason, Connection="close", Content_Length="0", **headers)


def _response(status: int, reason: str, **headers: str) -> bytes:
    lines = (f"{name.replace('_', '-')}: {value}" for name, value in headers.items())
    return "\r\n".join((f"HTTP/1.1 {status} {reason}", *lines, "", "")).encode("latin-1")
