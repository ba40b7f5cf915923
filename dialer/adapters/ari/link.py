"""The link of one cell: keeps the connection that Asterisk opens to us, and says when it is ready."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, NoReturn, Protocol

import structlog

from dialer.adapters.ari.connection import Connection, RawEvent, Request
from dialer.adapters.ari.requests import silence
from dialer.domain.errors import Fatal, LinkDown, NetworkTrouble, TimedOut
from dialer.domain.said import said
from dialer.domain.types import CellId

log = structlog.get_logger()

REQUEST_TIMEOUT_S = 3.0
HEARTBEAT_S = 2.0  # a link is pinged this often; without an answer it is down after half as much again
PATIENCE_S = 1.0  # how long a new connection waits for the last words of the one before it
SETUP_PAUSE_S = 0.2  # between two tries; Asterisk connects to us up to a second before it has booted


class LinkUser(Protocol):
    """Whose link it is. Everything but `set_up` is called by the reader and must return at once."""

    def took(self, event: RawEvent) -> None:
        """The next event in Asterisk's order; those of an outage come before `set_up`."""

    async def set_up(self) -> None:
        """Runs after each registration, before all other requests; cancelled when the connection closes.

        Its own requests say `is_setup=True`. NetworkTrouble makes it run again.
        """

    def saw_link(self, is_ready: bool) -> None:
        """Set up, requests flow; or down again."""

    def saw_lag(self, lag_s: float) -> None:
        """Our clock less Asterisk's stamp of a live event; replayed events are left out."""


