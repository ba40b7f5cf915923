"""A file of operators: one row each, its columns named as the options are."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dialer.cli.knobs import Knob
from dialer.domain.errors import BadValue
from dialer.domain.said import said, said_by
from dialer.domain.types import OperatorId

ID = "id"
MOST = 10_000
ALSO = {"номер": ID, "внутренний": ID, "имя": "name", "фио": "name", "пин": "pin", "язык": "language",
        "телефон": "phone", "транк": "trunk"}  # fmt: skip


def read(path: Path, knobs: Sequence[Knob]) -> dict[OperatorId, dict[str, Any]]:
    """Each operator's own settings, by field; BadValue names the line and the column of what is wrong."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as failure:
        raise BadValue(
            said("{file} cannot be read: {strerror}", file=path, strerror=failure.strerror)
        ) from None
    except UnicodeDecodeError:
        raise BadValue(said("{file} is no text in UTF-8: save it as CSV UTF-8", file=path)) from None
    reader = csv.reader(io.StringIO(text), delimiter=_delimiter(text))
    rows = [(reader.line_num, row) for row in reader if any(map(str.strip, row))]
    known = {ID: Knob(ID, "", "")} | {knob.field: knob for knob in knobs}
    columns = [_column(header, known) for header in rows[0][1]] if rows else []
    if ID not in columns:
        raise _flaw(path, 1, said("there is no column {column}", column=ID))
    found: dict[OperatorId, dict[str, Any]] = {}
    for line, row in rows[1:]:
        cells = {
            name: cell.strip() for name, cell in zip(columns, row, strict=False) if name and cell.strip()
        }
        operator = OperatorId(cells.pop(ID, ""))
        if not operator or operator in found:
            why = (
                said("{operator} stands there twice", operator=operator)
                if operator
                else said("there is no id")
            )
            raise _flaw(path, line, why)
        found[operator] = {name: _value(known[name], text, path, line) for name, text in cells.items()}
    if not found or len(found) > MOST:
        raise BadValue(
            said(
                "{file} has {count} operators: 1 to {most} are taken", file=path, count=len(found), most=MOST
            )
        )
    return found


def _delimiter(text: str) -> str:
    head = text.partition("\n")[0]
    return max(";\t,", key=head.count)


def _column(header: str, known: Mapping[str, Knob]) -> str:
    name = header.strip().lower().replace(" ", "_").replace("-", "_")
    name = ALSO.get(name, name)
    if name and name not in known:
        raise BadValue(
            said(
                "{header!r} is no column of operators: there are {known}",
                header=header[:40],
                known=", ".join(known),
            )
        )
    return name


def _value(knob: Knob, text: str, path: Path, line: int) -> Any:
    try:
        return knob.read(text)
    except (ValueError, BadValue) as flaw:
        why = said("{column} {text!r}: {flaw}", column=knob.field, text=text[:60], flaw=said_by(flaw))
        raise _flaw(path, line, why) from None


def _flaw(path: Path, line: int, why: str) -> BadValue:
    return BadValue(said("{file}, row {line}: {why}", file=path, line=line, why=why))
