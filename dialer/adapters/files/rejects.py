"""The rejects file: what a list held that became no lead, in a form that a spreadsheet opens safely."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType

from dialer.domain.errors import BadValue
from dialer.domain.listing import Flaw
from dialer.domain.said import said, titled, word

HEADER = titled("line", "column", "value", "reason", "what")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe(value: str) -> str:
    """An apostrophe before what a spreadsheet would calculate."""
    return f"'{value}" if value.startswith(_FORMULA) or value.lstrip().startswith(_FORMULA) else value


class RejectsFile:
    """Written line by line beside the import; removed at the end when there was nothing to say.

    It holds numbers of people, so nobody but its owner may read it.
    """

    def __init__(self, path: Path, delimiter: str = ";", *, tell: Callable[[str], str] = str) -> None:
        self._path = path
        self._tell = tell  # sentences in the language of who reads them
        self.lines = 0
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.fchmod(handle, 0o600)  # one that was there may have had other rights
            self._file = os.fdopen(handle, "w", encoding="utf-8-sig", newline="")
        except OSError as trouble:
            raise BadValue(
                said(
                    "The rejects file {path} cannot be written ({strerror}): name another place for it.",
                    path=path,
                    strerror=trouble.strerror,
                )
            ) from None
        self._writer = csv.writer(self._file, delimiter=delimiter)
        self._writer.writerow(map(tell, HEADER))

    def write(self, flaws: Iterable[Flaw]) -> None:
        for flaw in flaws:
            self.lines += 1
            cells = (flaw.column, flaw.value, self._tell(flaw.reason), self._tell(word(flaw.kind)))
            self._writer.writerow([flaw.line, *map(safe, cells)])

    def __enter__(self) -> RejectsFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if not self.lines:
            self._path.unlink(missing_ok=True)
