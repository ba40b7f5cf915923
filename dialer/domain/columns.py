"""The columns of a list file: guessed from their headers and contents, or as the user says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from dialer.domain.errors import BadValue
from dialer.domain.said import said

LOOKS_LIKE_PHONES = 0.6  # share of a column's values
MOST_COLUMNS = 200


class Field(StrEnum):
    """What a column can be."""

    PHONE = "phone"
    NAME = "name"
    COMPANY = "company"
    INN = "inn"
    EMAIL = "email"
    ZONE = "zone"
    PRIORITY = "priority"
    REF = "ref"
    EXTRA = "extra"  # kept with the lead under its header
    SKIP = "skip"


# What a word of the header begins with; the first line that fits names the field.
GUESSES: Sequence[tuple[Field, str]] = (
    (Field.SKIP, "факс|fax"),
    (Field.EMAIL, "e-?mail|mail|почта|имейл|емейл"),
    (Field.INN, "инн|inn|taxpayer"),
    (Field.ZONE, "часов|time ?zone|tz|таймзон|utc|gmt"),
    (Field.PHONE, "тел(?!егр)|моб|сотов|phone|tel(?!egr)|mob|cell|msisdn"),
    (Field.PRIORITY, "приоритет|prio"),
    (Field.COMPANY, "компан|организац|предприяти|юрлицо|контрагент|фирма|название|compan|organi|firm"),
    (Field.NAME, "фио|имя|фамили|отчеств|контакт|клиент|лпр|name|surname|contact|customer"),
    (Field.REF, "id|код|crm|ref|external|внешний|uid|guid"),
)
ALONE: Mapping[str, Field] = {"номер": Field.PHONE, "номера": Field.PHONE, "number": Field.PHONE}
_REPEATED = frozenset({Field.PHONE, Field.NAME, Field.EXTRA, Field.SKIP})


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the user says of a file; what is left empty is found in it."""

    mapping: Mapping[str, str] = field(default_factory=dict)  # field -> headers or numbers of columns
    header: bool | None = None  # False: there is none
    header_row: int = 0  # counted as an editor or a spreadsheet does
    encoding: str = ""
    sheet: str = ""  # name, or number from 1
    country: str = ""  # ISO 3166, of numbers without a country code
    zone: str = ""  # of every row that names none
    hidden_rows: bool = False  # take rows that the spreadsheet hides


@dataclass(frozen=True, slots=True)
class Columns:
    """Header of each column and what it is."""

    names: tuple[str, ...]
    fields: tuple[Field, ...]

    def of(self, one: Field) -> tuple[int, ...]:
        """Indexes of the columns of this field, from left to right."""
        return tuple(index for index, each in enumerate(self.fields) if each is one)

    def name(self, one: Field) -> str:
        """Header of the first column of this field."""
        return next((name for name, each in zip(self.names, self.fields, strict=True) if each is one), one)


def plan(
    sample: Sequence[Sequence[str]],
    is_phone: Callable[[str], bool],
    *,
    mapping: Mapping[str, str] | None = None,
    header: bool | None = None,
) -> tuple[Columns, bool]:
    """The columns, and whether the first row of the sample is a header.

    `mapping` is field -> header or number of a column (from 1), several separated by commas; what it does not
    name is guessed.  `header` None: the first row is one unless it holds a phone number.
    """
    if not sample or not any(cell.strip() for row in sample for cell in row):
        raise BadValue(
            said("The list is empty: put one row per person into it, with a phone number in each.")
        )
    first = sample[0]
    has_header = header if header is not None else not any(is_phone(cell) for cell in first)
    body = sample[1:] if has_header else sample
    width = len(first) if has_header else max(len(row) for row in body)
    if width > MOST_COLUMNS:
        raise BadValue(
            said(
                "The list has {width} columns, at most {most_columns} are read: remove some.",
                width=width,
                most_columns=MOST_COLUMNS,
            )
        )
    names = _names(first if has_header else (), width)
    fields = _guessed(names) if has_header else [Field.EXTRA] * width
    _apply(mapping or {}, names, fields)
    if Field.PHONE not in fields:
        _find_phones(body, fields, is_phone)
    if Field.PHONE not in fields:
        raise BadValue(
            said(
                "No column holds phone numbers (there are {names}): name it in the mapping, for"
                " example phone={names2}.",
                names=", ".join(names[:12]),
                names2=names[0],
            )
        )
    if not has_header and not mapping:
        _find_emails(body, fields)
    return Columns(names, tuple(fields)), has_header


