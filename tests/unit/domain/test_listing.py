"""Columns found, rows made leads, and every flaw named by line, column, value and reason."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest

from dialer.domain.columns import Columns, Field, ReadOptions, guess, plan
from dialer.domain.errors import BadValue
from dialer.domain.lead import Lead
from dialer.domain.listing import Flaw, Kind, Phones, Reading, Taken, read
from dialer.domain.tables import Row
from dialer.domain.types import PhoneNumber

ONE, TWO = PhoneNumber("+79160000001"), PhoneNumber("+79160000002")


def phones(cell: str) -> Phones:
    """Numbers that begin with a plus are good ones here; one may have an extension: +79160000001#214."""
    parts, extensions = [], {}
    for part in cell.split(";"):
        number, _, extension = part.partition("#")
        parts.append(number)
        if extension:
            extensions[PhoneNumber(number)] = extension
    good = tuple(PhoneNumber(part) for part in parts if re.fullmatch(r"\+\d{11}", part))
    return Phones(good, tuple((part, "odd") for part in parts if part not in good), extensions)


def zones_of(number: PhoneNumber) -> tuple[str, ...]:
    return () if number.startswith("+883") else ("Europe/Moscow", "Europe/Samara")


READING = Reading(phones, zones_of, lambda text, numbers: (text,) if "/" in text else ())


def is_phone(cell: str) -> bool:
    return bool(phones(cell).numbers)


def planned(sample: Sequence[Sequence[str]], **options: Any) -> tuple[Columns, bool]:
    """The columns, and whether there is a header."""
    rows = [Row(line, cells) for line, cells in enumerate(sample, start=1)]
    found = plan(rows, is_phone, ReadOptions(**options))
    return found.columns, found.header is not None


