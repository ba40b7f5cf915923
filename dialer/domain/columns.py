"""The columns of a list file: by their headers, by what is in them, or as the user says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from dialer.domain.contents import (
    is_email,
    is_inn,
    is_nothing,
    is_organisation,
    is_person,
    is_words,
    share,
)
from dialer.domain.errors import BadValue
from dialer.domain.headers import (
    Field,
    Header,
    find_header,
    guess,
    names_city,
    names_place,
    names_somebody_else,
    plain,
)
from dialer.domain.said import said
from dialer.domain.tables import Row

__all__ = ["Columns", "Field", "Plan", "ReadOptions", "guess", "mapping_of", "plan"]
MOSTLY = 0.6  # share of a column's values that says what it holds
SOME = 0.05  # share of numbers under a header that promises them
REPEATS = 0.5  # share of rows that one number may stand in
MOST_COLUMNS = 200

_REPEATED = frozenset({Field.PHONE, Field.CODE, Field.EXTRA, Field.SKIP})
_PARTS = re.compile(
    r"(?:^|\s)(?:фамили|имя$|отчеств|surname|first|last|middle|given|family|vorname|nachname)"
)
_FULL = re.compile(r"(?:^|\s)(?:фио|ф и о|ф\.и\.о|полное имя|имя клиента|имя контакта|full name)")


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
    places: tuple[int, ...] = ()  # columns that name a city or a region, the narrower first
    _of: Mapping[Field, tuple[int, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Every row asks for each field: it is looked up once."""
        found: dict[Field, tuple[int, ...]] = {}
        for index, one in enumerate(self.fields):
            found[one] = (*found.get(one, ()), index)
        object.__setattr__(self, "_of", found)

    def of(self, one: Field) -> tuple[int, ...]:
        """Indexes of the columns of this field, from left to right."""
        return self._of.get(one, ())

    def name(self, one: Field) -> str:
        """Header of the first column of this field."""
        return next((name for name, each in zip(self.names, self.fields, strict=True) if each is one), one)

    def codes(self, phone: int) -> tuple[int, ...]:
        """Columns of codes right before this column of numbers."""
        first = phone
        while first and self.fields[first - 1] is Field.CODE:
            first -= 1
        return tuple(range(first, phone))


@dataclass(frozen=True, slots=True)
class Plan:
    """How a file is read."""

    columns: Columns
    header: Row | None
    above: Sequence[Row] = ()  # rows above the header


def plan(rows: Sequence[Row], is_phone: Callable[[str], bool], options: ReadOptions | None = None) -> Plan:
    """Header and columns by the first rows of a file; BadValue asks where two answers are as good."""
    options = options or ReadOptions()
    rows = [row for row in rows if row.line >= options.header_row]
    if not any(cell.strip() for row in rows for cell in row.cells):
        raise BadValue(
            said("The list is empty: put one row per person into it, with a phone number in each.")
        )
    if options.header_row:
        header = Header(rows[0])
    else:
        header = find_header([row for row in rows if not row.flaw], is_phone, wanted=options.header)
    found_row, above = header.row, header.above
    last = found_row.line if found_row else above[-1].line if above else 0
    body = [row.cells for row in rows if row.line > last and not row.flaw]
    heads = found_row.cells if found_row else ()
    names = _names(heads, _width(heads, body))
    sheet = _Sheet(names, bool(found_row), body, is_phone)
    fields = sheet.fields(options.mapping)
    return Plan(Columns(names, tuple(fields), _places(names, fields)), found_row, above)


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


