"""Public holidays of the library: of a country, a region, a time zone; transferred days as it has them."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from dialer.adapters.calendars import _country, check_calendar, holiday_of
from dialer.adapters.zones import RUSSIA
from dialer.domain.errors import BadField

MOSCOW, BERLIN = "Europe/Moscow", "Europe/Berlin"


@pytest.mark.parametrize(
    ("calendar", "zone", "day", "name"),
    [
        ("zone", MOSCOW, date(2026, 6, 12), "День России"),
        ("zone", "Asia/Kamchatka", date(2026, 1, 8), "Новогодние каникулы"),
        ("RU", BERLIN, date(2026, 5, 9), "День Победы"),
        ("RU", MOSCOW, date(2026, 6, 11), ""),
        ("zone", BERLIN, date(2026, 10, 3), "Tag der Deutschen Einheit"),
        ("zone", BERLIN, date(2026, 6, 4), ""),
        ("DE-BY", BERLIN, date(2026, 6, 4), "Fronleichnam"),
        ("zone", "Etc/GMT-3", date(2026, 6, 12), ""),
        ("zone", "Nowhere/Land", date(2026, 6, 12), ""),
        ("XX", MOSCOW, date(2026, 6, 12), ""),
        ("RU-XX", MOSCOW, date(2026, 6, 12), ""),
    ],
)
def test_a_day_is_the_holiday_that_people_there_know(calendar: str, zone: str, day: date, name: str) -> None:
    assert holiday_of(calendar, zone, day) == name


def test_a_day_off_that_was_transferred_is_one_as_far_as_the_library_knows() -> None:
    assert holiday_of("RU", MOSCOW, date(2025, 5, 2)) == "Выходной (перенесено с 04.01.2025)"
    assert holiday_of("RU", MOSCOW, date(2025, 5, 8)) == "Выходной (перенесено с 23.02.2025)"


def test_every_zone_of_russia_lies_in_it() -> None:
    assert {_country(ZoneInfo(zone).key) for zone in RUSSIA} == {"RU"}


@pytest.mark.parametrize("calendar", ["", "zone", "RU", "KZ", "DE-BY", "US-CA"])
def test_a_calendar_that_is_known_may_be_set(calendar: str) -> None:
    check_calendar(calendar)


@pytest.mark.parametrize(
    ("calendar", "words"), [("QQ", "'QQ' are not known"), ("DE-XX", "BB, BE"), ("RU-MOW", "known are: none")]
)
def test_one_that_is_not_is_refused_with_those_that_are(calendar: str, words: str) -> None:
    with pytest.raises(BadField, match=words):
        check_calendar(calendar)


def test_the_library_is_loaded_when_it_is_asked_and_not_before() -> None:
    code = (
        "import sys; from dialer.adapters import calendars; assert 'holidays' not in sys.modules;"
        " calendars.load_calendars(); assert 'holidays.countries.russia' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
