"""Lists that people really have, each with what comes out of it: ../shared/cases/lists, CASES.md."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import xlsxwriter  # type: ignore[import-untyped]  # it has no type stubs

from dialer.adapters.files.lists import ListFile, open_content
from dialer.adapters.phones import reading
from dialer.domain.columns import ReadOptions
from dialer.domain.dialable import DialRules
from dialer.domain.errors import BadValue
from dialer.domain.lead import Lead
from dialer.domain.listing import Flaw, Kind, Taken


@dataclass
class Case:
    """A file, and what must come out of it."""

    content: str | bytes
    leads: list[dict[str, Any]]  # attributes of each lead
    flaws: list[tuple[int, Kind, str]] = field(default_factory=list)  # line, kind, beginning of the reason
    country: str = "RU"
    encoding: str = "utf-8"
    options: dict[str, Any] = field(default_factory=dict)


def book(
    *rows: Sequence[object], hidden: Sequence[int] = (), formats: Sequence[str] = (), **more: Any
) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as made:
        for name, lines in more.get("before", {}).items():
            made.add_worksheet(name).write_column(0, 0, lines)
        page = made.add_worksheet("Клиенты")
        codes = [made.add_format({"num_format": code}) if code else None for code in formats]
        for line, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                page.write(line, column, cell, *(codes[column : column + 1] if line == 1 and codes else ()))
        for first, last, column, value in more.get("merged", ()):
            page.merge_range(first, column, last, column, value)
        for line in hidden:
            page.set_row(line, options={"hidden": True})
        for line, column, value in more.get("far", ()):
            page.write(line, column, value)
    return out.getvalue()


ONE, TWO, THREE = "+79161234501", "+79161234502", "+79161234503"
REFUSED, SKIPPED, LEFT_OUT = Kind.REFUSED, Kind.SKIPPED, Kind.LEFT_OUT
HEAD, ROWS = ["ФИО", "Телефон"], [["Иванов", 79161234501], ["Петров", 79161234502], ["Сидоров", 79161234503]]

CASES = {
    "far_cell": Case(
        book(HEAD, ROWS[0], far=[(1_048_575, 300, "x")]),
        [{"name": "Иванов", "numbers": (ONE,)}],
        [(1_048_576, REFUSED, "the row has something in column 301 alone")],
    ),
    "blank_cell_at_the_bottom": Case(
        book(HEAD, *ROWS, far=[(1_048_575, 0, " ")]), [{"numbers": (n,)} for n in (ONE, TWO, THREE)]
    ),
    "one_row": Case(book(ROWS[0]), [{"name": "Иванов", "numbers": (ONE,)}]),
    "instruction_sheet": Case(
        book(HEAD, ROWS[0], before={"Инструкция": ["Как заполнять", "Заполните лист Клиенты"]}),
        [{"name": "Иванов", "numbers": (ONE,)}],
    ),
    "filtered": Case(
        book(HEAD, *ROWS, hidden=[2]),
        [{"name": "Иванов"}, {"name": "Сидоров"}],
        [(3, SKIPPED, "the spreadsheet hides this row")],
    ),
    "filtered, taken": Case(
        book(HEAD, *ROWS, hidden=[2]),
        [{"numbers": (n,)} for n in (ONE, TWO, THREE)],
        options={"hidden_rows": True},
    ),
    "merged": Case(
        book(HEAD, *ROWS, merged=[(1, 2, 0, "Иванов")]),
        [{"name": "Иванов"}, {"name": "Иванов"}, {"name": "Сидоров"}],
    ),
    "formats": Case(
        book(
            ["ФИО", "Телефон", "ИНН", "Скидка", "Долг", "Дата", "Время", "День"],
            ["И", 9161234501, 274062111, 0.15, 1500.3, 45000, 46356.39600694444, 46356],
            ["П", 89161234502.4, "", "", "", "", "", ""],
            formats=["", '"8"0000000000', "0000000000", "0%", "#,##0.00 ₽", "", "hh:mm:ss", "dd.mm.yyyy"],
        ),
        [
            {
                "numbers": (ONE,), "inn": "0274062111",
                "extra": {"Скидка": "15%", "Долг": "1,500.30 ₽", "Дата": "45000", "Время": "09:30:15",
                          "День": "30.11.2026"},
            },
            {"numbers": (TWO,)},
        ],
    ),
    "title_rows": Case(
        "Список клиентов ООО «Ромашка» на 01.12.2026;;;\n;;;\n№;ФИО;Телефон;Город\n"
        "1;Иванов Иван;8 916 123-45-01;Тверь\n",
        [{"name": "Иванов Иван", "extra": {"№": "1", "Город": "Тверь"}, "zones": ("Europe/Moscow",)}],
        [(1, SKIPPED, "the row is above the header")],
    ),
    "header_again": Case(
        "ФИО;Телефон\nА;8 916 123-45-01\nФИО;Телефон\nБ;8 916 123-45-02\n",
        [{"name": "А"}, {"name": "Б"}],
        [(3, SKIPPED, "the header stands here again")],
    ),
    "sep_line": Case("sep=;\nФИО;Телефон\nИванов;8 916 123-45-01\n", [{"name": "Иванов"}]),
    "nohdr_first_bad": Case(
        "Иванов;н/д;Тверь\nПетров;8 916 123-45-02;Омск\nСидоров;8 916 123-45-03;Омск\n",
        [{"name": "Петров"}, {"name": "Сидоров"}],
        [(1, REFUSED, "there is no phone number")],
    ),
    "tel_fax": Case(
        "Название;Телефон/факс;Город\nООО Ромашка;8 495 123-45-01;Москва\nООО Лютик;8 495 123-45-02;Москва\n",
        [{"company": "ООО Ромашка"}, {"company": "ООО Лютик"}],
    ),
    "contacts": Case(
        "Компания;Контакты\nООО Ромашка;8 916 123-45-01\nООО Лютик;8 916 123-45-02\n",
        [{"numbers": (ONE,), "name": ""}, {"numbers": (TWO,), "name": ""}],
    ),
    "wrong_guess": Case(
        "Телефон есть?;Контакт;ИНН\nда;8 916 123-45-01;7707083893\nда;8 916 123-45-02;7707083893\n",
        [{"numbers": (ONE,), "inn": "7707083893"}, {"numbers": (TWO,)}],
    ),
    "telefonist": Case(
        "ФИО;Телефон;Телефонист;Тел. подтверждён;Дата телефонного звонка\n"
        "И;8 916 123-45-01;Сидорова;да;01.12.2026\n",
        [{"numbers": (ONE,), "extra": {"Телефонист": "Сидорова", "Тел. подтверждён": "да",
                                       "Дата телефонного звонка": "01.12.2026"}}],
    ),
    "name_cols": Case(
        "Контрагент;Наименование;Контактное лицо;Должность ЛПР;Телефон ЛПР;ИНН\n"
        "А;ООО А;Иванов;директор;8 916 123-45-01;7707083893\n",
        [{"name": "Иванов", "company": "ООО А", "extra": {"Контрагент": "А", "Должность ЛПР": "директор"}}],
    ),
    "client_id": Case(
        "Код клиента;Клиент;Телефон\nC-001;Иванов;8 916 123-45-01\n", [{"name": "Иванов", "ref": "C-001"}]
    ),
    "types": Case(
        "ФИО,Phone 1 - Type,Phone 1 - Value,Phone 2 - Type,Phone 2 - Value\n"
        "Иванов,Mobile,+7 916 123-45-01,Work,+7 495 123-45-01 ::: +7 495 123-45-02\n",
        [{"numbers": (ONE, "+74951234501", "+74951234502")}],
    ),
    "split_code": Case(
        "ФИО;Код;Телефон\nИванов;495;123-45-01\nПетров;8452;12-34-56\n",
        [{"numbers": ("+74951234501",)}, {"numbers": ("+78452123456",), "zones": ("Europe/Saratov",)}],
    ),
    "cp866": Case("ФИО;Телефон\nИванов Пётр;8 916 123-45-01\n", [{"name": "Иванов Пётр"}], encoding="cp866"),
    "mixed": Case(
        "ФИО;Телефон\nИванов;8 916 123-45-01\n".encode() + "Юлия;8 916 123-45-02\n".encode("cp1251"),
        [{"name": "Иванов"}],
        [(3, REFUSED, "the line is no UTF-8 text")],
    ),
    "bell": Case("Телефон;ФИО\n8 916 123-45-01;И\n8 916 123-45-02;П\aа\n", [{"name": "И"}, {"name": "П а"}]),
    "quote_mid": Case(
        'Компания;Телефон\nООО "Ромашка";8 916 123-45-01\n"Мак;8 916 123-45-02\nООО Астра;8 916 123-45-03\n',
        [{"company": 'ООО "Ромашка"'}, {"company": "Мак"}, {"company": "ООО Астра"}],
    ),
    "remark": Case(
        "Телефон;ФИО\n8-916-123-45-01 Ольга;А\n8 916 123-45-02 (после 18:00);Б\n",
        [{"extra": {"Телефон: remark": "Ольга"}}, {"extra": {"Телефон: remark": "(после 18:00)"}}],
    ),
    "fax_in_cell": Case(
        "Телефон;ФИО\n8 495 123-45-67 (факс);И\nтел./факс: (495) 123-45-69;С\n",
        [{"extra": {"Телефон: remark": "факс"}}, {"numbers": ("+74951234569",)}],
    ),
    "de": Case(
        "Name;Telefon\nA;030 123456\nD;0170/1234567\nF;+49 30 123456 App. 12\n"
        "G;0151 23456789 oder 030 654321\n",
        [
            {"numbers": ("+4930123456",), "zones": ("Europe/Berlin",)},
            {"numbers": ("+491701234567",)},
            {"numbers": ("+4930123456",), "extensions": {"+4930123456": "12"}},
            {"numbers": ("+4915123456789", "+4930654321")},
        ],
        country="DE",
    ),
    "us": Case(
        "Name;Phone\nB;212.555.0123 x45\nH;1 (800) FLOWERS\nI;911\nJ;(907) 581-1400\n"
        "K;+1 212 736 5006;ext=12\n",
        [
            {"extensions": {"+12125550123": "45"}},
            {"numbers": ("+19075811400",), "zones": ("America/Anchorage",)},
            {"extensions": {"+12127365006": "12"}},
        ],
        [(3, REFUSED, "there is a letter ('F')"), (4, REFUSED, "this is an emergency or service number")],
        country="US",
    ),
    "many_numbers": Case(
        "Телефон;ФИО\n" + ", ".join(f"8 916 123-46-{n:02}" for n in range(40)) + ";Иванов\n",
        [{"numbers": tuple(f"+791612346{n:02}" for n in range(10))}],
        [(2, LEFT_OUT, "a lead has at most 10 numbers: 30 more are left out")],
    ),
    "bidi": Case(
        "Телефон;ФИО\n\u202d+7 916 123-45-01\u202c;А\n\u2066+7 916 123-45-02\u2069;Б\n",
        [{"numbers": (ONE,)}, {"numbers": (TWO,)}],
    ),
    "ext_people": Case(
        "Телефон;ФИО\n8 495 123-45-67 доб. 101;А\n8 495 123-45-67 доб. 102;Б\n8 495 123-45-67 доб. 103;В\n",
        [
            {"name": name, "extensions": {"+74951234567": extension}}
            for name, extension in (("А", "101"), ("Б", "102"), ("В", "103"))
        ],
    ),
    "inn_zero": Case(
        "Название;ИНН;Телефон\nБашнефтепродукт;274062111;8 916 123-45-03\n", [{"inn": "0274062111"}]
    ),
    "prio": Case(
        "Телефон;Приоритет\n8 916 123-45-01;1.0\n8 916 123-45-02;высокий\n8 916 123-45-03;5,0\n",
        [{"priority": 1}, {"priority": 0}, {"priority": 5}],
        [(3, LEFT_OUT, "a priority is a whole number from -1000 to 1000")],
    ),
    "zone_words": Case(
        "Телефон;Часовой пояс\n8 916 123-45-01;МСК+2\n8 916 123-45-02;(UTC+03:00) Москва\n"
        "8 916 123-45-03;posix/Asia/Omsk\n",
        [{"zones": ("Etc/GMT-5",)}, {"zones": ("Europe/Moscow",)}, {}],
        [(4, LEFT_OUT, "there is no such time zone")],
    ),
    "zones": Case(
        "Телефон;Часовой пояс\n030 123456;UTC+1\n", [{"zones": ("Europe/Berlin",)}], country="DE"
    ),
    "region": Case(
        "Телефон;Регион;Город\n8 916 123-45-01;Свердловская область;Екатеринбург\n",
        [{"zones": ("Asia/Yekaterinburg",)}],
    ),
    "kz_mobile": Case("Телефон;ФИО\n+7 701 123-45-67;Айгуль\n", [{"zones": ("Asia/Almaty",)}], country="KZ"),
    "dup_update": Case(
        "Телефон;ФИО;Комментарий\n8 916 123-45-01;И;старый\n8 916 123-45-01;И;новый\n"
        "8 916 123-45-01;И;старый\n",
        [{"extra": {"Комментарий": "старый"}}],
        [(3, Kind.DUPLICATE, "the number is in line 2 of this file, with other values"),
         (4, Kind.DUPLICATE, "the number is in line 2 of this file")],
    ),
    "short_header": Case(
        "ФИО;Телефон\nИванов;8 916 123-45-01;перезвонить\nПетров;8 916 123-45-02;\n",
        [{"extra": {"column 3": "перезвонить"}}, {"extra": {}}],
    ),
    "long_note": Case(
        f"Телефон;ФИО;Комментарий\n8 916 123-45-01;И;{'х' * 1500}\n",
        [{"extra": {"Комментарий": "х" * 1000}}],
        [(2, Kind.CUT, "the value has 1500 characters: the first 1000 were kept")],
    ),
    "call_time": Case(
        "ФИО;Телефон;Часовой пояс клиента;Удобное время звонка;Мобильный банк\n"
        "И;8 916 123-45-01;МСК+2;с 10 до 12;да\n",
        [{"numbers": (ONE,), "zones": ("Etc/GMT-5",),
          "extra": {"Удобное время звонка": "с 10 до 12", "Мобильный банк": "да"}}],
    ),
    "empty_phone_col": Case(
        "Телефон;Мобильный;ФИО\n;8 916 123-45-01;А\n-;8 916 123-45-02;Б\n"
        "нет;8 916 123-45-03;В\n0;8 916 123-45-04;Г\n",
        [{"name": name} for name in "АБВГ"],
    ),
    "de_slash": Case(
        "Name;Telefon\nA;0170/1234567\nB;030/123456\nC;+49 (0)89/1234567\nD;030/123456-12\n",
        [{"numbers": ("+491701234567",)}, {"numbers": ("+4930123456",)}, {"numbers": ("+49891234567",)},
         {"numbers": ("+493012345612",)}],
        country="DE",
    ),
    "premium": Case(
        "Телефон;ФИО\n8 809 505-12-34;А\n+1 900 555 1234;Б\n+44 909 879 1234;В\n8 916 123-45-01;Г\n",
        [{"name": "Г"}],
        [(2, REFUSED, "a premium-rate number (Russia) is closed"),
         (3, REFUSED, "a premium-rate number (United States) is closed"),
         (4, REFUSED, "a premium-rate number (United Kingdom) is closed")],
    ),
    "toll": Case(
        "ФИО;Телефон\nА;8-800-555-35-35\nБ;8 954 123 45 67\nВ;+870 773 123456\nГ;+7 978 123 45 67\n",
        [{"name": "Г"}],
        [(2, REFUSED, "a toll-free number (Russia) is closed"),
         (3, REFUSED, "a satellite telephone (Russia) is closed"),
         (4, REFUSED, "a satellite telephone (+870) is closed")],
    ),
}  # fmt: skip


def opened(case: Case) -> ListFile:
    raw = case.content.encode(case.encoding) if isinstance(case.content, str) else case.content
    rules = DialRules(frozenset({case.country}))
    return open_content("list", raw, reading(case.country, rules), ReadOptions(**case.options))


@pytest.mark.parametrize("name", CASES)
def test_a_list_that_people_have_gives_what_they_mean(name: str) -> None:
    case = CASES[name]
    flaws: list[Flaw] = []
    leads = list(opened(case).leads(Taken(), flaws.extend))
    assert [(flaw.line, flaw.kind) for flaw in flaws] == [(line, kind) for line, kind, _ in case.flaws]
    for flaw, (_, _, reason) in zip(flaws, case.flaws, strict=True):
        assert flaw.reason.startswith(reason)
    told = [
        {key: _plain(lead, key) for key in wanted} for lead, wanted in zip(leads, case.leads, strict=True)
    ]
    assert told == case.leads


def _plain(lead: Lead, key: str) -> object:
    value = getattr(lead, key)
    return dict(value) if key in ("extra", "extensions") else value


ASKED = {
    "several sheets": (
        book(HEAD, ROWS[0], before={"Архив": ["Телефон", "8 916 123-45-09"]}),
        r"Several sheets hold numbers \(Архив, Клиенты\): say which one, for example --sheet 'Архив'",
    ),
    "the manager's number": (
        "ФИО;Телефон;Телефон менеджера\n"
        + "".join(f"К;8 916 123-45-0{n};8 495 123-45-67\n" for n in range(6)),
        r"stands in 6 of 6 rows of Телефон менеджера.* for example --map Телефон=phone",
    ),
    "one number in most rows": (
        "ФИО;Телефон\n" + "".join(f"К{n};8 495 123-45-67\n" for n in range(5)) + "К;8 916 123-45-01\n",
        "stands in 5 of 6 rows of Телефон",
    ),
    "columns that compete": (
        "ФИО;Основной;Запасной\nА;8 916 123-45-01;8 916 123-45-02\nБ;8 916 123-45-03;8 916 123-45-04\n",
        r"Several columns hold phone numbers \(Основной, Запасной\).* --map Основной=phone",
    ),
    "html_multi": (
        "<html>\n<table>\n<tr><td>Телефон</td><td>ФИО</td></tr>\n</table></html>\n",
        "The file is a web page .HTML., whatever it is called",
    ),
    "json_multi": ('[\n {"phone":"+79161234501","name":"Ivan"}\n]\n', "JSON"),
}


@pytest.mark.parametrize("name", ASKED)
def test_two_answers_that_are_as_good_are_asked_about(name: str) -> None:
    content, question = ASKED[name]
    with pytest.raises(BadValue, match=question):
        opened(Case(content, []))


def test_the_answer_to_such_a_question_is_obeyed() -> None:
    content, _ = ASKED["the manager's number"]
    found = opened(Case(content, [], options={"mapping": {"phone": "Телефон"}}))
    assert len([*found.leads(Taken())]) == 6
    assert found.columns.fields[2] == "extra"
