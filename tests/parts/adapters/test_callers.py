"""A caller is known again in every form in which networks write his number."""

from __future__ import annotations

import pytest

from dialer.adapters.callers import caller_numbers, countries_of

KNOWN = "+79160581111"


@pytest.mark.parametrize(
    "text",
    [
        "+79160581111", "79160581111", "89160581111", "9160581111", "0079160581111", "81079160581111",
        "9160581111;phone-context=+7", "+79160581111;user=phone", "tel:+7-916-058-11-11",
        "+7 (916) 058-11-11",
    ],
)  # fmt: skip
def test_a_russian_number_is_known_in_every_form(text: str) -> None:
    assert caller_numbers(text, ["RU"])[0] == KNOWN


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("030123456", "DE", "+4930123456"),
        ("0049301234567", "DE", "+49301234567"),
        ("01149301234567", "US", "+49301234567"),
        ("6502530000", "US", "+16502530000"),
        ("0375291234567", "BY", None),
        ("291234567", "BY", "+375291234567"),
    ],
)
def test_a_national_number_is_read_by_its_own_country(text: str, country: str, number: str | None) -> None:
    assert (caller_numbers(text, [country]) or (None,))[0] == number


def test_what_may_mean_several_numbers_gives_them_all() -> None:
    assert set(caller_numbers("4951234567", ["RU"])) == {"+74951234567", "+4951234567"}
    assert caller_numbers("291234567", ["RU", *countries_of(["+7", "+375"])]) == ("+375291234567",)


@pytest.mark.parametrize(
    "text",
    ["", "anonymous", "Restricted", "user123", "12", "+", "00" + "9" * 40, ";phone-context=+7", "7916\r\n"],
)
def test_who_has_no_number_is_nobody(text: str) -> None:
    assert caller_numbers(text, ["RU"]) == ()
