"""One websocket that Asterisk has opened to us: events in, REST requests out, until it closes."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from aiohttp._websocket.reader import WebSocketDataQueue  # where what was read goes; nothing else names it
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import WebSocketReader, WebSocketWriter, WSCloseCode, WSMessage, WSMsgType

from dialer.adapters.ari.stream import LARGEST_FRAME, Stream
from dialer.domain.errors import LinkDown, Refused, TimedOut
from dialer.domain.said import said

RawEvent = dict[str, Any]  # one event as Asterisk's JSON says it

LIFE = secrets.token_hex(4)  # of this process: answers to what an earlier one has asked are not ours
GOODBYE = b"\x88\x02" + WSCloseCode.GOING_AWAY.to_bytes(2, "big")  # a whole close frame
LAST_LOOK_S = 0.1  # were we frozen ourselves? then its answer lies here unread


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


class Inbox(WebSocketDataQueue):
    """Where the library puts what it has made of a frame."""

    def __init__(self, protocol: BaseProtocol) -> None:
        super().__init__(protocol, LARGEST_FRAME, loop=asyncio.get_running_loop())
        self.messages: list[WSMessage] = []

    def feed_data(self, data: Any, size: int) -> None:
        self.messages.append(data)


class Connection:
    """Lives as long as its socket; a request that is under way when it pauses or ends raises LinkDown.

    Whether this process shook hands with Asterisk or an earlier one did makes no difference.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._protocol = BaseProtocol(asyncio.get_running_loop())
        self._writer = WebSocketWriter(self._protocol, cast(asyncio.Transport, stream))
        self._renew_reader()
        self._ids = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[RawEvent]] = {}
        self._take: Callable[[RawEvent], None] = lambda event: None
        self._is_retired = False
        self.is_left = False  # to the next life
        self._frames = 0  # of any kind
        self._answered = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()
        self.late_answers = 0  # answers that came after their request had timed out, or to an earlier life's
        self.strange_frames = 0  # neither event nor answer

    @property
    def under_way(self) -> int:
        """Requests that wait for their answer."""
        return len(self._waiting)

    async def read(self, take: Callable[[RawEvent], None]) -> None:
        """Hands every event to `take` in order; returns when the socket has closed."""
        self._take = take
        self._stream.read(self._frame)
        try:
            await self._stream.ended.wait()
        finally:
            self.retire()

    def ignore(self) -> None:
        """Goes on reading, and tells nobody."""
        self._take = lambda event: None

    async def caught_up(self) -> None:
        """Returns when all that Asterisk had written before this call was read; never, if it is frozen."""
        self._answered.clear()
        await self._ping()
        await self._answered.wait()

    async def is_heard(self, every_s: float) -> bool:
        """Pings after `every_s`; whether anything was heard within half as much again."""
        await asyncio.sleep(every_s)
        frames = self._frames
        await self._ping()
        await asyncio.sleep(every_s / 2)
        if self._frames == frames:
            await asyncio.sleep(LAST_LOOK_S)
        return self._frames != frames

    async def request(self, request: Request, timeout_s: float) -> Any:
        """The answer's JSON, None if it has none; raises Refused, TimedOut, LinkDown."""
        if self._is_retired:
            raise LinkDown(said("the connection from Asterisk is closing"))
        request_id = f"{LIFE}-{next(self._ids)}"
        answer = self._waiting[request_id] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout_s):
                await self._send(request.frame(request_id).encode(), WSMsgType.TEXT)
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

    def pause(self) -> None:
        """Nothing is heard: who waits for an answer waits no longer."""
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(LinkDown("the connection from Asterisk closed before it answered"))

    def retire(self) -> None:
        """No request is taken any more."""
        self._is_retired = True
        self.pause()

    async def close(self, silence: Request, within_s: float) -> bool:
        """Ends it in order; False where Asterisk does not answer: then it is left as it is, and read on.

        Asterisk may die when its socket ends while it writes an event, in every version so far: so it is told
        to send none before.
        """
        try:
            await self.request(silence, within_s)
        except (LinkDown, TimedOut):
            self.retire()
            return self._stream.ended.is_set()
        except Refused:  # it has no such application: then it sends no event of it either
            pass
        self.retire()
        with contextlib.suppress(ConnectionError):
            await self._writer.close(WSCloseCode.GOING_AWAY)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._stream.ended.wait()
        self.end()
        return True

    def end(self) -> None:
        """Ends it at once."""
        self.retire()
        self._stream.end()

    def leave(self) -> None:
        """It lives on, in whoever holds its descriptor."""
        self.is_left = True
        self.retire()
        self._stream.leave()

    def relieve(self) -> None:
        """See Stream."""
        self._stream.relieve()

    async def _ping(self) -> None:
        with contextlib.suppress(LinkDown):
            await self._send(LIFE.encode(), WSMsgType.PING)

    # --- frames ----------------------------------------------------------------------------------------

    def _renew_reader(self) -> None:
        self._inbox = Inbox(self._protocol)
        self._reader = WebSocketReader(self._inbox, LARGEST_FRAME, compress=False, decode_text=True)

    def _frame(self, frame: bytes) -> None:
        self._frames += 1
        is_broken, _ = self._reader.feed_data(frame)
        if is_broken:
            self.strange_frames += 1
            self._renew_reader()
            return
        messages, self._inbox.messages = self._inbox.messages, []
        for message in messages:
            match message.type:
                case WSMsgType.TEXT:
                    self._sort(message.data)
                case WSMsgType.PING:
                    self._send_soon(message.data, WSMsgType.PONG)
                case WSMsgType.PONG if bytes(message.data) == LIFE.encode():
                    self._answered.set()
                case WSMsgType.CLOSE:
                    self._farewell()

    def _farewell(self) -> None:
        """Asterisk says goodbye, and waits up to 15 s for ours."""
        self.retire()
        with contextlib.suppress(ConnectionError):
            self._stream.write(GOODBYE)
        self._stream.end()

    def _sort(self, text: str) -> None:
        frame = parsed(text)
        if not isinstance(frame, dict):
            self.strange_frames += 1
        elif frame.get("type") == "RESTResponse":
            self._settle(frame)
        else:
            self._take(frame)

    def _send_soon(self, content: bytes, kind: WSMsgType) -> None:
        async def send() -> None:
            with contextlib.suppress(LinkDown):
                await self._send(content, kind)

        task = asyncio.create_task(send())
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, content: bytes, kind: WSMsgType) -> None:
        try:
            await self._writer.send_frame(content, kind)
        except ConnectionError as broken:
            raise LinkDown(said("the connection from Asterisk is closing")) from broken

    def _settle(self, frame: RawEvent) -> None:
        answer = self._waiting.get(str(frame.get("request_id", "")))
        if answer is None or answer.done():
            self.late_answers += 1
        else:
            answer.set_result(frame)


def parsed(text: Any) -> Any:
    """What the JSON says; None where nobody can read it."""
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None


def outcome(request: Request, answer: RawEvent) -> Any:
    """The JSON of an answer over the websocket; raises Refused with Asterisk's own reason.

    An answer that cannot be read says nothing of what was done: TimedOut.
    """
    try:
        status = int(answer["status_code"])
    except (LookupError, TypeError, ValueError):
        raise TimedOut(
            said(
                "{method} {path}: the answer cannot be read, and whether it was done is not known",
                method=request.method,
                path=request.path,
            )
        ) from None
    text = answer.get("message_body") or "null"
    return checked(request, status, str(answer.get("reason_phrase", "")), text)


def checked(request: Request, status: int, phrase: str, text: str) -> Any:
    """The JSON of an answer, whichever way it came; raises Refused with Asterisk's own reason."""
    content = parsed(text)
    if status < 400:
        return content
    reason = content.get("message") or content.get("error") if isinstance(content, dict) else None
    raise Refused(status, f"{reason or phrase} ({request.method} {request.path})")
