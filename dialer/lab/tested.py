"""The Asterisk that this version of ours was tested with, as asterisk_conf/tested.lock has it.

Written anew from the packages of the private Asterisk, once all tests have passed on it:
.venv/bin/python -m dialer.lab.tested ~/.cache/obzvon/asterisk-packages
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

import asterisk_conf
from dialer.domain.said import said

LOCK = Path(asterisk_conf.__file__).with_name("tested.lock")
OURS = "asterisk"  # its own packages and its sounds; what they lean on may move
RELEASE = re.compile(r"(?:\d+:)?(?:certified[-/])?(\d+(?:\.\d+)+)(?:[-~](rc\d+))?")


@dataclass(frozen=True, slots=True)
class Package:
    """One line of the lock."""

    name: str
    version: str
    architecture: str
    sha256: str


def release(version: str) -> str:
    """22.10.1 of 22.10.1~dfsg and of 1:22.10.1+dfsg-1; a 22.11.0-rc2 keeps its mark."""
    found = RELEASE.match(version)
    return "-".join(filter(None, found.groups())) if found else ""


def read_lock(text: str) -> tuple[Package, ...]:
    """The packages that it names."""
    lines = (line.split() for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return tuple(Package(*words) for words in lines)


@cache
def tested() -> str:
    """The version, as Asterisk itself says it."""
    return next(release(one.version) for one in read_lock(LOCK.read_text()) if one.name == OURS)


def other_than_tested(sums: Iterable[tuple[str, str]]) -> str:
    """A sentence when these packages (file name, SHA-256) are not those of the lock; else empty."""
    there = {one.name: one for one in map(_package, sums) if one}
    wanted = {one.name: one for one in read_lock(LOCK.read_text())}
    if all(_is_same(there.get(name), one) for name, one in wanted.items()):
        return ""
    found = there.get(OURS)
    return said(
        "NOT THE TESTED ONE: this release was tested with Asterisk {tested} ({wanted}); the archive has"
        " {found} now, and that is taken. See docs/howto/renew-pins.md",
        tested=tested(),
        wanted=wanted[OURS].version,
        found=found.version if found else said("none"),
    )


def _package(named: tuple[str, str]) -> Package | None:
    parts = named[0].removesuffix(".deb").replace("%3a", ":").split("_")
    return Package(parts[0], parts[1], parts[2], named[1]) if len(parts) == 3 else None


def _is_same(found: Package | None, wanted: Package) -> bool:
    """Of another architecture only the version can be compared."""
    if found is None or found.version != wanted.version:
        return False
    return found.architecture != wanted.architecture or found.sha256 == wanted.sha256


def renewed(old: str, sums: Iterable[tuple[str, str]]) -> str:
    """The lock's text for these packages, with its head."""
    head = [line for line in old.splitlines() if line.startswith("#")]
    ours = sorted(
        (one for one in map(_package, sums) if one and one.name.split("-")[0] == OURS),
        key=lambda one: one.name,
    )
    return "\n".join([*head, *(" ".join((o.name, o.version, o.architecture, o.sha256)) for o in ours), ""])


def main(folder: Path) -> None:
    """Writes the lock anew from a folder of packages."""
    sums = ((path.name, sha256(path.read_bytes()).hexdigest()) for path in folder.glob("*.deb"))
    LOCK.write_text(renewed(LOCK.read_text(), sums))
    sys.stdout.write(LOCK.read_text())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