class Link:
    """Survives any number of connections, one after another; each is read to its end before the next."""

    def __init__(
        self,
        cell: CellId,
        app: str,
        user: LinkUser,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.cell = cell
        self.app = app
        self._user = user
        self._now = now
        self._connection: Connection | None = None  # takes requests
        self._read: Connection | None = None  # is listened to, perhaps after its retirement
        self._turn = asyncio.Lock()
        self._setup: asyncio.Task[None] | None = None
        self.is_frozen = False  # connected, and silent
        self._is_live = False  # what happened in the outage has been replayed
        self._ready = asyncio.Event()
        self._fatal: asyncio.Queue[Fatal] = asyncio.Queue()
        self.trouble = ""  # why Asterisk, though connected, cannot be set up
        self.is_silenced = False  # by our goodbye, until somebody asks for events again
        self.failed_events = 0  # events that could not be handled; each is in the log

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
        raise await self._fatal.get()

    async def wait_ready(self) -> None:
        """Returns when requests can be sent."""
        await self._ready.wait()

    async def request(
        self, request: Request, *, timeout_s: float = REQUEST_TIMEOUT_S, is_setup: bool = False
    ) -> Any:
        """The answer's JSON, None if it has none; raises Refused, TimedOut, LinkDown.

        Between the handshake and the end of the set-up a request waits, within its own timeout.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_s
        if self._connection is not None and not is_setup and not self.is_ready:
            await self._wait_for_setup(request, timeout_s)
        if self._connection is None:
            if self.is_frozen:
                raise LinkDown(
                    said("Asterisk of cell {cell} is connected and does not answer", cell=self.cell)
                )
            raise LinkDown(said("Asterisk of cell {cell} is not connected", cell=self.cell))
        return await self._connection.request(request, until - loop.time())

    async def serve(
        self, connection: Connection, *, heartbeat_s: float = HEARTBEAT_S, is_adopted: bool = False
    ) -> None:
        """Reads one connection until it closes; `is_adopted`: an earlier life of ours has set it up."""
        async with self._turn:
            if self._read is not None:
                await self._part(self._read)
            self._connection = self._read = connection
            self.is_frozen = False
        log.info("Asterisk has connected", cell=self.cell, app=self.app, adopted=is_adopted)
        watching = [asyncio.create_task(self._watch(connection, heartbeat_s))]
        if is_adopted:
            watching.append(asyncio.create_task(self._register_when_heard(connection)))
        try:
            await connection.read(partial(self._take_from, connection))
        finally:
            for task in watching:
                task.cancel()
            if self._read is connection:
                self._read, self.is_frozen = None, False
            self._went_down(connection)

    async def close(self, *, within_s: float = PATIENCE_S) -> None:
        """Ends the connection in order; one that does not answer is left until our process ends."""
        if self._read is None:
            return
        self.is_silenced = await self._read.close(silence(self.app), within_s)
        if not self.is_silenced:
            log.warning("Asterisk does not answer: its connection ends with this process", cell=self.cell)

    async def _part(self, previous: Connection) -> None:
        """Asterisk has come a second time. The first connection is over for it, or was another Asterisk's.

        One that answers is told goodbye. One that does not may be frozen: it is read on, for the end of its
        socket could kill it, or leave it deaf for ever.
        """
        self._went_down(previous)
        if not await previous.close(silence(self.app), PATIENCE_S):
            log.warning("an Asterisk that does not answer is replaced by another", cell=self.cell)
            previous.ignore()

    async def _watch(self, connection: Connection, heartbeat_s: float) -> None:
        """A frozen peer is waited for, never hung up on; when it is heard again, all is set up anew."""
        while True:
            if await connection.is_heard(heartbeat_s):
                continue
            log.warning("Asterisk does not answer pings, it is waited for", cell=self.cell)
            self.is_frozen = self._read is connection
            connection.pause()
            self._went_down(connection)
            await connection.caught_up()
            log.info("Asterisk answers again", cell=self.cell)
            if self._read is not connection:  # another has come meanwhile
                await connection.close(silence(self.app), PATIENCE_S)
                return
            self._connection, self.is_frozen = connection, False
            self._registered()

    async def _register_when_heard(self, connection: Connection) -> None:
        """What an earlier life has left unread comes first, as the replay does after a new connection."""
        await connection.caught_up()
        if self._connection is connection and not self._is_live:
            self._registered()

    async def _wait_for_setup(self, request: Request, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._ready.wait()
        except TimeoutError:
            raise TimedOut(
                said(
                    "{method} {path} was not sent: the link to Asterisk was not ready within {timeout_s:g} s",
                    method=request.method,
                    path=request.path,
                    timeout_s=timeout_s,
                )
            ) from None

    def _take_from(self, connection: Connection, event: RawEvent) -> None:
        if self._read is connection:
            self._take(event)

    def _take(self, event: RawEvent) -> None:
        match event.get("type"):
            case "ApplicationRegistered":
                self._registered()
            case "ApplicationReplaced" if event.get("application") == self.app:
                self._replaced()
            case _:
                self._pass_on(event)

    def _pass_on(self, event: RawEvent) -> None:
        try:
            if self._is_live and "timestamp" in event:
                lag = self._now() - datetime.fromisoformat(event["timestamp"])
                self._user.saw_lag(lag.total_seconds())
            self._user.took(event)
        except Exception:  # a boundary: one event that we cannot take must not deafen us to all others
            self.failed_events += 1
            log.exception("an event of Asterisk could not be handled", cell=self.cell, kind=event.get("type"))

    def _registered(self) -> None:
        self._is_live = True
        self._ready.clear()
        if self._setup is not None:
            self._setup.cancel()
        self._setup = asyncio.create_task(self._set_up(), name=f"ari-setup-{self.cell}")

    async def _set_up(self) -> None:
        """Until it succeeds: whatever fails is said once and tried again."""
        while True:
            try:
                await self._user.set_up()
                break
            except Exception as failure:  # the boundary: a link that is silent for ever helps nobody
                trouble = str(failure) or type(failure).__name__
                if trouble != self.trouble:
                    self.trouble = trouble
                    mistake = None if isinstance(failure, NetworkTrouble) else failure
                    log.warning(
                        "Asterisk cannot be set up yet, trying again",
                        cell=self.cell,
                        reason=trouble,
                        exc_info=mistake,
                    )
                await asyncio.sleep(SETUP_PAUSE_S)
        self.trouble = ""
        self._ready.set()
        log.info("the link to Asterisk is ready", cell=self.cell, app=self.app)
        self._user.saw_link(is_ready=True)

    def _replaced(self) -> None:
        self._fatal.put_nowait(
            Fatal(
                f"another program has taken over the Stasis application '{self.app}' of cell {self.cell}:"
                " stop it, or give it an application of its own"
            )
        )

    def _went_down(self, connection: Connection) -> None:
        if self._connection is not connection:
            return
        self._connection = None
        self._is_live = False
        self.trouble = ""
        if self._setup is not None:
            self._setup.cancel()
            self._setup = None
        log.warning("the link to Asterisk is down", cell=self.cell)
        if self._ready.is_set():
            self._ready.clear()
            self._user.saw_link(is_ready=False)
