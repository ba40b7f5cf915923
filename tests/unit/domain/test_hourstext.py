"""Days and hours as people write them, in English and in Russian."""

from __future__ import annotations

from datetime import time

import pytest

from dialer.domain.hourstext import windows_of


@pytest.mark.parametrize(
    ("text", "days", "start", "end"),
    [
        ("Mon-Fri 09:00-20:00", [0, 1, 2, 3, 4], "09:00", "20:00"),
        ("sat sun 10:00-16:00", [5, 6], "10:00", "16:00"),
        ("Fri-Mon 9:00-24:00", [0, 4, 5, 6], "09:00", "00:00"),
        ("22:00-06:00", [0, 1, 2, 3, 4, 5, 6], "22:00", "06:00"),
        ("Пн-Пт 9-20", [0, 1, 2, 3, 4], "09:00", "20:00"),
        ("Mon,Tue 10-19", [0, 1], "10:00", "19:00"),
        ("пн,вт 10:00–19:00", [0, 1], "10:00", "19:00"),
        ("Пн — Пт 9.00 − 18.30", [0, 1, 2, 3, 4], "09:00", "18:30"),
        ("ежедневно 9‑20", [0, 1, 2, 3, 4, 5, 6], "09:00", "20:00"),
        ("будни с 9 до 18", [0, 1, 2, 3, 4], "09:00", "18:00"),
        ("по выходным 10-16", [5, 6], "10:00", "16:00"),
        ("weekdays from 9 to 18", [0, 1, 2, 3, 4], "09:00", "18:00"),
        ("weekends 10:00 - 16:00", [5, 6], "10:00", "16:00"),
        ("Понедельник, среда и пятница: 9-13", [0, 2, 4], "09:00", "13:00"),
        ("пн. ср. пт. 9-13", [0, 2, 4], "09:00", "13:00"),
        ("круглосуточно", [0, 1, 2, 3, 4, 5, 6], "00:00", "00:00"),
        ("9-20", [0, 1, 2, 3, 4, 5, 6], "09:00", "20:00"),
        ("\u00a0Пн-Пт\u00a09-20", [0, 1, 2, 3, 4], "09:00", "20:00"),
    ],
)
def test_a_schedule_is_days_and_hours(text: str, days: list[int], start: str, end: str) -> None:
    windows = windows_of(text)
    assert [window.weekday for window in windows] == days
    assert {(f"{window.start:%H:%M}", f"{window.end:%H:%M}") for window in windows} == {(start, end)}


def test_a_schedule_has_as_many_parts_as_it_needs() -> None:
    assert len(windows_of("Mon-Thu 09:00-20:00, Fri 09:00-18:00, Sat 10:00-12:00")) == 6
    assert len(windows_of("Пн-Пт 9-13, 14-18; Сб 10-12")) == 11
    assert windows_of("9-13, 14-18") == windows_of("ежедневно 9-13, ежедневно 14-18")
    assert windows_of("Mon 9-20, Mon 9-20") == windows_of("Mon 9-20")


@pytest.mark.parametrize(
    "text",
    ["", ",", "Mon", "Mon 9:00", "Mo 9:00-20:00", "Mon 9:60-10:00", "Mon 9-25", "Mon 9-20, Tue", "вчера",
     "Mon 9-20 и ещё", "Mon-Fri 9", "Пн-Пя 9-20", "Mon 9-200", "9--20", "Mon 9-20 !"],
)  # fmt: skip
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"Mon|time of day"):
        windows_of(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        (" , ", "is empty"),
        ("Mon", "is empty"),
        ("Mon 9-20, Tue", "no hours for its last days"),
        ("Mon 9-20 !", "'!' is not days and hours"),
        ("вчера 9-20", "'вчера' is not a day"),
        ("Mon 9:60-10:00", "9:60 is not a time of day"),
        ("Mon 9-24:01", "24:01 is not a time of day"),
    ],
)
def test_the_refusal_says_which_part_is_wrong(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        windows_of(text)


def test_midnight_is_written_as_the_end_or_the_beginning_of_a_day() -> None:
    assert {window.end for window in windows_of("9-24, 9-24:00, 9-0, 9-0:00")} == {time(0)}


def test_minutes_are_read_on_both_sides_of_the_dash() -> None:
    (window,) = windows_of("Mon 9:15-18:45")
    assert (window.start, window.end) == (time(9, 15), time(18, 45))


def test_days_that_are_named_one_after_another_share_the_hours_that_follow() -> None:
    assert [window.weekday for window in windows_of("Mon, Wed-Thu 9-20, Sat 10-12")] == [0, 2, 3, 5]
