"""Finds the host's own Asterisk, or makes a private root file system that holds one."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dialer.domain.errors import Fatal
from dialer.domain.said import listed, said
from dialer.lab import packages
from dialer.lab.packages import Progress
from dialer.lab.tested import other_than_tested, tested

OLDEST = {20: (20, 15), 21: (21, 10), 22: (22, 5)}  # REST over websocket and outbound websockets; all later
BINARY = "usr/sbin/asterisk"
WATCHED = ("usr/sbin", "usr/lib", "usr/share/asterisk/sounds")  # what an instance reads while it runs


@dataclass(frozen=True, slots=True)
class Asterisk:
    """One Asterisk program; `root` is the private root it lives in, None for the host's own."""

    version: str
    binary: str
    root: Path | None = None

    def command(self, *arguments: str) -> list[str]:
        """The command line that runs it."""
        chroot = ["chroot", str(self.root)] if self.root else []
        return [*chroot, self.binary, *arguments]


def is_accepted(version: str) -> bool:
    """Whether this version has what the link needs."""
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if len(numbers) < 2:
        return False
    return numbers >= OLDEST[numbers[0]] if numbers[0] in OLDEST else numbers[0] > max(OLDEST)


def wanted() -> str:
    """The accepted versions in words."""
    least = listed(said("{version} or later", version=f"{major}.{minor}") for major, minor in OLDEST.values())
    return said("{least} or any newer series (tried: {tried})", least=least, tried=tested())


def ask_version(command: list[str]) -> str:
    """What `asterisk -V` says, without the word Asterisk; empty if it does not run."""
    try:
        answer = subprocess.run(  # noqa: S603 an Asterisk of this machine, or of our own root
            [*command, "-V"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = re.match(r"Asterisk (?:certified[-/])?(\d[\w.]*)", answer.stdout)
    return match[1] if answer.returncode == 0 and match else ""


def ensure_asterisk(progress: Progress) -> Asterisk:
    """The Asterisk to use; makes the private root when there is none. Blocks for up to a minute then."""
    if binary := shutil.which("asterisk", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"):
        version = ask_version([binary])
        if is_accepted(version):
            return Asterisk(version, binary)
        progress(
            said(
                "the host's Asterisk is {version}, wanted is {wanted}: making a private one",
                version=version or said("broken"),
                wanted=wanted(),
            )
        )
    return PrivateRoot(cache_folder()).ensure(progress)


def cache_folder() -> Path:
    """Where the private root and its packages are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "obzvon")


class PrivateRoot:
    """The root in `folder`: made once under a lock, checked at each use, made again when it is broken."""

    def __init__(
        self,
        folder: Path,
        *,
        fetch: Callable[[Path, Progress], None] = packages.fetch,
        unpack: Callable[[Path, Path], None] = packages.unpack,
    ) -> None:
        self.folder = folder
        self.root = folder / "asterisk-root"
        self.packages = folder / "asterisk-packages"
        self._stamp = folder / "asterisk-root.json"
        self._fetch = fetch
        self._unpack = unpack

    def ensure(self, progress: Progress) -> Asterisk:
        """A root that has passed its check; safe with any number of processes at once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / "asterisk-root.lock"):
            if fault := self.fault():
                progress(said("private Asterisk: {fault}", fault=fault))
                self._make(progress)
                if fault := self.fault():
                    raise Fatal(
                        said(
                            "the private Asterisk in {root} does not work: {fault}",
                            root=self.root,
                            fault=fault,
                        )
                    )
            write_hosts(self.root)
            return Asterisk(self._read_stamp()["version"], f"/{BINARY}", self.root)

    def fault(self) -> str:
        """What is wrong with the root, in words; empty if nothing is. Takes some 30 ms."""
        if not self.root.is_dir():
            return said("not made yet")
        stamp = self._read_stamp()
        if not stamp:
            return said("it was not finished")
        for name, size in stamp["sizes"].items():
            try:
                if os.lstat(self.root / name).st_size != size:
                    return said("{name} has changed", name=name)
            except FileNotFoundError:
                return said("{name} is missing", name=name)
        if ask_version(["chroot", str(self.root), f"/{BINARY}"]) != stamp["version"]:
            return said("it does not run")
        return ""

    def _read_stamp(self) -> dict[str, Any]:
        try:
            stamp = json.loads(self._stamp.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return stamp if isinstance(stamp, dict) and {"version", "sizes"} <= stamp.keys() else {}

    def _make(self, progress: Progress) -> None:
        if os.geteuid() != 0:
            raise Fatal(
                said(
                    "there is no Asterisk here ({wanted}), and making a private one needs root: run"
                    " this as root, or install such an Asterisk",
                    wanted=wanted(),
                )
            )
        self._stamp.unlink(missing_ok=True)
        for abandoned in self.folder.glob("making-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix="making-", dir=self.folder) as scratch:
            if not packages.are_sound(self.packages):
                fresh = Path(scratch, "packages")
                fresh.mkdir()
                self._fetch(fresh, progress)
                packages.write_sums(fresh)
                replace_folder(self.packages, fresh, Path(scratch, "old-packages"))
            progress(said("unpacking Asterisk"))
            fresh = Path(scratch, "root")
            self._unpack(self.packages, fresh)
            version = ask_version(["chroot", str(fresh), f"/{BINARY}"])
            if not is_accepted(version):
                raise Fatal(
                    said(
                        "the fetched Asterisk is {version}, wanted is {wanted}",
                        version=version or said("broken"),
                        wanted=wanted(),
                    )
                )
            replace_folder(self.root, fresh, Path(scratch, "old-root"))
        self._stamp.write_text(json.dumps({"version": version, "sizes": sizes(self.root)}))
        progress(said("private Asterisk {version} is ready in {root}", version=version, root=self.root))
        if warning := other_than_tested(packages.read_sums(self.packages).items()):
            progress(warning)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds an exclusive lock between processes; waits for it."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_hosts(root: Path) -> None:
    """Gives the host's name an address: without it every call waits 200 ms for a name server."""
    name = socket.gethostname()
    text = f"127.0.0.1 localhost\n127.0.0.1 {name} {name.split('.')[0]}\n"
    hosts = root / "etc/hosts"
    if not hosts.is_file() or hosts.read_text() != text:
        hosts.write_text(text)


def sizes(root: Path) -> dict[str, int]:
    """Every file that an instance may read, with its size."""
    return {
        str(Path(folder, name).relative_to(root)): os.lstat(Path(folder, name)).st_size
        for top in WATCHED
        for folder, _, names in os.walk(root / top)
        for name in names
    }


def replace_folder(old: Path, fresh: Path, aside: Path) -> None:
    """Puts a finished folder in the place of another, which goes aside."""
    if old.exists():
        os.replace(old, aside)
    os.replace(fresh, old)
