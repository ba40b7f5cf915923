"""The zones of numbers, of cities and regions, and of what people write."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.adapters import zones
from dialer.adapters.phones import normalise
from dialer.adapters.zones import RUSSIA, zone_named, zone_of, zones_at, zones_named, zones_of
from dialer.domain.types import PhoneNumber

MOBILE, OFFICE = PhoneNumber("+79161234567"), PhoneNumber("+74951234567")

# Area codes of Russia by their hours from Greenwich; several where the region has several.
RUSSIAN_CODES = {
    2: "401",
    3: "471 472 473 474 475 481 482 483 484 485 486 487 491 492 493 494 495 496 498 499 365 811"
       " 812 813 814 815 816 817 818 820 821 831 833 834 835 836 841 843 844 847 855 861 862 863"
       " 865 866 867 869 871 872 873 877 878 879",
    4: "341 842 845 846 848 851",
    5: "342 343 345 346 347 349 351 352 353",
    6: "381",
    7: "382 383 384 385 388 390 391 394",
    8: "301 395",
    9: "302 416",
    10: "421 423 426",
    11: "413 424",
    12: "415 427",
}  # fmt: skip
YAKUTIA = {9, 10, 11}


def hours(name: str) -> float:
    at = datetime(2026, 1, 15, 12, tzinfo=ZoneInfo(name)).utcoffset()
    return (at or timedelta()).total_seconds() / 3600


def test_every_number_of_every_russian_code_has_the_hours_of_its_region() -> None:
    for offset, codes in RUSSIAN_CODES.items():
        for code in codes.split():
            for rest in ("2123456", "1000001", "6666666", "9999999"):
                number = PhoneNumber(f"+7{code}{rest}")
                assert {hours(zone) for zone in zones_of(number)} == {offset}, number
    assert {hours(zone) for zone in zones_of(PhoneNumber("+74112123456"))} == YAKUTIA


def test_every_russian_code_that_the_library_knows_is_in_the_walk() -> None:
    known = {code for codes in RUSSIAN_CODES.values() for code in codes.split()} | {"411"}
    geographic = (code for code in range(300, 880) if not 600 <= code < 810)
    valid = {
        str(code)
        for code in geographic
        if normalise(f"+7{code}2123456", "RU").numbers or normalise(f"+7{code}6123456", "RU").numbers
    }
    assert valid - known <= {"336", "840", "856", "857", "860"}  # Baikonur, Abkhazia, Donetsk, Luhansk, spare


@settings(max_examples=300, deadline=None)
@given(st.integers(3 * 10**9, 9 * 10**9 - 1).map("+7{}".format).map(PhoneNumber))
def test_the_short_way_to_the_zone_of_a_russian_landline_says_what_the_library_says(
    number: PhoneNumber,
) -> None:
    if zones._russian_landline().fullmatch(number[2:]):
        assert zones._by_prefix(number[1:10]) == zones._by_library(number)


def test_every_kazakh_range_has_the_zone_of_kazakhstan_alone() -> None:
    for code in (*range(700, 710), 747, 771, 775, 776, 777, 778, *range(710, 730), 760, 761, 762, 763, 764):
        assert zones_of(PhoneNumber(f"+7{code}1234567")) == ("Asia/Almaty",), code


def test_a_russian_mobile_number_may_be_in_all_of_russia_and_nowhere_else() -> None:
    for code in range(900, 1000):
        number = PhoneNumber(f"+7{code}1234567")
        if normalise(number, "RU").numbers and code != 940:
            assert zones_of(number) == RUSSIA
    assert {hours(zone) for zone in RUSSIA} == set(range(2, 13))


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (OFFICE, ("Europe/Moscow",)),
        ("+73433123456", ("Asia/Yekaterinburg",)),
        ("+74012123456", ("Europe/Kaliningrad",)),
        ("+78452123456", ("Europe/Saratov",)),
        ("+79401234567", ("Europe/Moscow",)),
        ("+442079460958", ("Europe/London",)),
        ("+19075811400", ("America/Anchorage",)),
        ("+88313213213000", ()),
        ("nonsense", ()),
    ],
)
def test_a_landline_is_where_its_code_is(number: str, expected: tuple[str, ...]) -> None:
    assert zones_of(PhoneNumber(number)) == expected


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("Екатеринбург", "Asia/Yekaterinburg"),
        ("г. Екатеринбург", "Asia/Yekaterinburg"),
        ("Свердловская обл.", "Asia/Yekaterinburg"),
        ("Свердловская область, г. Нижний Тагил", "Asia/Yekaterinburg"),
        ("респ. Башкортостан", "Asia/Yekaterinburg"),
        ("ХМАО", "Asia/Yekaterinburg"),
        ("Нижний Новгород", "Europe/Moscow"),
        ("Санкт-Петербург", "Europe/Moscow"),
        ("МОСКОВСКАЯ ОБЛАСТЬ", "Europe/Moscow"),
        ("Омск", "Asia/Omsk"),
        ("Томская область", "Asia/Tomsk"),
        ("Саратов", "Europe/Saratov"),
        ("Приморский край", "Asia/Vladivostok"),
        ("Алматы", "Asia/Almaty"),
        ("Astana", "Asia/Almaty"),
        ("Vladivostok", "Asia/Vladivostok"),
        ("Париж", "Europe/Paris"),
        ("London", "Europe/London"),
    ],
)
def test_a_city_or_a_region_has_one_zone(place: str, expected: str) -> None:
    assert zones_at(place) == (expected,)


@pytest.mark.parametrize("place", ["", "Мордор", "ул. Ленина", "12", "г."])
def test_a_place_that_is_not_known_has_none(place: str) -> None:
    assert zones_at(place) == ()


def test_yakutia_has_three_zones_and_its_capital_one() -> None:
    assert {hours(zone) for zone in zones_at("Республика Саха (Якутия)")} == YAKUTIA
    assert zones_at("Якутск") == ("Asia/Yakutsk",)


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("Europe/Moscow", "Europe/Moscow"),
        ("Europe/moscow", "Europe/Moscow"),
        (" Asia/Omsk ", "Asia/Omsk"),
        ("МСК", "Europe/Moscow"),
        ("MSK", "Europe/Moscow"),
        ("Москва", "Europe/Moscow"),
        ("Москва, Россия", "Europe/Moscow"),
        ("Екатеринбург", "Asia/Yekaterinburg"),
        ("(UTC+03:00) Москва", "Europe/Moscow"),
        ("GMT+3 (Москва)", "Europe/Moscow"),
        ("МСК+2", "Etc/GMT-5"),
        ("мск + 2 часа", "Etc/GMT-5"),
        ("МСК 0", "Europe/Moscow"),
        ("MSK-1", "Etc/GMT-2"),
        ("UTC+3", "Etc/GMT-3"),
        ("UTC+3:00", "Etc/GMT-3"),
        ("+07:00", "Etc/GMT-7"),
        ("+5", "Etc/GMT-5"),
        ("UTC−5", "Etc/GMT+5"),
        ("UTC+0", "Etc/GMT"),
        ("UTC+05:30", "Asia/Kolkata"),
        ("+5:30", "Asia/Kolkata"),
        ("Asia/Calcutta", "Asia/Calcutta"),
        ("5", None),
        ("", None),
        ("UTC+99", None),
        ("localtime", None),
        ("Localtime", None),
        ("Factory", None),
        ("posixrules", None),
        ("posix/Europe/Moscow", None),
        ("right/Europe/Moscow", None),
        ("Мордор", None),
        ("../../etc/passwd", None),
        ("/etc/localtime", None),
    ],
)
def test_zones_are_understood_as_people_write_them(text: str, zone: str | None) -> None:
    assert zone_named(text) == zone
    if zone:
        assert zone_of(zone) is zone_of(zone)


def test_a_fixed_offset_is_no_zone_of_a_country_with_summer_time() -> None:
    assert zones_named("UTC+1", [PhoneNumber("+4930123456")]) == ("Europe/Berlin",)
    assert zones_named("UTC-5", [PhoneNumber("+12127365001")]) == ("America/New_York",)
    assert zones_named("UTC+5", [MOBILE]) == ("Etc/GMT-5",)
    assert zones_named("UTC+7", [PhoneNumber("+4930123456")]) == ("Europe/Berlin", "Etc/GMT-7")
    assert zones_named("Asia/Omsk", [PhoneNumber("+4930123456")]) == ("Asia/Omsk",)


def test_every_place_in_the_table_is_of_a_zone_that_exists() -> None:
    assert {zone for found in zones._stems().values() for zone in found} <= set(zones._every_zone().values())
