"""One HTTP connection: the head of a request has a time limit, and connections a ceiling of their own."""

from __future__ import annotations

import asyncio
import resource
from typing import Any

import h11
import structlog
from uvicorn.protocols.http.h11_impl import H11Protocol

log = structlog.get_logger(__name__)

HEAD_S = 10.0  # from the first byte, or from the connection, to the end of the headers
MOST = 1000
SHARE = 0.25  # of the descriptors that the process may have: Asterisk, database and files need the others
LEAST = 16


def ceiling() -> int:
    """How many connections are taken at a time: well below the descriptors of the process."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST
    return max(LEAST, min(MOST, int(soft * SHARE)))


class BoundedProtocol(H11Protocol):
    """uvicorn's, with two limits that it does not have. Its own limit answers 503 after reading a request."""

    most = MOST
    head_s = HEAD_S
    _is_refused = False
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Over the ceiling a connection is closed at once: it costs a descriptor only for a moment."""
        if len(self.connections) >= self.most:
            self._is_refused = True
            log.warning(f"a connection was refused: {self.most} are open already")
            transport.abort()
            return
        super().connection_made(transport)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        super().data_received(data)
        waits = self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
        if not waits:
            self._stop_timer()
        elif self._head_timer is None:
            self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        if not self._is_refused:
            super().connection_lost(exc)

    def eof_received(self) -> None:
        if not self._is_refused:
            super().eof_received()

    def _start_timer(self) -> None:
        self._head_timer = asyncio.get_running_loop().call_later(self.head_s, self._too_slow)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n")
            self.transport.close()


def bounded() -> Any:
    """The protocol with this process's ceiling."""
    return type("Bounded", (BoundedProtocol,), {"most": ceiling()})
