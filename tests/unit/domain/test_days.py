"""A day is the office's: it begins and ends by the clock of the office's zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.domain.days import begins_at, day_of, offsets, read_day, span_of, told_day

MICROSECOND = timedelta(microseconds=1)
ZONES = (
    "Europe/Moscow", "Asia/Vladivostok", "Asia/Kolkata", "Europe/Berlin", "America/New_York",
    "America/Sao_Paulo", "Australia/Lord_Howe", "America/Havana", "Asia/Beirut", "Africa/Casablanca",
)  # fmt: skip
zones = st.sampled_from(ZONES).map(ZoneInfo)
days = st.dates(date(2001, 1, 1), date(2037, 12, 31))
FIRST = datetime(2001, 1, 1, tzinfo=UTC)
instants = st.integers(0, 37 * 365 * 86_400).map(lambda second: FIRST + timedelta(seconds=second))


def test_vladivostoks_day_begins_when_utc_has_two_in_the_afternoon() -> None:
    vladivostok = ZoneInfo("Asia/Vladivostok")
    assert begins_at(date(2026, 2, 3), vladivostok) == datetime(2026, 2, 2, 14, tzinfo=UTC)
    assert day_of(datetime(2026, 2, 2, 14, tzinfo=UTC), vladivostok) == date(2026, 2, 3)
    assert day_of(datetime(2026, 2, 2, 13, 59, 59, tzinfo=UTC), vladivostok) == date(2026, 2, 2)


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_a_day_on_which_the_clock_moves_is_shorter_or_longer(day: date, hours: int) -> None:
    since_at, until_at = span_of(day, ZoneInfo("Europe/Berlin"))
    assert until_at - since_at == timedelta(hours=hours)


def test_a_day_without_a_midnight_begins_where_the_clock_leapt() -> None:
    beirut = ZoneInfo("Asia/Beirut")  # 00:00 to 01:00 on 29 March 2026
    assert begins_at(date(2026, 3, 29), beirut).astimezone(beirut).hour == 1


@settings(max_examples=300, deadline=None)
@given(days, zones)
def test_a_day_begins_with_its_first_instant(day: date, zone: ZoneInfo) -> None:
    begins = begins_at(day, zone)
    assert day_of(begins, zone) == day
    assert day_of(begins - MICROSECOND, zone) == day - timedelta(days=1)


@settings(max_examples=200, deadline=None)
@given(instants, st.integers(0, 800), instants, zones)
def test_offsets_say_the_day_of_every_instant_of_their_span(
    since_at: datetime, length: int, shift: datetime, zone: ZoneInfo
) -> None:
    until_at = since_at + timedelta(days=length)
    known = offsets(since_at, until_at, zone)
    assert known[0][0] == since_at
    assert all(one[0] < other[0] and one[1] != other[1] for one, other in pairwise(known))
    inside = since_at + (shift - FIRST) % timedelta(days=length or 1)
    turns = [at + step for at, _ in known for step in (-MICROSECOND, timedelta()) if at + step >= since_at]
    for at in (inside, since_at, *turns):
        ahead = [offset for from_at, offset in known if from_at <= at][-1]
        assert (at + ahead).date() == day_of(at, zone)


def test_offsets_of_a_span_without_end_are_found_in_no_time() -> None:
    known = offsets(
        datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC), ZoneInfo("Europe/Berlin")
    )
    assert len(known) == 201


@pytest.mark.parametrize("text", ["2026-02-03", "03.02.2026", "3.2.2026"])
def test_a_day_is_read_as_computers_and_as_people_write_it(text: str) -> None:
    assert read_day(text) == date(2026, 2, 3)


@pytest.mark.parametrize(
    "text", ["", "03.02", "02.2026", "2026.02", "2026.02.03", "3.2.26", "31.02.2026", "1.2.3.2026", "today"]
)
def test_what_names_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_day(text)


def test_a_day_that_is_told_can_be_read_again() -> None:
    assert told_day(date(2026, 2, 3)) == "2026-02-03"
    assert read_day(told_day(date(2026, 2, 3))) == date(2026, 2, 3)
