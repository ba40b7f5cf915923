"""The row of headers: which words name which field, and which row holds them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dialer.domain.contents import is_email, is_nothing
from dialer.domain.tables import Row

FIRST_ROWS = 40  # among these the header is looked for
_LONGEST_HEADER = 80


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
    CODE = "code"  # the area code of the numbers in the next column of phones
    EXTRA = "extra"  # kept with the lead under its header
    SKIP = "skip"


# What a word of the header begins with; the first line that fits names the field.
GUESSES: Sequence[tuple[Field, str]] = (
    (Field.EXTRA, "телефонист|телефонн|подтв|должность|звон|удобн|комментар|примечан|статус|телеграм|telegram"
                  "|банк|дата|тип(?!о)|type|label|есть|наличие|оператор св|мобильный б"),
    (Field.EMAIL, "e-?mail|mail|почта|имейл|емейл"),
    (Field.INN, "инн|inn|taxpayer"),
    (Field.ZONE, "часов|time ?zone|tz|таймзон|utc|gmt"),
    (Field.PHONE, "тел(?!егр)|моб|сотов|phone|tel(?!egr)|mob|cell|msisdn|handy|rufnummer"),
    (Field.SKIP, "факс|fax"),
    (Field.PRIORITY, "приоритет|prio"),
    (Field.COMPANY, "компан|организац|предприяти|юрлицо|контрагент|фирма|название|наименован"
                    "|compan|organi|firm"),
    (Field.NAME, "фио|ф и о|имя|фамили|отчеств|контакт|клиент|лпр|абонент"
                 "|name|surname|contact|customer|client"),
    (Field.REF, "id|код|crm|ref|external|внешний|uid|guid"),
)  # fmt: skip
ALONE: Mapping[str, Field] = {
    "номер": Field.PHONE, "номера": Field.PHONE, "number": Field.PHONE, "numbers": Field.PHONE,
    "код клиента": Field.REF, "id клиента": Field.REF, "номер клиента": Field.REF, "client id": Field.REF,
    "customer id": Field.REF, "код города": Field.CODE, "area code": Field.CODE, "код оператора": Field.CODE,
    "код страны": Field.CODE, "country code": Field.CODE, "def": Field.CODE,
}  # fmt: skip
_OTHER_WORDS = re.compile(
    r"(?:^|\s)(?:№|n|п п|город|населен|регион|област|край|республик|район|адрес|улица|дом|кв|индекс|комментар"
    r"|примечан|заметк|дата|время|день|возраст|пол|источник|статус|сумма|долг|тариф|договор|должност|отдел|сайт|тип|категор"
    r"|сегмент|группа|менеджер|ответственн|оператор|удобн|подтвер|звон|банк|кпп|огрн|оквэд|товар|услуг|скидк|пакет|баланс"
    r"|язык|city|region|state|country|address|street|zip|comment|note|date|time|age|gender|source|status|amount|debt"
    r"|plan|title|department|site|url|type|category|segment|group|manager|owner|language|remark|ort|stadt|plz|strasse|kommentar)"
)
_PLACE = re.compile(
    r"(?:^|\s)(?:город|насел[её]нн\w+ пункт|регион|област|край|республик|субъект|город/|city|town|region"
    r"|state|province|stadt|ort|г$|обл$|местоположен|location|территори)"
)
_CITY = re.compile(r"(?:^|\s)(?:город|насел|city|town|stadt|ort|г$)")
_OTHERS_PHONE = re.compile(
    r"(?:^|\s)(?:менеджер|оператор|сотрудник|ответственн|агент|куратор|наш|входящ|исходящ|линия|manager|agent|owner"
    r"|operator|our|caller|аон|офис продаж|поддержк|support|отправител|sender)"
)


_END = re.compile(
    r"(?:^|\s)(?:(?:до|по|until|till|end)(?=\s|$)|срок|оконч|истека|конец|expir|valid (?:to|thru|through))"
)


@dataclass(frozen=True, slots=True)
class Header:
    """Where the header is; `above` were skipped."""

    row: Row | None
    above: Sequence[Row] = ()


def plain(header: str) -> str:
    """A header without case, signs and line breaks."""
    words = re.sub(r"[^\w№-]+", " ", header.lower().replace("ё", "е").replace("_", " "))
    return " ".join(words.split())


def guess(header: str) -> Field:
    """The field that a header names in Russian or English."""
    text = plain(header)
    if text in ALONE:
        return ALONE[text]
    fitting = (one for one, words in GUESSES if re.search(rf"(?:^|\s)(?:{words})", text))
    return next(fitting, Field.EXTRA)


def names_place(header: str) -> bool:
    """A region or a city, which has a time zone."""
    return _PLACE.search(plain(header)) is not None


def names_city(header: str) -> bool:
    return _CITY.search(plain(header)) is not None


def names_end(header: str) -> bool:
    """When something ends."""
    return _END.search(plain(header)) is not None


def names_somebody_else(header: str) -> bool:
    """The number is not the customer's: the manager's, our own."""
    return _OTHERS_PHONE.search(plain(header)) is not None


def find_header(rows: Sequence[Row], is_phone: Callable[[str], bool], *, wanted: bool | None) -> Header:
    """The row of headers among the first; `wanted` False: there is none, True: there must be one."""
    if wanted is False:
        return Header(None)
    first = list(rows[:FIRST_ROWS])
    holds = [any(is_phone(cell) for cell in row.cells if cell) for row in first]
    width = _usual_width(rows, holds)
    best, place = (0.0, False), -1
    for at, row in enumerate(first):
        if not holds[at] and sum(holds[:at]) <= (1 if _narrow(first, holds, at, width) else 0):
            score = _score(row, width), width == 1 and any(guess(cell) is Field.PHONE for cell in row.cells)
            if score > best or (
                width == 1 and score == best and score[0]
            ):  # a title is no wider than a header
                best, place = score, at
    if place < 0 and _stands_alone(first, holds, is_phone):
        place = 0
    if place < 0 and wanted:
        place = 0
    if place < 0:
        return Header(None, _titles(first, holds, width))
    return Header(first[place], first[:place])


def _usual_width(rows: Sequence[Row], holds: Sequence[bool]) -> int:
    """Cells with something in them, in most rows that have a number."""
    filled = [
        sum(bool(cell.strip()) for cell in row.cells) for row, has in zip(rows, holds, strict=False) if has
    ]
    return (
        sorted(filled)[len(filled) // 2] if filled else max((len(row.cells) for row in rows[:5]), default=1)
    )


def _narrow(first: Sequence[Row], holds: Sequence[bool], at: int, width: int) -> bool:
    """The only number above stands in a title: a line with less in it than the rows have."""
    return all(
        2 * sum(bool(cell.strip()) for cell in row.cells) <= width
        for row, has in zip(first[:at], holds, strict=False)
        if has
    )


def _score(row: Row, width: int) -> float:
    """How much this row looks like headers: words that headers have, and no values."""
    cells = [cell.strip() for cell in row.cells if cell.strip()]
    total = 0.0
    for cell in cells:
        if is_email(cell) or re.search(r"[0-9]{3}|[0-9]+[.,/][0-9]+", cell) or len(cell) > _LONGEST_HEADER:
            total -= 1.5
        elif guess(cell) is not Field.EXTRA:
            total += 2.0 if len(cell.split()) <= 4 else 0.5
        elif _OTHER_WORDS.search(plain(cell)) and len(cell.split()) <= 5:
            total += 1.0
        elif re.fullmatch(r"[0-9]+", cell):
            total -= 1.0
    enough = len(cells) >= width // 2 or any(guess(cell) is Field.PHONE for cell in cells)
    return total if total > 0 and enough else 0.0


def _stands_alone(first: Sequence[Row], holds: Sequence[bool], is_phone: Callable[[str], bool]) -> bool:
    """The first row has a word where all others have a number."""
    if not first or holds[0] or not any(holds[1:]):
        return False
    width = max(len(row.cells) for row in first)
    for column in range(width):
        below = [
            row.cells[column] for row in first[1:] if column < len(row.cells) and row.cells[column].strip()
        ]
        head = first[0].cells[column].strip() if column < len(first[0].cells) else ""
        if below and sum(map(is_phone, below)) >= 0.6 * len(below):
            return head.replace(" ", "").isalpha() and not is_nothing(head)
    return False


def _titles(first: Sequence[Row], holds: Sequence[bool], width: int) -> Sequence[Row]:
    """Lines above a list without headers: one cell, where the rows have several."""
    titles: list[Row] = []
    for row, has in zip(first, holds, strict=True):
        if has or width < 3 or sum(bool(cell.strip()) for cell in row.cells) > 1:
            break
        titles.append(row)
    return titles
