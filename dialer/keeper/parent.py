"""The parent of the service: holds its sockets, and starts each of its processes again when it dies.

    python -m dialer.keeper.parent ENGINE... [--beside WEB...]

It speaks systemd's language with its children (see store.py), and passes on to systemd, where that started
us, what the engine says and leaves. It decides nothing about calls, loads next to nothing, and must not die.
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
from math import inf

from dialer.keeper.store import BEGUN, BESIDE, FIRST, GIVE_UP, MARK, MOST, DescriptorStore, Held, Holder

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
HANGS, IS_KILLED = (
    13,
    14,
)  # signs of life of the other of the two, 2 s apart: before systemd takes us all for hung
BESIDE_ENDS_S = 5.0  # for the process beside the service, once that is over
PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGABRT)
WATCHED = (*PASSED_ON, signal.SIGUSR1, signal.SIGCHLD)


@dataclass(slots=True)
class Lives:
    """One command, life after life."""

    command: list[str]
    pid: int = 0  # of the life that is; 0: none
    ready_s: float | None = None  # since when it is ready
    was_ready: bool = False  # at least one life was
    failures: int = 0  # lives in a row that ended soon
    last: int = 0  # the exit code of the life before
    next_s: float = 0.0  # when the next one begins
    missed: int = 0  # signs of life of the other since its own last one

    def over(self, code: int) -> None:
        """The life that was has ended so."""
        now_s = time.monotonic()
        is_steady = self.ready_s is not None and now_s - self.ready_s >= STEADY_S
        self.was_ready |= self.ready_s is not None
        self.failures = 0 if is_steady else self.failures + 1
        self.pid, self.ready_s, self.missed, self.last = 0, None, 0, code
        self.next_s = now_s + PAUSES_S[min(self.failures, len(PAUSES_S) - 1)]

    @property
    def is_due(self) -> bool:
        """Whether the next life is to begin."""
        return not self.pid and time.monotonic() >= self.next_s

    def ask(self, number: int) -> None:
        """The signal to the life that is."""
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


@dataclass(slots=True)
class Keeper:
    """The service, whose sockets are held, and a process beside it, which comes and goes by itself."""

    service: Lives
    beside: Lives | None = None
    above: DescriptorStore = field(default_factory=lambda: DescriptorStore({}))  # systemd, if it is above us
    held: list[Held] = field(default_factory=list)
    is_up: bool = False  # all was ready once, and that was said
    asked: int = 0  # the signal that ends it all; 0: none
    is_last: bool = False  # a life that is begun only to end in order
    is_renewed: bool = False  # asked to begin a new life
    verdict: int = 0  # the exit code of a process beside it that could not start
    code: int | None = None  # the exit code of all, once it is over

    def run(self) -> int:
        """Returns the exit code of the service's last life, or of a first start beside it that failed."""
        self.held += [Held(one.name, _aside(one.fd)) for one in self.above.take("")]
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
        while self.code is None:
            self.turn(name, poll, ear, woken)
        self.end_beside()
        return self.code

    def turn(self, name: str, poll: select.poll, ear: socket.socket, woken: socket.socket) -> None:
        """Begin what is due, and wait for a word, a signal, or a death."""
        for lives in self.all():
            if lives.is_due:
                self.begin(lives, name)
        is_whole = all(lives.pid or lives.next_s == inf for lives in self.all())
        poll.poll(1000 * (60.0 if is_whole and self.above.settle() else LOOK_S))
        self.hear(ear)
        self.obey(woken)
        if self.bury():
            self.hear(ear)
        if not self.service.pid:
            self.read()
            if self.asked and self.held and not self.is_last:
                self.is_last, self.service.next_s = True, 0.0

    def all(self) -> list[Lives]:
        """Whoever is watched."""
        return [self.service, self.beside] if self.beside else [self.service]

    # --- lives -----------------------------------------------------------------------------------------

    def begin(self, lives: Lives, name: str) -> None:
        """A new life; that of the service is given what is held."""
        me, dies_with_us = os.getpid(), _own_death() or int(signal.SIGTERM)
        pid = os.fork()
        if pid:
            lives.pid = pid
            return
        try:
            os.setsid()  # a Ctrl-C of the terminal comes to us, and we pass it on once
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, dies_with_us)
            if os.getppid() != me:
                os._exit(1)
            signal.set_wakeup_fd(-1)
            for number in WATCHED:
                signal.signal(number, signal.SIG_DFL)
            its = self.held if lives is self.service else []
            for at, held in enumerate(its, FIRST):
                os.dup2(held.fd, at)
            behind = " systemd" if self.above.holder is Holder.SYSTEMD else ""
            given = {
                "NOTIFY_SOCKET": f"@{name}",
                "PYTHONFAULTHANDLER": "1",  # one that hangs says where
                MARK: f"{me} {lives.failures} {lives.last}{behind}",
                "LISTEN_PID": str(os.getpid()),
                "LISTEN_FDS": str(len(its)),
                "LISTEN_FDNAMES": ":".join(held.name for held in its),
            }
            os.execve(lives.command[0], lives.command, {**os.environ, **given})  # noqa: S606  ours
        finally:
            os._exit(127)

    def bury(self) -> bool:
        """Whether the service has died; whoever else was left to us is waited for as well."""
        has_died = False
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if not pid:
                break
            code = os.waitstatus_to_exitcode(status)
            is_killed, code = code < 0, code if code >= 0 else 128 - code
            if pid == self.service.pid:
                has_died = True
                self.service.over(code)
                self.settle(code, is_killed=is_killed)
            elif self.beside and pid == self.beside.pid:
                self.beside.over(code)
                self.settle_beside(self.beside, code, is_killed=is_killed)
        return has_died

    def settle(self, code: int, *, is_killed: bool) -> None:
        """Whether another life follows: not after an end in order, nor after a start that failed."""
        is_renewed, self.is_renewed = self.is_renewed, False
        code = self.verdict or code
        if is_renewed and not is_killed:
            self.service.failures, self.service.next_s = 0, 0.0
        elif self.asked:
            if not is_killed or self.is_last or not self.held:
                self.code = code
        elif not code or not (self.service.was_ready or is_killed):
            self.code = code

    def settle_beside(self, lives: Lives, code: int, *, is_killed: bool) -> None:
        """It is begun again, whatever ended it; only a first start that fails ends the service too."""
        if not (self.is_up or is_killed or self.asked):
            self.asked, self.verdict = signal.SIGTERM, code
            lives.next_s = inf
            self.service.ask(GIVE_UP)
            if not self.service.pid:
                self.code = code

    def end_beside(self) -> None:
        """The service is over: the process beside it is asked to end, and made to."""
        end_s = time.monotonic() + BESIDE_ENDS_S
        if self.beside is None or not self.beside.pid:
            return
        self.beside.ask(signal.SIGTERM)
        while self.beside.pid:
            if time.monotonic() > end_s:
                self.beside.ask(signal.SIGKILL)
            try:
                if os.waitpid(self.beside.pid, os.WNOHANG)[0]:
                    return
            except ChildProcessError:
                return
            time.sleep(0.01)  # nobody is left to be served meanwhile

    def obey(self, woken: socket.socket) -> None:
        """Signals; those of the end are passed on, each time."""
        with suppress(BlockingIOError):
            for number in woken.recv(LONGEST_MESSAGE):
                if number in PASSED_ON:
                    self.asked, self.is_renewed = number, False
                    if number == signal.SIGABRT and self.above.holder is Holder.SYSTEMD:
                        self.is_last = True  # it hangs: systemd holds its sockets, and starts us again
                    if self.service.pid:
                        self.service.ask(number if number != signal.SIGHUP else signal.SIGTERM)
                    elif not self.held:
                        self.code = 128 + number
                elif number == signal.SIGUSR1 and self.service.pid:
                    self.is_renewed = True
                    self.service.ask(number)

    # --- what it says and leaves -----------------------------------------------------------------------

    def hear(self, ear: socket.socket) -> None:
        """Everything that was said so far, by a process of our own user."""
        size = socket.CMSG_SPACE(CREDENTIALS.size) + socket.CMSG_SPACE(MOST * 4)
        while True:
            try:
                message, rights, _, _ = ear.recvmsg(LONGEST_MESSAGE, size)
            except BlockingIOError:
                return
            fds, pid, uid = array.array("i"), 0, -1
            for level, kind, data in rights:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    fds.frombytes(data[: len(data) // fds.itemsize * fds.itemsize])
                elif level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
                    pid, uid, _ = CREDENTIALS.unpack(data)
            words = dict(line.partition("=")[::2] for line in message.decode("utf-8", "replace").splitlines())
            if uid in (os.getuid(), 0):
                self.take(words, list(fds), pid)
            for fd in fds:
                os.close(fd)

    def take(self, words: dict[str, str], fds: list[int], pid: int = 0) -> None:
        """One message; what the service says and leaves goes to systemd too, but that all is ready."""
        is_ready, name = words.pop("READY", "") == "1", words.get("FDNAME", "")
        if self.beside and (words.pop(BEGUN, "") or is_ready):
            self.beside.next_s = min(self.beside.next_s, time.monotonic())
        lives = self.beside if self.beside and pid == self.beside.pid else self.service
        if "WATCHDOG" in words:
            self.compare(lives)
        if lives is self.service:
            if words.get("FDSTOREREMOVE") == "1":
                self.drop(name)
            elif words.get("FDSTORE") == "1" and name:
                self.hold(name, fds)
            elif words:
                self.above.tell("\n".join(f"{word}={value}" for word, value in words.items()))
        if is_ready and lives.pid:
            lives.ready_s = time.monotonic()
            if self.is_last:
                self.service.ask(signal.SIGTERM)
        if not self.is_up and all(each.ready_s is not None for each in self.all()):
            self.is_up = True
            self.above.tell("READY=1")

    def compare(self, alive: Lives) -> None:
        """One gives a sign of life: another that gives none for long hangs, and is ended to be begun again.

        Not by the clock: where the whole machine stands still or is late, both are silent.
        """
        alive.missed = 0
        for other in self.all():
            if other is not alive and other.ready_s is not None:
                other.missed += 1
                if other.missed in (HANGS, IS_KILLED):  # first so that it can say where it stood
                    other.ask(signal.SIGABRT if other.missed == HANGS else signal.SIGKILL)

    def hold(self, name: str, fds: list[int]) -> None:
        """Here and above us."""
        for fd in fds:
            if len(self.held) < MOST:
                self.held.append(Held(name, _aside(fd)))
                self.above.keep(name, fd)

    def drop(self, name: str) -> None:
        """Everything of this name is over."""
        for held in [held for held in self.held if held.name == name]:
            os.close(held.fd)
            self.held.remove(held)
        self.above.forget(name)

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
            backlog = Held(f"{held.name}{BACKLOG}", _aside(made))
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


def _aside(fd: int) -> int:
    """A copy out of the way."""
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, ASIDE)


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


def keeper_of(words: list[str]) -> Keeper:
    """As the command line has it."""
    at = words.index(BESIDE) if BESIDE in words else len(words)
    beside = Lives(words[at + 1 :], next_s=inf) if words[at + 1 :] else None  # until the service has begun
    return Keeper(Lives(words[:at]), beside, DescriptorStore(os.environ))


if __name__ == "__main__":
    sys.exit(keeper_of(sys.argv[1:]).run())
