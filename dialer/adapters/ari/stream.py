"""The bytes of one connection from Asterisk: whole frames leave it, and only once they were dealt with.

What was not dealt with stays in the kernel's buffer, which outlives us: the next life finds it there, in
order, and its first byte is the first of a frame.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import socket
import struct
import termios
from collections import deque
from collections.abc import Callable
from threading import Lock

import structlog

log = structlog.get_logger()

GLANCE = 65_536  # bytes looked at in one go
FRAMES_PER_TURN = 64  # a replay of thousands of events must not starve the rest of the loop
LARGEST_FRAME = 64 * 1024 * 1024  # bytes; a long list asked for over the socket must not end it
LARGEST_LEFT = 32_768  # a frame above it may not fit into the kernel's buffer: it is gathered in the backlog
LEAST_ROOM = 3_145_728  # bytes that the kernel shall take while nobody reads
FULL = 1_048_576  # so much unread in the kernel is moved to the backlog; Asterisk's writes fail at some 4 MB
LARGEST_BACKLOG = 268_435_456  # then Asterisk has to wait
ROOM = 65_536  # bytes under way beyond which whole frames wait here: a dead life must not leave half of one
SEND_BUFFER = 1_048_576
AGAIN_S = 0.01
ALIVE = (1, 4, 5)  # states of TCP in which the other end may still send: established, and our own end closed

TEXT, CONTROL, KNOWN = 0x1, 0x8, frozenset({0x0, 0x1, 0x2, 0x8, 0x9, 0xA})
MASKED = 0x80
LONGEST_HEADER = 14
BRACE = ord("{")


def header_length(head: bytes) -> int:
    """Bytes of the header that begins here; 0 while that cannot be told."""
    if len(head) < 2:
        return 0
    size = {126: 4, 127: 10}.get(head[1] & 0x7F, 2)
    return size + (4 if head[1] & MASKED else 0)


def frame_length(head: bytes) -> int:
    """Bytes of the frame that begins here, its header included; 0 while its header is not all there."""
    header = header_length(head)
    if not header or len(head) < header:
        return 0
    match head[1] & 0x7F:
        case 126:
            return header + int.from_bytes(head[2:4], "big")
        case 127:
            return header + int.from_bytes(head[2:10], "big")
        case short:
            return header + short


def begins_frame(data: bytes) -> bool:
    """Whether a frame of Asterisk's may begin here: every text that it sends is a JSON object."""
    if not data:
        return True
    opcode = data[0] & 0x0F
    if data[0] & 0x70 or opcode not in KNOWN or (opcode >= CONTROL and not data[0] & 0x80):
        return False
    if opcode >= CONTROL and len(data) > 1 and data[1] & 0x7F > 125:
        return False
    header, length = header_length(data), frame_length(data)
    if length > LARGEST_FRAME:
        return False
    if opcode != TEXT or not length or length == header or len(data) <= header:
        return True
    mask = data[header - 4] if data[1] & MASKED else 0
    return data[header] ^ mask == BRACE


def next_beginning(data: bytes) -> int:
    """How many bytes are in the way of the first frame that is followed by another, or by nothing yet."""
    for at in range(1, len(data)):
        rest = data[at:]
        if (
            rest[0] & 0x0F == TEXT
            and begins_frame(rest)
            and begins_frame(rest[frame_length(rest) or len(rest) :])
        ):
            return at
    return len(data)


class Backlog:
    """Bytes in memory that come before those in the kernel; a descriptor, so that they outlive us too.

    Its offset is how far it was read, and belongs to the memory, not to one life.
    """

    def __init__(self, fd: int = -1) -> None:
        self.fd = os.memfd_create("backlog", os.MFD_CLOEXEC) if fd < 0 else fd

    def __len__(self) -> int:
        return max(os.fstat(self.fd).st_size - os.lseek(self.fd, 0, os.SEEK_CUR), 0)

    def add(self, data: bytes) -> None:
        if not len(self):
            os.ftruncate(self.fd, 0)
            os.lseek(self.fd, 0, os.SEEK_SET)
        at = os.fstat(self.fd).st_size
        while data:
            written = os.pwrite(self.fd, data, at)
            data, at = data[written:], at + written

    def peek(self, size: int) -> bytes:
        return os.pread(self.fd, size, os.lseek(self.fd, 0, os.SEEK_CUR))

    def drop(self, size: int) -> None:
        os.lseek(self.fd, size, os.SEEK_CUR)
        if not len(self):
            os.ftruncate(self.fd, 0)
            os.lseek(self.fd, 0, os.SEEK_SET)

    def close(self) -> None:
        os.close(self.fd)


