"""Rows as the text of a CSV file that a spreadsheet opens and takes nothing of for a formula."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dialer.domain.types import E164

_ONE = rf"(?:{E164.pattern}|\+[0-9]\*+[0-9]{{2}}|\+[0-9]{{1,14}}\*)"  # whole, masked, or a prefix
PHONES = re.compile(
    rf"{_ONE}(?:: [0-9*#,w]+)?(?:[;,]? {_ONE}(?:: [0-9*#,w]+)?)*"
)  # each may have an extension
_FORMULA = re.compile(r"[=+\-@\t\r\n]")
MARK = "\ufeff"  # of byte order: Excel reads UTF-8 by it


def as_csv(rows: Sequence[Sequence[str]], separator: str) -> str:
    """As RFC 4180 writes it."""
    return "".join(f"{separator.join(_quoted(cell, separator) for cell in row)}\r\n" for row in rows)


def _quoted(cell: str, separator: str) -> str:
    if any(sign in cell for sign in (separator, '"', "\r", "\n")):
        return '"{}"'.format(cell.replace('"', '""'))
    return cell


def safe_cell(value: object) -> str:
    """The value as text; one that begins like a formula gets an apostrophe, but for phone numbers."""
    if value is None:
        return ""
    text = str(value)
    if isinstance(value, str) and _FORMULA.match(text) and not PHONES.fullmatch(text):
        return f"'{text}"
    return text