class TestColumns:
    @pytest.mark.parametrize(
        ("header", "field"),
        [
            ("Телефон", Field.PHONE),
            ("тел.", Field.PHONE),
            ("Тел. 2", Field.PHONE),
            ("Моб", Field.PHONE),
            ("Моб. телефон", Field.PHONE),
            ("Контактный телефон", Field.PHONE),
            ("Номер телефона", Field.PHONE),
            ("Номер", Field.PHONE),
            ("Phone", Field.PHONE),
            ("phone_number", Field.PHONE),
            ("Mobile", Field.PHONE),
            ("MSISDN", Field.PHONE),
            ("Факс", Field.SKIP),
            ("Телеграм", Field.EXTRA),
            ("telegram", Field.EXTRA),
            ("Номер договора", Field.EXTRA),
            ("ИНН", Field.INN),
            ("ИНН компании", Field.INN),
            ("inn", Field.INN),
            ("Компания", Field.COMPANY),
            ("Название организации", Field.COMPANY),
            ("Юрлицо", Field.COMPANY),
            ("Company name", Field.COMPANY),
            ("ФИО", Field.NAME),
            ("Контакт", Field.NAME),
            ("Контактное лицо", Field.NAME),
            ("Full name", Field.NAME),
            ("first_name", Field.NAME),
            ("Фамилия", Field.NAME),
            ("Email", Field.EMAIL),
            ("E-mail", Field.EMAIL),
            ("Эл. почта", Field.EMAIL),
            ("Часовой пояс", Field.ZONE),
            ("Timezone", Field.ZONE),
            ("time zone", Field.ZONE),
            ("Приоритет", Field.PRIORITY),
            ("Priority", Field.PRIORITY),
            ("ID", Field.REF),
            ("Код клиента", Field.REF),
            ("Внешний код", Field.REF),
            ("Город", Field.EXTRA),
            ("Комментарий", Field.EXTRA),
            ("", Field.EXTRA),
        ],
    )
    def test_headers_are_guessed_in_russian_and_english(self, header: str, field: Field) -> None:
        assert guess(header) is field

    def test_numbers_and_parts_of_a_name_may_stand_in_several_columns_others_may_not(self) -> None:
        headers = ["Телефон", "Фамилия", "Имя", "Тел. 2", "Компания", "Организация"]
        columns, header = planned([headers, [ONE, "", "", "", "", ""]])
        assert header
        assert columns.of(Field.PHONE) == (0, 3)
        assert columns.of(Field.NAME) == (1, 2)
        assert columns.of(Field.COMPANY) == (4,)
        assert columns.of(Field.EXTRA) == (5,)

    def test_a_file_without_header_is_known_by_its_first_row(self) -> None:
        columns, header = planned([["Ivan", ONE, "i@example.org"], ["Olga", TWO, "o@example.org"]])
        assert not header
        assert columns.names == ("column 1", "column 2", "column 3")
        assert columns.fields == (Field.NAME, Field.PHONE, Field.EMAIL)

    def test_a_column_under_a_strange_header_is_found_by_its_contents(self) -> None:
        columns, header = planned([["кому", "куда"], ["Иван", ONE], ["Ольга", TWO]])
        assert (header, columns.of(Field.PHONE)) == (True, (1,))

    def test_rows_that_end_early_and_empty_cells_do_not_hide_what_a_column_holds(self) -> None:
        columns, _ = planned([["кто", "куда"], ["Анна"], ["Иван", ""], ["Пётр", ONE]])
        assert columns.fields == (Field.EXTRA, Field.PHONE)
        rows = [["Иван", ONE, "i@example.org"], ["Анна", TWO], ["Пётр", ONE, " "]]
        assert planned(rows)[0].fields == (Field.NAME, Field.PHONE, Field.EMAIL)

    def test_a_column_of_notes_with_one_address_among_them_is_no_column_of_addresses(self) -> None:
        rows = [[ONE, "o@example.org"], [TWO, "занято"]]
        assert planned(rows)[0].of(Field.EMAIL) == ()

    def test_equal_and_empty_headers_are_told_apart(self) -> None:
        columns, _ = planned([["a", "a", "", "phone"], ["", "", "", ONE]])
        assert columns.names == ("a", "a (2)", "column 3", "phone")

    @pytest.mark.parametrize(
        ("mapping", "field", "indexes"),
        [
            ({"phone": "b"}, Field.PHONE, (1,)),
            ({"phone": "B, 3"}, Field.PHONE, (1, 2)),
            ({"PHONE": "2"}, Field.PHONE, (1,)),
            ({"name": "3", "skip": "1"}, Field.NAME, (2,)),
            ({"extra": "phone"}, Field.EXTRA, (0, 1, 2)),
        ],
    )
    def test_what_the_user_says_wins(
        self, mapping: dict[str, str], field: Field, indexes: tuple[int, ...]
    ) -> None:
        sample = [["phone", "b", "c"], [ONE, ONE, "x"]]
        if mapping == {"extra": "phone"}:
            with pytest.raises(BadValue, match="No column holds phone numbers"):
                planned([["phone", "b", "c"], ["", "", ""]], mapping=mapping)
            return
        columns, _ = planned(sample, mapping=mapping)
        assert columns.of(field) == indexes

    @pytest.mark.parametrize(
        ("sample", "mapping", "message"),
        [
            ([], {}, "The list is empty"),
            ([["", " "]], {}, "The list is empty"),
            (
                [["имя", "город"], ["Иван", "Омск"]],
                {},
                r"No column holds phone numbers \(there are имя, город\)",
            ),
            ([["phone"], [ONE]], {"fone": "phone"}, "There is no field 'fone': map one of phone, name"),
            ([["phone"], [ONE]], {"phone": "tel"}, "The list has no column 'tel': its columns are phone"),
            ([["phone"], [ONE]], {"phone": "0"}, "a number from 1 to 1 works too"),
            ([["phone"], [ONE]], {"phone": "2"}, "The list has no column '2'"),
            ([["phone"], [ONE]], {"phone": ""}, "The list has no column ''"),
            ([["phone"], [ONE]], {"phone": "²"}, "The list has no column '²'"),
            ([["phone"] * 201], {}, "The list has 201 columns, at most 200"),
        ],
    )
    def test_a_list_that_cannot_be_planned_says_why_and_the_way_out(
        self, sample: list[list[str]], mapping: dict[str, str], message: str
    ) -> None:
        with pytest.raises(BadValue, match=message):
            planned(sample, mapping=mapping)


HEADERS = ["phone", "phone2", "name", "company", "inn", "email", "zone", "priority", "ref", "city"]
COLUMNS = Columns(
    tuple(HEADERS),
    (
        Field.PHONE,
        Field.PHONE,
        Field.NAME,
        Field.COMPANY,
        Field.INN,
        Field.EMAIL,
        Field.ZONE,
        Field.PRIORITY,
        Field.REF,
        Field.EXTRA,
    ),
)


