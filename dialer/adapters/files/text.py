"""Text lists: which encoding, which delimiter, and records with the line that they begin on."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from io import BytesIO, StringIO, TextIOWrapper
from itertools import islice
from typing import IO

from dialer.adapters.files.encodings import guess_encoding
from dialer.domain.errors import BadValue
from dialer.domain.said import Said, said
from dialer.domain.tables import LONGEST_CELL, LONGEST_LINE, Facts, Row

DELIMITERS = (";", ",", "\t", "|")
SAMPLE_ROWS = 100
FEWEST_DIGITS = 9  # of a line that may hold a number
SAMPLE_BYTES = 4 * 1024 * 1024
LONGEST_RECORD = 100  # lines; a longer one is a quotation mark that nobody closed
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_SEP = re.compile(r'\ufeff?"?sep=(\\t|[^\r\n"]|"(?=[\r\n]))"?[\r\n]*\Z', re.IGNORECASE)
_NO_TEXT = re.compile(rb"[\x01-\x08\x0e-\x19\x1b-\x1f]")
_BAD = re.compile("[\udc80-\udcff]")

_CSV_OR_XLSX = said("save the list as CSV (UTF-8) or XLSX")
_KINDS: Sequence[tuple[re.Pattern[bytes], Said, Said]] = (
    (re.compile(rb"%PDF-"), said("a PDF"), said("export the list from where it comes as XLSX or CSV")),
    (re.compile(rb"\x89PNG|GIF8|\xff\xd8\xff|BM.{4}\0\0\0\0", re.DOTALL), said("a picture"), _CSV_OR_XLSX),
    (re.compile(rb"\x1f\x8b|Rar!|7z\xbc\xaf|BZh[1-9]|\xfd7zXZ"), said("an archive"), said("unpack it first")),
    (re.compile(rb"MZ|\x7fELF"), said("a program"), _CSV_OR_XLSX),
    (re.compile(rb"\{\\rtf"), said("a text document (RTF)"), _CSV_OR_XLSX),
    (re.compile(rb"BEGIN:VCARD", re.IGNORECASE), said("a set of business cards (vCard)"),
     said("export the contacts as CSV")),
    (re.compile(rb"(?:<\?xml[^>]*>\s*)?(?:<\?mso-[^>]*>\s*)?<(?:\w+:)?Workbook\b"),
     said("a spreadsheet in XML of 2003"), said("open it in a spreadsheet program and save it as XLSX")),
    (re.compile(rb"(?:<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(?:!doctype|html|head|body|meta|table|style|div|tr)\b",
                re.IGNORECASE | re.DOTALL), said("a web page (HTML), whatever it is called"),
     said("open it in a spreadsheet program and save it as XLSX or CSV")),
    (re.compile(rb"<\?xml|<[A-Za-z][\w:.-]*(?:\s[^<>]*)?/?>\s*<"), said("XML"), _CSV_OR_XLSX),
    (re.compile(rb"\[\s*[\[{\"\]]|\{\s*[\"}]|\[\s*[0-9]+\s*,\s*[\[{\"]"), said("JSON"),
     said("save the list as CSV or XLSX, or send it to POST /v1/campaigns/ID/leads")),
    (re.compile(rb"SQLite format 3\0"), said("a database"), said("export the list as CSV")),
)  # fmt: skip


csv.field_size_limit(2 * LONGEST_LINE)  # lines are bounded already


def open_text(content: bytes, encoding: str, country: str) -> tuple[Facts, Iterator[Row]]:
    """What is found out about a text file, and its rows."""
    notes: list[str] = []
    name = _encoding(content, encoding, country, notes)
    delimiter, has_sep = _delimiter(content, name)
    facts = Facts(
        f'CSV, {name}, "{delimiter}"', delimiter, content.count(b"\n") + content.count(b"\r") // 2 + 1, notes
    )
    return facts, read_records(_text(content, name), name, delimiter, skip=has_sep)


def _encoding(content: bytes, wanted: str, country: str, notes: list[str]) -> str:
    """As the user says, as marked, or as the letters say."""
    _check_kind(content)
    if wanted:
        return _named(wanted)
    if marked := next((name for mark, name in _BOMS if content.startswith(mark)), ""):
        return marked
    if wide := _wide(content[:SAMPLE_BYTES]):
        return wide
    _check_text(content)
    guess = guess_encoding(content, country)
    if guess.is_unsure:
        notes.append(
            said(
                "the encoding may be {encoding} or {rival}: look at the names, and say --encoding if they are"
                " wrong",
                encoding=guess.encoding,
                rival=guess.rival,
            )
        )
    return guess.encoding


def _named(wanted: str) -> str:
    try:
        info = codecs.lookup(wanted.strip().replace("windows", "cp").replace("cp-", "cp"))
    except (LookupError, ValueError):
        info = None
    if info is None or not getattr(info, "_is_text_encoding", True) or info.name in ("idna", "punycode"):
        raise BadValue(
            said("There is no encoding {encoding!r}: name one such as utf-8 or cp1251.", encoding=wanted)
        )
    return "utf-8-sig" if info.name == "utf-8" else info.name


def _wide(content: bytes) -> str:
    """UTF-16 without a mark: every second byte of plain signs is empty."""
    if len(content) < 8 or 4 * content.count(0) < len(content):
        return ""
    even, odd = content[::2].count(0), content[1::2].count(0)
    return "utf-16-le" if odd > 4 * even else "utf-16-be" if even > 4 * odd else ""


def _check_kind(content: bytes) -> None:
    """A mistake that names what the file is, when it is a known form that is no list."""
    head = content[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    for pattern, what, way_out in _KINDS:
        if pattern.match(head):
            raise BadValue(said("The file is {what}: {way_out}.", what=what, way_out=way_out))


def _check_text(content: bytes) -> None:
    sample = content[:65536]
    odd = len(_NO_TEXT.findall(sample)) + sample.count(0)
    if odd > max(3, len(sample) // 50):
        raise BadValue(said("The file is not text: save the list as CSV (UTF-8) or XLSX."))


def _text(content: bytes, encoding: str) -> IO[str]:
    """Bytes that are no text of this encoding become surrogates, or U+FFFD where it has no single bytes."""
    errors = "replace" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"
    return TextIOWrapper(BytesIO(content), encoding, errors, newline="")


def _delimiter(content: bytes, encoding: str) -> tuple[str, bool]:
    """The delimiter, and whether the first line does nothing but name it."""
    with _text(content[:SAMPLE_BYTES], encoding) as text:
        sample = [line for line in (text.readline(LONGEST_LINE) for _ in range(SAMPLE_ROWS * 2)) if line]
    if sample and (match := _SEP.fullmatch(sample[0])):
        return "\t" if match[1] == "\\t" else match[1], True
    return find_delimiter("".join(sample)), False


def find_delimiter(text: str) -> str:
    """The one that cuts most records into the same number of columns, and into the most columns.

    One that cuts titles and no rows with numbers is none: the list has one column.
    """
    scores: dict[str, tuple[int, int]] = {}
    for delimiter in DELIMITERS:
        widths = Counter(
            len(cells) for cells in islice(_tried(text, delimiter), SAMPLE_ROWS) if any(map(str.strip, cells))
        )
        wide = Counter({width: times for width, times in widths.items() if width > 1})
        width, times = wide.most_common(1)[0] if wide else (1, 0)
        scores[delimiter] = (times, width)
    best = max(scores, key=lambda delimiter: scores[delimiter])
    if _is_bare(text, best):
        return next((one for one in DELIMITERS if one not in text), best)
    return best if scores[best][0] else ","


def _is_bare(text: str, delimiter: str) -> bool:
    """Lines with digits enough for a number seldom hold the delimiter."""
    lines = [
        line for line in islice(StringIO(text), SAMPLE_ROWS) if sum(map(str.isdigit, line)) >= FEWEST_DIGITS
    ]
    return 4 * sum(delimiter in line for line in lines) < len(lines)


def _tried(text: str, delimiter: str) -> Iterator[list[str]]:
    """Records as far as they can be read with this delimiter, each line by itself."""
    for line in StringIO(text, newline=""):
        yield _strict(line, delimiter) or line.rstrip("\r\n").split(delimiter)


# --- records ----------------------------------------------------------------------------------------------


def read_records(text: IO[str], encoding: str, delimiter: str, *, skip: bool = False) -> Iterator[Row]:
    """Records in order; a quoted value may go over several lines. A damaged line costs itself alone."""
    lines = _Lines(text)
    if skip:
        lines.take()
    width = _width(lines, delimiter)
    while (first := lines.take()) is not None:
        line = lines.number
        cells = (
            _record(first, lines, delimiter, width) if '"' in first else first.rstrip("\r\n").split(delimiter)
        )
        if any(map(str.strip, cells)):
            yield _row(line, cells, encoding)


class _Lines:
    """Lines of a text, which can be looked at before they are taken."""

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self._ahead: deque[str] = deque()
        self.number = 0  # of the line that was taken last

    def take(self) -> str | None:
        line = self._ahead.popleft() if self._ahead else self._next()
        self.number += line is not None
        return line

    def look(self, place: int) -> str | None:
        """The line after `place` others."""
        while len(self._ahead) <= place:
            if (line := self._next()) is None:
                return None
            self._ahead.append(line)
        return self._ahead[place]

    def _next(self) -> str | None:
        line = self._text.readline(LONGEST_LINE + 1)
        if len(line) > LONGEST_LINE:
            raise BadValue(
                said(
                    "Line {line} has more than {most:,} characters, which is all that is read: is this a"
                    " list?",
                    line=self.number + len(self._ahead) + 1,
                    most=LONGEST_LINE,
                )
            )
        return line or None


def _width(lines: _Lines, delimiter: str) -> int:
    """Columns of most lines."""
    sample = [line for place in range(SAMPLE_ROWS) if (line := lines.look(place)) and line.strip()]
    whole = [line for line in sample if line.count('"') % 2 == 0]  # no halves of a record
    widths = Counter(len(_strict(line, delimiter) or line.split(delimiter)) for line in whole or sample)
    return widths.most_common(1)[0][0] if widths else 1


def _record(first: str, lines: _Lines, delimiter: str, width: int) -> list[str]:
    """The record that begins with this line; marks that do not fit are taken as they stand."""
    if cells := _strict(first, delimiter):
        return cells
    text = first
    for place in range(LONGEST_RECORD - 1):
        if not _is_open(text, delimiter) or (line := lines.look(place)) is None:
            break
        text += line
        if (cells := _strict(text, delimiter)) and not _are_apart(text, delimiter, width):
            for _ in range(place + 1):
                lines.take()
            return cells
    if not _is_open(first, delimiter):
        return next(csv.reader([first.rstrip("\r\n")], delimiter=delimiter))
    return [cell.strip().strip('"') for cell in first.rstrip("\r\n").split(delimiter)]


def _strict(text: str, delimiter: str) -> list[str] | None:
    """None when its quotation marks do not pair."""
    if '"' not in text:
        return text.rstrip("\r\n").split(delimiter) if "\n" not in text.rstrip("\r\n") else None
    try:
        records = list(csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return records[0] if len(records) == 1 else None


def _is_open(text: str, delimiter: str) -> bool:
    """A quoted value has begun and not ended: another line would go on with it."""
    try:
        list(csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as flaw:
        return "unexpected end" in str(flaw)
    return False


def _are_apart(text: str, delimiter: str, width: int) -> bool:
    """Each of the lines is a whole record by itself: a mark too many joined them."""
    return width > 1 and all(len(line.split(delimiter)) == width for line in text.splitlines())


def _row(line: int, cells: list[str], encoding: str) -> Row:
    joined = "".join(cells)
    if len(joined) > LONGEST_CELL:
        cells = [cell[:LONGEST_CELL] for cell in cells]
        joined = "".join(cells)
    if joined.isascii() or (joined.isprintable() and "\ufffd" not in joined):
        return Row(line, cells)
    if not (bad := _BAD.search(joined)):
        if "\ufffd" in joined and encoding.startswith("utf-16"):
            flaw = said("the line is damaged: it is no {encoding} text", encoding="UTF-16")
            return Row(line, cells, flaw)
        return Row(line, cells)
    code = ord(bad[0]) - 0xDC00
    flaw = said(
        "the line is no {encoding} text (byte 0x{code:02x}): type it again",
        encoding=encoding.removesuffix("-sig").upper(),
        code=code,
    )
    return Row(line, [_BAD.sub("\ufffd", cell) for cell in cells], flaw)
