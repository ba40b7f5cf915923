"""Reads a list file in a process of its own, so that no file can harm the service."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import sysconfig
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import dialer
from dialer.domain.errors import BadValue
from dialer.domain.said import heard, said
from dialer.domain.tables import LONGEST_SILENCE_S, MOST_CPU_S, MOST_MEMORY, Facts, Row

LARGEST_FRAME = 64 * 1024 * 1024
_PLACES = (str(Path(dialer.__file__).parents[1]), *map(sysconfig.get_path, ("purelib", "platlib")))
_PATH = os.pathsep.join(dict.fromkeys(_PLACES))  # the reader skips `site`, which takes half of its start
_READER = (sys.executable, "-S", "-P", "-X", "utf8", "-m", "dialer.adapters.files.reader")
_BY_MEMORY = frozenset({signal.SIGABRT, signal.SIGSEGV, signal.SIGKILL, signal.SIGBUS, signal.SIGILL})


class Outside:
    """One reading of a file: its facts at once, its rows once.

    It blocks: give it a thread. The process ends with its rows, with `close`, or with this object.
    """

    def __init__(
        self, name: str, file: IO[bytes], *, encoding: str = "", sheet: str = "", country: str = ""
    ) -> None:
        self._name = name
        options = {"encoding": encoding, "sheet": sheet, "country": country}
        self._process = subprocess.Popen(  # noqa: S603 our own interpreter and module
            [*_READER, json.dumps(options)],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONPATH": _PATH, "PYTHONDONTWRITEBYTECODE": "1", "MALLOC_ARENA_MAX": "1"},
            start_new_session=True,  # Ctrl-C is for the command line
        )
        self.close = weakref.finalize(self, _end, self._process)
        assert self._process.stdout is not None
        self._out = self._process.stdout
        frame = self._frame()
        form, delimiter, about, notes = self._take(frame, "facts")
        self.facts = Facts(heard(form), str(delimiter), int(about), [heard(note) for note in notes])

    def rows(self) -> Iterator[Row]:
        """Every row that has something in it; BadValue when the rest cannot be read."""
        try:
            while "end" not in (frame := self._frame()):
                for line, cells, flaw, is_hidden in self._take(frame, "rows"):
                    yield Row(line, cells, heard(flaw) if flaw else "", is_hidden)
        finally:
            self.close()

    def _take(self, frame: dict[str, Any], what: str) -> Any:
        if what in frame:
            return frame[what]
        self.close()
        if "mistake" in frame:
            raise BadValue(heard(frame["mistake"]))
        raise self._died(frame.get("limit", ""))

    def _frame(self) -> dict[str, Any]:
        size = int.from_bytes(self._read(4), "big")
        if size > LARGEST_FRAME:
            self.close()
            raise self._died("")
        try:
            frame = json.loads(self._read(size))
        except ValueError:
            frame = None
        if not isinstance(frame, dict):
            self.close()
            raise self._died("")
        return frame

    def _read(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size:
            if not self._has_answered():
                self.close()
                raise self._died("silence")
            if not (part := os.read(self._out.fileno(), min(size, 1 << 20))):
                raise self._died("")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _has_answered(self) -> bool:
        """A reader that gives way to others may be slow: it is silent when it does not compute either."""
        while True:
            before = _cpu_of(self._process.pid)
            if select.select([self._out], [], [], LONGEST_SILENCE_S)[0]:
                return True
            if _cpu_of(self._process.pid) == before:
                return False

    def _died(self, limit: str) -> BadValue:
        """Why the reader gave no answer, and what to do."""
        code = self._process.wait()
        if limit == "silence":
            what = said("{seconds:.0f} s without an answer", seconds=LONGEST_SILENCE_S)
        elif -code == signal.SIGXCPU:
            what = said("{seconds} s of computing", seconds=MOST_CPU_S)
        elif limit == "memory" or -code in _BY_MEMORY:
            what = said("{size} MB of memory", size=MOST_MEMORY // 2**20)
        else:
            what = said("what a reader may take (it ended with {code})", code=code)
        return BadValue(
            said(
                "The list {name} took more than {what} to read: delete what does not belong to it, save it"
                " as CSV, or split it.",
                name=self._name,
                what=what,
            )
        )


def _cpu_of(pid: int) -> str:
    """The ticks of user and system time that a process has had; constant once it is gone."""
    try:
        return " ".join(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13])
    except OSError:
        return ""


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdout:
        process.stdout.close()
    if process.poll() is None:
        process.kill()
    process.wait()