class Stream:
    """The loop reads it; `relieve` may be called by a thread beside the loop.

    Its front is the oldest byte that was not dealt with: in the backlog, if there is one, else in the kernel.
    """

    def __init__(
        self, sock: socket.socket, backlog: Backlog | None, on_backlog: Callable[[Backlog | None], None]
    ) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        for least in (LEAST_ROOM, 1):  # the first makes the kernel's buffer twice as large, and it stays so
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, least)
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._backlog = backlog
        self._on_backlog = on_backlog
        self._is_aligned = backlog is None  # the kernel's first byte is the first of a frame
        self._guard = Lock()
        self._least = 1  # bytes in the kernel below which the loop is not woken
        self._handle: Callable[[bytes], None] | None = None
        self._outgoing: deque[bytes] = deque()
        self._is_closed = False
        self.ended = asyncio.Event()
        self.skipped = 0  # bytes that were no frame

    # --- from Asterisk ---------------------------------------------------------------------------------

    def read(self, handle: Callable[[bytes], None]) -> None:
        """From now on every whole frame goes to `handle`, in order, until `ended`."""
        self._handle = handle
        self._acknowledge_quickly()
        self._loop.add_reader(self._socket.fileno(), self._turn)
        self._loop.call_soon(self._turn)

    def stop(self) -> None:
        """Nothing more is read; what was not dealt with stays where it is."""
        if self._handle is not None:
            self._handle = None
            self._loop.remove_reader(self._socket.fileno())

    def relieve(self) -> None:
        """Where the loop is behind: makes room in the kernel, so that Asterisk can go on writing."""
        with self._guard:
            if self._is_closed or self._unread() < FULL:
                return
            if self._backlog is not None and len(self._backlog) > LARGEST_BACKLOG:
                return
            self._gather()
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(self._turn)

    def _turn(self) -> None:
        left = FRAMES_PER_TURN
        while left and self._handle is not None:
            data = self._glance(GLANCE)
            if not begins_frame(data):
                self._skip(next_beginning(data))
                continue
            length, seen = frame_length(data), len(data)
            if length > GLANCE:
                seen = self._there()
                data = self._glance(length) if seen >= length else data
            if not length or length > seen:
                self._wait(seen)
                return
            count, dealt = self._deal(data, left)
            left -= count
            if dealt == len(data) < GLANCE and self._backlog is None:
                return  # that was all; of more, or of the end, the kernel tells
        if self._handle is not None and self._backlog is not None:
            self._loop.call_soon(self._turn)  # the kernel has the loop woken, the backlog has not

    def _deal(self, data: bytes, limit: int) -> tuple[int, int]:
        """How many whole frames of these were dealt with, and their bytes; each leaves when it was."""
        self._wake_from(1)
        at = count = 0
        while count < limit and self._handle is not None:
            length = frame_length(data[at : at + LONGEST_HEADER])
            if not length or at + length > len(data):
                break
            self._handle(data[at : at + length])
            self._drop(length)
            at, count = at + length, count + 1
        self._acknowledge_quickly()
        return count, at

    def _wait(self, seen: int) -> None:
        """There is a part of a frame, or nothing; the loop is woken when there is more than that."""
        if not self._is_alive():
            self.stop()
            self.ended.set()
            return
        with self._guard:
            waiting = 0 if self._backlog is None else len(self._backlog)
            if seen - waiting > LARGEST_LEFT:
                self._gather()
                waiting = seen
        self._wake_from(max(seen - waiting, 0) + 1)

    def _wake_from(self, least: int) -> None:
        if self._least != least:
            self._least = least
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, least)

    def _there(self) -> int:
        """Bytes that were not dealt with."""
        with self._guard:
            return self._unread() + (0 if self._backlog is None else len(self._backlog))

    def _glance(self, size: int) -> bytes:
        """The front, nothing taken away."""
        with self._guard:
            before = b"" if self._backlog is None else self._backlog.peek(size)
            return before + self._peek(size - len(before)) if len(before) < size else before

    def _drop(self, size: int) -> None:
        """The front was dealt with."""
        with self._guard:
            if self._is_closed:
                return
            if self._backlog is not None:
                inside = min(size, len(self._backlog))
                self._backlog.drop(inside)
                size -= inside
                if not len(self._backlog):
                    self._backlog.close()
                    self._backlog, self._is_aligned = None, True
                    self._on_backlog(None)
            self._discard(size)

    def _skip(self, size: int) -> None:
        if not self.skipped:
            log.warning("bytes from Asterisk are no frame, skipped to the next", bytes=size)
        self.skipped += size
        self._drop(size)

    def _gather(self) -> None:
        """From the kernel into the backlog: whole frames, as long as it is known where they begin."""
        data = self._peek(self._unread())
        size = whole(data) if self._is_aligned else len(data)
        if not size:
            size, self._is_aligned = len(data), False
        if self._backlog is None:
            self._backlog = Backlog()
            self._on_backlog(self._backlog)
        self._backlog.add(data[:size])
        self._discard(size)

    def _peek(self, size: int) -> bytes:
        try:
            return self._socket.recv(size, socket.MSG_PEEK) if size else b""
        except OSError:  # nothing there, or it is broken: `_is_alive` tells
            return b""

    def _discard(self, size: int) -> None:
        with contextlib.suppress(OSError):  # it was reset meanwhile
            while size:
                size -= len(self._socket.recv(size, socket.MSG_TRUNC)) or size

    def _unread(self) -> int:
        return _number(fcntl.ioctl(self._socket, termios.FIONREAD, bytes(4)))

    def _is_alive(self) -> bool:
        return self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in ALIVE

    def _acknowledge_quickly(self) -> None:
        """Asterisk leaves Nagle on: without this its next frame waits 40 ms for our delayed ACK.

        The kernel forgets the option, so it is set again after every glance.
        """
        if not self._is_closed:
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    # --- to Asterisk -----------------------------------------------------------------------------------

    def write(self, frame: bytes) -> None:
        """Whole or not at all, as long as there is room: half of one would spoil the next life's first."""
        if self.is_closing():
            raise ConnectionResetError("the connection is closed")
        self._outgoing.append(frame)
        if len(self._outgoing) == 1:
            self._pump()

    def is_closing(self) -> bool:
        return self._is_closed or self.ended.is_set()

    def _pump(self) -> None:
        while self._outgoing and not self.is_closing():
            try:
                if _number(fcntl.ioctl(self._socket, termios.TIOCOUTQ, bytes(4))) > ROOM:
                    break
                sent = self._socket.send(self._outgoing[0])
            except BlockingIOError:
                break
            except OSError:  # the reader hears of it
                self._outgoing.clear()
                return
            rest = self._outgoing.popleft()[sent:]
            if rest:
                self._outgoing.appendleft(rest)
        if self._outgoing:
            self._loop.call_later(AGAIN_S, self._pump)

    # --- the end ---------------------------------------------------------------------------------------

    def end(self) -> None:
        """Ends the connection, whoever else holds its descriptor."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self.leave()

    def leave(self) -> None:
        """Ours is closed; the connection lives on as long as somebody holds it."""
        self.stop()
        with self._guard:
            if not self._is_closed:
                self._is_closed = True
                self._socket.close()
                if self._backlog is not None:
                    self._backlog.close()
        self.ended.set()


def whole(data: bytes) -> int:
    """How many of these bytes are whole frames."""
    at = 0
    while (length := frame_length(data[at : at + LONGEST_HEADER])) and at + length <= len(data):
        at += length
    return at


def _number(answer: bytes) -> int:
    return int(struct.unpack("i", answer)[0])
