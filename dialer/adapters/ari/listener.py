"""The door that every Asterisk of this service knocks at: checks who it is, passes it to its cell's link."""

from __future__ import annotations

import asyncio
import errno
import hmac
from dataclasses import dataclass

import structlog
from aiohttp import encode_basic_auth, web

from dialer.adapters.ari.link import HEARTBEAT_S, Link
from dialer.domain.errors import Fatal
from dialer.domain.said import said
from dialer.domain.types import CellId

log = structlog.get_logger()

LARGEST_FRAME = 64 * 1024 * 1024  # bytes; a long list asked for over the socket must not end it
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
    """One port for any number of cells: Asterisk of cell X connects to /ari/X."""

    def __init__(self, host: str, port: int, *, heartbeat_s: float = HEARTBEAT_S) -> None:
        self._host = host
        self._port = port
        self._heartbeat_s = heartbeat_s
        self._doors: dict[CellId, tuple[Link, bytes]] = {}
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self.refused = 0  # handshakes with a wrong cell, user or password

    def add(self, link: Link, credentials: Credentials) -> None:
        """Lets this cell's Asterisk in."""
        self._doors[link.cell] = (link, credentials.header())

    @property
    def port(self) -> int:
        """The port it listens on; of use when 0 was asked for."""
        if self._runner is None:
            return self._port
        return int(self._runner.addresses[0][1])

    async def start(self) -> None:
        """Opens the port; raises Fatal when that cannot be."""
        app = web.Application()
        app.router.add_get("/ari/{cell}", self._accept)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=GOODBYE_S)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self._host, self._port)
            await site.start()
        except OSError as failure:
            await runner.cleanup()
            reason = WHY_NOT.get(failure.errno or 0, failure.strerror or str(failure))
            raise Fatal(
                said(
                    "cannot listen for Asterisk on {host}:{port}: {reason}",
                    host=self._host,
                    port=self._port,
                    reason=reason,
                )
            ) from failure
        self._runner, self._site = runner, site

    async def stop(self) -> None:
        """Closes every link and the port; takes no longer than the goodbye of one link."""
        runner, self._runner = self._runner, None
        if runner is None or self._site is None:
            return
        await self._site.stop()  # first, or Asterisk is back in before we are gone
        await asyncio.gather(*(link.close(within_s=GOODBYE_S) for link, _ in self._doors.values()))
        await runner.cleanup()

    async def _accept(self, request: web.Request) -> web.StreamResponse:
        link = self._known(request)
        if link is None:
            self.refused += 1
            log.warning(
                "an Asterisk with a wrong cell, user or password was refused",
                cell=request.match_info["cell"],
                peer=request.remote,
            )
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="obzvon"'})
        peer = web.WebSocketResponse(
            protocols=("ari",),
            autoping=False,
            compress=False,
            max_msg_size=LARGEST_FRAME,
            timeout=GOODBYE_S,
        )
        await peer.prepare(request)
        if request.transport is not None:
            await link.serve(peer, request.transport, heartbeat_s=self._heartbeat_s)
        return peer

    def _known(self, request: web.Request) -> Link | None:
        """The link of the cell in the path, if the password is right; takes as long if it is not."""
        link, expected = self._doors.get(CellId(request.match_info["cell"]), (None, b""))
        shown = request.headers.get("Authorization", "").encode()
        return link if hmac.compare_digest(shown, expected) and link is not None else None