def row(line: int = 2, **cells: str) -> Row:
    return Row(line, [cells.get(name, "") for name in HEADERS])


def read_rows(*rows: Row, taken: Taken | None = None) -> tuple[list[Lead], list[Flaw]]:
    found = list(read(rows, COLUMNS, READING, taken or Taken()))
    return [lead for _, lead, _ in found if lead], [flaw for _, _, flaws in found for flaw in flaws]


def one_flaw(**cells: str) -> tuple[Sequence[Lead], Flaw]:
    leads, (flaw,) = read_rows(row(line=7, **cells))
    return leads, flaw


class TestRows:
    def test_a_full_row_becomes_a_lead(self) -> None:
        (lead,), flaws = read_rows(
            row(
                phone=f" {ONE} ",
                phone2=f"{TWO};{ONE}",
                name="Иванов\tИван\n",
                company='ООО "Ромашка"',
                inn="7707083893",
                email="i@example.org",
                zone="Asia/Omsk",
                priority="5",
                ref="A-1",
                city="Омск",
            )
        )
        assert not flaws
        assert (lead.numbers, lead.zones, lead.priority) == ((ONE, TWO), ("Asia/Omsk",), 5)
        assert (lead.name, lead.company, lead.inn) == ("Иванов Иван", 'ООО "Ромашка"', "7707083893")
        assert (lead.email, lead.ref, lead.extra) == ("i@example.org", "A-1", {"city": "Омск"})

    def test_without_a_zone_of_its_own_the_lead_may_be_wherever_its_numbers_may(self) -> None:
        (lead,), _ = read_rows(row(phone=ONE))
        assert lead.zones == ("Europe/Moscow", "Europe/Samara")

    def test_empty_rows_are_passed_over(self) -> None:
        assert read_rows(row(), Row(3, []), Row(4, ["", " \t"])) == ([], [])

    def test_rows_below_an_empty_one_are_read(self) -> None:
        leads, flaws = read_rows(row(2, phone=ONE), row(3), row(4, phone=TWO))
        assert ([lead.numbers for lead in leads], flaws) == ([(ONE,), (TWO,)], [])

    @pytest.mark.parametrize(("takes_hidden", "leads"), [(False, 1), (True, 2)])
    def test_a_row_that_the_spreadsheet_hides_is_taken_only_where_that_is_asked(
        self, takes_hidden: bool, leads: int
    ) -> None:
        rows = [row(2, phone=ONE), Row(3, [TWO], is_hidden=True)]
        found = list(read(rows, COLUMNS, READING, Taken(), takes_hidden=takes_hidden))
        assert len([lead for _, lead, _ in found if lead]) == leads
        assert {flaw.kind for _, _, flaws in found for flaw in flaws} == (
            {Kind.SKIPPED} if leads == 1 else set()
        )

    def test_hidden_rows_are_left_out_unless_somebody_says_otherwise(self) -> None:
        assert not ReadOptions().hidden_rows
        leads, (flaw,) = read_rows(Row(3, [TWO], is_hidden=True))
        assert (leads, flaw.reason) == (
            [],
            "the spreadsheet hides this row: --hidden-rows take, to take such rows",
        )

    def test_a_header_that_stands_in_the_list_again_is_no_person(self) -> None:
        rows = [Row(2, [ONE, "", "a"]), Row(3, ["phone", "phone2", "name"]), Row(4, [TWO, "", "z"])]
        found = list(read(rows, COLUMNS, READING, Taken(), header=["phone", "phone2", "name"]))
        assert [bool(lead) for _, lead, _ in found] == [True, False, True]
        assert [(flaw.line, flaw.reason, flaw.kind) for _, _, flaws in found for flaw in flaws] == [
            (3, "the header stands here again", Kind.SKIPPED)
        ]

    @pytest.mark.parametrize(
        ("names", "cells", "cell"),
        [
            pytest.param(["code", "phone"], ["495", "12"], "495 12", id="area code"),
            pytest.param(["code", "code", "phone"], ["7", "495", "12"], "7 495 12", id="country, area"),
            pytest.param(["code", "phone"], ["", "12"], "12", id="no code"),
            pytest.param(["code", "phone", "extra"], ["495", "", "x"], None, id="a code alone is no number"),
            pytest.param(["name", "phone"], ["Иван", "12", "доб. 5"], "12 доб. 5", id="cut off at the end"),
            pytest.param(["phone", "column 2"], ["12", "ext 5"], "12 ext 5", id="cut off, rows are wider"),
            pytest.param(
                ["a", "b", "phone", "column 4"], ["", "", "12", "ext 5"], "12 ext 5", id="further on"
            ),
            pytest.param(["phone", "column 2"], ["12"], "12", id="a short row"),
            pytest.param(["phone", "column 2"], ["12", "Омск"], "12", id="a city is no extension"),
            pytest.param(["phone", "extra"], ["12", "ext 5"], "12", id="a header of its own"),
            pytest.param(["phone", "extra"], ["12", "Омск", "ext 5"], "12", id="not beside the number"),
            pytest.param(["name", "phone"], ["Иван", "12"], "12", id="nothing more"),
            pytest.param(["phone"], ["12"], "12", id="nothing but numbers"),
        ],
    )
    def test_a_number_is_read_with_the_code_before_it_and_the_extension_that_was_cut_off(
        self, names: list[str], cells: list[str], cell: str | None
    ) -> None:
        asked: list[str] = []
        reading = Reading(lambda text: asked.append(text) or Phones(), zones_of, READING.zone_named)
        fields = tuple(Field(name) if name in set(Field) else Field.EXTRA for name in names)
        list(read([Row(2, cells)], Columns(tuple(names), fields), reading, Taken()))
        assert asked == ([cell] if cell else [])

    def test_of_more_than_ten_numbers_of_a_person_the_first_ten_are_kept(self) -> None:
        numbers = [f"+7916000{n:04}" for n in range(12)]
        (lead,), (flaw,) = read_rows(row(phone=";".join(numbers)))
        assert list(lead.numbers) == numbers[:10]
        assert (flaw.value, flaw.kind) == (numbers[10], Kind.LEFT_OUT)
        assert flaw.reason == "a lead has at most 10 numbers: 2 more are left out"
        (lead,), flaws = read_rows(row(phone=";".join(numbers[:10])))
        assert (len(lead.numbers), flaws) == (10, [])

    @pytest.mark.parametrize("column", ["email", "inn", "zone"])
    def test_a_word_for_nothing_is_no_value_and_no_flaw(self, column: str) -> None:
        (lead,), flaws = read_rows(row(phone=ONE, **{column: "н/д"}))
        assert (lead.email, lead.inn, lead.zones, flaws) == ("", "", READING.zones_of(ONE), [])

    def test_the_first_zone_that_is_known_counts_a_city_comes_after_it(self) -> None:
        columns = Columns(
            ("phone", "z", "z2", "city"), (Field.PHONE, Field.ZONE, Field.ZONE, Field.EXTRA), (3,)
        )
        reading = Reading(
            phones, zones_of, READING.zone_named, lambda place: (f"Asia/{place}",) if place else ()
        )
        rows = [
            Row(2, [ONE, "н/д", "Asia/Omsk", "Chita"]),
            Row(3, [TWO, "Мордор", "Asia/Omsk"]),
            Row(4, ["+79160000003", "", "", "Chita"]),
        ]
        found = list(read(rows, columns, reading, Taken()))
        assert [lead.zones for _, lead, _ in found if lead] == [
            ("Asia/Omsk",),
            ("Asia/Omsk",),
            ("Asia/Chita",),
        ]
        assert [(flaw.line, flaw.value) for _, _, flaws in found for flaw in flaws] == [(3, "Мордор")]

    def test_a_short_row_lacks_its_last_values_only(self) -> None:
        (lead,), flaws = read_rows(Row(2, [ONE]))
        assert (lead.numbers, flaws) == ((ONE,), [])

    @pytest.mark.parametrize(
        ("cells", "column", "value", "reason"),
        [
            ({"name": "Иван"}, "phone", "", "there is no phone number"),
            ({"phone": "12"}, "phone", "12", "odd"),
            ({"phone2": "abc"}, "phone2", "abc", "odd"),
            ({"phone2": "н/д"}, "phone", "н/д", "there is no phone number"),
            ({"phone": "+88312345678"}, "phone", "+88312345678", "the time zone of the number is not known"),
        ],
    )
    def test_a_row_that_nobody_can_call_is_refused(
        self, cells: dict[str, str], column: str, value: str, reason: str
    ) -> None:
        leads, flaw = one_flaw(**cells)
        assert not leads
        assert (flaw.line, flaw.column, flaw.value, flaw.kind) == (7, column, value, Kind.REFUSED)
        assert flaw.reason.startswith(reason)

    def test_surplus_values_of_a_person_are_kept_and_those_of_a_broken_row_are_named(self) -> None:
        (lead,), flaws = read_rows(Row(9, [ONE, *[""] * 9, "more", ""]))
        assert (lead.extra, flaws) == ({"column 11": "more"}, [])
        leads, (first, second) = read_rows(Row(9, ["", "Mira st.", *[""] * 8, TWO, ""]))
        assert not leads
        assert (first.column, first.value) == ("phone2", "Mira st.")
        assert (second.line, second.value) == (9, TWO)
        assert second.reason.startswith("the row has 12 values, the file 10 columns: put values that contain")

    def test_a_cell_far_from_the_list_is_named(self) -> None:
        leads, (flaw,) = read_rows(Row(1_048_576, [""] * 300 + ["x"]))
        assert not leads
        assert (flaw.line, flaw.column, flaw.value) == (1_048_576, "column 301", "x")
        assert flaw.reason == "the row has something in column 301 alone, far from the list"

    @pytest.mark.parametrize(
        ("column", "value", "reason"),
        [
            ("phone2", "12", "odd"),
            ("inn", "770708389", "an INN has 10 or 12 digits"),
            ("inn", "7707083894", "the check digit of the INN is wrong"),
            ("inn", "500100732258", "the check digit of the INN is wrong"),
            ("inn", "77070838a3", "an INN has 10 or 12 digits"),
            ("inn", "７７０７０８３８９３", "an INN has 10 or 12 digits"),
            ("email", "ivan", "this is no e-mail address"),
            ("email", "ivan@localhost", "this is no e-mail address"),
            ("email", "a@b.ru; c@d.ru", "this is no e-mail address"),
            ("email", "<i@example.org>", "this is no e-mail address"),
            ("zone", "Мордор", "there is no such time zone: write it as Europe/Moscow"),
            ("priority", "high", "a priority is a whole number from -1000 to 1000"),
            ("priority", "1.5", "a priority is a whole number"),
            ("priority", "9999", "a priority is a whole number"),
            ("priority", "99999999999999999999", "a priority is a whole number"),
            ("priority", "٣", "a priority is a whole number"),
        ],
    )
    def test_a_bad_value_is_left_out_and_the_person_is_called_all_the_same(
        self, column: str, value: str, reason: str
    ) -> None:
        (lead,), flaw = one_flaw(phone=ONE, **{column: value})
        assert lead.numbers == (ONE,)
        assert (lead.inn, lead.email, lead.priority, lead.name) == ("", "", 0, "")
        assert (flaw.line, flaw.column, flaw.kind) == (7, column, Kind.LEFT_OUT)
        assert flaw.reason.startswith(reason)
        assert flaw.value == (value if len(value) < 100 else "x" * 40 + "...")

    @pytest.mark.parametrize("column", ["name", "city"])
    def test_of_an_endless_value_the_beginning_is_kept_and_that_is_told(self, column: str) -> None:
        (lead,), flaw = one_flaw(phone=ONE, **{column: "x" * 1001})
        assert "x" * 1000 in (lead.name, lead.extra.get("city"))
        assert (flaw.line, flaw.column, flaw.kind) == (7, column, Kind.CUT)
        assert flaw.reason == "the value has 1001 characters: the first 1000 were kept"

    @pytest.mark.parametrize(
        ("inn", "whole"),
        [("274062111", "0274062111"), ("274062112", ""), ("0274062111", "0274062111"), ("0000000000", "")],
    )
    def test_a_lost_zero_of_an_inn_is_put_back_where_the_check_digit_proves_it(
        self, inn: str, whole: str
    ) -> None:
        (lead,), _ = read_rows(row(phone=ONE, inn=inn))
        assert lead.inn == whole

    @pytest.mark.parametrize(
        ("text", "priority"), [("1.0", 1), ("+5", 5), ("5,0", 5), ("-7", -7), ("−7", -7)]
    )
    def test_a_priority_is_read_as_spreadsheets_write_it(self, text: str, priority: int) -> None:
        (lead,), flaws = read_rows(row(phone=ONE, priority=text))
        assert (lead.priority, flaws) == (priority, [])

    def test_a_twelve_digit_inn_with_right_check_digits_is_kept(self) -> None:
        (lead,), flaws = read_rows(row(phone=ONE, inn="500100732259"))
        assert (lead.inn, flaws) == ("500100732259", [])

    def test_control_characters_do_not_reach_the_lead(self) -> None:
        (lead,), _ = read_rows(row(phone=ONE, name="И\x00ван\r\n\x1b[31m\u202e", city="\x07"))
        assert (lead.name, lead.extra) == ("И ван [31m", {})


