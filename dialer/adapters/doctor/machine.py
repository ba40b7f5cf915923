"""The machine: name lookup, disk, folders that Asterisk must reach, secret files, ports."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import stat
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

from dialer.adapters.doctor.finding import Finding, broken, doubtful, well
from dialer.domain.said import counted, said

Address = IPv4Address | IPv6Address

SLOW_LOOKUP_S = 0.05
LOOKUPS = 3
GB = 10**9
LOW_DISK = 2 * GB  # bytes: an hour of 100 recorded talks
PROC = Path("/proc")
LISTENING = "0A"
CONNECT_S = 2.0
REALM = "obzvon"  # how the service's own port introduces itself


@dataclass(frozen=True, slots=True)
class Process:
    """Asterisk's process on this machine: who it is, and where its files begin."""

    uid: int
    gids: frozenset[int]
    root: Path  # through which its own view of the file system is seen


def find_process(port: int, *, proc: Path = PROC) -> Process | None:
    """The process that listens on this TCP port, if it is here and may be looked at."""
    inodes = {inode for inode, local in _listeners(proc) if local == port}
    for folder in proc.iterdir():
        if folder.name.isdecimal() and inodes and _holds(folder, inodes):
            return _process(folder)
    return None


def _listeners(proc: Path) -> Iterator[tuple[str, int]]:
    for name in ("net/tcp", "net/tcp6"):
        try:
            lines = (proc / name).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == LISTENING:
                yield fields[9], int(fields[1].rpartition(":")[2], 16)


def _holds(folder: Path, inodes: set[str]) -> bool:
    try:
        handles = list((folder / "fd").iterdir())
    except OSError:  # another user's, or it has just ended
        return False
    return any(_target(handle) in {f"socket:[{inode}]" for inode in inodes} for handle in handles)


def _target(handle: Path) -> str:
    try:
        return os.readlink(handle)
    except OSError:  # closed a moment ago
        return ""


def _process(folder: Path) -> Process | None:
    try:
        lines = (folder / "status").read_text().splitlines()
    except OSError:
        return None
    status = dict(line.split(":", 1) for line in lines if ":" in line)
    gids = {int(status["Gid"].split()[1]), *map(int, status.get("Groups", "").split())}
    return Process(int(status["Uid"].split()[1]), frozenset(gids), folder / "root")


# --- name lookup ------------------------------------------------------------------------------------------


async def look_at_names(process: Process | None) -> list[Finding]:
    """Asterisk looks its own host's name up for every call: that must not ask a name server."""
    name = socket.gethostname()
    took_s, is_known = await asyncio.to_thread(_time_lookup, name)
    return [judge_names(name, took_s, is_known=is_known, is_listed=_is_listed(name, process))]


def _time_lookup(name: str) -> tuple[float, bool]:
    """The quickest of several, so that a busy machine is not taken for a slow name server."""
    took: list[float] = []
    is_known = True
    for _ in range(LOOKUPS):
        began = time.perf_counter()
        try:
            socket.getaddrinfo(name, None)
        except OSError:
            is_known = False
        took.append(time.perf_counter() - began)
    return min(took), is_known


def judge_names(name: str, took_s: float, *, is_known: bool, is_listed: bool) -> Finding:
    """What it means for calls."""
    mend = f'echo "127.0.0.1 {name}" >> /etc/hosts'
    if took_s >= SLOW_LOOKUP_S:
        text = said(
            "looking up {name} takes {took_s:.0f} ms, and every call waits for it",
            name=name,
            took_s=took_s * 1000,
        )
        return broken("name lookup", text, mend)
    if not is_listed:
        text = (
            said("{name} is not in Asterisk's /etc/hosts", name=name)
            if is_known
            else said("{name} is not in Asterisk's /etc/hosts and unknown", name=name)
        )
        return broken(
            "name lookup", said("{text}: a slow name server will hold up every call", text=text), mend
        )
    return well(
        "name lookup", said("{name} is in /etc/hosts ({took_s:.1f} ms)", name=name, took_s=took_s * 1000)
    )


def _is_listed(name: str, process: Process | None) -> bool:
    root = process.root if process else Path("/")
    try:
        lines = (root / "etc/hosts").read_text(errors="replace").splitlines()
    except OSError:
        return False
    return any(name in line.partition("#")[0].split()[1:] for line in lines)


# --- disk and folders -------------------------------------------------------------------------------------


async def look_at_disk(folders: Mapping[str, Path]) -> list[Finding]:
    """Room for the database, the journal and recordings; folders on one disk share a line."""
    found: dict[int, tuple[list[str], Path]] = {}
    for what, folder in folders.items():
        there = next(place for place in (folder, *folder.parents) if place.exists())
        found.setdefault(there.stat().st_dev, ([], there))[0].append(what)
    return [
        judge_disk(", ".join(names), place, shutil.disk_usage(place).free) for names, place in found.values()
    ]


def judge_disk(what: str, place: Path, free: int) -> Finding:
    """Warns early: a full disk loses recordings first, then facts."""
    text = said("{free:.1f} GB free in {place} ({what})", free=free / GB, place=place, what=what)
    if free < LOW_DISK:
        return doubtful("disk", text, said("make room: du -xh {place} | sort -h | tail", place=place))
    return well("disk", text)


async def look_at_folders(
    process: Process | None, folders: Sequence[tuple[str, Path, bool]]
) -> list[Finding]:
    """(what, folder, must Asterisk write there): as Asterisk's own user sees them."""
    return [judge_folder(process, what, folder, write=write) for what, folder, write in folders]


