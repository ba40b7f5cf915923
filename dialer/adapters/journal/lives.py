"""Who wrote this journal: ids of a service's lives, worth something in this very folder and boot only."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from secrets import token_hex
from typing import Any

from dialer.domain.cells import Holder
from dialer.domain.errors import DiskTrouble
from dialer.domain.said import said

BOOT = Path("/proc/sys/kernel/random/boot_id")
LIVES = "lives"
MOST = 10


class Lives:
    """The file `lives` beside a journal whose lock this process holds.

    With the lock held, whoever wrote here is dead, and its cell can be taken at once.  A copy of the folder
    proves nothing, on another machine or disk: the service that it was copied from may be at work.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LIVES
        told = self._read()
        self.wrote: Sequence[str] = told.get("wrote", ())  # this journal, wherever it was then
        is_here = bool(told) and (told.get("boot"), told.get("inode")) == (_boot(), self._path.stat().st_ino)
        self.before: Sequence[str] = told["ids"] if is_here else ()

    def begin(self) -> Holder:
        """A new life: its id is on the disk before anybody hears of it."""
        holder = Holder(token_hex(8), socket.gethostname(), os.getpid())
        self._write([*self.before, holder.id][-MOST:], [*self.wrote, holder.id][-MOST:])
        return holder

    def failed(self) -> None:
        """The cell was somebody else's."""
        self._write(self.before, self.wrote)

    def took(self, holder: Holder) -> None:
        """The cell is this life's, and those before it have no claim any more."""
        self._write([holder.id], [holder.id])

    def _read(self) -> Mapping[str, Any]:
        try:
            told = json.loads(self._path.read_text("ascii"))
        except (OSError, ValueError):
            return {}
        return told if isinstance(told, dict) and isinstance(told.get("ids"), list) else {}

    def _write(self, ids: Sequence[str], wrote: Sequence[str]) -> None:
        """In place: a new file would be another inode."""
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                told = {
                    "boot": _boot(),
                    "inode": os.fstat(file).st_ino,
                    "ids": list(ids),
                    "wrote": list(wrote),
                }
                data = json.dumps(told).encode()
                os.pwrite(file, data, 0)
                os.ftruncate(file, len(data))
                os.fsync(file)
            finally:
                os.close(file)
        except OSError as trouble:
            raise DiskTrouble(
                said("{path} cannot be written: {why}", path=self._path, why=trouble.strerror or trouble)
            ) from None


def _boot() -> str:
    try:
        return BOOT.read_text("ascii").strip()
    except OSError:
        return ""