def mapping_of(texts: Sequence[str]) -> dict[str, str]:
    """`Phone=phone` or `phone=Phone`, as field -> columns; BadValue for anything else."""
    found: dict[str, str] = {}
    for text in texts:
        column, sign, name = (part.strip() for part in text.rpartition("="))
        if column.lower() in set(Field) and name.lower() not in set(Field):
            column, name = name, column
        if not sign or not column:
            raise BadValue(
                said("{text!r} maps nothing: write COLUMN=FIELD, for example Mobile=phone", text=text)
            )
        found[name] = f"{found[name]},{column}" if name in found else column
    return found


def guess(header: str) -> Field:
    """The field that a header names in Russian or English."""
    plain = " ".join(re.sub(r"[^\w-]+", " ", header.lower().replace("ё", "е").replace("_", " ")).split())
    if plain in ALONE:
        return ALONE[plain]
    fitting = (one for one, words in GUESSES if re.search(rf"(?:^|\s)(?:{words})", plain))
    return next(fitting, Field.EXTRA)


def _guessed(names: Sequence[str]) -> list[Field]:
    """Only numbers and parts of a name may stand in several columns."""
    fields: list[Field] = []
    for name in names:
        one = guess(name)
        fields.append(one if one in _REPEATED or one not in fields else Field.EXTRA)
    return fields


def _names(headers: Sequence[str], width: int) -> tuple[str, ...]:
    """Headers, made different from each other; a column without one is called by its number."""
    names: list[str] = []
    for index in range(width):
        name = " ".join(headers[index].split())[:100] if index < len(headers) else ""
        name = name or f"column {index + 1}"
        seen = Counter(names)
        names.append(name if not seen[name] else f"{name} ({index + 1})")
    return tuple(names)


def _apply(mapping: Mapping[str, str], names: Sequence[str], fields: list[Field]) -> None:
    """What the user says wins; a column guessed for a field that is mapped elsewhere is kept as extra."""
    for word, columns in mapping.items():
        try:
            one = Field(word.strip().lower())
        except ValueError:
            raise BadValue(
                said("There is no field {word!r}: map one of {field}.", word=word, field=", ".join(Field))
            ) from None
        if one not in (Field.EXTRA, Field.SKIP):
            fields[:] = [Field.EXTRA if each is one else each for each in fields]
        for column in columns.split(","):
            fields[_index(column.strip(), names)] = one


def _index(column: str, names: Sequence[str]) -> int:
    lower = [name.casefold() for name in names]
    if column.casefold() in lower:
        return lower.index(column.casefold())
    if column.isascii() and column.isdigit() and 1 <= int(column) <= len(names):
        return int(column) - 1
    raise BadValue(
        said(
            "The list has no column {column!r}: its columns are {names}; a number from 1 to {n} works too.",
            column=column,
            names=", ".join(names[:12]),
            n=len(names),
        )
    )


def _find_phones(body: Sequence[Sequence[str]], fields: list[Field], is_phone: Callable[[str], bool]) -> None:
    for index, one in enumerate(fields):
        values = [row[index] for row in body if index < len(row) and row[index].strip()]
        if one is Field.EXTRA and values:
            share = sum(is_phone(value) for value in values) / len(values)
            fields[index] = Field.PHONE if share >= LOOKS_LIKE_PHONES else one


def _find_emails(body: Sequence[Sequence[str]], fields: list[Field]) -> None:
    for index, one in enumerate(fields):
        values = [row[index] for row in body if index < len(row) and row[index].strip()]
        if one is Field.EXTRA and values and all("@" in value for value in values):
            fields[index] = Field.EMAIL
