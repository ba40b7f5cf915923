"""The parent of the service where no systemd is: holds its sockets, and starts it again when it dies.

    python -m dialer.keeper.parent COMMAND...

It speaks systemd's language with its child (see store.py), so that the service knows one keeper only. It
decides nothing about calls, loads next to nothing, and must not die.
"""

from __future__ import annotations

import array
import ctypes
import fcntl
import os
import secrets
import select
import signal
import socket
import struct
import sys
import termios
import time
from contextlib import suppress
from dataclasses import dataclass, field

from dialer.keeper.store import FIRST, MARK, MOST, Held

ASIDE = 64  # descriptors that are held have numbers from here on, out of the way of those that a child gets
STEADY_S = 0.2  # a life that was ready for so long did not fail: the next one begins at once
PAUSES_S = (0.0, 0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)  # before the next life, by failures in a row
LOOK_S = 0.2  # while nobody reads
FULL = 1_048_576  # so much unread is read into memory; Asterisk's writes fail at some 4 MB
LARGEST_BACKLOG = 268_435_456  # then Asterisk has to wait
BACKLOG = ".backlog"
LONGEST_MESSAGE = 4096
CREDENTIALS = struct.Struct("3i")
PR_SET_PDEATHSIG, PR_GET_PDEATHSIG = 1, 2
PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
WATCHED = (*PASSED_ON, signal.SIGUSR1, signal.SIGCHLD)


@dataclass(slots=True)
class Life:
    """One process of the service."""

    pid: int
    ready_s: float | None = None  # since when it is


