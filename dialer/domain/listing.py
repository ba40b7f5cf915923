"""A list file as leads: which column is what, one row as one lead, and what is wrong with a row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from dialer.domain.columns import Columns, Field
from dialer.domain.lead import Lead
from dialer.domain.said import Said, said
from dialer.domain.types import CampaignId, LeadId, PhoneNumber

LONGEST_VALUE = 1_000
HIGHEST_PRIORITY = 1_000
EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\".]{2,}")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060\ufeff]+")
_INN_WEIGHTS = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a file; `line` is where it begins, counted as an editor or a spreadsheet does."""

    line: int
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class Phones:
    """What a cell with numbers holds: the good ones, and for each bad one its text and what is wrong."""

    numbers: tuple[PhoneNumber, ...] = ()
    flaws: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading needs to know of numbers and zones; the parsers come in as values."""

    phones: Callable[[str], Phones]
    zones_of: Callable[[PhoneNumber], tuple[str, ...]]  # every zone that a number may be in
    zone_named: Callable[[str], str | None]  # IANA name of what people write: Europe/Moscow, UTC+3


class Kind(StrEnum):
    """What a flaw does to its row."""

    REFUSED = "row refused"
    DUPLICATE = "duplicate"
    LEFT_OUT = "value left out"


@dataclass(frozen=True, slots=True)
class Flaw:
    """One line of the rejects file."""

    line: int
    column: str
    value: str
    reason: str
    kind: Kind = Kind.REFUSED


@dataclass(slots=True)
class Taken:
    """Numbers that have a lead already, with the line that has them; 0: in the campaign before this file."""

    lines: dict[PhoneNumber, int] = field(default_factory=dict)

    @classmethod
    def by_campaign(cls, numbers: Iterable[PhoneNumber]) -> Taken:
        return cls(dict.fromkeys(numbers, 0))


def read(
    rows: Iterable[Row], columns: Columns, reading: Reading, taken: Taken
) -> Iterator[tuple[Row, Lead | None, Sequence[Flaw]]]:
    """Each row with its lead (None: refused or a duplicate) and its flaws; `taken` grows with the leads."""
    for row in rows:
        if any(cell and not cell.isspace() for cell in row.cells):
            yield row, *_read_row(row, columns, reading, taken)


def _read_row(
    row: Row, columns: Columns, reading: Reading, taken: Taken
) -> tuple[Lead | None, Sequence[Flaw]]:
    flaws: list[Flaw] = []
    if surplus := [cell for cell in row.cells[len(columns.names) :] if cell.strip()]:
        reason = said(
            "the row has {values} values, the file {columns} columns:"
            " put values that contain the delimiter in quotation marks",
            values=len(row.cells),
            columns=len(columns.names),
        )
        return None, [Flaw(row.line, "", surplus[0], reason)]
    numbers = _numbers(row, columns, reading, taken, flaws)
    if not numbers:
        return None, flaws
    values = {one: _text(row, columns, one, flaws) for one in _TEXTS}
    zones = _zones(row, columns, numbers, reading, flaws)
    if not zones:
        reason = said("the time zone of the number is not known: add a column with the time zone")
        return None, [*flaws, Flaw(row.line, columns.name(Field.PHONE), numbers[0], reason)]
    taken.lines.update(dict.fromkeys(numbers, row.line))
    lead = Lead(
        LeadId(0),
        CampaignId(0),
        numbers,
        zones=zones,
        priority=_priority(row, columns, flaws),
        name=values[Field.NAME],
        company=values[Field.COMPANY],
        ref=values[Field.REF],
        inn=_checked(row, columns, Field.INN, values, flaws),
        email=_checked(row, columns, Field.EMAIL, values, flaws),
        extra=_extra(row, columns, flaws),
    )
    return lead, flaws


def _numbers(
    row: Row, columns: Columns, reading: Reading, taken: Taken, flaws: list[Flaw]
) -> tuple[PhoneNumber, ...]:
    """The numbers of the row that no other lead has."""
    found: dict[PhoneNumber, None] = {}
    empty = True
    for index in columns.of(Field.PHONE):
        cell = _cell(row, index)
        if not cell:
            continue
        empty = False
        phones = reading.phones(cell)
        flaws += [
            Flaw(row.line, columns.names[index], value, reason, Kind.LEFT_OUT)
            for value, reason in phones.flaws
        ]
        for number in phones.numbers:
            line = taken.lines.get(number)
            if line is None:
                found[number] = None
            else:
                flaws.append(Flaw(row.line, columns.names[index], number, _there(line), Kind.LEFT_OUT))
    if empty:
        flaws.append(Flaw(row.line, columns.name(Field.PHONE), "", said("there is no phone number")))
    elif not found:
        duplicate = all(flaw.reason.startswith("the number is in") for flaw in flaws)
        kind = Kind.DUPLICATE if duplicate else Kind.REFUSED
        flaws[:] = [Flaw(flaw.line, flaw.column, flaw.value, flaw.reason, kind) for flaw in flaws]
    return tuple(found)


def _there(line: int) -> Said:
    """In which line a number stands already; 0: in no line of this file."""
    return (
        said("the number is in line {line} of this file", line=line)
        if line
        else said("the number is in the campaign already")
    )


# --- the other fields -------------------------------------------------------------------------------------

_TEXTS = (Field.NAME, Field.COMPANY, Field.REF, Field.INN, Field.EMAIL)


def _cell(row: Row, index: int) -> str:
    return row.cells[index].strip() if index < len(row.cells) else ""


def _clean(row: Row, index: int, columns: Columns, flaws: list[Flaw]) -> str:
    """The cell on one line, without control characters; an endless one is left out."""
    value = " ".join(_CONTROLS.sub(" ", _cell(row, index)).split())
    if len(value) <= LONGEST_VALUE:
        return value
    reason = said(
        "the value has {n} characters, at most {most} fit: shorten it", n=len(value), most=LONGEST_VALUE
    )
    flaws.append(Flaw(row.line, columns.names[index], f"{value[:40]}...", reason, Kind.LEFT_OUT))
    return ""


def _text(row: Row, columns: Columns, one: Field, flaws: list[Flaw]) -> str:
    """Several columns of one field (surname, first name) are put together."""
    return " ".join(filter(None, (_clean(row, index, columns, flaws) for index in columns.of(one))))


def _extra(row: Row, columns: Columns, flaws: list[Flaw]) -> Mapping[str, str]:
    values = {columns.names[index]: _clean(row, index, columns, flaws) for index in columns.of(Field.EXTRA)}
    return {name: value for name, value in values.items() if value}


def _checked(row: Row, columns: Columns, one: Field, values: Mapping[Field, str], flaws: list[Flaw]) -> str:
    """INN and e-mail, left out when they cannot be right."""
    value = values[one]
    if not value:
        return ""
    reason = _inn_flaw(value) if one is Field.INN else _email_flaw(value)
    if not reason:
        return value
    flaws.append(Flaw(row.line, columns.name(one), value, reason, Kind.LEFT_OUT))
    return ""


def _email_flaw(value: str) -> str:
    return "" if EMAIL.fullmatch(value) else said("this is no e-mail address: write one, as name@example.org")


def _inn_flaw(value: str) -> str:
    """Check digits of a Russian taxpayer number: 10 digits of a company, 12 of a person."""
    if not (value.isascii() and value.isdigit() and len(value) in (10, 12)):
        return said("an INN has 10 or 12 digits")
    for length in (10,) if len(value) == 10 else (11, 12):
        weights = _INN_WEIGHTS[len(_INN_WEIGHTS) - length + 1 :]
        control = sum(int(digit) * weight for digit, weight in zip(value, weights, strict=False)) % 11 % 10
        if control != int(value[length - 1]):
            return said("the check digit of the INN is wrong: a digit is mistyped")
    return ""


def _priority(row: Row, columns: Columns, flaws: list[Flaw]) -> int:
    for index in columns.of(Field.PRIORITY):
        value = _cell(row, index)
        if re.fullmatch(r"-?[0-9]{1,4}", value) and abs(int(value)) <= HIGHEST_PRIORITY:
            return int(value)
        if value:
            reason = said("a priority is a whole number from -{most} to {most}", most=HIGHEST_PRIORITY)
            flaws.append(Flaw(row.line, columns.names[index], value, reason, Kind.LEFT_OUT))
    return 0


def _zones(
    row: Row, columns: Columns, numbers: Sequence[PhoneNumber], reading: Reading, flaws: list[Flaw]
) -> tuple[str, ...]:
    """The zone of the row, else all that its numbers may be in; none when one of them is not known."""
    for index in columns.of(Field.ZONE):
        value = _cell(row, index)
        if zone := reading.zone_named(value) if value else None:
            return (zone,)
        if value:
            reason = said("there is no such time zone: write it as Europe/Moscow or UTC+3")
            flaws.append(Flaw(row.line, columns.names[index], value, reason, Kind.LEFT_OUT))
    every = [reading.zones_of(number) for number in numbers]
    return tuple(dict.fromkeys(zone for zones in every for zone in zones)) if all(every) else ()
