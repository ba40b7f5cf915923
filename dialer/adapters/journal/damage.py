"""What could not be read of a journal: kept as sentences beside it until a person has decided."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from dialer.domain.errors import Fatal
from dialer.domain.said import said

NEW, HELD = "unread", "unread.held"  # the leads are still to be held back; they are


def unread_before(folder: Path, found: Sequence[str]) -> tuple[str, ...]:
    """What this start has found, and an earlier one had no time to tell the database; on disk as well."""
    told = [*_lines(folder / NEW), *found]
    if found:
        try:
            with (folder / NEW).open("w", encoding="utf-8") as file:
                file.write("".join(f"{sentence}\n" for sentence in told))
                file.flush()
                os.fsync(file.fileno())
        except OSError as trouble:
            path, why = folder / NEW, trouble.strerror or trouble
            raise Fatal(said("{path} cannot be written: {why}", path=path, why=why)) from None
    return tuple(told)


def mark_held(folder: Path) -> None:
    """The leads are held back: the sentences stay for a person to read."""
    told = [*_lines(folder / HELD), *_lines(folder / NEW)]
    with suppress(OSError):  # the next start holds them back once more, which changes nothing
        (folder / HELD).write_text("".join(f"{sentence}\n" for sentence in told), "utf-8")
        (folder / NEW).unlink(missing_ok=True)


def damages(folder: Path) -> list[str]:
    """What a person has not decided about yet."""
    return [*_lines(folder / HELD), *_lines(folder / NEW)]


def accept(folder: Path) -> None:
    """A person has decided."""
    with suppress(OSError):
        (folder / HELD).unlink(missing_ok=True)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").splitlines()
    except OSError:
        return []
