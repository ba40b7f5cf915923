"""XLSX row by row, as a person sees the sheet: little memory, however far its cells lie.

No library gives all of this at once: python-calamine lays a sheet out whole and knows no formats or hidden
rows, openpyxl's reader knows no hidden rows or merged cells, and takes twice as long.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import isfinite
from typing import IO
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile

from dialer.adapters.files.formats import BUILT_IN, shown
from dialer.domain.errors import BadValue
from dialer.domain.said import said
from dialer.domain.tables import FARTHEST_COLUMN, LONGEST_CELL, MOST_CELLS, MOST_UNPACKED, Row

CHUNK = 64 * 1024
_MERGE = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})"')
_ROW = re.compile(rb"<(?:\w+:)?row[\s>]")
_HEX = re.compile(r"_x([0-9A-Fa-f]{4})_")  # how a cell's text holds signs that XML has not
_OVERLAP = 200  # bytes that a tag may have
_MOST_MERGES = 100_000


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of the book."""

    name: str
    path: str
    is_visible: bool


@dataclass(slots=True)
class Merges:
    """Cells that are one over several rows: by column, as (first row, last row)."""

    spans: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    values: dict[tuple[int, int], str] = field(default_factory=dict)

    def fill(self, line: int, cells: dict[int, str]) -> None:
        """The row's cells, with what the cells that they are one with have."""
        for column, spans in self.spans.items():
            for first, last in spans:
                if first == line and column in cells:
                    self.values[column, first] = cells[column]
                elif first < line <= last and (value := self.values.get((column, first))):
                    cells[column] = value


