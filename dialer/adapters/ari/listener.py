"""The door that every Asterisk of this service knocks at: checks who it is, passes it to its cell's link."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hmac
import os
import socket
import threading
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import encode_basic_auth

from dialer.adapters.ari import handshake
from dialer.adapters.ari.connection import Connection
from dialer.adapters.ari.link import HEARTBEAT_S, Link
from dialer.adapters.ari.stream import Backlog, Stream
from dialer.domain.errors import Fatal
from dialer.domain.said import said
from dialer.domain.types import CellId
from dialer.keeper.store import DescriptorStore, Holder

log = structlog.get_logger()

DOOR, ROOM, BACKLOG = "door", "link-", ".backlog"  # names of what outlives us
LOOK_S = 0.5  # how often it is looked whether the loop is behind
GIVEN_BACK_S = 2.0  # how long a port that is held for us may need to be free
QUEUE = 128
MOST_GUESTS = 64  # handshakes under way
GOODBYE_S = 1.0  # how long a stop waits for Asterisk's answer to our close

WHY_NOT = {
    errno.EADDRINUSE: "it is taken, perhaps by another dialer: stop that one, or choose another port",
    errno.EACCES: "this user may not use it: choose a port above 1023",
    errno.EADDRNOTAVAIL: "this machine has no such address",
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """The user and password that a cell's Asterisk must show."""

    user: str
    password: str

    def header(self) -> bytes:
        """The value of the Authorization header."""
        return encode_basic_auth(self.user, self.password).encode()