def _width(heads: Sequence[str], body: Sequence[Sequence[str]]) -> int:
    """Columns of the header, and those to the right of it that rows fill; one far cell is none."""
    width = len(heads)
    while width and not heads[width - 1].strip():
        width -= 1
    filled = [
        len(row) - next((at for at, cell in enumerate(reversed(row)) if cell.strip()), len(row))
        for row in body
    ]
    usual = sorted(filled)
    if width:
        near = [count for count in filled if count <= width + 10]
        width = max([width, *near])
    else:
        width = max((count for count in filled if count <= 2 * usual[len(usual) // 2] + 10), default=1)
    if width > MOST_COLUMNS:
        raise BadValue(
            said(
                "The list has {width} columns, at most {most_columns} are read: remove some.",
                width=width,
                most_columns=MOST_COLUMNS,
            )
        )
    return max(1, width)


def _names(headers: Sequence[str], width: int) -> tuple[str, ...]:
    """Headers, made different from each other; a column without one is called by its number."""
    names: list[str] = []
    for index in range(width):
        name = " ".join(headers[index].split())[:100] if index < len(headers) else ""
        name = name or f"column {index + 1}"
        seen = Counter(names)
        names.append(name if not seen[name] else f"{name} ({index + 1})")
    return tuple(names)


def _places(names: Sequence[str], fields: Sequence[Field]) -> tuple[int, ...]:
    found = [at for at, name in enumerate(names) if fields[at] is Field.EXTRA and names_place(name)]
    return tuple(sorted(found, key=lambda at: not names_city(names[at])))


class _Sheet:
    """The columns of one file while it is found out what they are."""

    def __init__(
        self,
        names: Sequence[str],
        has_header: bool,
        body: Sequence[Sequence[str]],
        is_phone: Callable[[str], bool],
    ) -> None:
        self.names, self._has_header, self._is_phone = names, has_header, is_phone
        self._cells = [[row[at] for row in body if at < len(row)] for at in range(len(names))]
        self._body = body
        self._votes = [guess(name) if has_header else Field.EXTRA for name in names]
        self._phones = [self._share(at, is_phone) for at in range(len(names))]

    def fields(self, mapping: Mapping[str, str]) -> list[Field]:
        """What each column is; the user's word wins."""
        given = _given(mapping, self.names)
        fields = [given.get(at, Field.EXTRA) for at in range(len(self.names))]
        free = [at for at in range(len(self.names)) if at not in given]
        asked = set(given.values())
        for one in (Field.INN, Field.EMAIL):
            if one not in asked:
                self._take(self._by_contents(one, free), one, fields, free)
        if Field.PHONE not in asked:
            self._find_phones(fields, free)
        self._find_codes(fields, free)
        for one in (Field.ZONE, Field.PRIORITY, Field.COMPANY):
            if one not in asked:
                self._take(self._by_vote(one, free), one, fields, free)
        if Field.NAME not in asked:
            for at in self._name_columns(free):
                self._take(at, Field.NAME, fields, free)
        if Field.REF not in asked:
            self._take(self._by_vote(Field.REF, free), Field.REF, fields, free)
        for at in free:
            fields[at] = Field.SKIP if self._votes[at] is Field.SKIP else Field.EXTRA
        if Field.PHONE not in fields:
            raise self._no_phones()
        return fields

    def _share(self, at: int, fits: Callable[[str], bool]) -> float:
        return share(self._cells[at], fits)

    def _take(self, at: int | None, one: Field, fields: list[Field], free: list[int]) -> None:
        if at is not None:
            fields[at] = one
            free.remove(at)

    def _is_empty(self, at: int) -> bool:
        return all(map(is_nothing, self._cells[at]))

    def _by_contents(self, one: Field, free: Sequence[int]) -> int | None:
        """INN and e-mail are known by what they are; a header helps where few are right."""
        fits = is_inn if one is Field.INN else is_email
        scores = {}
        for at in free:
            filled = sum(not is_nothing(cell) for cell in self._cells[at])
            part = self._share(at, fits)
            voted = self._votes[at] is one
            sure = (
                part >= 0.8
                and filled > (one is Field.INN)
                and self._votes[at] not in (Field.PHONE, Field.REF)
            )
            if (voted and (part > 0 or self._phones[at] < MOSTLY)) or sure:
                scores[at] = part + voted
        return max(scores, key=lambda at: scores[at]) if scores else None

    def _by_vote(self, one: Field, free: Sequence[int]) -> int | None:
        """The column whose header names the field; of several, the first whose contents look most like it."""
        voted = [at for at in free if self._votes[at] is one]
        if one is Field.COMPANY:
            return max(voted, key=lambda at: self._share(at, is_organisation), default=None)
        return voted[0] if voted else None

    def _name_columns(self, free: Sequence[int]) -> Sequence[int]:
        """Full names before parts of them, parts before other words for a person; codes are no names."""
        able = [at for at in free if self._is_empty(at) or self._may_be_names(at)]
        voted = [at for at in able if self._votes[at] is Field.NAME]
        ranks = {at: self._rank(at) for at in voted}
        parts = [at for at in voted if ranks[at] == 1]
        if len(parts) > 1 and not any(rank == 0 and not self._is_empty(at) for at, rank in ranks.items()):
            return parts
        if voted:
            return [min(voted, key=lambda at: (self._is_empty(at), ranks[at], at))]
        persons = [at for at in able if self._is_nameless(at) and self._share(at, is_person) >= MOSTLY]
        return persons[:1]

    def _may_be_names(self, at: int) -> bool:
        """A header that can mean nothing else needs little more."""
        is_sure = self._votes[at] is Field.NAME and self._rank(at) < 2
        return self._share(at, _begins_with_letter if is_sure else is_words) >= 0.5

    def _is_nameless(self, at: int) -> bool:
        """Its header says nothing of what is in it."""
        return not self._has_header or self.names[at] == f"column {at + 1}"

    def _rank(self, at: int) -> int:
        text = plain(self.names[at])
        return 0 if _FULL.search(text) else 1 if _PARTS.search(text) else 2

    def _no_phones(self) -> BadValue:
        return BadValue(
            said(
                "No column holds phone numbers (there are {names}): name it in the mapping, for"
                " example phone={names2}.",
                names=", ".join(self.names[:12]),
                names2=self.names[0],
            )
        )

    # --- phones -------------------------------------------------------------------------------------------

    def _find_phones(self, fields: list[Field], free: list[int]) -> None:
        full = [at for at in free if self._phones[at] >= MOSTLY]
        voted = [at for at in free if self._votes[at] is Field.PHONE]
        found = [at for at in voted if self._phones[at] >= SOME]
        if not found:
            found = [at for at in full if self._votes[at] is not Field.SKIP] or full
        else:
            found += [at for at in full if at not in found and self._votes[at] is not Field.SKIP]
        if not found:
            some = [at for at in free if self._phones[at] >= 0.3]
            codes = [at for at in voted if not self._is_empty(at) and self._share(at, _has_digits) >= MOSTLY]
            found = some or codes or [at for at in voted if self._is_empty(at) or len(voted) == 1]
        else:  # a promise that the first rows do not keep may be kept by later ones
            found += [at for at in voted if self._is_empty(at)]
        self._ask(sorted(set(found)))
        for at in sorted(set(found)):
            self._take(at, Field.PHONE, fields, free)

    def _ask(self, found: Sequence[int]) -> None:
        """Whose numbers are they? Of two columns one may be the manager's, and a list is dialled by it."""
        full = [at for at in found if self._phones[at] >= SOME]
        for at in full:
            self._ask_about_repeats(at, full)
        voted = [
            at for at in full if self._votes[at] is Field.PHONE and not names_somebody_else(self.names[at])
        ]
        if len(full) > 1 and len(voted) < len(full):
            raise BadValue(
                said(
                    "Several columns hold phone numbers ({names}): say which of them to call, for example"
                    " --map {first}=phone; several are several options.",
                    names=", ".join(self.names[at] for at in full),
                    first=_option(self.names, (voted or full)[0]),
                )
            )

    def _ask_about_repeats(self, at: int, full: Sequence[int]) -> None:
        numbers = Counter(
            re.sub(r"\D", "", cell)[-10:]
            for cell in self._cells[at]
            if not is_nothing(cell) and self._is_phone(cell)
        )
        ((number, times),) = numbers.most_common(1)
        if len(full) == 1 and len(numbers) == 1 and times < 5:
            return  # a few rows of one person
        if times > REPEATS * len(self._body) and times >= (2 if len(full) > 1 else 4):
            others = [other for other in full if other != at]
            raise BadValue(
                said(
                    "The number ...{number} stands in {times} of {rows} rows of {name}, so it is hardly the"
                    " customers' own: say which column to call, for example --map {option}=phone.",
                    number=number[-4:],
                    times=times,
                    rows=len(self._body),
                    name=self.names[at],
                    option=_option(self.names, others[0] if others else at),
                )
            )

    def _find_codes(self, fields: list[Field], free: list[int]) -> None:
        """Codes in a column of their own, before numbers that are none without them."""
        for phone in [at for at, one in enumerate(fields) if one is Field.PHONE]:
            if self._phones[phone] >= MOSTLY:
                continue
            for count in (1, 2):
                codes = range(phone - count, phone)
                if any(at not in free for at in codes):
                    break
                joined = ["".join(row[codes[0] : phone + 1]) for row in self._body if phone < len(row)]
                if (
                    all(self._share(at, _is_area) >= MOSTLY for at in codes)
                    and share(joined, self._is_phone) >= MOSTLY
                ):
                    for at in codes:
                        self._take(at, Field.CODE, fields, free)
                    break


def _has_digits(cell: str) -> bool:
    return sum(sign.isdigit() for sign in cell) >= 5


def _begins_with_letter(cell: str) -> bool:
    return cell.strip()[:1].isalpha()


def _is_area(cell: str) -> bool:
    return re.fullmatch(r"\s*\(?\+?[0-9]{1,5}\)?\s*", cell) is not None


def _option(names: Sequence[str], at: int) -> str:
    """The column as the command line takes it."""
    return repr(names[at]) if " " in names[at] else names[at]


# --- as the user says -------------------------------------------------------------------------------------


def column_named(text: str, names: Sequence[str]) -> int:
    """The one column that a user names by its header or its number; BadValue where there is none."""
    return _indexes(text, names)[0]


def _given(mapping: Mapping[str, str], names: Sequence[str]) -> dict[int, Field]:
    """Column -> field."""
    found: dict[int, Field] = {}
    for word, columns in mapping.items():
        try:
            one = Field(word.strip().lower())
        except ValueError:
            raise BadValue(
                said("There is no field {word!r}: map one of {field}.", word=word, field=", ".join(Field))
            ) from None
        for at in _indexes(columns, names):
            found[at] = one
    return found


def _indexes(columns: str, names: Sequence[str]) -> Sequence[int]:
    """One column whose header holds commas, or several."""
    lower = [plain(name) for name in names]
    if plain(columns) in lower and columns.strip():
        return [lower.index(plain(columns))]
    return [_index(column.strip(), names) for column in columns.split(",")]


def _index(column: str, names: Sequence[str]) -> int:
    lower = [name.casefold() for name in names]
    if column.casefold() in lower:
        return lower.index(column.casefold())
    if plain(column) and plain(column) in (bare := [plain(name) for name in names]):
        return bare.index(plain(column))
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