class Book:
    """An opened XLSX."""

    def __init__(self, file: IO[bytes]) -> None:
        try:
            self._zip = ZipFile(file)
        except (BadZipFile, OSError, ValueError, EOFError) as flaw:
            raise unreadable(flaw) from None
        self._unpacked = 0
        self._since_1904 = False
        self.sheets = self._sheets()
        self._strings: list[str] | None = None
        self._formats: list[str] = []

    def about(self, sheet: Sheet) -> tuple[int, Merges]:
        """How many rows it has, and which cells are merged over several of them."""
        rows, merges, tail, count = 0, Merges(), b"", 0
        for chunk in self._chunks(sheet.path):
            text = tail + chunk
            cut = max(0, len(text) - _OVERLAP)
            rows += sum(match.start() < cut for match in _ROW.finditer(text))
            for match in _MERGE.finditer(text):
                if match.start() < cut and match[2] != match[4] and count < _MOST_MERGES:
                    count += 1
                    merges.spans.setdefault(_column(match[1].decode()), []).append(
                        (int(match[2]), int(match[4]))
                    )
            tail = text[cut:]
        rows += len(_ROW.findall(tail))
        for match in _MERGE.finditer(tail):
            if match[2] != match[4]:
                merges.spans.setdefault(_column(match[1].decode()), []).append((int(match[2]), int(match[4])))
        return rows, merges

    def rows(self, sheet: Sheet, merges: Merges) -> Iterator[Row]:
        """Rows that have something in them."""
        if self._strings is None:
            self._formats = self._read_formats()
            self._strings = self._read_strings()
        page = _Page(self._strings, self._formats, merges, since_1904=self._since_1904)
        parser = _parser(page.start, page.end, page.text)
        for chunk in self._chunks(sheet.path):
            _feed(parser, chunk)
            if page.rows:
                yield from page.rows
                page.rows.clear()
        _feed(parser, b"", is_last=True)
        yield from page.rows

    def _sheets(self) -> list[Sheet]:
        targets: dict[str, str] = {}
        found: list[Sheet] = []
        entries: list[tuple[str, str, bool]] = []

        def relation(name: str, given: dict[str, str]) -> None:
            if name == "Relationship" and given.get("Type", "").endswith("/worksheet"):
                target = given.get("Target", "")
                targets[given.get("Id", "")] = (
                    target.lstrip("/") if target.startswith("/") else f"xl/{target}"
                )

        def entry(name: str, given: dict[str, str]) -> None:
            if name == "sheet":
                ident = next((value for key, value in given.items() if key.endswith(":id")), "")
                entries.append((given.get("name", ""), ident, given.get("state", "visible") == "visible"))
            elif name == "workbookPr":
                self._since_1904 = given.get("date1904", "0") in ("1", "true")

        self._walk("xl/_rels/workbook.xml.rels", relation)
        self._walk("xl/workbook.xml", entry)
        names = {name.casefold(): name for name in self._zip.namelist()}
        for name, ident, is_visible in entries:
            if path := names.get(targets.get(ident, "").casefold()):
                found.append(Sheet(name, path, is_visible))
        return found

    def _read_strings(self) -> list[str]:
        path = "xl/sharedStrings.xml"
        if path not in self._zip.namelist():
            return []
        words = _Words()
        parser = _parser(words.start, words.end, words.text)
        for chunk in self._chunks(path):
            _feed(parser, chunk)
        return words.found

    def _read_formats(self) -> list[str]:
        """The format code of each style of cells."""
        codes, styles, place = dict(BUILT_IN), [], [""]

        def style(name: str, given: dict[str, str]) -> None:
            if name in ("cellXfs", "cellStyleXfs"):
                place[0] = name
            elif name == "numFmt":
                codes[int(given.get("numFmtId", "0"))] = given.get("formatCode", "")
            elif name == "xf" and place[0] == "cellXfs":
                styles.append(int(given.get("numFmtId", "0")))

        if "xl/styles.xml" in self._zip.namelist():
            self._walk("xl/styles.xml", style)
        return [codes.get(one, "") for one in styles]

    def _walk(self, path: str, start: Callable[[str, dict[str, str]], None]) -> None:
        parser = _parser(
            lambda name, given: start(name.rpartition(":")[2], given), lambda name: None, lambda text: None
        )
        for chunk in self._chunks(path):
            _feed(parser, chunk)

    def _chunks(self, path: str) -> Iterator[bytes]:
        """The part of the file unpacked, and counted: a small file may hold a very large one."""
        try:
            with self._zip.open(path) as part:
                while chunk := part.read(CHUNK):
                    self._unpacked += len(chunk)
                    if self._unpacked > MOST_UNPACKED:
                        raise too_large(MOST_UNPACKED)
                    yield chunk
        except (
            BadZipFile,
            OSError,
            ValueError,
            EOFError,
            NotImplementedError,
            KeyError,
            RuntimeError,
            zlib.error,
        ) as flaw:
            raise unreadable(flaw) from None


def unreadable(flaw: object) -> BadValue:
    return BadValue(
        said("The spreadsheet cannot be read ({flaw}): save it again as XLSX, or as CSV.", flaw=str(flaw))
    )


def too_large(limit: int) -> BadValue:
    return BadValue(
        said(
            "The spreadsheet unpacks to more than {limit} MB, which is all that is read: save the list alone"
            " as CSV.",
            limit=limit // 2**20,
        )
    )


# --- XML --------------------------------------------------------------------------------------------------

Start = Callable[[str, dict[str, str]], None]


def _parser(start: Start, end: Callable[[str], None], text: Callable[[str], None]) -> expat.XMLParserType:
    """A document type, which no spreadsheet has, is refused with its entities."""
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def refuse(*_: object) -> None:
        raise unreadable("DOCTYPE")

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    return parser


def _feed(parser: expat.XMLParserType, chunk: bytes, *, is_last: bool = False) -> None:
    """What our own readers of elements make of a damaged value is the file's fault as well."""
    try:
        parser.Parse(chunk, is_last)
    except (expat.ExpatError, ValueError, LookupError) as flaw:
        raise unreadable(flaw) from None


