"""A list file, whatever its form: preview it, then read its leads once, with progress and rejects."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import IO

from dialer.adapters.files.outside import Outside
from dialer.domain.columns import Columns, Plan, ReadOptions, plan
from dialer.domain.errors import BadValue
from dialer.domain.intake import Counts, Preview
from dialer.domain.lead import Lead
from dialer.domain.listing import Entry, Flaw, Reading, Taken, read, skipped
from dialer.domain.said import said
from dialer.domain.tables import LARGEST_FILE, Facts, Row

SAMPLE_ROWS = 300
PREVIEW_ROWS = 10
PROGRESS_ROWS = 1000


class ListFile:
    """An opened list. Reading is synchronous and takes seconds for a large one: give it a thread."""

    def __init__(self, name: str, file: IO[bytes], reading: Reading, options: ReadOptions) -> None:
        self.name = name
        self.counts = Counts()
        self.check: Callable[[Row], str] | None = None  # why a row cannot be taken, whatever it holds
        self._file, self.reading, self._options = file, reading, options
        self._rest: Iterator[Row] | None
        self.facts, self._head, self._rest = self._open()
        known: dict[str, bool] = {}

        def is_phone(cell: str) -> bool:
            if cell not in known:
                known[cell] = bool(reading.phones(cell).numbers)
            return known[cell]

        self._check_damage()
        self.plan: Plan = plan(self._head, is_phone, options)

    @property
    def columns(self) -> Columns:
        return self.plan.columns

    @property
    def form(self) -> str:
        return self.facts.form

    @property
    def delimiter(self) -> str:
        return self.facts.delimiter

    @property
    def about(self) -> int:
        return self.facts.about

    def preview(self, taken: Taken | None = None) -> Preview:
        """Nothing is counted or kept."""
        mine = taken.copy() if taken else Taken()
        rows = list(islice(self._read(self._head, mine), PREVIEW_ROWS))
        columns = dict(zip(self.columns.names, self.columns.fields, strict=True))
        return Preview(self.form, self.plan.header is not None, columns, rows, self.about, self._notes())

    def sample(self, at: int) -> Sequence[str]:
        """What one column holds in the first rows."""
        return [row.cells[at] for row in self._head if row.line > self._first and at < len(row.cells)]

    async def entries(self) -> AsyncIterator[Sequence[Entry]]:
        """Every row of the file once, a part at a time, read in a thread."""
        rest = self._every(Taken())
        while some := await asyncio.to_thread(lambda: list(islice(rest, PROGRESS_ROWS))):
            yield some

    def leads(
        self,
        taken: Taken,
        on_flaws: Callable[[Sequence[Flaw]], object] = lambda flaws: None,
        on_progress: Callable[[Counts], object] = lambda counts: None,
    ) -> Iterator[Lead]:
        """Every lead of the file once; `counts` says what became of the rest. `taken` grows with them."""
        return (lead for _, lead in self.taken_rows(taken, on_flaws, on_progress))

    def taken_rows(
        self,
        taken: Taken,
        on_flaws: Callable[[Sequence[Flaw]], object],
        on_progress: Callable[[Counts], object],
    ) -> Iterator[tuple[Row, Lead]]:
        """The same, each with its row."""
        self.counts = counts = Counts()
        for entry in self._every(taken):
            counts.add(entry)
            row, lead, flaws = entry
            if flaws:
                on_flaws(flaws)
            if counts.rows % PROGRESS_ROWS == 0:
                on_progress(counts)
            if lead:
                yield row, lead
        on_progress(counts)

    def _every(self, taken: Taken) -> Iterator[Entry]:
        for row in self.plan.above:
            yield row, None, [skipped(row, said("the row is above the header"))]
        yield from self._read(self._rows(), taken)

    def _read(self, rows: Iterator[Row] | Sequence[Row], taken: Taken) -> Iterator[Entry]:
        known, first = self.plan, self._first
        body = (row for row in rows if row.line > first)
        if (check := self.check) is not None:
            body = (row if row.flaw else replace(row, flaw=check(row)) for row in body)
        header = known.header.cells if known.header else ()
        hidden = self._options.hidden_rows
        return read(body, known.columns, self.reading, taken, header=header, takes_hidden=hidden)

    @property
    def _first(self) -> int:
        """The line above the first row of the list."""
        known = self.plan
        last = known.header.line if known.header else known.above[-1].line if known.above else 0
        return max(last, self._options.header_row - 1)

    def _check_damage(self) -> None:
        """A few damaged lines are rejects; where half are, the file is in another encoding."""
        damaged = [row for row in self._head if row.flaw]
        if damaged and 2 * len(damaged) >= len(self._head):
            raise BadValue(
                said(
                    "Line {line}: {flaw}. It is not the only one: name the encoding, or save it as UTF-8.",
                    line=damaged[0].line,
                    flaw=damaged[0].flaw,
                )
            )

    def _notes(self) -> Sequence[str]:
        notes = list(self.facts.notes)
        if hidden := sum(row.is_hidden for row in self._head):
            notes.append(said("hidden rows among the first {n}: {hidden}", n=len(self._head), hidden=hidden))
        if above := self.plan.above:
            notes.append(
                said(
                    "lines above the header, which are skipped: {lines}",
                    lines=", ".join(str(row.line) for row in above),
                )
            )
        return notes

    def _open(self) -> tuple[Facts, list[Row], Iterator[Row]]:
        """Facts, the first rows, and the rest of them."""
        os.lseek(self._file.fileno(), 0, os.SEEK_SET)  # of the descriptor, which the reader shares
        options = self._options
        outside = Outside(
            self.name,
            self._file,
            encoding=options.encoding,
            sheet=options.sheet,
            country=options.country or self.reading.country,
        )
        rows = outside.rows()
        return outside.facts, list(islice(rows, SAMPLE_ROWS)), rows

    def _rows(self) -> Iterator[Row]:
        """From the first row: what was read already, and the rest; a second time, all of it anew."""
        head, rest = self._head, self._rest
        if rest is None:
            _, head, rest = self._open()
        self._rest = None
        return chain(head, rest)


def open_path(path: Path, reading: Reading, options: ReadOptions | None = None) -> ListFile:
    """The list at this path; BadValue says why it is none."""
    try:
        file = path.open("rb", buffering=0)
        size = path.stat().st_size
    except OSError as trouble:
        raise BadValue(
            said("The list {path} cannot be read: {strerror}.", path=path, strerror=trouble.strerror)
        ) from None
    if size > LARGEST_FILE:
        raise BadValue(
            said(
                "The list {path} has {size} MB, at most {largest_file} are read: split it.",
                path=path,
                size=size // 2**20,
                largest_file=LARGEST_FILE // 2**20,
            )
        )
    return _opened(path.name, file, reading, options, is_empty=not size)


def open_content(name: str, content: bytes, reading: Reading, options: ReadOptions | None = None) -> ListFile:
    """A list that is in memory; `name` is for people only."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 lives as long as the list
    file.write(content)
    return open_upload(name, file, reading, options)


def open_upload(name: str, file: IO[bytes], reading: Reading, options: ReadOptions | None = None) -> ListFile:
    """A list that came over the network and lies in a file without a name; `name` is for people only."""
    number = file.fileno()  # one that was in memory goes to disk now
    file.flush()
    return _opened(name, file, reading, options, is_empty=not os.fstat(number).st_size)


def _opened(
    name: str, file: IO[bytes], reading: Reading, options: ReadOptions | None, *, is_empty: bool
) -> ListFile:
    if is_empty:
        raise BadValue(
            said(
                "The list {name} is empty: put one row per person into it, with a phone number in each.",
                name=name,
            )
        )
    return ListFile(name, file, reading, options or ReadOptions())
