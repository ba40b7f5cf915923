"""Debian packages: installs a missing program, fetches Asterisk, unpacks it into a private root."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from dialer.domain.errors import Fatal
from dialer.domain.said import said

Progress = Callable[[str], None]

PACKAGES = ("asterisk", "asterisk-core-sounds-en-gsm", "asterisk-core-sounds-ru-gsm")
SUITE = "sid"
LEFT_OUT = ("./usr/share/doc/*", "./usr/share/man/*", "./usr/share/locale/*", "./usr/share/info/*")
MERGED = ("bin", "sbin", "lib", "lib64")  # links into usr/, made before anything is unpacked
EMPTY = ("etc", "tmp", "run", "var/tmp", "dev")
DEVICES = {"null": 3, "zero": 5, "random": 8, "urandom": 9}  # minor numbers
COMMAND_TIMEOUT_S = 900.0


def ensure_program(program: str, package: str, progress: Progress) -> None:
    """Installs a Debian package when its program is missing; says in one sentence why it cannot."""
    if shutil.which(program):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Fatal(
            said(
                "{program} is missing: install the package {package} (apt-get install {package})",
                program=program,
                package=package,
            )
        )
    progress(said("installing {package}", package=package))
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
    run([*apt, "update"], f"reading the package lists for {package}")
    run([*apt, "install", "--no-install-recommends", "-y", package], f"installing {package}")


def fetch(target: Path, progress: Progress) -> None:
    """Has mmdebstrap resolve, download and verify Asterisk's packages; puts the .deb files into `target`."""
    ensure_program("mmdebstrap", "mmdebstrap", progress)
    progress(said("downloading Asterisk and its libraries from Debian {suite} (some 80 MB)", suite=SUITE))
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=target.parent) as scratch:
        root = Path(scratch, "root")
        mmdebstrap = ["mmdebstrap", "--variant=extract", f"--include={','.join(PACKAGES)}"]
        mmdebstrap += ['--aptopt=Acquire::Check-Valid-Until "false"']  # unstable's index may be past its date
        mmdebstrap += ["--skip=download/empty,essential/unlink,cleanup/apt"]  # leave the .deb files there
        run([*mmdebstrap, SUITE, str(root)], "downloading Asterisk")
        for package in (root / "var/cache/apt/archives").glob("*.deb"):
            os.replace(package, target / package.name)


def write_sums(folder: Path) -> None:
    """Lists the packages of a folder with their checksums; refuses an empty one."""
    sums = {path.name: checksum(path) for path in folder.glob("*.deb")}
    if not sums:
        raise Fatal(said("no package of Asterisk was downloaded: is the network there?"))
    (folder / "sums.json").write_text(json.dumps(sums))


def are_sound(folder: Path) -> bool:
    """Whether all packages of an earlier download are there and unharmed: then no network is needed."""
    sums = read_sums(folder)
    paths = {folder / name: known for name, known in sums.items()}
    return bool(paths) and all(path.is_file() and checksum(path) == known for path, known in paths.items())


def read_sums(folder: Path) -> dict[str, str]:
    """What `write_sums` wrote: file name -> SHA-256; empty when there is none."""
    try:
        return dict(json.loads((folder / "sums.json").read_text()))
    except (FileNotFoundError, ValueError):
        return {}


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unpack(packages: Path, root: Path) -> None:
    """Makes a root of packages alone, no script of theirs is run: enough for one program in a chroot."""
    root.mkdir(mode=0o755)
    for name in MERGED:
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for name in EMPTY:
        (root / name).mkdir(parents=True)
    for name, number in DEVICES.items():
        with contextlib.suppress(
            PermissionError
        ):  # a container may forbid it; Asterisk is only a little slower
            os.mknod(root / "dev" / name, 0o666 | stat.S_IFCHR, os.makedev(1, number))
            (root / "dev" / name).chmod(0o666)
    for package in sorted(packages.glob("*.deb")):
        extract(package, root)
    for language in (root / "usr/share/asterisk/sounds").glob("??_*"):
        (language.parent / language.name[:2]).symlink_to(language.name)
    run(["ldconfig", "-r", str(root)], "listing the libraries of the private root")


def extract(package: Path, root: Path) -> None:
    """Puts the files of one package into the root, but for its documentation."""
    with tempfile.TemporaryFile() as archive:
        run(["dpkg-deb", "--fsys-tarfile", str(package)], f"reading {package.name}", archive.fileno())
        archive.seek(0)
        tar = ["tar", "--extract", "--keep-directory-symlink", "--directory", str(root)]
        tar += [f"--exclude={pattern}" for pattern in LEFT_OUT]
        run(tar, f"unpacking {package.name}", stdin=archive.fileno())


def run(command: list[str], doing: str, stdout: int = subprocess.PIPE, *, stdin: int | None = None) -> None:
    """Runs a command to its end; its last words become the error."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(  # noqa: S603 the programs are named here, their arguments are ours
            command,
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=environment,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as failure:
        raise Fatal(said("{doing} failed: {failure}", doing=doing, failure=failure)) from failure
    if done.returncode:
        words = (done.stderr or done.stdout or b"").decode(errors="replace").strip().splitlines()[-3:]
        raise Fatal(
            said(
                "{doing} failed ({command}): {words}",
                doing=doing,
                command=command[0],
                words=" / ".join(words),
            )
        )
