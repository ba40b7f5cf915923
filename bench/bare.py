"""The baseline: a bare asyncio loop that originates, bridges and sees calls end, and does nothing else.

No database, no journal, no gates, no metrics: what Asterisk, SIP and this language cost at the least.  It
speaks over the same kind of socket as the service: Asterisk connects to it, requests go over the same socket,
every frame is acknowledged at once, the guard clock is cleared before the person is bridged.  It reads orders
as JSON lines from stdin and answers each with one on stdout; the end of stdin is its end.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import secrets
import socket
import sys
import time
from bisect import bisect_left
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import WSMsgType, web

UNWANTED = (
    "ChannelCreated",
    "ChannelStateChange",
    "ChannelVarset",
    "ChannelDialplan",
    "ChannelConnectedLine",
    "ChannelCallerId",
    "EndpointStateChange",
    "PeerStatusChange",
    "PlaybackStarted",
    "PlaybackFinished",
)
READY_S = 10.0
SILENT_S = 2.0
LEGS_S = 30.0
ENDED_S = 20.0


@dataclass(slots=True)
class Talk:
    """One call; instants by Asterisk's clock."""

    counts: bool
    answer_s: float = 0.0
    bridge_s: float = 0.0
    operator: str = ""
    flaw: str = ""


@dataclass(slots=True)
class Loop:
    """The whole state of the baseline."""

    app: str
    peer: web.WebSocketResponse | None = None
    registered: asyncio.Event = field(default_factory=asyncio.Event)
    legs: dict[str, str] = field(default_factory=dict)  # channel -> operator
    up: set[str] = field(default_factory=set)
    free: deque[str] = field(default_factory=deque)
    talks: dict[str, Talk] = field(default_factory=dict)
    done: list[Talk] = field(default_factory=list)
    bounds: list[float] = field(default_factory=list)  # of the lag's buckets
    lags: list[int] = field(default_factory=list)
    waiting: dict[str, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    ids: Any = field(default_factory=lambda: itertools.count(1))
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    # --- the socket

    async def accept(self, request: web.Request) -> web.WebSocketResponse:
        """Asterisk connects; read until it leaves."""
        peer = web.WebSocketResponse(protocols=("ari",), compress=False, max_msg_size=2**26, timeout=1.0)
        await peer.prepare(request)
        assert request.transport is not None
        wire: socket.socket = request.transport.get_extra_info("socket")
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        self.peer = peer
        async for message in peer:
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            if message.type is WSMsgType.TEXT:
                self.took(json.loads(message.data))
        return peer

    async def ask(self, method: str, uri: str, body: object = None, /, **query: str) -> dict[str, Any]:
        """One request and its answer, over the socket."""
        assert self.peer is not None
        number = str(next(self.ids))
        frame: dict[str, Any] = {
            "type": "RESTRequest",
            "request_id": number,
            "method": method,
            "uri": uri,
            "query_strings": [{"name": name, "value": value} for name, value in query.items()],
        }
        if body is not None:
            frame |= {"content_type": "application/json", "message_body": json.dumps(body)}
        answer = self.waiting[number] = asyncio.get_running_loop().create_future()
        await self.peer.send_str(json.dumps(frame))
        try:
            return await asyncio.wait_for(answer, 3.0)
        except TimeoutError:
            return {"status_code": 0}
        finally:
            self.waiting.pop(number, None)

    def start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    # --- events

    def took(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        if kind == "RESTResponse":
            answer = self.waiting.get(event["request_id"])
            if answer is not None and not answer.done():
                answer.set_result(event)
            return
        if kind == "ApplicationRegistered":
            self.registered.set()
            return
        at_s = datetime.fromisoformat(event["timestamp"]).timestamp()
        if self.registered.is_set() and self.bounds:
            self.lags[bisect_left(self.bounds, time.time() - at_s)] += 1
        channel = (event.get("channel") or event.get("peer") or {}).get("id", "")
        if channel in self.talks:
            self.about(self.talks[channel], channel, kind, event, at_s)
        elif channel in self.legs and kind == "StasisStart":
            self.start(self.leg_up(channel))

    def about(self, talk: Talk, channel: str, kind: str, event: dict[str, Any], at_s: float) -> None:
        """An event of a person's channel; it may come twice."""
        match kind:
            case "Dial" if event["dialstatus"] == "ANSWER":
                talk.answer_s = talk.answer_s or at_s
            case "StasisStart" if not talk.operator:
                talk.answer_s = talk.answer_s or at_s
                if not self.free:
                    talk.flaw = "nobody free"
                    self.start(self.ask("DELETE", f"channels/{channel}"))
                    return
                talk.operator = self.free.popleft()
                self.start(self.connect(talk, channel))
            case "ChannelEnteredBridge":
                talk.bridge_s = talk.bridge_s or at_s
            case "ChannelDestroyed":
                del self.talks[channel]
                if not talk.bridge_s:
                    talk.flaw = talk.flaw or f"not bridged ({event['cause']})"
                if talk.operator:
                    self.free.append(talk.operator)
                self.done.append(talk)

    # --- requests

    async def connect(self, talk: Talk, channel: str) -> None:
        """Clear the guard and bridge, back to back."""
        guard = self.ask("POST", f"channels/{channel}/variable", variable="TIMEOUT(absolute)", value="0")
        add = self.ask("POST", f"bridges/bare-{talk.operator}/addChannel", channel=channel)
        for answer in await asyncio.gather(guard, add):
            if not 200 <= answer["status_code"] < 300:
                talk.flaw = talk.flaw or f"connect answered {answer['status_code']}"

    async def leg_up(self, channel: str) -> None:
        operator = self.legs[channel]
        await self.ask("POST", f"bridges/bare-{operator}/addChannel", channel=channel)
        if channel not in self.up:
            self.up.add(channel)
            self.free.append(operator)

    async def set_up(self) -> None:
        async with asyncio.timeout(READY_S):
            while self.peer is None:  # noqa: ASYNC110 it is set by the server's task
                await asyncio.sleep(0.05)
        with suppress(TimeoutError):  # whoever had the application before may have left it silenced
            async with asyncio.timeout(SILENT_S):
                await self.registered.wait()
        await self.ask("POST", f"applications/{self.app}/subscription", eventSource="endpoint:PJSIP")
        unwanted = {"allowed": [], "disallowed": [{"type": name} for name in UNWANTED]}
        await self.ask("PUT", f"applications/{self.app}/eventFilter", unwanted)

    async def keep_legs(self, operators: list[str]) -> None:
        """These operators' phones are up, each alone in a bridge, and no others."""
        for channel, operator in list(self.legs.items()):
            if operator not in operators:
                await self.end_leg(channel)
        here = set(self.legs.values())
        for operator in (each for each in operators if each not in here):
            channel = f"l-{operator}-{secrets.token_hex(3)}"
            self.legs[channel] = operator
            await self.ask("POST", f"bridges/bare-{operator}", type="mixing")
            await self.originate(channel, f"PJSIP/{operator}", "obz-leg", "up", {})
        async with asyncio.timeout(LEGS_S):
            while len(self.up) < len(self.legs):  # noqa: ASYNC110 started once, a poll is simple enough
                await asyncio.sleep(0.05)

    async def end_leg(self, channel: str) -> None:
        operator = self.legs.pop(channel)
        self.up.discard(channel)
        if operator in self.free:
            self.free.remove(operator)
        await self.ask("DELETE", f"channels/{channel}")
        await self.ask("DELETE", f"bridges/bare-{operator}")

    async def originate(
        self, channel: str, endpoint: str, context: str, exten: str, variables: dict[str, str]
    ) -> int:
        answer = await self.ask(
            "POST",
            "channels",
            {"variables": variables},
            endpoint=endpoint,
            context=context,
            extension=exten,
            priority="1",
            channelId=channel,
            callerId="+74951234567",
            timeout="30",
        )
        return int(answer["status_code"])

    async def call(self, channel: str, number: str, trunk: str, message: str) -> None:
        variables = {"OBZ_MESSAGE": message}
        status = await self.originate(channel, f"PJSIP/{number}@{trunk}", "obz-out", "answered", variables)
        if not 200 <= status < 300:
            talk = self.talks.pop(channel, None)
            if talk is not None:
                talk.flaw = f"originate answered {status}"
                self.done.append(talk)

    async def dial(self, order: dict[str, Any]) -> dict[str, Any]:
        """Calls at an even pace; what became of those that began after the warm-up."""
        rate, warm_s, seconds = order["rate"], order["warm_s"], order["seconds"]
        self.done.clear()
        tag, begin = secrets.token_hex(3), time.monotonic()
        begin_cpu_s = opened_s = 0.0
        for n in itertools.count():
            due_s = n / rate
            if due_s >= warm_s + seconds:
                break
            await asyncio.sleep(max(0.0, begin + due_s - time.monotonic()))
            if time.monotonic() - begin >= warm_s + seconds:  # too slow: the rest is not dialled in time
                break
            if not begin_cpu_s and due_s >= warm_s:
                begin_cpu_s, opened_s = time.process_time(), time.monotonic()
                self.lags = [0] * (len(self.bounds) + 1)
                print(json.dumps({"window": "open"}), flush=True)
            channel = f"b-{tag}-{n}"
            self.talks[channel] = Talk(counts=due_s >= warm_s)
            self.start(self.call(channel, f"{order['numbers'] + n}", order["trunk"], order["message"]))
        end_cpu_s, open_s = time.process_time(), time.monotonic() - opened_s
        lags = list(itertools.accumulate(self.lags))
        print(json.dumps({"window": "closed"}), flush=True)
        until = time.monotonic() + ENDED_S
        while self.talks and time.monotonic() < until:  # noqa: ASYNC110 the last talks, half a second each
            await asyncio.sleep(0.05)
        counted = [talk for talk in (*self.done, *self.talks.values()) if talk.counts]
        for talk in self.talks.values():
            talk.flaw = talk.flaw or "did not end"
        return {
            "calls": len(counted),
            "flaws": [talk.flaw for talk in counted if talk.flaw],
            "waits_ms": [(t.bridge_s - t.answer_s) * 1000 for t in counted if t.bridge_s and t.answer_s],
            "cpu_s": end_cpu_s - begin_cpu_s,
            "seconds": open_s,
            "lags": lags,
        }

    async def hang_up_all(self) -> None:
        for channel in list(self.talks):
            await self.ask("DELETE", f"channels/{channel}")
        await self.keep_legs([])


async def lines() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def main() -> None:
    """Serve Asterisk until stdin ends."""
    loop = Loop(os.environ["DIALER_ARI_APP"])
    app = web.Application()
    app.router.add_get("/ari/{cell}", loop.accept)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, os.environ["DIALER_ARI_BIND"], int(os.environ["DIALER_ARI_PORT"])).start()
    orders = await lines()
    try:
        while line := await orders.readline():
            order = json.loads(line)
            answer: dict[str, Any] = {}
            match order["do"]:
                case "begin":
                    loop.bounds = order["bounds"]
                    loop.lags = [0] * (len(loop.bounds) + 1)
                    await loop.set_up()
                case "legs":
                    await loop.keep_legs(order["operators"])
                case "dial":
                    answer = await loop.dial(order)
            print(json.dumps(answer), flush=True)
        await loop.hang_up_all()
    finally:
        if loop.peer is not None:
            await loop.peer.close()
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
