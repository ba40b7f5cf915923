"""What the service asks of whoever holds its descriptors, in systemd's words: sd_notify(3), FDSTORE=1."""

from __future__ import annotations

import array
import os
import signal
import socket
import subprocess
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from threading import RLock

ENGINE, WEB, AGI = "engine", "web", "agi"  # the parts of the service
EVERYTHING = frozenset({ENGINE, WEB, AGI})
FIRST = 3  # the first descriptor that is handed to a life, after stdin, stdout and stderr
MOST = 32  # descriptors held at once; FileDescriptorStoreMax= of the units
LISTED_S = 1.0  # how long systemd is given to say what it is about to do
BESIDE = "--beside"  # on our parent's command line, before the second command
PAIR = "OBZVON_PAIR"  # set where our parent process starts an engine and a web
GIVE_UP = signal.SIGUSR2  # from our parent process: the other of the two could not begin
BEGUN = "OBZVON_BEGUN"  # said to our parent process: nothing keeps the service from starting
MARK = "OBZVON_KEEPER"  # set by our own parent process: its pid, failures, last exit code, who is above it


class Holder(StrEnum):
    """Who holds them."""

    PARENT = "parent"
    SYSTEMD = "systemd"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Held:
    """One descriptor of an earlier life, under the name that it was given."""

    name: str
    fd: int


class DescriptorStore:
    """Every call returns at once and never raises; without anybody to speak to it holds nothing."""

    def __init__(self, environment: Mapping[str, str], pid: int | None = None) -> None:
        self._address = address(environment.get("NOTIFY_SOCKET", ""))
        self.holder = holder_of(environment)
        self.follows = _follows(environment)  # the exit code of the life before; 0: none, or in order
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if self._address else None
        self._inherited = _inherited(environment, os.getpid() if pid is None else pid)
        self._unsaid: deque[tuple[bytes, int]] = deque()  # what could not be said yet; a descriptor, or -1
        self._guard = RLock()  # a thread may say what the loop has left
        self._stays = False

    def take(self, prefix: str) -> list[Held]:
        """Those of an earlier life whose names begin so; each is given once."""
        taken = [held for held in self._inherited if held.name.startswith(prefix)]
        self._inherited = [held for held in self._inherited if held not in taken]
        return taken

    def keep(self, name: str, fd: int) -> None:
        """From now on it outlives us. The holder has a copy: closing ours does not end a connection."""
        self._unsaid.append((f"FDSTORE=1\nFDNAME={name}".encode(), os.dup(fd)))
        self.settle()

    def forget(self, name: str) -> None:
        """It is really over: the copy is closed too."""
        self._unsaid.append((f"FDSTOREREMOVE=1\nFDNAME={name}".encode(), -1))
        self.settle()

    def tell(self, message: str) -> None:
        """Any words of sd_notify(3), in their order among what is kept."""
        self._unsaid.append((message.encode(), -1))
        self.settle()

    def settle(self) -> bool:
        """Says what could not be said before; False while something is left unsaid."""
        with self._guard:
            while self._unsaid:
                message, fd = self._unsaid[0]
                if not self._say(message, fd):
                    return False
                self._unsaid.popleft()
                if fd >= 0:
                    os.close(fd)
        return True

    def stays(self) -> None:
        """Whoever holds them has said that another life follows this one."""
        self._stays = True

    def outlives_us(self) -> bool:
        """Whether another life follows when this one ends in order; asked at its end."""
        return self._stays or (self.holder is Holder.SYSTEMD and _is_restarting())

    def _say(self, message: bytes, fd: int) -> bool:
        if self._socket is None:
            return True
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))] if fd >= 0 else []
        try:
            self._socket.sendmsg([message], rights, socket.MSG_DONTWAIT, self._address)
        except BlockingIOError:  # it is busy, or restarts itself
            return False
        except OSError:  # it is gone, and holds nothing any more
            return True
        return True


def address(name: str) -> str:
    """Of a socket in the file system or, with an @ in front, in the kernel's own names; empty for others."""
    return f"\0{name[1:]}" if name.startswith("@") else name if name.startswith("/") else ""


def holder_of(environment: Mapping[str, str]) -> Holder:
    """Who would hold them for a process with this environment; takes nothing up."""
    if not address(environment.get("NOTIFY_SOCKET", "")):
        return Holder.NOBODY
    mark = environment.get(MARK, "")
    return Holder.PARENT if mark and not mark.endswith(Holder.SYSTEMD) else Holder.SYSTEMD


def _follows(environment: Mapping[str, str]) -> int:
    last = environment.get(MARK, "").split()[2:3]
    return int(last[0]) if last and last[0].isdecimal() else 0


def _inherited(environment: Mapping[str, str], pid: int) -> list[Held]:
    """What sd_listen_fds(3) would find: only if it is meant for this very process."""
    count, names = environment.get("LISTEN_FDS", ""), environment.get("LISTEN_FDNAMES", "")
    if environment.get("LISTEN_PID") != str(pid) or not count.isdecimal():
        return []
    fds = range(FIRST, FIRST + int(count))
    for fd in fds:
        os.set_inheritable(fd, False)
    named = [name for name in names.split(":") if name] or ["unknown"] * len(fds)
    return [Held(name, fd) for name, fd in zip(named, fds, strict=False)]


def _is_restarting() -> bool:
    """Whether `systemctl restart` ends us: systemd closes what it holds when a stop is final."""
    unit = _unit()
    if not unit:
        return False
    try:
        jobs = subprocess.run(  # noqa: S603  nothing in it comes from outside
            ["systemctl", "list-jobs", "--plain", "--no-legend", "--no-pager", unit],  # noqa: S607  where it lies differs
            capture_output=True,
            text=True,
            timeout=LISTED_S,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return False
    rows = (line.split() for line in jobs.splitlines())
    return any(row[1:3] in ([unit, "restart"], [unit, "try-restart"]) for row in rows)


def _unit() -> str:
    """The unit whose process this is, as the kernel's control groups have it."""
    try:
        groups = Path("/proc/self/cgroup").read_text(encoding="utf-8")
    except OSError:
        return ""
    parts = (part for line in groups.splitlines() for part in line.rpartition(":")[2].split("/"))
    return next((part for part in parts if part.endswith(".service")), "")
