"""Spreadsheets: the first sheet with something on it, as rows of text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from io import BytesIO

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
    WorksheetNotFound,
    XmlError,
    ZipError,
)

from dialer.domain.errors import BadValue
from dialer.domain.listing import Row
from dialer.domain.said import said

ZIP, COMPOUND = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"  # XLSX and ODS; XLS, and XLSX with a password
Cell = int | float | str | bool | time | date | datetime | timedelta


def is_sheet(content: bytes) -> bool:
    """By its first bytes, whatever the file is called."""
    return content.startswith((ZIP, COMPOUND))


def open_sheet(content: bytes, wanted: str = "") -> CalamineSheet:
    """The sheet of this name or number, else the first visible one that has rows."""
    try:
        workbook = CalamineWorkbook.from_filelike(BytesIO(content))
        if wanted:
            return _named(workbook, wanted)
        for sheet in workbook.sheets_metadata:
            if sheet.typ is SheetTypeEnum.WorkSheet and sheet.visible is SheetVisibleEnum.Visible:
                found = workbook.get_sheet_by_name(sheet.name)
                if found.total_height:
                    return found
    except PasswordError:
        raise BadValue(said("The spreadsheet has a password: save it without one, or as CSV.")) from None
    except (CalamineError, ZipError, XmlError, WorksheetNotFound) as flaw:
        raise BadValue(
            said("The spreadsheet cannot be read ({flaw}): save it again as XLSX, or as CSV.", flaw=flaw)
        ) from None
    raise BadValue(said("The spreadsheet has no rows on any visible sheet: put the list on the first one."))


def _named(workbook: CalamineWorkbook, wanted: str) -> CalamineSheet:
    names = workbook.sheet_names
    found = next((name for name in names if name.casefold() == wanted.strip().casefold()), None)
    if found is None and wanted.isascii() and wanted.isdigit() and 1 <= int(wanted) <= len(names):
        found = names[int(wanted) - 1]
    if found is None:
        raise BadValue(
            said("There is no sheet {wanted!r}: name one of {names}.", wanted=wanted, names=", ".join(names))
        )
    return workbook.get_sheet_by_name(found)


def read_sheet(sheet: CalamineSheet) -> Iterator[Row]:
    """Rows with the number that the spreadsheet shows beside them."""
    for line, cells in enumerate(sheet.iter_rows(), start=1):  # empty rows above the list come too
        yield Row(line, [_text(cell) for cell in cells])


def _text(cell: Cell) -> str:
    """What the cell shows; a phone number kept as a number loses its `.0`."""
    match cell:
        case str():
            return cell
        case bool():
            return "yes" if cell else "no"
        case float():
            return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
        case datetime():
            return cell.isoformat(" ", "minutes")
        case _:
            return str(cell)
