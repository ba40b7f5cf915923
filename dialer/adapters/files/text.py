"""Text lists: which encoding, which delimiter, and records with the line that they begin on."""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from collections.abc import Iterator
from io import StringIO
from itertools import islice

from dialer.domain.errors import BadValue
from dialer.domain.listing import Row
from dialer.domain.said import said

DELIMITERS = (";", ",", "\t", "|")
SAMPLE_ROWS = 50
LONGEST_RECORD = 100  # lines; a longer one is a quotation mark that nobody closed
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def decode(content: bytes, encoding: str = "") -> tuple[str, str]:
    """The text and its encoding: as the user says, as marked, else UTF-8, else Windows-1251."""
    if encoding:
        return _decode_as(content, encoding)
    mark, marked = next((bom for bom in _BOMS if content.startswith(bom[0])), (b"", ""))
    if marked == "utf-8":
        content = content[len(mark) :]
    if not marked and b"\0" in content:
        raise BadValue(said("The file is not text: save the list as CSV (UTF-8) or XLSX."))
    for tried in (marked,) if marked else ("utf-8", "cp1251"):
        try:
            text = content.decode(tried)
        except UnicodeDecodeError as flaw:
            line = content.count(b"\n", 0, flaw.start) + 1
            if not marked and tried == "utf-8" and not _mostly_utf8(content):
                continue
            raise BadValue(
                said(
                    "Line {line} is not {upper} text (byte 0x{content:02x}): save the list again as"
                    " CSV (UTF-8).",
                    line=line,
                    upper=tried.upper(),
                    content=content[flaw.start],
                )
            ) from None
        _check_text(text)
        return text, tried
    raise BadValue(said("The file is neither UTF-8 nor Windows-1251: save the list again as CSV (UTF-8)."))


def _decode_as(content: bytes, encoding: str) -> tuple[str, str]:
    try:
        name = codecs.lookup(encoding).name
        text = content.decode(name)
    except LookupError:
        raise BadValue(
            said("There is no encoding {encoding!r}: name one such as utf-8 or cp1251.", encoding=encoding)
        ) from None
    except UnicodeDecodeError as flaw:
        line = content.count(b"\n", 0, flaw.start) + 1
        raise BadValue(
            said("Line {line} is not {encoding} text: name another encoding.", line=line, encoding=encoding)
        ) from None
    return text.removeprefix("\ufeff"), name


def _mostly_utf8(content: bytes) -> bool:
    """A damaged UTF-8 file, which Windows-1251 would turn into nonsense without a complaint."""
    text = content.decode("utf-8", errors="replace")
    good = sum(sign > "\x7f" and sign != "\ufffd" for sign in text)
    return good > 10 * text.count("\ufffd")


def _check_text(text: str) -> None:
    odd = next((sign for sign in text[:100_000] if sign < " " and sign not in "\r\n\t\f\v\x1a"), "")
    if odd:
        line = text.count("\n", 0, text.index(odd)) + 1
        raise BadValue(
            said(
                "Line {line} holds a control character (0x{odd:02x}), so this is no list: save"
                " it as CSV (UTF-8) or XLSX.",
                line=line,
                odd=ord(odd),
            )
        )


def find_delimiter(text: str) -> str:
    """The one that cuts most records into the same number of columns, and into the most columns."""
    sample = "".join(islice(StringIO(text, newline=""), SAMPLE_ROWS * 2))
    scores = {}
    for delimiter in DELIMITERS:
        widths = Counter(
            len(cells)
            for cells in islice(_tried(sample, delimiter), SAMPLE_ROWS)
            if any(map(str.strip, cells))
        )
        width, times = widths.most_common(1)[0] if widths else (1, 0)
        scores[delimiter] = (width > 1, times, width)
    best = max(scores, key=lambda delimiter: scores[delimiter])
    return best if scores[best][0] else ","


def _tried(text: str, delimiter: str) -> Iterator[list[str]]:
    """Records as far as they can be read with this delimiter."""
    try:
        yield from csv.reader(StringIO(text, newline=""), delimiter=delimiter)
    except csv.Error:
        return


def read_records(text: str, delimiter: str) -> Iterator[Row]:
    """Records in order; a quoted value may go over several lines."""
    lines = _Lines(text)
    records = csv.reader(lines, delimiter=delimiter)
    while True:
        begin = lines.read + 1
        lines.record.clear()
        try:
            cells = next(records)
        except StopIteration:
            return
        except csv.Error as flaw:
            raise BadValue(
                said(
                    "Line {begin} cannot be read ({flaw}): check its quotation marks.", begin=begin, flaw=flaw
                )
            ) from None
        if len(lines.record) > LONGEST_RECORD or (
            len(lines.record) > 1 and _is_open(lines.record, delimiter)
        ):
            raise BadValue(
                said(
                    "Line {begin}: a quotation mark is opened there and never closed: close or remove it.",
                    begin=begin,
                )
            )
        yield Row(begin, cells)


def _is_open(record: list[str], delimiter: str) -> bool:
    """The record ended because the file did, within quotation marks."""
    try:
        list(csv.reader(record, delimiter=delimiter, strict=True))
    except csv.Error as flaw:
        return "unexpected end of data" in str(flaw)
    return False


class _Lines:
    """The lines of a text, counted, with those of the present record at hand."""

    def __init__(self, text: str) -> None:
        self._lines = StringIO(text, newline="")  # splitlines() would also cut at rarer signs
        self.read = 0
        self.record: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.read += 1
        self.record.append(line)
        return line
