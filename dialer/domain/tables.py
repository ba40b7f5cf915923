"""A file as a table: rows of text, what was found out about it, and how much of it is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LARGEST_FILE = 200 * 1024 * 1024
MOST_UNPACKED = 1024 * 1024 * 1024  # bytes of everything in a spreadsheet that is read
MOST_MEMORY = 512 * 1024 * 1024
MOST_CPU_S = 120
LONGEST_SILENCE_S = 60.0  # of a reader that does not compute either
MOST_CELLS = 30_000_000
FARTHEST_COLUMN = 1_000
LONGEST_LINE = 1_000_000  # characters
LONGEST_CELL = 32_767  # as in a spreadsheet


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a file; `line` is where it begins, counted as an editor or a spreadsheet does."""

    line: int
    cells: Sequence[str]
    flaw: str = ""  # why it cannot be taken, whatever its cells say
    is_hidden: bool = False  # by the spreadsheet: a filter, or a person


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found out about a file before its rows."""

    form: str  # `CSV, utf-8, ";"` or `spreadsheet`, with the sheet where there are several
    delimiter: str
    about: int  # rows in it, more or less
    notes: Sequence[str] = ()  # what a person should know of it