class _Words:
    """The texts that cells share."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._parts: list[str] = []
        self._is_text = self._is_reading_aid = False

    def start(self, name: str, _: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if name == "si":
            self._parts = []
        elif name == "rPh":
            self._is_reading_aid = True
        elif name == "t":
            self._is_text = not self._is_reading_aid

    def end(self, name: str) -> None:
        name = name.rpartition(":")[2]
        if name == "t":
            self._is_text = False
        elif name == "rPh":
            self._is_reading_aid = False
        elif name == "si":
            self.found.append(_plain("".join(self._parts)))

    def text(self, text: str) -> None:
        if self._is_text:
            self._parts.append(text)


class _Page:
    """Rows of a sheet as its XML comes by."""

    def __init__(self, strings: list[str], formats: list[str], merges: Merges, *, since_1904: bool) -> None:
        self.rows: list[Row] = []
        self._strings, self._formats, self._merges = strings, formats, merges
        self._since_1904 = since_1904
        self._line = self._column = self._seen = 0
        self._is_hidden = self._is_text = False
        self._cells: dict[int, str] = {}
        self._kind = self._style = ""
        self._parts: list[str] = []

    def start(self, name: str, given: dict[str, str]) -> None:
        match name:
            case "c":
                self._kind, self._style = given.get("t", "n"), given.get("s", "")
                self._column = _column_of(given["r"]) if "r" in given else self._column + 1
                self._parts = []
            case "v" | "t":
                self._is_text = True
            case "row":
                self._line = int(given["r"]) if given.get("r", "").isdigit() else self._line + 1
                self._is_hidden = given.get("hidden", "0") in ("1", "true")
                self._cells, self._column = {}, -1
            case _ if ":" in name:  # some programs give every name a prefix
                self.start(name.rpartition(":")[2], given)

    def text(self, text: str) -> None:
        if self._is_text:
            self._parts.append(text)

    def end(self, name: str) -> None:
        match name:
            case "v" | "t":
                self._is_text = False
            case "c" if self._parts:
                if value := self._value("".join(self._parts)):
                    self._cells[self._column] = value
            case "row":
                self._end_row()
            case _ if ":" in name:
                self.end(name.rpartition(":")[2])

    def _end_row(self) -> None:
        cells = self._cells
        if not cells:
            return
        if self._merges.spans:
            self._merges.fill(self._line, cells)
        width = max(cells) + 1
        if width > FARTHEST_COLUMN:
            raise BadValue(
                said(
                    "Cell {cell} lies far from the list: column {width}, and {most} are read. Delete it, or"
                    " save the list alone.",
                    cell=f"{_letters(width - 1)}{self._line}",
                    width=width,
                    most=FARTHEST_COLUMN,
                )
            )
        self._seen += width
        if self._seen > MOST_CELLS:
            raise BadValue(
                said(
                    "The sheet has more than {most:,} cells, which is all that is read: split it.",
                    most=MOST_CELLS,
                )
            )
        self.rows.append(
            Row(self._line, [cells.get(at, "") for at in range(width)], is_hidden=self._is_hidden)
        )

    def _value(self, text: str) -> str:
        match self._kind:
            case "s":
                place = int(text) if text.isdigit() else -1
                return self._strings[place] if 0 <= place < len(self._strings) else ""
            case "b":
                return "yes" if text == "1" else "no"
            case "n":
                return self._number(text)
            case _:
                return _plain(text)

    def _number(self, text: str) -> str:
        try:
            value = float(text)
        except ValueError:
            return text[:LONGEST_CELL]
        if not self._style and text.isdigit() and len(text) < 16:
            return text
        style = int(self._style) if self._style.isdigit() else 0
        code = self._formats[style] if style < len(self._formats) else ""
        if not isfinite(value):
            return text
        return shown(value, code, since_1904=self._since_1904)


def _plain(text: str) -> str:
    return (_HEX.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text)[:LONGEST_CELL]


def _column_of(reference: str) -> int:
    return _column(reference.rstrip("0123456789"))


def _column(letters: str) -> int:
    """From 0: A is 0, AA is 26."""
    number = 0
    for letter in letters[:4]:
        number = number * 26 + (ord(letter.upper()) - 64)
    return number - 1


def _letters(column: int) -> str:
    text, left = "", column + 1
    while left:
        left, rest = divmod(left - 1, 26)
        text = chr(65 + rest) + text
    return text