@dataclass(slots=True)
class Keeper:
    """One service, life after life."""

    command: list[str]
    held: list[Held] = field(default_factory=list)
    life: Life | None = None
    failures: int = 0  # lives in a row that ended soon
    was_ready: bool = False  # at least one life was
    asked: int = 0  # the signal that ends it all; 0: none
    is_last: bool = False  # a life that is begun only to end in order
    is_renewed: bool = False  # asked to begin a new life
    last: int = 0  # the exit code of the life before
    code: int | None = None  # the exit code of all, once it is over

    def run(self) -> int:
        """Returns the exit code of the service's last life."""
        name = f"obzvon-keeper-{os.getpid()}-{secrets.token_hex(8)}"
        ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        ear.bind(f"\0{name}")
        woken, waker = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        for end in (woken, waker):
            end.setblocking(False)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        for number in WATCHED:
            signal.signal(number, lambda number, frame: None)
        poll = select.poll()
        poll.register(ear, select.POLLIN)
        poll.register(woken, select.POLLIN)
        next_s = 0.0
        while self.code is None:
            if self.life is None and time.monotonic() >= next_s:
                self.begin(name)
            poll.poll(1000 * (LOOK_S if self.life is None else 60.0))
            self.hear(ear)
            self.obey(woken)
            if self.bury():
                self.hear(ear)
                next_s = time.monotonic() + PAUSES_S[min(self.failures, len(PAUSES_S) - 1)]
            if self.life is None:
                self.read()
                if self.asked and self.held and not self.is_last:
                    self.is_last, next_s = True, 0.0
        return self.code

    # --- lives -----------------------------------------------------------------------------------------

    def begin(self, name: str) -> None:
        """A new life, which is given what is held."""
        me, dies_with_us = os.getpid(), _own_death() or int(signal.SIGTERM)
        pid = os.fork()
        if pid:
            self.life = Life(pid)
            return
        try:
            os.setsid()  # a Ctrl-C of the terminal comes to us, and we pass it on once
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, dies_with_us)
            if os.getppid() != me:
                os._exit(1)
            signal.set_wakeup_fd(-1)
            for number in WATCHED:
                signal.signal(number, signal.SIG_DFL)
            for at, held in enumerate(self.held, FIRST):
                os.dup2(held.fd, at)
            given = {
                "NOTIFY_SOCKET": f"@{name}",
                MARK: f"{me} {self.failures} {self.last}",
                "LISTEN_PID": str(os.getpid()),
                "LISTEN_FDS": str(len(self.held)),
                "LISTEN_FDNAMES": ":".join(held.name for held in self.held),
            }
            os.execve(self.command[0], self.command, {**os.environ, **given})  # noqa: S606  ours
        finally:
            os._exit(127)

    def bury(self) -> bool:
        """Whether the service has died; whoever else was left to us is waited for as well."""
        was = self.life
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if not pid:
                break
            if self.life is not None and pid == self.life.pid:
                ready_s, self.life = self.life.ready_s, None
                self.was_ready |= ready_s is not None
                is_steady = ready_s is not None and time.monotonic() - ready_s >= STEADY_S
                self.failures = 0 if is_steady else self.failures + 1
                self.settle(os.waitstatus_to_exitcode(status))
        return was is not None and self.life is None

    def settle(self, code: int) -> None:
        """Whether another life follows: not after an end in order, nor after a start that failed."""
        is_killed, code = code < 0, code if code >= 0 else 128 - code
        self.last, is_renewed, self.is_renewed = code, self.is_renewed, False
        if is_renewed and not is_killed:
            self.failures = 0
        elif self.asked:
            if not is_killed or self.is_last or not self.held:
                self.code = code
        elif not code or not (self.was_ready or is_killed):
            self.code = code

    def obey(self, woken: socket.socket) -> None:
        """Signals; those of the end are passed on, each time."""
        with suppress(BlockingIOError):
            for number in woken.recv(LONGEST_MESSAGE):
                if number in PASSED_ON:
                    self.asked, self.is_renewed = number, False
                    if self.life is not None:
                        os.kill(self.life.pid, number if number != signal.SIGHUP else signal.SIGTERM)
                    elif not self.held:
                        self.code = 128 + number
                elif number == signal.SIGUSR1 and self.life is not None:
                    self.is_renewed = True
                    os.kill(self.life.pid, number)

    # --- what it says and leaves -----------------------------------------------------------------------

    def hear(self, ear: socket.socket) -> None:
        """Everything that was said so far, by a process of our own user."""
        size = socket.CMSG_SPACE(CREDENTIALS.size) + socket.CMSG_SPACE(MOST * 4)
        while True:
            try:
                message, rights, _, _ = ear.recvmsg(LONGEST_MESSAGE, size)
            except BlockingIOError:
                return
            fds, uid = array.array("i"), -1
            for level, kind, data in rights:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    fds.frombytes(data[: len(data) // fds.itemsize * fds.itemsize])
                elif level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
                    _, uid, _ = CREDENTIALS.unpack(data)
            words = dict(line.partition("=")[::2] for line in message.decode("utf-8", "replace").splitlines())
            if uid in (os.getuid(), 0):
                self.take(words, list(fds))
            for fd in fds:
                os.close(fd)

    def take(self, words: dict[str, str], fds: list[int]) -> None:
        """One message."""
        name = words.get("FDNAME", "")
        if words.get("FDSTOREREMOVE") == "1":
            for held in [held for held in self.held if held.name == name]:
                os.close(held.fd)
                self.held.remove(held)
        elif words.get("FDSTORE") == "1" and name:
            for fd in fds:
                if len(self.held) < MOST:
                    self.held.append(Held(name, fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, ASIDE)))
        if words.get("READY") == "1" and self.life is not None:
            self.life.ready_s = time.monotonic()
            if self.is_last:
                os.kill(self.life.pid, signal.SIGTERM)

    def read(self) -> None:
        """Nobody reads: what would soon not fit into the kernel any more is read into memory, in order."""
        for held in list(self.held):
            if not held.name.endswith(BACKLOG) and _unread(held.fd) > FULL:
                self.gather(held)

    def gather(self, held: Held) -> None:
        """Everything that is there, behind what was read before."""
        backlog = next((each for each in self.held if each.name == f"{held.name}{BACKLOG}"), None)
        if backlog is None:
            made = os.memfd_create(BACKLOG)
            backlog = Held(f"{held.name}{BACKLOG}", fcntl.fcntl(made, fcntl.F_DUPFD_CLOEXEC, ASIDE))
            os.close(made)
            self.held.append(backlog)
        size = os.fstat(backlog.fd).st_size
        if os.lseek(backlog.fd, 0, os.SEEK_CUR) >= size:
            os.ftruncate(backlog.fd, 0)
            os.lseek(backlog.fd, 0, os.SEEK_SET)
            size = 0
        with socket.socket(fileno=os.dup(held.fd)) as sock, suppress(OSError):
            while size < LARGEST_BACKLOG and (data := sock.recv(FULL, socket.MSG_DONTWAIT)):
                os.pwrite(backlog.fd, data, size)
                size += len(data)


def _unread(fd: int) -> int:
    try:
        return int(struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))[0])
    except OSError:  # the door, which is read by accepting
        return 0


def _own_death() -> int:
    """The signal that we get when our own parent dies; 0: none. What holds for us holds for our child."""
    number = ctypes.c_int()
    ctypes.CDLL(None).prctl(PR_GET_PDEATHSIG, ctypes.byref(number))
    return number.value


if __name__ == "__main__":
    sys.exit(Keeper(sys.argv[1:]).run())
