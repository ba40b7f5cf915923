"""Options as people write them."""

from __future__ import annotations

from datetime import time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.adapters.languages import speaker
from dialer.cli import knobs
from dialer.domain.campaign import Retry
from dialer.domain.hourstext import windows_of
from dialer.domain.schedule import Window, hours
from dialer.domain.types import Language, Outcome


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45", 45), ("30s", 30), ("15m", 900), ("15 min", 900), ("2h", 7200), ("1.5h", 5400), ("3d", 259_200)],
)
def test_a_length_of_time_has_a_unit_or_is_in_seconds(text: str, seconds: float) -> None:
    assert knobs.span(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5", "1w", "1h30", "5 s s", "NaN", "1e9", "٣"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="length of time"):
        knobs.span(text)


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


@given(
    st.sets(st.integers(0, 6), min_size=1),
    st.tuples(st.integers(0, 23), st.integers(0, 59)),
    st.tuples(st.integers(0, 23), st.integers(0, 59)),
    st.sampled_from(Language),
)
def test_what_the_screens_show_of_a_schedule_can_be_typed(
    days: set[int], start: tuple[int, int], end: tuple[int, int], language: Language
) -> None:
    windows = tuple(Window(day, time(*start), time(*end)) for day in sorted(days))
    assert windows_of(speaker(language)(hours(windows))) == windows


def test_operators_are_named_one_by_one_and_in_ranges() -> None:
    assert knobs.operators("101, 105-107 101") == {"101", "105", "106", "107"}
    assert knobs.operators("08-11") == {"08", "09", "10", "11"}
    assert knobs.operators("none") == frozenset()


@pytest.mark.parametrize("text", ["107-105", "1-100", "a-b", "10-999", "00000-99999"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="range"):
        knobs.operators(text)


def test_retries_are_delays_in_turn_and_perhaps_the_next_number() -> None:
    assert knobs.retry(["busy=5m,1h", "no_answer=next", "rejected=never"]) == {
        Outcome.BUSY: Retry((timedelta(minutes=5), timedelta(hours=1))),
        Outcome.NO_ANSWER: Retry((), next_number=True),
        Outcome.REJECTED: Retry(()),
    }


@pytest.mark.parametrize("text", ["busy", "perhaps=5m", "busy=soon", "=5m", "busy="])
def test_what_is_no_retry_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"outcome|length of time|delays"):
        knobs.retry([text])


@pytest.mark.parametrize("text", ["", "1.5", "x", "0x10", "1e3", "9" * 13])
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="whole number"):
        knobs.whole(text)
