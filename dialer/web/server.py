"""Serves the web application on one address until it is cancelled, and stops within a bounded time."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

from dialer.domain.errors import Fatal
from dialer.domain.said import said
from dialer.web.connections import bounded

STOP_S = 5.0  # open requests get this long; then their tasks are cancelled


class _Server(uvicorn.Server):
    """Leaves the signals to the process: it is the composition root that decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(
    app: ASGIApp,
    host: str,
    port: int,
    *,
    named: tuple[str, str] = ("DIALER_API_BIND", "DIALER_API_PORT"),
    on_bound: Callable[[str, int], None] = lambda host, port: None,
    stop_s: float = STOP_S,
) -> None:
    """Serve until cancelled. `on_bound` hears the real port (0 draws one) once connections are accepted.

    `named` are the settings of host and port, for the sentence when they will not do.

    Cancelled, it takes no new connection, lets open requests end for at most `stop_s`, and then goes.
    """
    listener = _bind(host, port, *named)
    config = uvicorn.Config(
        app,
        http=bounded(),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=max(1, round(stop_s)),
        timeout_keep_alive=30,
    )
    server = _Server(config)
    listener.listen(config.backlog)  # connections wait in the kernel until the loop below takes them
    on_bound(*listener.getsockname()[:2])
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="web server")
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = True
        await asyncio.wait({serving}, timeout=stop_s + 1.0)
        server.force_exit = True
        serving.cancel()
        await asyncio.wait({serving}, timeout=1.0)
        listener.close()


def _bind(host: str, port: int, host_setting: str, port_setting: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as trouble:
        listener.close()
        why = {
            errno.EADDRINUSE: f"port {port} on {host} is taken by another program: set {port_setting}",
            errno.EACCES: f"port {port} may not be opened by this user: set {port_setting} above 1023",
            errno.EADDRNOTAVAIL: f"{host} is no address of this machine: set {host_setting}",
        }.get(trouble.errno or 0, f"{host} port {port} cannot be opened ({trouble}): set {host_setting}")
        raise Fatal(said("HTTP cannot be served: {why}", why=why)) from None
    return listener
