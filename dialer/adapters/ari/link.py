"""The link of one cell: keeps the connection that Asterisk opens to us, and says when it is ready."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, NoReturn, Protocol

import structlog
from aiohttp import web

from dialer.adapters.ari.connection import Connection, RawEvent, Request
from dialer.domain.errors import Fatal, LinkDown, NetworkTrouble, TimedOut
from dialer.domain.types import CellId

log = structlog.get_logger()

REQUEST_TIMEOUT_S = 5.0
RENEW_PAUSE_S = 1.0  # between two tries to set up a connection that Asterisk has just registered


class LinkWatcher(Protocol):
    """Sees how the link fares; nothing here may block."""

    def saw_lag(self, lag_s: float) -> None:
        """Asterisk's time stamp of a live event against our clock; replayed events are left out."""

    def saw_link(self, is_ready: bool) -> None:
        """The link became ready, or went down."""


class Link:
    """Events go to `on_event` in Asterisk's order, replayed ones before `on_registered`.

    `on_event` is called by the reader and must return at once.
    `on_registered` is awaited after each registration and may send requests by `request(..., is_setup=True)`;
    all other requests wait until it has returned. It is cancelled when the connection closes.
    """

    def __init__(
        self,
        cell: CellId,
        app: str,
        *,
        on_event: Callable[[RawEvent], None],
        on_registered: Callable[[], Awaitable[None]],
        watcher: LinkWatcher,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.cell = cell
        self.app = app
        self._on_event = on_event
        self._on_registered = on_registered
        self._watcher = watcher
        self._now = now
        self._connection: Connection | None = None
        self._setup: asyncio.Task[None] | None = None
        self._is_live = False  # the outage's queue has been replayed
        self._ready = asyncio.Event()
        self._failed: asyncio.Queue[Fatal] = asyncio.Queue()
        self.failed_events = itertools.count()

    @property
    def is_connected(self) -> bool:
        """Asterisk's socket is open; it may not have registered yet."""
        return self._connection is not None

    @property
    def is_ready(self) -> bool:
        """Registered and set up: requests are sent at once."""
        return self._ready.is_set()

    @property
    def under_way(self) -> int:
        """Requests that wait for Asterisk's answer."""
        return self._connection.under_way if self._connection else 0

    async def run(self) -> NoReturn:
        """Waits until the link cannot go on, then raises that Fatal; cancel it to stop waiting."""
        raise await self._failed.get()

    async def wait_ready(self) -> None:
        """Returns when requests can be sent."""
        await self._ready.wait()

    async def request(
        self, request: Request, *, timeout_s: float = REQUEST_TIMEOUT_S, is_setup: bool = False
    ) -> Any:
        """The answer's JSON, None if it has none; raises Refused, TimedOut, LinkDown.

        Between the handshake and the end of the set-up a request waits, within its own timeout.
        """
        started = asyncio.get_running_loop().time()
        if not is_setup and not self._ready.is_set():
            await self._wait_for_setup(request, timeout_s)
        connection = self._connection
        if connection is None:
            raise LinkDown(f"Asterisk of cell {self.cell} is not connected")
        left_s = timeout_s - (asyncio.get_running_loop().time() - started)
        return await connection.request(request, left_s)

    async def serve(self, peer: web.WebSocketResponse, transport: asyncio.Transport) -> None:
        """Reads one connection until it closes. A newer one replaces an older one, which is half-open."""
        if self._connection is not None:
            log.warning("Asterisk connected again, the old connection is dropped", cell=self.cell)
            self._connection.drop()
            self._went_down(self._connection)
        connection = self._connection = Connection(peer, transport)
        log.info("Asterisk has connected", cell=self.cell, app=self.app)
        try:
            await connection.read(self._take)
        finally:
            self._went_down(connection)

    async def close(self) -> None:
        """Closes the connection; Asterisk keeps channels, bridges and events for the next one."""
        if self._connection is not None:
            await self._connection.close()

    async def _wait_for_setup(self, request: Request, timeout_s: float) -> None:
        if self._connection is None:
            raise LinkDown(f"Asterisk of cell {self.cell} is not connected")
        try:
            async with asyncio.timeout(timeout_s):
                await self._ready.wait()
        except TimeoutError:
            raise TimedOut(
                f"{request.method} {request.path} was not sent: the link to Asterisk was not ready"
                f" within {timeout_s:g} s"
            ) from None

    def _take(self, event: RawEvent) -> None:
        kind = event.get("type")
        if kind == "ApplicationRegistered":
            self._registered()
        elif kind == "ApplicationReplaced" and event.get("application") == self.app:
            self._replaced()
        else:
            if self._is_live:
                self._watch_lag(event)
            self._pass_on(event)

    def _pass_on(self, event: RawEvent) -> None:
        try:
            self._on_event(event)
        except Exception:  # a boundary: one event that we cannot take must not deafen us to all others
            next(self.failed_events)
            log.exception(
                "an event of Asterisk could not be handled", cell=self.cell, event_type=event.get("type")
            )

    def _watch_lag(self, event: RawEvent) -> None:
        at = event.get("timestamp")
        if isinstance(at, str):
            self._watcher.saw_lag((self._now() - datetime.fromisoformat(at)).total_seconds())

    def _registered(self) -> None:
        self._is_live = True
        if self._setup is not None:
            self._setup.cancel()
        self._ready.clear()
        self._setup = asyncio.create_task(self._set_up(), name=f"ari-setup-{self.cell}")

    async def _set_up(self) -> None:
        while True:
            try:
                await self._on_registered()
                break
            except NetworkTrouble as trouble:
                log.error("setting up the link failed, trying again", cell=self.cell, reason=str(trouble))
                await asyncio.sleep(RENEW_PAUSE_S)
        self._ready.set()
        self._watcher.saw_link(is_ready=True)
        log.info("the link to Asterisk is ready", cell=self.cell, app=self.app)

    def _replaced(self) -> None:
        self._failed.put_nowait(
            Fatal(
                f"another program has taken over the Stasis application '{self.app}' of cell {self.cell}:"
                " stop it, or give it an application name of its own"
            )
        )

    def _went_down(self, connection: Connection) -> None:
        if self._connection is not connection:
            return
        self._connection = None
        self._is_live = False
        if self._setup is not None:
            self._setup.cancel()
            self._setup = None
        if self._ready.is_set():
            self._ready.clear()
            self._watcher.saw_link(is_ready=False)
        log.warning("the link to Asterisk is down", cell=self.cell)
