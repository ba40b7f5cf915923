"""The wire between the engine and processes beside it: one websocket each, on a socket that is a file.

To the engine: {"id", "until_s", "do": command} and {"id", "until_s", "ask": name}, until an instant of the
machine's monotonic clock. From it: {"id", "answer"} or {"id", "error"}, {"news": [...]} as live.py has them,
{"whole": true} once everything was told, and {"notices": [[seq, kind, id, body], ...]}.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, cast

import aiohttp
import structlog
from aiohttp import web

from dialer.adapters.codec import decode, encode
from dialer.adapters.commands import (
    AT_ONCE,
    LONGEST,
    SLOW_S,
    TIMEOUT_S,
    check,
    nobody_there,
    opened,
    result,
    unanswered,
)
from dialer.adapters.local.live import FollowedLive, Follower, SharedLive
from dialer.adapters.local.socketfile import bound, reached
from dialer.adapters.memory.notices import Ring
from dialer.domain.errors import BadValue
from dialer.domain.said import said
from dialer.domain.types import CellId
from dialer.ports.between import Command, Desk, Notice

log = structlog.get_logger()

LARGEST = 64_000_000  # of a message; a day's live state of a thousand operators has some 2 MB
LOOK_S, LOOKS = 1.0, 10  # an engine that was silent for so many looks is frozen
AGAIN_S = 0.2  # between two looks for the engine
NOTICES, NOTICES_S = 200, 60.0  # in one message; how long the next one is waited for
Ask = Callable[[], Awaitable[Any]]  # a question without arguments; its answer is plain


def socket_of(folder: Path, cell: str) -> Path:
    """The socket of a cell."""
    return folder / f"{cell}.sock"


# --- the engine's end -------------------------------------------------------------------------------------


@asynccontextmanager
async def serve_beside(
    path: Path, desk: Desk, live: SharedLive | None, asks: Mapping[str, Ask], notices: Ring | None = None
) -> AsyncIterator[None]:
    """Answers processes of our own user; Fatal when the socket cannot be made.

    `live` None: they see it elsewhere.
    """
    ring = notices or Ring()
    app = web.Application()
    visits: set[web.WebSocketResponse] = set()

    async def visited(request: web.Request) -> web.StreamResponse:
        visit = web.WebSocketResponse(max_msg_size=4 * LONGEST, compress=False)
        try:
            await visit.prepare(request)
        except ConnectionError:  # it has gone as soon as it had come
            return web.Response()
        visits.add(visit)
        try:
            with (live or SharedLive()).followed() as follower:
                await _Visit(visit, desk, follower, asks, ring).run()
        finally:
            visits.discard(visit)
        return visit

    app.router.add_get("/", visited)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        with bound(path) as sock:
            await web.SockSite(runner, sock).start()
            yield
    finally:
        for visit in list(visits):
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(0.5):
                    await visit.close()
        await runner.cleanup()


class _Visit:
    """One process beside."""

    def __init__(
        self,
        visit: web.WebSocketResponse,
        desk: Desk,
        follower: Follower,
        asks: Mapping[str, Ask],
        notices: Ring,
    ) -> None:
        self._visit = visit
        self._desk = desk
        self._follower = follower
        self._asks = asks
        self._notices = notices
        self._room = asyncio.Semaphore(AT_ONCE)
        self._in_order = asyncio.Lock()  # an older state never follows a newer one

    async def run(self) -> None:
        """Until either end goes; what was begun for it is done to the end."""
        telling = [
            asyncio.create_task(self._tell(), name="beside-tell"),
            asyncio.create_task(self._announce(), name="beside-notices"),
        ]
        working: set[asyncio.Task[None]] = set()
        try:
            async for message in self._visit:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    break
                await self._room.acquire()
                task = asyncio.create_task(self._serve(message.data), name="beside-serve")
                working.add(task)
                task.add_done_callback(working.discard)
        finally:
            for task in telling:
                task.cancel()
            if working:
                await asyncio.wait(working)

    async def _tell(self) -> None:
        with suppress(ConnectionError):
            await self._flush()
            await self._send({"whole": True})
            while True:
                await self._follower.changed.wait()
                await self._flush()

    async def _announce(self) -> None:
        """One that reads slowly misses some, and sees it by their numbers; nobody waits for it."""
        seq = 0
        with suppress(ConnectionError):
            while True:
                news = await self._notices.since(seq, wait_s=NOTICES_S)
                for at in range(0, len(news.notices), NOTICES):
                    some = news.notices[at : at + NOTICES]
                    await self._send({"notices": [[one.seq, one.kind, one.id, one.body] for one in some]})
                seq = news.last

    async def _flush(self) -> None:
        async with self._in_order:
            while news := self._follower.take():
                await self._send({"news": news})

    async def _serve(self, text: str) -> None:
        try:
            request = _read(text)
            if request is None:
                return
            if asyncio.get_running_loop().time() > request["until_s"]:
                log.warning("command_too_late", about=_about(request))  # we were frozen, who asked has gone
                return
            answer = await self._answer(request)
            await self._flush()  # who asked may look at once
            await self._visit.send_str(f'{{"id": {request["id"]}, {answer[1:]}')
        except ConnectionError:  # it has gone; the other end says so to whoever asked
            pass
        finally:
            self._room.release()

    async def _answer(self, request: dict[str, Any]) -> str:
        doing = partial(self._do, request["do"]) if "do" in request else partial(self._asked, request["ask"])
        return await result(doing, _about(request))

    async def _do(self, command: Command) -> Any:
        check(command)
        return await self._desk.do(command)

    async def _asked(self, name: str) -> Any:
        if name not in self._asks:
            raise BadValue(said("the engine does not know the question {name}", name=name[:40]))
        return await self._asks[name]()

    async def _send(self, value: dict[str, Any]) -> None:
        await self._visit.send_str(json.dumps(value))


def _about(request: Mapping[str, Any]) -> str:
    return str(request["do"].verb if "do" in request else request["ask"])


def _read(text: str) -> dict[str, Any] | None:
    try:
        request = json.loads(text)
        if "do" in request:
            request["do"] = decode(Command, request["do"])
        else:
            request["ask"] = str(request["ask"])
        request |= {"id": int(request["id"]), "until_s": float(request["until_s"])}
    except (BadValue, ValueError, KeyError, TypeError, RecursionError) as bad:
        log.warning("command_unreadable", why=str(bad)[:200])
        return None
    return dict(request)


# --- the end beside ---------------------------------------------------------------------------------------


@asynccontextmanager
async def open_beside(path: Path, cell: CellId, *, timeout_s: float = TIMEOUT_S) -> AsyncIterator[Beside]:
    """What the engine shows and answers, whether it is there yet or not."""
    beside = Beside(path, cell, timeout_s=timeout_s)
    running = asyncio.create_task(beside.run(), name="beside")
    try:
        yield beside
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


class Beside:
    """The engine, seen from a process beside it: its desk (dialer.ports.Desk) and its live state."""

    def __init__(self, path: Path, cell: CellId, *, timeout_s: float) -> None:
        self._path = path
        self._cell = cell
        self._timeout_s = timeout_s
        self._ids = count(1)
        self._waiting: dict[int, asyncio.Future[Mapping[str, Any]]] = {}
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._silent = 0  # looks in which nothing was heard
        self.live = FollowedLive(lambda: nobody_there(cell))
        self.notices = Ring()

    async def do(self, command: Command) -> Mapping[str, Any]:
        """What the cell answers or raised; StoreDown: nobody is there; TimedOut: it may have been done."""
        check(command)
        timeout_s = SLOW_S.get(command.verb, self._timeout_s)
        return cast(Mapping[str, Any], opened(await self._asked({"do": encode(command)}, timeout_s)))

    async def ask(self, name: str) -> Any:
        """An answer to one of the engine's questions; StoreDown, TimedOut."""
        return opened(await self._asked({"ask": name}, self._timeout_s))

    async def _asked(self, request: dict[str, Any], timeout_s: float) -> Mapping[str, Any]:
        number, link = next(self._ids), self._socket
        if link is None or not self.live.is_whole:
            raise nobody_there(self._cell)
        loop = asyncio.get_running_loop()
        answer = self._waiting[number] = loop.create_future()
        request |= {"id": number, "until_s": loop.time() + timeout_s}
        try:
            async with asyncio.timeout(timeout_s):
                await link.send_str(json.dumps(request))
                answered: Mapping[str, Any] = await answer
                return answered
        except (TimeoutError, ConnectionError):
            raise unanswered(self._cell, timeout_s, undone=False) from None
        finally:
            del self._waiting[number]

    async def run(self) -> None:
        """Until cancelled: connected whenever the engine is there."""
        while True:
            try:
                await self._visit()
            except (aiohttp.ClientError, OSError) as trouble:
                log.debug("the engine is not there", why=str(trouble))
            finally:
                self._lost()
            await asyncio.sleep(AGAIN_S)

    async def _visit(self) -> None:
        with reached(self._path) as name:
            async with (
                aiohttp.ClientSession(connector=aiohttp.UnixConnector(name)) as session,
                session.ws_connect(
                    "http://engine/",
                    autoping=False,
                    max_msg_size=LARGEST,
                    timeout=aiohttp.ClientWSTimeout(ws_close=LOOK_S),
                ) as link,
            ):
                self._socket, self._silent = link, 0
                self.notices.restart()
                looking = asyncio.create_task(self._look(link), name="beside-look")
                try:
                    async for message in link:
                        self._silent = 0
                        if message.type is aiohttp.WSMsgType.TEXT:
                            self._heard(message.data)
                        elif message.type is not aiohttp.WSMsgType.PONG:
                            break
                finally:
                    looking.cancel()

    async def _look(self, link: aiohttp.ClientWebSocketResponse) -> None:
        """Gives up a frozen engine. Silence is counted in looks of ours, not in seconds: one who waited for
        the processor himself has not listened meanwhile."""
        with suppress(ConnectionError):
            while self._silent < LOOKS:
                self._silent += 1
                with suppress(TimeoutError):  # it takes no bytes either
                    async with asyncio.timeout(LOOK_S):
                        await link.ping()
                await asyncio.sleep(LOOK_S)
            log.warning("the engine is silent: looking for it anew", looks=LOOKS)
            await link.close()

    def _heard(self, text: str) -> None:
        """One message that cannot be read, of another version, ends nothing."""
        try:
            message = json.loads(text)
            if "news" in message:
                self.live.apply(message["news"])
            elif "whole" in message:
                self.live.is_whole = True
            elif "notices" in message:
                self.notices.take(Notice(*each) for each in message["notices"])
            elif (answer := self._waiting.get(message["id"])) and not answer.done():
                answer.set_result(message)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as bad:
            log.warning("what the engine says cannot be read", why=repr(bad)[:200])

    def _lost(self) -> None:
        self._socket = None
        self.live.forget()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ConnectionError())
