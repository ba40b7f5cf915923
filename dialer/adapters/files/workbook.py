"""A table as an XLSX file: written row by row, with the memory of one row."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from datetime import datetime
from typing import IO, Any

from dialer.domain.export import SHEET_ROWS, Kind, Sheet, Shown

WIDTHS = {Kind.TEXT: 20, Kind.PHONE: 16, Kind.INSTANT: 19, Kind.CAMPAIGN: 20, Kind.OPERATOR: 20}
NARROW = 11
LONGEST = 32_767  # characters of a cell
OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}


async def workbook(sheet: Sheet) -> IO[bytes]:
    """The file, from its beginning; it is nowhere else and gone when it is closed. Made in threads."""
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 whoever sends it closes it
    try:
        book = await asyncio.to_thread(_Book, file, sheet)
        async for page in sheet.pages:
            await asyncio.to_thread(book.write, page)
        await asyncio.to_thread(book.close)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


class _Book:
    """Phones are text, dates are dates, seconds are numbers, nothing is a formula."""

    def __init__(self, file: IO[bytes], sheet: Sheet) -> None:
        import xlsxwriter  # noqa: PLC0415  few exports, and it takes long

        self._book: Any = xlsxwriter.Workbook(file, OPTIONS)
        self._sheet = sheet
        self._bold = self._book.add_format({"bold": True})
        self._instant = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._share = self._book.add_format({"num_format": "0.0%"})
        self._sheets = 0
        self._open()

    def write(self, rows: Sequence[Sequence[Shown]]) -> None:
        for row in rows:
            if self._row == SHEET_ROWS:
                self._open()
            for column, value in enumerate(row):
                self._put(column, value)
            self._row += 1

    def close(self) -> None:
        self._book.close()

    def _open(self) -> None:
        """One more sheet with its header, which stays in sight."""
        self._sheets += 1
        name = self._sheet.title[:25]
        self._page = self._book.add_worksheet(name if self._sheets == 1 else f"{name} {self._sheets}")
        self._page.freeze_panes(1, 0)
        for column, (heading, kind) in enumerate(zip(self._sheet.headings, self._sheet.kinds, strict=True)):
            self._page.set_column(column, column, max(WIDTHS.get(kind, NARROW), len(heading) + 2))
        for column, heading in enumerate(self._sheet.headings):
            self._page.write_string(0, column, heading, self._bold)
        self._row = 1

    def _put(self, column: int, value: Shown) -> None:
        match value:
            case None | "":
                pass
            case datetime():
                self._page.write_datetime(self._row, column, value, self._instant)
            case int() | float():
                is_share = self._sheet.kinds[column] is Kind.SHARE
                self._page.write_number(self._row, column, value, self._share if is_share else None)
            case _:
                self._page.write_string(self._row, column, value[:LONGEST])