class Listener:
    """One port for any number of cells: Asterisk of cell X connects to /ari/X.

    The port and every connection are given to `store`, and taken up where an earlier life has left them.
    """

    def __init__(
        self, host: str, port: int, *, store: DescriptorStore | None = None, heartbeat_s: float = HEARTBEAT_S
    ) -> None:
        self._host = host
        self._port = port
        self._store = store or DescriptorStore({})
        self._heartbeat_s = heartbeat_s
        self._doors: dict[CellId, tuple[Link, bytes]] = {}
        self._sockets: list[socket.socket] = []  # one for each address of the host
        self._accepting: list[asyncio.Task[None]] = []
        self._guests: set[asyncio.Task[None]] = set()
        self._inside: dict[Connection, str] = {}  # and the names under which they are kept
        self._stopping = threading.Event()
        self.refused = 0  # handshakes with a wrong cell, user or password

    def add(self, link: Link, credentials: Credentials) -> None:
        """Lets this cell's Asterisk in."""
        self._doors[link.cell] = (link, credentials.header())

    @property
    def port(self) -> int:
        """The port it listens on; of use when 0 was asked for."""
        return int(self._sockets[0].getsockname()[1]) if self._sockets else self._port

    @property
    def holder(self) -> Holder:
        """Who holds the port and the connections, should we die."""
        return self._store.holder

    async def start(self) -> None:
        """Opens the port and takes up what was left; raises Fatal when that cannot be."""
        try:
            await self._open()
        except OSError as failure:
            reason = WHY_NOT.get(failure.errno or 0, failure.strerror or str(failure))
            raise Fatal(
                said(
                    "cannot listen for Asterisk on {host}:{port}: {reason}",
                    host=self._host,
                    port=self._port,
                    reason=reason,
                )
            ) from failure
        self._take_up()
        self._accepting = [asyncio.create_task(self._accept(door)) for door in self._sockets]
        threading.Thread(target=self._relieve, name="ari-relief", daemon=True).start()

    async def stop(self) -> None:
        """Ends every connection in order, or leaves it to the next life where one follows."""
        if not self._sockets:
            return
        goes_on = await asyncio.to_thread(self._store.outlives_us)
        for accepting in self._accepting:  # first, or Asterisk is back in before we are gone
            accepting.cancel()
        if not goes_on:
            self._store.forget(DOOR)
        doors, self._sockets = self._sockets, []
        for door in doors:
            door.close()
        self._stopping.set()
        if goes_on:
            for connection in self._inside:
                connection.leave()
        else:
            await asyncio.gather(*(link.close(within_s=GOODBYE_S) for link, _ in self._doors.values()))
        for guest in self._guests:
            guest.cancel()
        await asyncio.gather(*self._guests, return_exceptions=True)

    # --- the door --------------------------------------------------------------------------------------

    async def _open(self) -> None:
        """Those of an earlier life, where they are what is wanted today; else new ones."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(
            self._host or None, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        wanted = list(dict.fromkeys((family, address[:2]) for family, *_, address in found))
        kept = [socket.socket(fileno=held.fd) for held in self._store.take(DOOR)]
        if kept and {door.getsockname()[:2] for door in kept} == {address for _, address in wanted}:
            for door in kept:
                door.setblocking(False)
            self._sockets = kept
            return
        if kept:
            self._store.forget(DOOR)
            for door in kept:
                door.close()
        until = loop.time() + (GIVEN_BACK_S if kept else 0)
        for family, address in wanted:
            door = await self._new_door(family, address, until)
            self._store.keep(DOOR, door.fileno())
            self._sockets.append(door)

    async def _new_door(self, family: int, address: tuple[object, ...], until: float) -> socket.socket:
        loop = asyncio.get_running_loop()
        while True:
            try:
                door = socket.create_server(address, family=family, backlog=QUEUE)
            except OSError:
                if loop.time() > until:
                    raise
                await asyncio.sleep(0.02)  # whoever held the old one has not closed it yet
            else:
                door.setblocking(False)
                return door

    async def _accept(self, door: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, _ = await loop.sock_accept(door)
            except OSError as trouble:  # out of descriptors, say
                log.warning("a connection could not be accepted", reason=str(trouble))
                await asyncio.sleep(LOOK_S)
                continue
            if len(self._guests) - len(self._inside) >= MOST_GUESTS:
                sock.close()
                continue
            self._start(self._welcome(sock))

    async def _welcome(self, sock: socket.socket) -> None:
        """From the handshake to the end of its connection."""
        loop = asyncio.get_running_loop()
        try:
            knock = await handshake.heard(sock)
            link = self._known(knock) if knock is not None else None
            if knock is None or link is None or not knock.key:
                if knock is not None:
                    await loop.sock_sendall(sock, self._refusal(knock, sock, is_known=link is not None))
                sock.close()
                return
            await loop.sock_sendall(sock, knock.answer())
        except (OSError, asyncio.CancelledError):
            sock.close()
            return
        await self._serve(link, sock, f"{ROOM}{link.cell}-{time.time_ns() // 1000}")

    def _refusal(self, knock: handshake.Knock, sock: socket.socket, *, is_known: bool) -> bytes:
        if is_known:
            return handshake.refusal(400, "Bad Request")
        self.refused += 1
        log.warning(
            "an Asterisk with a wrong cell, user or password was refused",
            path=knock.path,
            peer=sock.getpeername()[0],
        )
        return handshake.refusal(401, "Unauthorized", WWW_Authenticate='Basic realm="obzvon"')

    def _known(self, knock: handshake.Knock) -> Link | None:
        """The link of the cell in the path, if the password is right; takes as long if it is not."""
        cell = knock.path.removeprefix("/ari/")
        link, expected = self._doors.get(CellId(cell), (None, b""))
        is_right = hmac.compare_digest(knock.authorization.encode(), expected)
        return link if is_right and knock.path == f"/ari/{cell}" else None

    # --- connections -----------------------------------------------------------------------------------

    def _take_up(self) -> None:
        """The oldest first; of a cell that is not ours any more it is ended."""
        held = self._store.take(ROOM)
        backlogs = {one.name.removesuffix(BACKLOG): one.fd for one in held if one.name.endswith(BACKLOG)}
        for one in sorted((one for one in held if not one.name.endswith(BACKLOG)), key=lambda one: one.name):
            sock, backlog = socket.socket(fileno=one.fd), backlogs.pop(one.name, -1)
            link, _ = self._doors.get(CellId(one.name.removeprefix(ROOM).rpartition("-")[0]), (None, b""))
            if link is None:
                self._forget(one.name)
                sock.close()
                continue
            self._start(self._serve(link, sock, one.name, backlog, is_adopted=True))
        for name, fd in backlogs.items():  # of a connection that is gone
            self._store.forget(f"{name}{BACKLOG}")
            os.close(fd)

    async def _serve(
        self, link: Link, sock: socket.socket, name: str, backlog: int = -1, *, is_adopted: bool = False
    ) -> None:
        def keep(one: Backlog | None) -> None:
            if one is None:
                self._store.forget(f"{name}{BACKLOG}")
            else:
                self._store.keep(f"{name}{BACKLOG}", one.fd)

        if not is_adopted:
            self._store.keep(name, sock.fileno())
        connection = Connection(Stream(sock, Backlog(backlog) if backlog >= 0 else None, keep))
        self._inside[connection] = name
        try:
            await link.serve(connection, heartbeat_s=self._heartbeat_s, is_adopted=is_adopted)
        finally:
            del self._inside[connection]
            if connection.is_left:
                connection.leave()
            else:
                connection.end()
                self._forget(name)

    def _forget(self, name: str) -> None:
        self._store.forget(name)
        self._store.forget(f"{name}{BACKLOG}")

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._guests.add(task)
        task.add_done_callback(self._guests.discard)

    def _relieve(self) -> None:
        """In a thread: a loop that is behind, or stuck, does not keep Asterisk waiting."""
        while not self._stopping.wait(LOOK_S):
            for connection in list(self._inside):
                with contextlib.suppress(OSError):  # it is broken: the loop hears of it
                    connection.relieve()
            try:
                self._store.settle()
            except Exception as fault:  # the boundary: this thread is what keeps Asterisk from waiting
                log.error("the keeper could not be told", exc_info=fault)
