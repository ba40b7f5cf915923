"""Numbers as people and spreadsheets write them, and the zones that they may be in."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.adapters import phones
from dialer.adapters.phones import normalise, one_number
from dialer.domain.errors import BadValue
from dialer.domain.listing import Phones
from dialer.domain.types import PhoneNumber

MOBILE, OTHER, OFFICE = "+79161234567", "+79031112233", "+74951234567"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("+79161234567", [MOBILE]),
        ("89161234567", [MOBILE]),
        ("79161234567", [MOBILE]),
        ("9161234567", [MOBILE]),
        ("8 (916) 123-45-67", [MOBILE]),
        ("8-916-123-45-67", [MOBILE]),
        ("8.916.123.45.67", [MOBILE]),
        ("+7 916 123–45–67", [MOBILE]),
        ("+7\u00a0916\u202f123\u201145\u201167", [MOBILE]),
        ("\ufeff+7916\u200b1234567", [MOBILE]),
        ("79161234567.0", [MOBILE]),
        ("89161234567,00", [MOBILE]),
        ("7.9161234567E+10", [MOBILE]),
        ("7,9161234567e+10", [MOBILE]),
        ("'89161234567", [MOBILE]),
        ('="+79161234567"', [MOBILE]),
        ("тел. 89161234567", [MOBILE]),
        ("моб.: +7 916 1234567 (Мария)", [MOBILE]),
        ("8 (495) 123-45-67 доб. 12", [OFFICE]),
        ("8 (495) 123-45-67, доб.12", [OFFICE]),
        ("8 (495) 123-45-67 (доб. 12)", [OFFICE]),
        ("84951234567 вн. 104", [OFFICE]),
        ("84951234567 ext 5", [OFFICE]),
        ("84951234567x12", [OFFICE]),
        ("84951234567#12", [OFFICE]),
        ("tel:+74951234567;ext=12", [OFFICE]),
        ("89161234567; 89031112233", [MOBILE, OTHER]),
        ("89161234567, 8 903 111-22-33", [MOBILE, OTHER]),
        ("89161234567/89031112233", [MOBILE, OTHER]),
        ("+7(916)1234567\r\n+7(903)1112233", [MOBILE, OTHER]),
        ("89161234567 89031112233", [MOBILE, OTHER]),
        ("89161234567 или 89031112233", [MOBILE, OTHER]),
        ("89161234567 доп. 89031112233", [MOBILE, OTHER]),
        ("8 916 123-45-67 8 903 111-22-33", [MOBILE, OTHER]),
        ("8-916-123-45-67 Ольга", [MOBILE]),
        ("Иван 8-916-123-45-67", [MOBILE]),
        ("89161234567 Иван", [MOBILE]),
        ("8 916 123-45-67 (после 18:00)", [MOBILE]),
        ("с 10 до 12 8 916 123-45-67", [MOBILE]),
        ("8 916 123-45-67 моб", [MOBILE]),
        ("т/ф 8 495 123-45-67", [OFFICE]),
        ("тел./факс: (495) 123-45-67", [OFFICE]),
        ("ф. 8 495 123-45-67", [OFFICE]),
        ("+7 916 123-45-67 ::: +7 903 111-22-33", [MOBILE, OTHER]),
        ("\u202d+7 916 123-45-67\u202c", [MOBILE]),
        ("\u2066+7 916\u00ad123\u2060-45-67\u2069\U000e0020", [MOBILE]),
        ("+7 916\u3000123\ufe6345\ufe6367", [MOBILE]),
        ("8 (495) 123-45-67, доб. 12, 8-903-111-22-33", [OFFICE, OTHER]),
        ("89161234567; 8 916 1234567", [MOBILE]),
        ("88005553535", ["+78005553535"]),
        ("+375291234567", ["+375291234567"]),
        ("00375291234567", ["+375291234567"]),
        ("810375291234567", ["+375291234567"]),
        ("+44 20 7946 0958", ["+442079460958"]),
        ("87011234567", ["+77011234567"]),
    ],
)
def test_numbers_are_found_however_they_are_written(text: str, numbers: list[str]) -> None:
    found = normalise(text, "RU")
    assert found.numbers == tuple(PhoneNumber(number) for number in numbers)
    assert not found.flaws


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "there is no number in it"),
        ("   ", "there is no number in it"),
        ("-", "there is no number in it"),
        ("доб. 12", "there is no number in it"),
        ("нет", "there is a letter ('н') in the number"),
        ("8916ABCDEFG", "there is a letter ('A') in the number"),
        ("8916123456O", "there is a letter ('O') in the number"),
        ("8916*234567", "there is a sign ('*') in the number"),
        ("+7+79161234567", "there is a sign ('+') in the number"),
        ("８９１６１２３４５６７", "there is a sign ('８') in the number"),
        ("=cmd", "there is a letter ('c') in the number"),
        ("7.91612E+10", "the spreadsheet has rounded the number"),
        ("7,9E+10", "the spreadsheet has rounded the number"),
        ("1e99", "the spreadsheet has rounded the number"),
        ("0", "1 digits are too few for a phone number"),
        ("+", "0 digits are too few for a phone number"),
        ("1234567", "7 digits are too few for a number of RU: the area code may be missing"),
        ("916123456", "9 digits are too few for a number of RU"),
        ("791612345678", "12 digits are too many for a number of RU: write other countries with +"),
        ("375291234567", "12 digits are too many for a number of RU: write other countries with +"),
        ("+7916123456789", "13 digits are too many for a number with this country code"),
        ("+70001234567", "there is no such range of numbers"),
        ("81161234567", "there is no such range of numbers"),
        ("+99912345678", "no country has the code that +9991..."),
        ("112", "this is an emergency or service number"),
        ("03", "this is an emergency or service number"),
        ("+112", "this is an emergency or service number"),
        ("1" * 2001, "2001 characters are no phone number: at most 2000 are looked at"),
        ("1 (800) FLOWERS", "there is a letter ('F') in the number"),
        ("9" * 300, "300 digits"),
    ],
)
def test_what_is_no_number_is_refused_with_its_reason(text: str, reason: str) -> None:
    found = normalise(text, "RU")
    assert not found.numbers
    assert len(found.flaws) == 1
    assert found.flaws[0][1].startswith(reason) or (reason == "300 digits" and found.flaws[0][1])


def test_a_good_number_is_kept_beside_a_bad_one() -> None:
    found = normalise("8(495)123-45-67/68", "RU")
    assert found.numbers == (OFFICE,)
    assert [value for value, _ in found.flaws] == ["68"]


def test_the_country_decides_what_a_national_number_is() -> None:
    assert normalise("020 7946 0958", "GB").numbers == ("+442079460958",)
    assert normalise("(212) 555-1234", "US").numbers == ("+12125551234",)
    assert not normalise("89161234567", "GB").numbers
    assert normalise("+7 916 123-45-67", "GB").numbers == (MOBILE,)


@pytest.mark.parametrize(
    ("text", "country", "extensions"),
    [
        ("8 495 123-45-67 доб. 101", "RU", {OFFICE: "101"}),
        ("8 (495) 123-45-67, доб.12", "RU", {OFFICE: "12"}),
        ("84951234567 вн. 104", "RU", {OFFICE: "104"}),
        ("84951234567#12", "RU", {OFFICE: "12"}),
        ("tel:+74951234567;ext=12", "RU", {OFFICE: "12"}),
        ("8 (495) 123-45-67 доб. 12, 8-903-111-22-33", "RU", {OFFICE: "12"}),
        ("212.555.0123 x45", "US", {"+12125550123": "45"}),
        ("2127365002 ext 5", "US", {"+12127365002": "5"}),
        ("+49 30 123456 App. 12", "DE", {"+4930123456": "12"}),
        ("+4930123456, Durchwahl 12", "DE", {"+4930123456": "12"}),
        ("8 916 123-45-67", "RU", {}),
    ],
)
def test_an_extension_is_kept_with_its_number(text: str, country: str, extensions: dict[str, str]) -> None:
    found = normalise(text, country)
    assert dict(found.extensions) == extensions
    assert not found.flaws


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ("8-916-123-45-67 Ольга", "Ольга"),
        ("Иван 8-916-123-45-67", "Иван"),
        ("8 916 123-45-67 (после 18:00)", "(после 18:00)"),
        ("8 916 123-45-67 (WhatsApp, Viber)", "WhatsApp Viber"),
        ("8 495 123-45-67 (факс)", "факс"),
        ("8 916 123-45-67 моб", "моб"),
        ("тел. 8 916 123-45-67", ""),
        ("8 916 123-45-67", ""),
    ],
)
def test_words_beside_a_number_are_a_remark(text: str, remark: str) -> None:
    assert normalise(text, "RU").remark == remark


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("030 123456", ["+4930123456"]),
        ("0049 30 123456", ["+4930123456"]),
        ("+49 (0)30 123456", ["+4930123456"]),
        ("0170/1234567", ["+491701234567"]),
        ("030/123456-12", ["+493012345612"]),
        ("0151 23456789 oder 030 654321", ["+4915123456789", "+4930654321"]),
        ("030 - 12 34 56 78", ["+493012345678"]),
        ("017012345678", ["+4917012345678"]),
    ],
)
def test_numbers_of_another_country_are_written_its_way(text: str, numbers: list[str]) -> None:
    assert list(normalise(text, "DE").numbers) == numbers


def test_one_number_is_one_number() -> None:
    assert one_number("8 916 123 45 67", "RU") == MOBILE
    with pytest.raises(BadValue, match="exactly one number is wanted"):
        one_number("89161234567; 89031112233", "RU")
    with pytest.raises(BadValue, match="'12345' is not a phone number: 5 digits are too few"):
        one_number("12345", "RU")


signs = st.sampled_from([*"0123456789", *"789", "+", "-", " ", "(", ")", "."])
written = st.one_of(
    st.text(signs, max_size=16),
    st.builds("{}{}".format, st.sampled_from(["8", "7", "+7", ""]), st.integers(10**9, 10**10 - 1).map(str)),
    st.builds("{}9{}".format, st.sampled_from(["8", "7", "+7", ""]), st.integers(10**8, 10**9 - 1).map(str)),
)


@settings(max_examples=100, deadline=None)
@given(written, st.sampled_from(["RU", "KZ", "GB", "US"]))
def test_the_quick_path_says_what_the_library_says(text: str, country: str) -> None:
    quick = phones._quick(text, country)
    if quick is not None:
        assert phones._thorough(text, country) == Phones((quick,))


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=40))
def test_no_text_breaks_the_reader_and_what_it_gives_is_e164(text: str) -> None:
    found = normalise(text, "RU")
    assert all(number[0] == "+" and 7 <= len(number[1:]) <= 15 for number in found.numbers)
    assert found.numbers or found.flaws
