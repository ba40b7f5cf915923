"""The folder of one lab: the same path for us and for an Asterisk inside the private root."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import IO

from dialer.lab.rootfs import Asterisk

PREFIX = "obz-lab-"
SETTLED_S = 60.0  # a younger one may just be about to take its lock


class Home:
    """With a private root the real folder lies inside it, and a link with the same path leads there."""

    def __init__(self, asterisk: Asterisk, parent: Path | None = None) -> None:
        root = asterisk.root
        parent = (parent or Path(tempfile.gettempdir())).resolve()
        if root:
            sweep(parent, Path(f"{root}{parent}"))
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        self._real = self.path
        if root:
            self._real = Path(f"{root}{self.path}")
            self._real.mkdir(mode=0o700, parents=True)
            self.path.rmdir()
            self.path.symlink_to(self._real)
        self._owner: IO[bytes] = (self._real / "owner").open("wb")
        fcntl.flock(self._owner, fcntl.LOCK_EX)

    def make(self, *names: str) -> Path:
        """A folder below, made with its parents."""
        folder = self.path.joinpath(*names)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def remove(self) -> None:
        """Deletes the folder and the link to it."""
        if self.path.is_symlink():
            self.path.unlink()
        shutil.rmtree(self._real, ignore_errors=True)
        self._owner.close()


def sweep(links: Path, real: Path) -> None:
    """Deletes the folders of labs that were killed: nobody holds their lock any more."""
    for folder in real.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError), (folder / "owner").open("rb") as owner:
            if time.time() - os.fstat(owner.fileno()).st_mtime < SETTLED_S:
                continue
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
            link = links / folder.name
            if link.is_symlink():
                link.unlink()
