"""Sockets that are files of their owner's, whatever the length of their names."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dialer.domain.errors import Fatal
from dialer.domain.said import said

LONGEST_PATH = 100  # bytes of a socket's name that every kernel takes


@contextmanager
def reached(path: Path) -> Iterator[str]:
    """A name of the socket that is short enough, while the context lasts."""
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


@contextmanager
def bound(path: Path) -> Iterator[socket.socket]:
    """A new socket in place of one that was left over; its file goes in the end. Fatal: it cannot be made."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        path.unlink(missing_ok=True)
        with reached(path) as name:
            sock.bind(name)
        own = path.stat().st_ino
    except OSError as trouble:
        sock.close()
        raise Fatal(said("no socket can be made at {path}: {why}", path=path, why=trouble.strerror)) from None
    finally:
        os.umask(before)
    try:
        yield sock
    finally:
        with suppress(OSError):
            if path.stat().st_ino == own:  # else it is another process's by now
                path.unlink()
