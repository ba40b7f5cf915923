"""One websocket that Asterisk has opened to us: events in, REST requests out, until it closes."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from dialer.domain.errors import LinkDown, Refused, TimedOut

RawEvent = dict[str, Any]  # one event as Asterisk's JSON says it

FRAMES_PER_TURN = 64  # a replay of thousands of events must not starve the rest of the loop


@dataclass(frozen=True, slots=True)
class Request:
    """One REST request; `path` starts below /ari and carries no number, so errors may quote it."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: object = None

    def frame(self, request_id: str) -> str:
        """The request as the frame that Asterisk expects."""
        frame: dict[str, object] = {
            "type": "RESTRequest",
            "request_id": request_id,
            "method": self.method,
            "uri": self.path,
        }
        if self.query:
            frame["query_strings"] = [{"name": name, "value": value} for name, value in self.query.items()]
        if self.body is not None:
            frame["content_type"] = "application/json"
            frame["message_body"] = json.dumps(self.body)
        return json.dumps(frame)


class Connection:
    """Lives as long as its socket; a request that is under way when it closes raises LinkDown."""

    def __init__(self, peer: web.WebSocketResponse, transport: asyncio.Transport) -> None:
        self._peer = peer
        self._transport = transport
        self._socket: socket.socket = transport.get_extra_info("socket")
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._ids = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[RawEvent]] = {}
        self._is_closed = False
        self.late_answers = 0  # answers that came after their request had timed out
        self.strange_frames = 0  # neither event nor answer

    @property
    def under_way(self) -> int:
        """Requests that wait for their answer."""
        return len(self._waiting)

    async def read(self, take: Callable[[RawEvent], None]) -> None:
        """Hands every event to `take` in order; returns when the socket has closed."""
        try:
            self._acknowledge_quickly()
            for count in itertools.count(1):
                message = await self._peer.receive()
                if message.type is not WSMsgType.TEXT:
                    return
                self._acknowledge_quickly()
                self._sort(message.data, take)
                if count % FRAMES_PER_TURN == 0:
                    await asyncio.sleep(0)
        finally:
            self._fail_waiting()

    async def request(self, request: Request, timeout_s: float) -> Any:
        """The answer's JSON, None if it has none; raises Refused, TimedOut, LinkDown."""
        if self._is_closed:
            raise LinkDown("Asterisk is not connected")
        request_id = str(next(self._ids))
        answer = self._waiting[request_id] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout_s):
                await self._send(request.frame(request_id))
                return outcome(request, await answer)
        except TimeoutError:
            raise TimedOut(
                f"Asterisk did not answer {request.method} {request.path} within {timeout_s:g} s"
            ) from None
        finally:
            self._waiting.pop(request_id, None)

    async def close(self) -> None:
        """Says goodbye; a peer that does not answer is dropped after the websocket's own timeout."""
        await self._peer.close(code=1001, message=b"the dialer stops", drain=False)

    def drop(self) -> None:
        """Ends it without a goodbye, for a peer that a newer connection has replaced."""
        self._transport.abort()

    def _sort(self, text: str, take: Callable[[RawEvent], None]) -> None:
        try:
            frame = json.loads(text)
        except ValueError:
            frame = None
        if not isinstance(frame, dict):
            self.strange_frames += 1
        elif frame.get("type") == "RESTResponse":
            self._settle(frame)
        else:
            take(frame)

    async def _send(self, frame: str) -> None:
        try:
            await self._peer.send_str(frame)
        except (ConnectionError, RuntimeError) as broken:  # RuntimeError: aiohttp's word for a closed one
            raise LinkDown("the connection from Asterisk is closing") from broken

    def _settle(self, frame: RawEvent) -> None:
        answer = self._waiting.get(frame.get("request_id", ""))
        if answer is None or answer.done():
            self.late_answers += 1
        else:
            answer.set_result(frame)

    def _fail_waiting(self) -> None:
        self._is_closed = True
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(LinkDown("the connection from Asterisk closed before it answered"))

    def _acknowledge_quickly(self) -> None:
        """Asterisk leaves Nagle on: without this its next frame waits 40 ms for our delayed ACK.

        The kernel forgets the option, so it is set again after every frame.
        """
        if not self._transport.is_closing():
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def outcome(request: Request, answer: RawEvent) -> Any:
    """The JSON of an answer over the websocket; raises Refused with Asterisk's own reason."""
    text = answer.get("message_body") or "null"
    return checked(request, int(answer["status_code"]), str(answer.get("reason_phrase", "")), text)


def checked(request: Request, status: int, phrase: str, text: str) -> Any:
    """The JSON of an answer, whichever way it came; raises Refused with Asterisk's own reason."""
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    if status < 400:
        return content
    reason = content.get("message") or content.get("error") if isinstance(content, dict) else None
    raise Refused(status, f"{reason or phrase} ({request.method} {request.path})")
