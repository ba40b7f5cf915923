"""What a cell holds, by itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.domain import contents
from dialer.domain.contents import (
    inn_flaw,
    is_code,
    is_nothing,
    is_organisation,
    is_person,
    is_words,
    share,
    whole_inn,
)


@pytest.mark.parametrize(
    ("cell", "is_one"),
    [
        ("Иванов Иван Иванович", True),
        ("иванов иван", True),
        ("ИВАН", True),
        ("Ольга", True),
        ("Ковальчук", True),
        ("Ивановна", True),
        ("Мария Эр", True),
        ("Hans von Braun", True),
        ("Иван 2", False),
        ("ООО Иванов", False),
        ("Стол Дуб", False),
        ("Стол", False),
        ("Иван, мастер", False),
        ("", False),
    ],
)
def test_a_person_is_known_by_a_name_a_surname_or_a_patronymic(cell: str, is_one: bool) -> None:
    assert is_person(cell) is is_one


@pytest.mark.parametrize(
    ("fits", "good", "bad"),
    [
        (is_words, ["Иван", "a-b", "о'Нил"], ["", "---", "Иван 2", "ivan@mail", "2", "@"]),
        (is_organisation, ["ООО Мак", "Мак, АО", "Mac Ltd."], ["Мак", "Лаос", ""]),
        (is_code, ["C-001", " 17 ", "a/1"], ["", "код", "а б 1", "x" * 40 + "1"]),
    ],
)
def test_what_a_cell_may_be_besides(fits: Callable[[str], bool], good: list[str], bad: list[str]) -> None:
    assert [cell for cell in good if not fits(cell)] == []
    assert [cell for cell in bad if fits(cell)] == []


def test_a_share_is_of_the_cells_that_hold_something() -> None:
    assert share(["Иван", "12", "", "-", "н/д"], is_words) == 0.5
    assert share(["", "-"], is_words) == 0.0


@pytest.mark.parametrize(
    ("text", "digits", "flaw"),
    [
        ("7707083893", "7707083893", ""),
        ("7 707 083 893", "7707083893", ""),
        ("7707083893.0", "7707083893", ""),
        ("274062111", "0274062111", ""),
        ("274062112", "274062112", "length"),
        ("500100732259", "500100732259", ""),
        ("500100732258", "500100732258", "check"),
        ("500100732269", "500100732269", "check"),
        ("7707083894", "7707083894", "check"),
        ("77070838931", "77070838931", "length"),
        ("0000000000", "0000000000", "length"),
        ("", "", "length"),
    ],
)
def test_an_inn_is_proved_by_its_check_digits(text: str, digits: str, flaw: str) -> None:
    assert (whole_inn(text), inn_flaw(digits)) == (digits, flaw)


def test_the_zero_that_a_spreadsheet_took_from_a_persons_inn_is_put_back() -> None:
    whole = next(inn for n in range(100) if not inn_flaw(inn := f"0123456789{n:02}"))
    assert whole_inn(whole[1:]) == whole


@given(st.text(alphabet="+0123456789 -н/даx.указn", max_size=12))
def test_the_short_way_to_know_a_number_from_nothing_is_right(cell: str) -> None:
    assert is_nothing(cell) == (contents._NOTHING.fullmatch(cell.strip()) is not None)
