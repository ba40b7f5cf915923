"""A list file, whatever its form: preview it, then read its leads once, with progress and rejects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from dialer.adapters.files.sheet import is_sheet, open_sheet, read_sheet
from dialer.adapters.files.text import SAMPLE_ROWS, decode, find_delimiter, read_records
from dialer.domain.columns import Columns, Field, ReadOptions, plan
from dialer.domain.errors import BadValue
from dialer.domain.lead import Lead
from dialer.domain.listing import Flaw, Kind, Reading, Row, Taken, read
from dialer.domain.said import said

LARGEST_FILE = 200 * 1024 * 1024
PREVIEW_ROWS = 10
PROGRESS_ROWS = 1000


@dataclass(slots=True)
class Counts:
    """What became of the rows read so far."""

    rows: int = 0
    leads: int = 0
    duplicates: int = 0
    refused: int = 0
    left_out: int = 0  # values of rows that became leads


@dataclass(frozen=True, slots=True)
class Preview:
    """The first rows as they would become leads."""

    form: str  # `CSV, utf-8, ";"` or `spreadsheet`
    header: bool
    columns: Mapping[str, Field]
    rows: Sequence[tuple[Row, Lead | None, Sequence[Flaw]]]
    about: int  # rows in the file, more or less


@dataclass(slots=True)
class ListFile:
    """An opened list. Reading is synchronous and takes seconds for a large one: give it a thread."""

    name: str
    form: str
    delimiter: str
    columns: Columns
    header: bool
    about: int
    counts: Counts = field(default_factory=Counts)
    _rows: Callable[[], Iterator[Row]] = field(kw_only=True, repr=False)
    _reading: Reading = field(kw_only=True, repr=False)
    _from_line: int = field(kw_only=True, repr=False)

    def preview(self, taken: Taken | None = None) -> Preview:
        """Nothing is counted or kept."""
        mine = Taken(dict(taken.lines)) if taken else Taken()
        rows = list(islice(read(self._body(), self.columns, self._reading, mine), PREVIEW_ROWS))
        columns = dict(zip(self.columns.names, self.columns.fields, strict=True))
        return Preview(self.form, self.header, columns, rows, self.about)

    def leads(
        self,
        taken: Taken,
        on_flaws: Callable[[Sequence[Flaw]], object] = lambda flaws: None,
        on_progress: Callable[[Counts], object] = lambda counts: None,
    ) -> Iterator[Lead]:
        """Every lead of the file once; `counts` says what became of the rest. `taken` grows with them."""
        self.counts = counts = Counts()
        for _, lead, flaws in read(self._body(), self.columns, self._reading, taken):
            counts.rows += 1
            if flaws:
                on_flaws(flaws)
                kinds = Counter(flaw.kind for flaw in flaws)
                counts.left_out += kinds[Kind.LEFT_OUT] if lead else 0
                counts.duplicates += lead is None and Kind.REFUSED not in kinds
                counts.refused += lead is None and Kind.REFUSED in kinds
            if counts.rows % PROGRESS_ROWS == 0:
                on_progress(counts)
            if lead:
                counts.leads += 1
                yield lead
        on_progress(counts)

    def _body(self) -> Iterator[Row]:
        rows = _filled(self._rows(), self._from_line)
        return islice(rows, 1, None) if self.header else rows


def open_path(path: Path, reading: Reading, options: ReadOptions | None = None) -> ListFile:
    """The list at this path; BadValue says why it is none."""
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= LARGEST_FILE else b""
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
    return open_content(path.name, content, reading, options)


def open_content(name: str, content: bytes, reading: Reading, options: ReadOptions | None = None) -> ListFile:
    """A list that came over the network; `name` is for people only."""
    options = options or ReadOptions()
    if not content:
        raise BadValue(
            said(
                "The list {name} is empty: put one row per person into it, with a phone number in each.",
                name=name,
            )
        )
    if is_sheet(content):
        sheet = open_sheet(content, options.sheet)
        form, delimiter, about = "spreadsheet", ";", sheet.total_height

        def rows() -> Iterator[Row]:
            return read_sheet(sheet)
    else:
        text, encoding = decode(content, options.encoding)
        delimiter = find_delimiter(text)
        form, about = f'CSV, {encoding}, "{delimiter}"', text.count("\n") + 1

        def rows() -> Iterator[Row]:
            return read_records(text, delimiter)

    filled = (row.cells for row in _filled(rows(), options.header_row))
    columns, has_header = plan(
        list(islice(filled, SAMPLE_ROWS)),
        lambda cell: bool(reading.phones(cell).numbers),
        mapping=options.mapping,
        header=options.header or (True if options.header_row else options.header),
    )
    return ListFile(
        name, form, delimiter, columns, has_header, about,
        _rows=rows, _reading=reading, _from_line=options.header_row,
    )  # fmt: skip


def _filled(rows: Iterator[Row], from_line: int) -> Iterator[Row]:
    return (row for row in rows if row.line >= from_line and any(cell.strip() for cell in row.cells))
