"""Spreadsheets: which sheet holds the list, and its rows as text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from io import BytesIO
from itertools import islice
from math import isfinite
from zipfile import BadZipFile, ZipFile

from dialer.adapters.files.formats import general
from dialer.adapters.files.xlsx import Book, Merges, too_large, unreadable
from dialer.domain.errors import BadValue
from dialer.domain.said import counted, said
from dialer.domain.tables import FARTHEST_COLUMN, LONGEST_CELL, MOST_CELLS, MOST_UNPACKED, Facts, Row

ZIP, COMPOUND = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"  # XLSX and ODS; XLS, and XLSX with a password
Cell = int | float | str | bool | time | date | datetime | timedelta
LOOKED_AT = 200  # rows of each sheet
_DIGITS = re.compile(r"[\s().+-]*(?:[0-9][\s().+-]*){10,15}")


@dataclass(frozen=True, slots=True)
class Page:
    """One sheet, whatever the form of the book."""

    name: str
    is_visible: bool
    look: Callable[[], tuple[int, Merges]]  # rows in it, more or less; cells that are one
    rows: Callable[[Merges], Iterator[Row]]


def is_sheet(content: bytes) -> bool:
    """By its first bytes, whatever the file is called."""
    return content.startswith((ZIP, COMPOUND))


def open_book(content: bytes, wanted: str) -> tuple[Facts, Iterator[Row]]:
    """The sheet of this name or number, else the visible one that holds the list."""
    pages = _pages(content)
    page = _named(pages, wanted) if wanted else _found(pages)
    about, merges = page.look()
    notes = []
    if count := sum(map(len, merges.spans.values())):
        notes.append(
            counted(
                "{n} cell is merged over several rows: each of them has its value",
                "{n} cells are merged over several rows: each of those has their value",
                count,
            )
        )
    form = "spreadsheet"
    if len(pages) > 1:
        form = said("spreadsheet, sheet {name!r}", name=page.name)
    return Facts(form, ";", about, notes), page.rows(merges)


def _pages(content: bytes) -> Sequence[Page]:
    if content.startswith(ZIP):
        try:
            with ZipFile(BytesIO(content)) as parts:
                names = {name.casefold() for name in parts.namelist()}
                size = sum(part.file_size for part in parts.infolist())
        except (BadZipFile, OSError, ValueError, EOFError) as flaw:
            raise unreadable(flaw) from None
        if "xl/workbook.xml" in names:
            return _of_xlsx(Book(BytesIO(content)))
        if not names & {"xl/workbook.bin", "content.xml"}:
            raise BadValue(
                said(
                    "The file is {what}: {way_out}.", what=said("an archive"), way_out=said("unpack it first")
                )
            )
        if size > MOST_UNPACKED:
            raise too_large(MOST_UNPACKED)
    return _of_calamine(content)


def _of_xlsx(book: Book) -> Sequence[Page]:
    return [
        Page(sheet.name, sheet.is_visible, partial(book.about, sheet), partial(book.rows, sheet))
        for sheet in book.sheets
    ]


def _named(pages: Sequence[Page], wanted: str) -> Page:
    plain = wanted.strip()
    for page in pages:
        if page.name.strip().casefold() == plain.casefold():
            return page
    if plain.isascii() and plain.isdigit() and 1 <= int(plain) <= len(pages):
        return pages[int(plain) - 1]
    raise BadValue(
        said(
            "There is no sheet {wanted!r}: name one of {names}.",
            wanted=wanted,
            names=", ".join(page.name for page in pages),
        )
    )


def _found(pages: Sequence[Page]) -> Page:
    """The one with numbers on it; asked for where several have some."""
    counts = {}
    for page in pages:
        if page.is_visible:
            rows = list(islice(page.rows(Merges()), LOOKED_AT))
            counts[page.name] = (sum(any(map(_DIGITS.fullmatch, row.cells)) for row in rows), len(rows))
    filled = [page for page in pages if counts.get(page.name, (0, 0))[1]]
    listed = [page for page in filled if counts[page.name][0]]
    if len(listed) > 1:
        raise BadValue(
            said(
                "Several sheets hold numbers ({names}): say which one, for example --sheet {first!r}.",
                names=", ".join(page.name for page in listed),
                first=listed[0].name,
            )
        )
    if not filled:
        raise BadValue(
            said("The spreadsheet has no rows on any visible sheet: put the list on the first one.")
        )
    return (listed or filled)[0]


# --- XLS, XLSB and ODS ------------------------------------------------------------------------------------


def _of_calamine(content: bytes) -> Sequence[Page]:
    from python_calamine import (  # noqa: PLC0415 loads a library that few lists need
        CalamineError,
        CalamineWorkbook,
        PasswordError,
        SheetTypeEnum,
        SheetVisibleEnum,
        WorksheetNotFound,
        XmlError,
        ZipError,
    )

    troubles = (CalamineError, ZipError, XmlError, WorksheetNotFound, OSError, ValueError)
    try:
        book = CalamineWorkbook.from_filelike(BytesIO(content))
    except PasswordError:
        raise BadValue(said("The spreadsheet has a password: save it without one, or as CSV.")) from None
    except troubles as flaw:
        raise unreadable(flaw) from None

    def rows(name: str, merges: Merges) -> Iterator[Row]:
        try:
            sheet = book.get_sheet_by_name(name)
            yield from _laid_out(sheet, merges)
        except troubles as flaw:
            raise unreadable(flaw) from None

    def look(name: str) -> tuple[int, Merges]:
        try:
            sheet = book.get_sheet_by_name(name)
        except troubles as flaw:
            raise unreadable(flaw) from None
        merges = Merges()
        for (first, column), (last, _) in sheet.merged_cell_ranges or ():
            if first != last:
                merges.spans.setdefault(column, []).append((first + 1, last + 1))
        return sheet.total_height, merges

    return [
        Page(
            sheet.name,
            sheet.visible is SheetVisibleEnum.Visible,
            partial(look, sheet.name),
            partial(rows, sheet.name),
        )
        for sheet in book.sheets_metadata
        if sheet.typ is SheetTypeEnum.WorkSheet
    ]


def _laid_out(sheet: object, merges: Merges) -> Iterator[Row]:
    """Rows with the number that the spreadsheet shows beside them; empty ones above the list come too."""
    seen = 0
    for line, cells in enumerate(sheet.iter_rows(), start=1):  # type: ignore[attr-defined]  # calamine has no stubs
        found = {at: text for at, cell in enumerate(cells) if (text := _text(cell))}
        if not found:
            continue
        merges.fill(line, found)
        width = max(found) + 1
        if width > FARTHEST_COLUMN:
            raise BadValue(
                said(
                    "Row {line} has something in column {width}, far from the list, and {most} are read."
                    " Delete it, or save the list alone.",
                    line=line,
                    width=width,
                    most=FARTHEST_COLUMN,
                )
            )
        seen += width
        if seen > MOST_CELLS:
            raise BadValue(
                said(
                    "The sheet has more than {most:,} cells, which is all that is read: split it.",
                    most=MOST_CELLS,
                )
            )
        yield Row(line, [found.get(at, "") for at in range(width)])


def _text(cell: Cell) -> str:
    """What the cell shows; a phone number kept as a number loses its `.0`."""
    match cell:
        case str():
            return cell[:LONGEST_CELL]
        case bool():
            return "yes" if cell else "no"
        case float():
            return general(cell) if isfinite(cell) else ""
        case datetime():
            return f"{cell:%d.%m.%Y %H:%M}".removesuffix(" 00:00")
        case date():
            return f"{cell:%d.%m.%Y}"
        case _:
            return str(cell)