def judge_folder(process: Process | None, what: str, folder: Path, *, write: bool) -> Finding:
    if process is None:
        return doubtful(
            what,
            said("{folder}: Asterisk's process is not seen here, so its rights are not known", folder=folder),
            said("run the doctor as root on Asterisk's machine"),
        )
    seen = process.root / folder.relative_to("/")
    try:
        if not seen.is_dir():
            text = said("Asterisk does not see the folder {folder}", folder=folder)
            return broken(
                what,
                text,
                said("mkdir -p {folder} (on Asterisk's machine, inside its container)", folder=folder),
            )
    except OSError as failure:
        return doubtful(
            what,
            said("{folder} cannot be looked at: {strerror}", folder=folder, strerror=failure.strerror),
            said("run the doctor as root"),
        )
    if where := first_closed(process, folder, write=write):
        mend = f"chgrp asterisk {where} && chmod g+{'rwx' if write else 'rx'} {where}"
        if write:
            text = said(
                "Asterisk's user may not write to {folder}: {where} keeps it out", folder=folder, where=where
            )
        else:
            text = said(
                "Asterisk's user may not read {folder}: {where} keeps it out", folder=folder, where=where
            )
        return broken(what, text, mend)
    if write:
        return well(what, said("Asterisk's user may write to {folder}", folder=folder))
    return well(what, said("Asterisk's user may read {folder}", folder=folder))


def first_closed(process: Process, folder: Path, *, write: bool) -> Path | None:
    """The first folder on the way that keeps this process out; every one must let it pass."""
    if process.uid == 0:
        return None
    for place in (*reversed(folder.parents), folder):
        need = 0o5 if place == folder else 0o1
        need |= 0o2 if write and place == folder else 0
        status = (process.root / place.relative_to("/")).stat()
        shift = 6 if status.st_uid == process.uid else 3 if status.st_gid in process.gids else 0
        if status.st_mode >> shift & need != need:
            return place
    return None


# --- secrets ----------------------------------------------------------------------------------------------


async def look_at_secrets(paths: Mapping[str, Path]) -> list[Finding]:
    """Every file with a password: there, not empty, and nobody else's to read."""
    found = [flaw for what, path in paths.items() if (flaw := _secret_flaw(what, path))]
    return found or [
        well(
            "secrets",
            counted(
                "{n} file, readable by its owner only", "{n} files, readable by their owner only", len(paths)
            ),
        )
    ]


def _secret_flaw(what: str, path: Path) -> Finding | None:
    try:
        status = path.stat()
    except OSError as failure:
        text = said(
            "{what}: {path} cannot be read: {strerror}", what=what, path=path, strerror=failure.strerror
        )
        return broken(
            "secrets", text, said("put the password there: install -m 600 /dev/stdin {path}", path=path)
        )
    if not status.st_size:
        return broken(
            "secrets",
            said("{what}: {path} is empty", what=what, path=path),
            said("put the password there, on one line"),
        )
    if status.st_mode & 0o077:
        mode = stat.S_IMODE(status.st_mode)
        return doubtful(
            "secrets",
            said("{what}: others may read {path} (mode {mode:04o})", what=what, path=path, mode=mode),
            f"chmod 600 {path}",
        )
    return None


# --- FastAGI ----------------------------------------------------------------------------------------------


async def look_at_feature_codes(asterisk: str, bind: str, peers: Sequence[str]) -> list[Finding]:
    """Whether FastAGI can be reached, and may be spoken to, from where Asterisk is (a host)."""
    found = await asyncio.get_running_loop().getaddrinfo(asterisk, None, type=socket.SOCK_STREAM)
    return [judge_feature_codes({ip_address(each[4][0]) for each in found}, bind, peers)]


def judge_feature_codes(places: Set[Address], bind: str, peers: Sequence[str]) -> Finding:
    name, where = "feature codes", ", ".join(sorted(map(str, places)))
    if all(place.is_loopback for place in places):
        return well(name, said("Asterisk is on this machine, FastAGI takes its calls on {bind}", bind=bind))
    if bind == "localhost" or ip_address(bind).is_loopback:
        return doubtful(
            name,
            said("Asterisk is at {where} and cannot reach FastAGI on {bind}", where=where, bind=bind),
            said("set DIALER_AGI_BIND to an address of this machine, DIALER_AGI_PEERS to Asterisk's"),
        )
    if not all(any(place in ip_network(peer) for peer in peers) for place in places):
        return doubtful(
            name,
            said("Asterisk is at {where}, which DIALER_AGI_PEERS does not name", where=where),
            said("add the address from which it connects, unless that is another one"),
        )
    return well(name, said("FastAGI takes the calls of {where} on {bind}", where=where, bind=bind))


# --- our own port -----------------------------------------------------------------------------------------


async def look_at_api(bind: str, overheard: str) -> list[Finding]:
    """Whether the API can be overheard; `overheard` says how."""
    if overheard:
        return [doubtful("api", overheard)]
    return [well("api", said("it listens on this machine only ({bind})", bind=bind))]


async def look_at_port(host: str, port: int, cell: str) -> list[Finding]:
    """Who has the port where Asterisk looks for the service: nobody, the service, or a stranger."""
    place = f"{host}:{port}"
    try:
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return [well("service port", said("{place} is free: the service does not run", place=place))]
    try:
        writer.write(f"GET /ari/{cell} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        async with asyncio.timeout(CONNECT_S):
            answer = await reader.read(4096)
    except (OSError, TimeoutError):
        answer = b""
    finally:
        writer.close()
    if f'realm="{REALM}"'.encode() in answer:
        return [well("service port", said("the service listens on {place}", place=place))]
    mend = said(
        "ss -ltnp 'sport = :{port}' says who: stop it, or set DIALER_ARI_PORT and websocket_client.conf",
        port=port,
    )
    return [broken("service port", said("{place} is taken by another program", place=place), mend)]
