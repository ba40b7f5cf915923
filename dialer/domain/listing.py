"""A list file as leads: one row as one lead, and what is wrong with a row."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from dialer.domain.columns import Columns, Field
from dialer.domain.contents import INVISIBLE, inn_flaw, is_email, is_nothing, whole_inn
from dialer.domain.lead import Lead, key_of
from dialer.domain.said import Said, said
from dialer.domain.tables import Row
from dialer.domain.types import CampaignId, LeadId, PhoneNumber

LONGEST_VALUE = 1_000
HIGHEST_PRIORITY = 1_000
MOST_NUMBERS = 10  # of one lead
_MARK_BITS, _ALL_BITS = 32, (1 << 64) - 1
_ZERO, _FIRST = array("Q", [0]), 1024
_BORDER = " \0 "  # between two cells
_EXTENSION = re.compile(r"\s*(?:ext|доб)\w*\s*[.=:]?\s*[0-9]{1,7}\s*", re.IGNORECASE)  # cut off by its `;`
_PRIORITY = re.compile(r"[+-]?[0-9]{1,4}(?:[.,]0+)?")


@dataclass(frozen=True, slots=True)
class Phones:
    """What a cell with numbers holds: the good ones, and for each bad one its text and what is wrong."""

    numbers: tuple[PhoneNumber, ...] = ()
    flaws: tuple[tuple[str, str], ...] = ()
    extensions: Mapping[PhoneNumber, str] = field(default_factory=dict)
    remark: str = ""  # words beside the numbers


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading needs to know of numbers and zones; the parsers come in as values."""

    phones: Callable[[str], Phones]
    zones_of: Callable[[PhoneNumber], tuple[str, ...]]  # every zone that a number may be in
    # IANA names of what people write: Europe/Moscow, UTC+3, of a person with these numbers; empty: not known
    zone_named: Callable[[str, Sequence[PhoneNumber]], tuple[str, ...]]
    zones_at: Callable[[str], tuple[str, ...]] = lambda place: ()  # of a city or a region; empty: not known
    country: str = "RU"  # of numbers without a country code


class Kind(StrEnum):
    """What a flaw does to its row."""

    REFUSED = "row refused"
    DUPLICATE = "duplicate"
    SKIPPED = "row skipped"
    LEFT_OUT = "value left out"
    CUT = "value cut"
    UPDATED = "lead changed"  # in a preview: no flaw at all


OF_VALUES = frozenset({Kind.LEFT_OUT, Kind.CUT})


@dataclass(frozen=True, slots=True)
class Flaw:
    """One line of the rejects file."""

    line: int
    column: str
    value: str
    reason: str
    kind: Kind = Kind.REFUSED


Entry = tuple[Row, Lead | None, Sequence[Flaw]]  # None: the row is refused, skipped, a duplicate


class Taken:
    """Numbers that have a lead already, with the line that has them; 0: in the campaign before this file.

    A number with an extension is another one than the number alone. Beside the line stands a mark of the
    row's other values. A million numbers take 32 MB: each is kept as its hash of 64 bits, in a table that is
    half full at most. In one of 36 million files two of a million numbers have the same hash.
    """

    def __init__(self) -> None:
        self._n = 0
        self._hashes, self._values = _ZERO * _FIRST, _ZERO * _FIRST  # a hash of 0: free

    @classmethod
    def by_campaign(cls, numbers: Iterable[str]) -> Taken:
        taken = cls()
        for number in numbers:
            taken.put(number, 0, 0)
        return taken

    def get(self, key: str) -> int | None:
        """The line and the mark; None: nobody has it."""
        at = self._place(hash(key) & _ALL_BITS or 1)
        return self._values[at] if self._hashes[at] else None

    def put(self, key: str, line: int, mark: int) -> None:
        if 2 * self._n >= len(self._hashes):
            self._grow()
        of = hash(key) & _ALL_BITS or 1
        at = self._place(of)
        self._n += not self._hashes[at]
        self._hashes[at], self._values[at] = of, line << _MARK_BITS | mark

    def copy(self) -> Taken:
        twin = Taken()
        twin._n, twin._hashes, twin._values = self._n, self._hashes[:], self._values[:]
        return twin

    def _place(self, of: int) -> int:
        hashes, last = self._hashes, len(self._hashes) - 1
        at = of & last
        while (there := hashes[at]) and there != of:
            at = at + 1 & last
        return at

    def _grow(self) -> None:
        old = zip(self._hashes, self._values, strict=True)
        size = 2 * len(self._hashes)
        self._hashes, self._values = _ZERO * size, _ZERO * size
        for of, value in old:
            if of:
                at = self._place(of)
                self._hashes[at], self._values[at] = of, value