class TestDuplicates:
    def test_the_second_row_with_a_number_names_the_first(self) -> None:
        leads, flaws = read_rows(row(line=2, phone=ONE), row(line=5, phone=ONE))
        assert len(leads) == 1
        assert flaws == [Flaw(5, "phone", ONE, "the number is in line 2 of this file", Kind.DUPLICATE)]

    def test_the_same_number_with_other_values_may_be_two_lines_of_one_person(self) -> None:
        _, (flaw,) = read_rows(row(2, phone=ONE, name="Иван"), row(5, phone=ONE, name="Ольга"))
        assert flaw.reason == (
            "the number is in line 2 of this file, with other values: join the two lines to keep both"
        )
        _, (flaw,) = read_rows(row(2, phone=ONE, name="Иван"), row(5, phone=ONE, name=" иван "))
        assert flaw.reason == "the number is in line 2 of this file"

    def test_numbers_of_the_campaign_are_duplicates_too(self) -> None:
        leads, (flaw,) = read_rows(row(phone=ONE), taken=Taken.by_campaign({ONE}))
        assert not leads
        assert (flaw.reason, flaw.kind) == ("the number is in the campaign already", Kind.DUPLICATE)

    def test_a_colleague_on_the_switchboard_of_somebody_in_the_campaign_is_no_duplicate(self) -> None:
        taken = Taken.by_campaign({f"{ONE};ext=101", ONE})
        leads, (flaw,) = read_rows(
            row(line=2, phone=f"{ONE}#101"), row(line=3, phone=f"{ONE}#102"), taken=taken
        )
        assert [lead.extensions for lead in leads] == [{ONE: "102"}]
        assert (flaw.line, flaw.kind) == (2, Kind.DUPLICATE)

    def test_a_row_keeps_the_numbers_that_only_it_has(self) -> None:
        leads, (flaw,) = read_rows(row(line=2, phone=ONE), row(line=3, phone=ONE, phone2=TWO))
        assert leads[1].numbers == (TWO,)
        assert (flaw.line, flaw.kind) == (3, Kind.LEFT_OUT)

    def test_a_refused_row_takes_no_number(self) -> None:
        leads, _ = read_rows(Row(2, [ONE, *[""] * 9, "more"]), row(line=3, phone=ONE))
        assert len(leads) == 1

    def test_a_duplicate_with_a_bad_number_beside_it_is_refused_not_a_duplicate(self) -> None:
        _, flaws = read_rows(row(phone=ONE, phone2="12"), taken=Taken.by_campaign({ONE}))
        assert {flaw.kind for flaw in flaws} == {Kind.REFUSED}


def test_however_many_numbers_are_taken_each_is_found_with_its_line_and_no_other() -> None:
    taken = Taken.by_campaign(f"+7921{n:07}" for n in range(0, 6000, 2))
    for n in range(1, 6000, 2):
        taken.put(f"+7921{n:07}", n, n + 1)
    assert all(taken.get(f"+7921{n:07}") == (n << 32 | n + 1 if n % 2 else 0) for n in range(6000))
    assert taken.get("+79210006000") is None


def test_what_a_copy_takes_is_not_taken_by_the_first() -> None:
    taken = Taken.by_campaign([ONE])
    twin = taken.copy()
    twin.put(TWO, 5, 0)
    assert (twin.get(ONE), taken.get(ONE), taken.get(TWO)) == (0, 0, None)
    assert twin.get(TWO) is not None
