"""Draws lists: every trait of a file at random, and what a person means by it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

import xlsxwriter

from bench.lists import people
from bench.lists.people import Person

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "cp1251", "cp866", "koi8-r", "mac-cyrillic")
DELIMITERS = (";", ",", "\t", "|")
LINE_ENDS = ("\n", "\r\n", "\r")
TITLES = ("Список клиентов", "Выгрузка из CRM от 01.12.2026", "Отдел продаж, база № 7", "Конфиденциально")
PHONE_WORDS = ("Телефон", "Моб. тел.", "Контактный телефон", "Номер телефона", "Phone", "Мобильный",
               "Телефон клиента", "Тел.", "Сотовый", "Рабочий телефон", "Контакты", "тел/факс")  # fmt: skip
SECOND_WORDS = ("Доп. телефон", "Телефон 2", "Рабочий телефон 2", "Моб. телефон (доп.)", "Phone 2")
NAME_WORDS = ("ФИО", "Ф.И.О.", "Клиент", "Контактное лицо", "ФИО клиента", "Name")
COMPANY_WORDS = ("Компания", "Организация", "Название", "Наименование организации", "Company")
INN_WORDS = ("ИНН", "ИНН организации", "инн")
OTHER_WORDS = (("Город", "city"), ("Комментарий", "note"), ("Дата", "date"), ("E-mail", "mail"), ("№", "row"))
PHONES = ("one", "two columns", "two in a cell", "extension", "the manager's beside", "two that compete")
ASKED = ("the manager's beside", "two that compete")


@dataclass(frozen=True)
class Wanted:
    """A lead that must come out; what is empty is not looked at."""

    numbers: tuple[str, ...]
    name: str = ""
    company: str = ""
    inn: str = ""
    extension: str = ""


@dataclass
class Variant:
    """A file, its traits, and what is meant by it."""

    seed: int
    content: bytes
    traits: dict[str, str]
    wanted: list[Wanted] = field(default_factory=list)
    refused: int = 0
    duplicates: int = 0
    is_asked: bool = False  # two answers are as good: nothing may be taken


@dataclass
class _Plan:
    """What is drawn before the rows are written."""

    rng: Random
    traits: dict[str, str]
    columns: list[str] = field(default_factory=list)  # what each holds
    headers: list[str] = field(default_factory=list)


def draw(seed: int) -> Variant:
    """The list of this number, always the same."""
    rng = Random(seed)
    plan = _Plan(rng, _traits(rng))
    _draw_columns(plan)
    made = Variant(seed, b"", plan.traits, is_asked=plan.traits["phones"] in ASKED)
    rows = _rows(plan, made)
    made.content = _sheet(rows, rng) if plan.traits["form"] == "XLSX" else _text(rows, plan)
    return made


def _traits(rng: Random) -> dict[str, str]:
    traits = {
        "form": "XLSX" if rng.random() < 0.3 else "CSV",
        "header": rng.choice(("first row", "first row", "below titles", "none")),
        "blank rows": rng.choice(("none", "none", "between", "above", "at the end")),
        "phones": rng.choices(PHONES, (10, 3, 3, 3, 1, 1))[0],
        "names": rng.choice(("one column", "one column", "three columns", "none")),
        "company": rng.choice(("none", "one column")),
        "INN": rng.choice(("none", "none", "whole", "zeros lost")),
        "bad rows": rng.choice(("none", "none", "no number", "a duplicate", "a digit too few")),
    }
    traits["number"] = rng.choice([*people.WRITTEN, people.ROUNDED, "mixed"])
    if traits["phones"] in ("two in a cell", "extension", *ASKED) or traits["header"] == "none":
        traits["number"] = rng.choice(
            ("+7 (911) 123-45-67", "8 911 123 45 67", "89111234567", "8-911-123-45-67")
        )
    if traits["form"] == "CSV":
        _text_traits(rng, traits)
    return traits


def _text_traits(rng: Random, traits: dict[str, str]) -> None:
    traits["delimiter"] = repr(rng.choice(DELIMITERS))
    traits["line ends"] = repr(rng.choice(LINE_ENDS))
    traits["encoding"] = rng.choice(ENCODINGS)
    if traits["number"] in (*people.BEYOND_CP1251, "mixed") and not traits["encoding"].startswith("utf"):
        traits["encoding"] = "utf-8"
    traits["first line"] = rng.choice(("none", "none", "none", "sep="))


def _draw_columns(plan: _Plan) -> None:
    """In any order; without a header as few as tell themselves apart."""
    rng, traits = plan.rng, plan.traits
    columns: list[tuple[str, str]] = [("phone", rng.choice(PHONE_WORDS))]
    match traits["phones"]:
        case "two columns":
            columns = [("phone", "Телефон"), ("second", rng.choice(SECOND_WORDS))]
        case "the manager's beside":
            columns.append(("manager", rng.choice(("Телефон менеджера", "Тел. ответственного"))))
        case "two that compete":
            columns = [("phone", "Основной"), ("second", "Запасной")]
    match traits["names"]:
        case "one column":
            columns.append(("name", rng.choice(NAME_WORDS)))
        case "three columns" if traits["header"] != "none":
            columns += [("surname", "Фамилия"), ("given", "Имя"), ("father", "Отчество")]
        case "three columns":
            traits["names"] = "none"
    if traits["company"] != "none" and traits["header"] != "none":
        columns.append(("company", rng.choice(COMPANY_WORDS)))
    else:
        traits["company"] = "none"
    if traits["INN"] != "none":
        columns.append(("inn", rng.choice(INN_WORDS)))
    columns += [
        (what, word) for word, what in OTHER_WORDS if rng.random() < 0.25 and traits["header"] != "none"
    ]
    if len(columns) > 1 and traits["names"] != "three columns":
        rng.shuffle(columns)
    plan.columns = [what for what, _ in columns]
    plan.headers = [word for _, word in columns]


def _rows(plan: _Plan, made: Variant) -> list[list[str]]:
    rng, traits = plan.rng, plan.traits
    count = rng.randrange(6, 30)
    body = [_row(plan, made, at) for at in range(count)]
    body += _bad_rows(plan, made, body)
    if traits["blank rows"] == "between":
        body.insert(count // 2, [""] * len(plan.columns))
    elif traits["blank rows"] == "at the end":
        body += [[""] * len(plan.columns)] * 3
    above = [[""] * len(plan.columns)] if traits["blank rows"] == "above" else []
    if traits["header"] == "below titles":
        above += [[rng.choice(TITLES)] + [""] * (len(plan.columns) - 1) for _ in range(rng.randrange(1, 4))]
    if traits["header"] != "none":
        above.append(plan.headers)
    return above + body


def _row(plan: _Plan, made: Variant, at: int) -> list[str]:
    rng, kind = plan.rng, plan.traits["phones"]
    one = people.person(rng, 2 if kind in ("two columns", "two in a cell", "two that compete") else 1,
                        fixed=kind == "extension")  # fmt: skip
    how = plan.traits["number"]
    if how == "mixed":
        how = rng.choice([*people.WRITTEN])
    write = people.rounded if how == people.ROUNDED else people.WRITTEN[how]
    cells = {"phone": write(one.numbers[0]), "second": write(one.numbers[-1]), "manager": "8 495 123-45-67"}
    extension = ""
    if kind == "extension":
        extension = str(rng.randrange(100, 9999))
        cells["phone"] = rng.choice([*people.EXTENSIONS.values()]).format(cells["phone"], extension)
    if kind == "two in a cell":
        cells["phone"] = rng.choice([*people.TWO_IN_A_CELL.values()]).format(*map(write, one.numbers))
    if how == people.ROUNDED:
        made.refused += 1
    else:
        made.wanted.append(_wanted(plan, one, extension))
    return [cells.get(what) or _value(plan, one, what, at) for what in plan.columns]


def _wanted(plan: _Plan, one: Person, extension: str) -> Wanted:
    has = plan.columns.__contains__
    numbers = [f"+7{digits}" for digits in one.numbers]
    if has("second") and plan.columns.index("second") < plan.columns.index("phone"):
        numbers.reverse()
    return Wanted(
        tuple(numbers),
        name=one.full_name if has("name") or has("surname") else "",
        company=_in(plan.traits.get("encoding", "utf-8"), one.company) if has("company") else "",
        inn=one.inn if has("inn") else "",
        extension=extension,
    )


def _value(plan: _Plan, one: Person, what: str, at: int) -> str:
    match what:
        case "name":
            return one.full_name
        case "surname" | "given" | "father":
            return one.name[("surname", "given", "father").index(what)]
        case "inn" if plan.traits["INN"] == "zeros lost":
            return one.inn.lstrip("0")
        case "date":
            return f"{at % 28 + 1:02}.11.2026"
        case "mail":
            return f"client{at}@example.com"
        case "row":
            return str(at + 1)
        case _:
            return str(getattr(one, what))


def _bad_rows(plan: _Plan, made: Variant, body: Sequence[list[str]]) -> list[list[str]]:
    """Rows that are no leads."""
    if made.is_asked or plan.traits["number"] == people.ROUNDED or plan.traits["phones"] != "one":
        plan.traits["bad rows"] = "none"
        return []
    phone = plan.columns.index("phone")
    row = list(body[0])
    match plan.traits["bad rows"]:
        case "no number":
            row[phone] = plan.rng.choice(("нет", "", "-", "н/д", "уточнить"))
            made.refused += any(cell for cell in row)
        case "a digit too few":
            row[phone] = "8 911 123-45-6"
            made.refused += 1
        case "a duplicate":
            made.duplicates += 1
        case _:
            return []
    return [row]


# --- written ----------------------------------------------------------------------------------------------


def _text(rows: Sequence[Sequence[str]], plan: _Plan) -> bytes:
    traits = plan.traits
    delimiter, line_end = (str(eval(traits[name])) for name in ("delimiter", "line ends"))
    rows = [[_in(traits["encoding"], cell) for cell in row] for row in rows]
    out = io.StringIO()
    if traits["first line"] == "sep=":
        out.write(f"sep={delimiter}{line_end}")
    breaks = any(
        "\n" in cell for row in rows for cell in row
    )  # csv leaves them bare where lines end otherwise
    is_all = plan.rng.random() < 0.5 or breaks
    quoting: Literal[0, 1] = csv.QUOTE_ALL if is_all else csv.QUOTE_MINIMAL
    csv.writer(out, delimiter=delimiter, lineterminator=line_end, quoting=quoting).writerows(rows)
    return out.getvalue().encode(traits["encoding"])


def _in(encoding: str, cell: str) -> str:
    """As a program of that time wrote it."""
    return (
        cell
        if encoding.startswith(("utf", "cp1251", "mac"))
        else cell.replace("«", '"').replace("»", '"').replace("№", "N")
    )


def _sheet(rows: Sequence[Sequence[str]], rng: Random) -> bytes:
    """Digits are numbers in some sheets, as Excel makes them, and texts in others."""
    as_numbers = rng.random() < 0.5
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        page = book.add_worksheet("Клиенты")
        for line, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                value: Any = cell
                if as_numbers and cell.isascii() and cell.isdigit() and not cell.startswith("0"):
                    value = int(cell)
                if cell:
                    page.write_string(line, column, value) if isinstance(value, str) else page.write(
                        line, column, value
                    )
    return out.getvalue()