def read(
    rows: Iterable[Row],
    columns: Columns,
    reading: Reading,
    taken: Taken,
    *,
    header: Sequence[str] = (),
    takes_hidden: bool = False,
) -> Iterator[Entry]:
    """Each row with its lead and its flaws; `taken` grows with them."""
    heads = _words(header)
    for row in rows:
        if not (words := _words(row.cells)):
            continue
        if row.is_hidden and not takes_hidden:
            why = said("the spreadsheet hides this row: --hidden-rows take, to take such rows")
            yield row, None, [skipped(row, why)]
        elif row.flaw:
            yield row, None, [Flaw(row.line, "", _first(row), row.flaw)]
        elif words == heads:
            yield row, None, [skipped(row, said("the header stands here again"))]
        else:
            yield row, *_read_row(row, columns, reading, taken, mark=hash(words) & (1 << _MARK_BITS) - 1)


def skipped(row: Row, why: str) -> Flaw:
    """A row that is no lead by itself."""
    return Flaw(row.line, "", _first(row), why, Kind.SKIPPED)


def _first(row: Row) -> str:
    return next((cell.strip()[:100] for cell in row.cells if cell.strip()), "")


def _words(cells: Sequence[str]) -> tuple[str, ...]:
    """What stands in the cells, with their borders; empty ones, space and capitals make no difference."""
    return tuple(_BORDER.join(filter(str.strip, cells)).casefold().split())


def _read_row(
    row: Row, columns: Columns, reading: Reading, taken: Taken, *, mark: int
) -> tuple[Lead | None, Sequence[Flaw]]:
    """`mark` tells rows apart that have the same number and other values."""
    flaws: list[Flaw] = []
    remarks: dict[str, str] = {}
    found = _numbers(row, columns, (reading, taken, mark), (flaws, remarks))
    if not found:
        return None, _with_surplus(row, columns, flaws)
    numbers = tuple(found)
    values = {one: _text(row, columns, one, flaws) for one in _TEXTS}
    zones = _zones(row, columns, numbers, reading, flaws)
    if not zones:
        reason = said("the time zone of the number is not known: add a column with the time zone")
        return None, [*flaws, Flaw(row.line, columns.name(Field.PHONE), numbers[0], reason)]
    for number, extension in found.items():
        taken.put(key_of(number, extension), row.line, mark)
    extra = _extra(row, columns, flaws)
    lead = Lead(
        LeadId(0),
        CampaignId(0),
        numbers,
        zones=zones,
        priority=_priority(row, columns, flaws),
        name=values[Field.NAME],
        company=values[Field.COMPANY],
        ref=values[Field.REF],
        inn=_inn(row, columns, values[Field.INN], flaws),
        email=_email(row, columns, values[Field.EMAIL], flaws),
        extra={**remarks, **extra} if remarks else extra,
        extensions={number: extension for number, extension in found.items() if extension},
    )
    return lead, flaws


def _with_surplus(row: Row, columns: Columns, flaws: list[Flaw]) -> Sequence[Flaw]:
    """A row with too many values has most likely one that holds the delimiter."""
    surplus = [cell for cell in row.cells[len(columns.names) :] if cell.strip()]
    if not surplus:
        return flaws
    if not any(cell.strip() for cell in row.cells[: len(columns.names)]):
        reason = said(
            "the row has something in column {column} alone, far from the list", column=len(row.cells)
        )
        return [Flaw(row.line, f"column {len(row.cells)}", surplus[-1].strip()[:100], reason)]
    reason = said(
        "the row has {values} values, the file {columns} columns:"
        " put values that contain the delimiter in quotation marks",
        values=len(row.cells),
        columns=len(columns.names),
    )
    return [*flaws, Flaw(row.line, "", surplus[0].strip()[:100], reason)]


# --- numbers ----------------------------------------------------------------------------------------------


