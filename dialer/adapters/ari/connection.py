"""One websocket that Asterisk has opened to us: events in, REST requests out, until it closes."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from dialer.domain.errors import LinkDown, Refused, TimedOut
from dialer.domain.said import said

FRAMES = (WSMsgType.TEXT, WSMsgType.PING, WSMsgType.PONG)  # anything else ends the connection

RawEvent = dict[str, Any]  # one event as Asterisk's JSON says it

FRAMES_PER_TURN = 64  # a replay of thousands of events must not starve the rest of the loop
LAST_LOOK_S = 0.1  # were we frozen ourselves? then its answer lies here unread
GOODBYE = b"\x88\x02" + WSCloseCode.GOING_AWAY.to_bytes(2, "big")  # a whole close frame


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
    """Lives as long as its socket; a request that is under way when it retires or closes raises LinkDown.

    A retired connection takes no more requests, but is read to its end: what Asterisk has written into it,
    it takes for delivered and does not say again.
    """

    def __init__(self, peer: web.WebSocketResponse, transport: asyncio.Transport) -> None:
        self._peer = peer
        self._transport = transport
        self._socket: socket.socket = transport.get_extra_info("socket")
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._ids = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[RawEvent]] = {}
        self._is_retired = False
        self._ended = asyncio.Event()
        self._frames = 0  # of any kind
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
            while (message := await self._peer.receive()).type in FRAMES:
                self._acknowledge_quickly()
                self._frames += 1
                match message.type:
                    case WSMsgType.TEXT:
                        self._sort(message.data, take)
                    case WSMsgType.PING:
                        await self._answer_ping(message.data)
                if self._frames % FRAMES_PER_TURN == 0:
                    await asyncio.sleep(0)
        finally:
            self._ended.set()
            self._fail_waiting()

    async def watch(self, every_s: float) -> None:
        """Pings; returns when after a ping nothing at all was heard for half of `every_s`."""
        while True:
            await asyncio.sleep(every_s)
            frames = self._frames
            with contextlib.suppress(ConnectionError, RuntimeError, TimeoutError):
                async with asyncio.timeout(every_s / 2):
                    await self._peer.ping()
            await asyncio.sleep(every_s / 2)
            if self._frames == frames:
                await asyncio.sleep(LAST_LOOK_S)
            if self._frames == frames:
                return

    async def request(self, request: Request, timeout_s: float) -> Any:
        """The answer's JSON, None if it has none; raises Refused, TimedOut, LinkDown."""
        if self._is_retired:
            raise LinkDown(said("the connection from Asterisk is closing"))
        request_id = str(next(self._ids))
        answer = self._waiting[request_id] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout_s):
                await self._send(request.frame(request_id))
                return outcome(request, await answer)
        except TimeoutError:
            raise TimedOut(
                said(
                    "Asterisk did not answer {method} {path} within {timeout_s:g} s",
                    method=request.method,
                    path=request.path,
                    timeout_s=timeout_s,
                )
            ) from None
        finally:
            self._waiting.pop(request_id, None)

    def retire(self) -> None:
        """Says goodbye and goes on listening until Asterisk has closed.

        An Asterisk that was only frozen reads on, finds the goodbye, and connects anew. Had we hung up, its
        first write would have failed, and a failed write can leave it deaf for ever (seen with 22.10.1).
        """
        if not self._is_retired:
            self._fail_waiting()
            self._transport.write(GOODBYE)

    async def close(self, within_s: float) -> None:
        """As `retire`, and drops an Asterisk that has not closed in time."""
        self.retire()
        try:
            async with asyncio.timeout(within_s):
                await self._ended.wait()
        except TimeoutError:
            self.drop()

    def drop(self) -> None:
        """Ends it at once; what Asterisk has just written is lost."""
        if not self._ended.is_set():
            self._transport.abort()

    async def _answer_ping(self, content: bytes) -> None:
        if not self._is_retired:
            with contextlib.suppress(ConnectionError, RuntimeError):
                await self._peer.pong(content)

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
            raise LinkDown(said("the connection from Asterisk is closing")) from broken

    def _settle(self, frame: RawEvent) -> None:
        answer = self._waiting.get(frame.get("request_id", ""))
        if answer is None or answer.done():
            self.late_answers += 1
        else:
            answer.set_result(frame)

    def _fail_waiting(self) -> None:
        self._is_retired = True
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
