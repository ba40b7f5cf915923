"""Draws ports that are free now and that no other lab on this machine has drawn."""

from __future__ import annotations

import errno
import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import IO

from dialer.domain.errors import Fatal
from dialer.domain.said import said

SINGLE = range(30_000, 32_700)  # below the ports that the system gives out by itself
RTP = range(10_000, 30_000)
RTP_SPAN = 2_000  # ports per instance; ranges of two instances may overlap, Asterisk skips taken ones
TRIES = 400


class Ports:
    """Ports held by this process until `release`, by a lock file each; a kill -9 frees them too."""

    def __init__(self, seed: int | None = None) -> None:
        self._draw = random.Random(seed)  # noqa: S311 ports are no secret
        self._held: list[IO[bytes]] = []
        self._folder = Path(tempfile.gettempdir(), f"obzvon-ports-{os.getuid()}")

    def draw(self, address: str) -> int:
        """One port of this address, free for UDP and TCP."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for port in self._draw.sample(SINGLE, TRIES):
            if self._hold(port):
                if is_free(address, port):
                    return port
                self._held.pop().close()
        raise Fatal(
            said(
                "no free port on {address} between {start} and {stop}: stop other labs",
                address=address,
                start=SINGLE.start,
                stop=SINGLE.stop,
            )
        )

    def draw_rtp(self) -> tuple[int, int]:
        """First and last port of a range for sound."""
        start = self._draw.randrange(RTP.start, RTP.stop - RTP_SPAN, 100)
        return start, start + RTP_SPAN - 1

    def release(self) -> None:
        """Gives all of them back."""
        while self._held:
            self._held.pop().close()

    def _hold(self, port: int) -> bool:
        file = (self._folder / str(port)).open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._held.append(file)
        return True


def is_free(address: str, port: int) -> bool:
    """Whether both a UDP and a TCP socket can be bound there right now."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind is socket.SOCK_STREAM:
                probe.setsockopt(
                    socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
                )  # as Asterisk does: TIME_WAIT is free
            try:
                probe.bind((address, port))
            except OSError as failure:
                if failure.errno in (errno.EADDRINUSE, errno.EACCES):
                    return False
                raise Fatal(
                    said(
                        "the address {address} cannot be used here: {strerror}",
                        address=address,
                        strerror=failure.strerror,
                    )
                ) from failure
    return True