def _numbers(
    row: Row,
    columns: Columns,
    known_by: tuple[Reading, Taken, int],
    told: tuple[list[Flaw], dict[str, str]],
) -> dict[PhoneNumber, str]:
    """The numbers of the row that no other lead has, with their extensions; flaws and remarks are told."""
    (reading, taken, mark), (flaws, remarks) = known_by, told
    found: dict[PhoneNumber, str] = {}
    empty, known = True, 0
    for index in columns.of(Field.PHONE):
        cell = _phone_cell(row, columns, index)
        if is_nothing(cell):
            continue
        empty = False
        phones = reading.phones(cell)
        name = columns.names[index]
        if phones.flaws:
            flaws += [Flaw(row.line, name, value, reason, Kind.LEFT_OUT) for value, reason in phones.flaws]
        if phones.remark and phones.numbers:
            remarks[f"{name}: remark"] = phones.remark[:LONGEST_VALUE]
        for number in phones.numbers:
            extension = phones.extensions.get(number, "") if phones.extensions else ""
            there = taken.get(key_of(number, extension))
            if there is not None:
                known += 1
                flaws.append(Flaw(row.line, name, number, _there(there, mark), Kind.LEFT_OUT))
            else:
                found.setdefault(number, extension)
    if empty:
        value = next(filter(None, (_cell(row, index) for index in columns.of(Field.PHONE))), "")
        flaws.append(Flaw(row.line, columns.name(Field.PHONE), value, said("there is no phone number")))
    elif not found:
        kind = Kind.DUPLICATE if known == len(flaws) else Kind.REFUSED
        flaws[:] = [Flaw(flaw.line, flaw.column, flaw.value, flaw.reason, kind) for flaw in flaws]
    return _few(row, columns, found, flaws)


def _phone_cell(row: Row, columns: Columns, index: int) -> str:
    """With the area code before it, and an extension behind it that a delimiter cut off."""
    cell = _cell(row, index)
    codes = [_cell(row, at) for at in columns.codes(index)]
    if cell and any(codes):
        cell = " ".join(filter(None, (*codes, cell)))
    surplus = row.cells[index + 1] if index == len(columns.names) - 1 and len(row.cells) > index + 1 else ""
    extra = index + 1 < len(columns.names) and columns.names[index + 1].startswith("column ")
    if extra and index + 1 < len(row.cells):
        surplus = row.cells[index + 1]
    return f"{cell} {surplus}" if surplus and _EXTENSION.fullmatch(surplus) else cell


def _few(
    row: Row, columns: Columns, found: dict[PhoneNumber, str], flaws: list[Flaw]
) -> dict[PhoneNumber, str]:
    if len(found) <= MOST_NUMBERS:
        return found
    first = list(found)[MOST_NUMBERS]
    reason = said(
        "a lead has at most {most} numbers: {n} more are left out",
        most=MOST_NUMBERS,
        n=len(found) - MOST_NUMBERS,
    )
    flaws.append(Flaw(row.line, columns.name(Field.PHONE), first, reason, Kind.LEFT_OUT))
    return dict(list(found.items())[:MOST_NUMBERS])


def _there(there: int, mark: int) -> Said:
    """In which line a number stands already; 0: in no line of this file."""
    line = there >> _MARK_BITS
    if not line:
        return said("the number is in the campaign already")
    if there & (1 << _MARK_BITS) - 1 == mark:
        return said("the number is in line {line} of this file", line=line)
    return said(
        "the number is in line {line} of this file, with other values: join the two lines to keep both",
        line=line,
    )


# --- the other fields -------------------------------------------------------------------------------------

_TEXTS = (Field.NAME, Field.COMPANY, Field.REF, Field.INN, Field.EMAIL)


def _cell(row: Row, index: int) -> str:
    return row.cells[index].strip() if index < len(row.cells) else ""


def _clean(row: Row, index: int, columns: Columns, flaws: list[Flaw]) -> str:
    """The cell on one line, without signs that cannot be seen; of an endless one the beginning."""
    value = " ".join(INVISIBLE.sub(" ", _cell(row, index)).split())
    if len(value) <= LONGEST_VALUE:
        return value
    reason = said(
        "the value has {n} characters: the first {most} were kept", n=len(value), most=LONGEST_VALUE
    )
    flaws.append(Flaw(row.line, columns.names[index], f"{value[:40]}...", reason, Kind.CUT))
    return value[:LONGEST_VALUE]


def _text(row: Row, columns: Columns, one: Field, flaws: list[Flaw]) -> str:
    """Several columns of one field (surname, first name) are put together."""
    indexes = columns.of(one)
    if len(indexes) < 2:
        return _clean(row, indexes[0], columns, flaws) if indexes else ""
    return " ".join(filter(None, (_clean(row, index, columns, flaws) for index in indexes)))


def _extra(row: Row, columns: Columns, flaws: list[Flaw]) -> Mapping[str, str]:
    values = {columns.names[index]: _clean(row, index, columns, flaws) for index in columns.of(Field.EXTRA)}
    for index in range(len(columns.names), len(row.cells)):
        if row.cells[index].strip():
            values[f"column {index + 1}"] = " ".join(INVISIBLE.sub(" ", row.cells[index]).split())[
                :LONGEST_VALUE
            ]
    return {name: value for name, value in values.items() if value}


def _email(row: Row, columns: Columns, value: str, flaws: list[Flaw]) -> str:
    if not value or is_nothing(value):
        return ""
    if is_email(value):
        return value
    reason = said("this is no e-mail address: write one, as name@example.org")
    flaws.append(Flaw(row.line, columns.name(Field.EMAIL), value, reason, Kind.LEFT_OUT))
    return ""


def _inn(row: Row, columns: Columns, value: str, flaws: list[Flaw]) -> str:
    """Left out when it cannot be right; a lost zero is put back."""
    if not value or is_nothing(value):
        return ""
    whole = whole_inn(value)
    match inn_flaw(whole):
        case "":
            return whole
        case "length":
            reason = said("an INN has 10 or 12 digits")
        case _:
            reason = said("the check digit of the INN is wrong: a digit is mistyped")
    flaws.append(Flaw(row.line, columns.name(Field.INN), value, reason, Kind.LEFT_OUT))
    return ""


def _priority(row: Row, columns: Columns, flaws: list[Flaw]) -> int:
    for index in columns.of(Field.PRIORITY):
        value = _cell(row, index).replace("\u2212", "-")
        if (
            _PRIORITY.fullmatch(value)
            and abs(number := int(float(value.replace(",", ".")))) <= HIGHEST_PRIORITY
        ):
            return number
        if value:
            reason = said("a priority is a whole number from -{most} to {most}", most=HIGHEST_PRIORITY)
            flaws.append(Flaw(row.line, columns.names[index], value, reason, Kind.LEFT_OUT))
    return 0


def _zones(
    row: Row, columns: Columns, numbers: Sequence[PhoneNumber], reading: Reading, flaws: list[Flaw]
) -> tuple[str, ...]:
    """The zone of the row, of its city or region, else all that its numbers may be in; none: not known."""
    for index in columns.of(Field.ZONE):
        value = _cell(row, index)
        if is_nothing(value):
            continue
        if zones := reading.zone_named(value, numbers):
            return zones
        reason = said("there is no such time zone: write it as Europe/Moscow or UTC+3")
        flaws.append(Flaw(row.line, columns.names[index], value, reason, Kind.LEFT_OUT))
    for index in columns.places:
        if zones := reading.zones_at(_cell(row, index)):
            return zones
    every = [reading.zones_of(number) for number in numbers]
    if len(every) == 1:
        return every[0]
    return tuple(dict.fromkeys(zone for zones in every for zone in zones)) if all(every) else ()


def zones_of_row(
    row: Row, columns: Columns, numbers: Sequence[PhoneNumber], reading: Reading
) -> tuple[str, ...]:
    """The zones of a lead that has only these of the row's numbers."""
    return _zones(row, columns, numbers, reading, [])


def told_by(row: Row, columns: Columns, reading: Reading) -> frozenset[str]:
    """Which of priority and zones the row itself says."""
    told = set()
    if any(_PRIORITY.fullmatch(_cell(row, index)) for index in columns.of(Field.PRIORITY)):
        told.add("priority")
    zones = (_cell(row, index) for index in columns.of(Field.ZONE))
    if any(not is_nothing(value) and reading.zone_named(value, ()) for value in zones) or any(
        reading.zones_at(_cell(row, index)) for index in columns.places
    ):
        told.add("zones")
    return frozenset(told)
