"""Calling hours: in the called person's zone, in all zones that are possible, over clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.domain.schedule import DAYS, Window, every_day, hours, is_open, narrow, next_opening

zone_of = cache(ZoneInfo)
NINE_TO_EIGHT = every_day(time(9), time(20))
MOSCOW, VLADIVOSTOK, KALININGRAD = "Europe/Moscow", "Asia/Vladivostok", "Europe/Kaliningrad"
NEW_YORK = "America/New_York"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def daily(text: str) -> tuple[Window, ...]:
    start, end = (time.fromisoformat(one) for one in text.split("-"))
    return every_day(start, end)


@pytest.mark.parametrize(
    ("windows", "zones", "at", "opens"),
    [
        (NINE_TO_EIGHT, [MOSCOW], "2026-03-02 05:59", "2026-03-02 06:00"),
        (NINE_TO_EIGHT, [MOSCOW], "2026-03-02 06:00", ""),
        (NINE_TO_EIGHT, [MOSCOW], "2026-03-02 16:59", ""),
        (NINE_TO_EIGHT, [MOSCOW], "2026-03-02 17:00", "2026-03-03 06:00"),
        (NINE_TO_EIGHT, [VLADIVOSTOK], "2026-03-02 06:00", ""),
        (NINE_TO_EIGHT, [VLADIVOSTOK], "2026-03-02 10:00", "2026-03-02 23:00"),
        # every zone must be open: Kaliningrad is the last to wake, Vladivostok the first to sleep
        (NINE_TO_EIGHT, [KALININGRAD, VLADIVOSTOK], "2026-03-02 06:00", "2026-03-02 07:00"),
        (NINE_TO_EIGHT, [KALININGRAD, VLADIVOSTOK], "2026-03-02 09:59", ""),
        (NINE_TO_EIGHT, [KALININGRAD, VLADIVOSTOK], "2026-03-02 10:00", "2026-03-03 07:00"),
        ((Window(2, time(10), time(11)),), [MOSCOW], "2026-03-04 08:00", "2026-03-11 07:00"),
        (daily("22:00-06:00"), [MOSCOW], "2026-03-02 20:00", ""),
        (daily("22:00-06:00"), [MOSCOW], "2026-03-02 02:59", ""),
        (daily("22:00-06:00"), [MOSCOW], "2026-03-02 03:00", "2026-03-02 19:00"),
        ((Window(6, time(22), time(2)),), [MOSCOW], "2026-03-01 22:30", ""),
        (daily("00:00-00:00"), [MOSCOW, VLADIVOSTOK, NEW_YORK], "2026-03-02 21:00", ""),
        # the night of 8 March 2026: New York's clocks jump from 2:00 to 3:00 at 07:00 UTC
        (daily("02:30-05:00"), [NEW_YORK], "2026-03-08 06:59", "2026-03-08 07:00"),
        ((Window(6, time(2), time(2, 45)),), [NEW_YORK], "2026-03-08 06:00", "2026-03-15 06:00"),
        (NINE_TO_EIGHT, [NEW_YORK], "2026-03-08 02:00", "2026-03-08 13:00"),
        # 1 November 2026: 1:00-2:00 comes twice, 05:00 and 06:00 UTC
        (daily("01:10-01:20"), [NEW_YORK], "2026-11-01 05:15", ""),
        (daily("01:10-01:20"), [NEW_YORK], "2026-11-01 05:30", "2026-11-01 06:10"),
        (daily("01:10-01:20"), [NEW_YORK], "2026-11-01 06:30", "2026-11-02 06:10"),
    ],
)
def test_hours_open_when_they_are_open_in_every_zone(
    windows: tuple[Window, ...], zones: list[str], at: str, opens: str
) -> None:
    opening = is_open(windows, zones, utc(at), zone_of)
    assert opening.open is not bool(opens)
    assert opening.opens_at == (utc(opens) if opens else None)


def test_a_closed_door_says_what_the_clock_shows_and_what_is_allowed() -> None:
    weekdays = tuple(Window(day, time(9), time(18)) for day in range(5))
    windows = (*weekdays, Window(5, time(10), time(16)))
    assert is_open(windows, [MOSCOW, VLADIVOSTOK], utc("2026-03-02 09:00"), zone_of).why == (
        "it is Mon 19:00 in Asia/Vladivostok, calls are allowed Mon-Fri 09:00-18:00, Sat 10:00-16:00"
        " in each of the 2 zones that the number may be in"
    )


def test_hours_that_never_meet_say_so_and_name_the_way_out() -> None:
    opening = is_open(daily("09:00-12:00"), [KALININGRAD, VLADIVOSTOK], utc("2026-03-02 09:00"), zone_of)
    assert not opening.open
    assert opening.opens_at is None
    assert "these hours never meet: widen them, or give the lead its own time zone" in opening.why


@pytest.mark.parametrize(
    ("windows", "zones", "why"), [((), [MOSCOW], "no calling hours at all"), (NINE_TO_EIGHT, [], "not known")]
)
def test_no_hours_and_no_zone_are_closed(windows: tuple[Window, ...], zones: list[str], why: str) -> None:
    opening = is_open(windows, zones, utc("2026-03-02 09:00"), zone_of)
    assert (opening.open, opening.opens_at) == (False, None)
    assert why in opening.why


def test_narrow_gives_what_both_allow() -> None:
    assert hours(narrow(NINE_TO_EIGHT, daily("19:00-10:00"))) == "Mon-Sun 09:00-10:00, Mon-Sun 19:00-20:00"
    assert narrow(daily("00:00-00:00"), NINE_TO_EIGHT) == NINE_TO_EIGHT
    assert narrow((Window(0, time(9), time(10)),), (Window(1, time(9), time(10)),)) == ()
    assert narrow((Window(6, time(23), time(1)),), (Window(0, time(0), time(9)),)) == (
        Window(0, time(0), time(1)),
    )


def test_days_are_named_as_people_do() -> None:
    assert (
        hours((Window(0, time(9), time(18)), Window(3, time(9), time(18))))
        == f"{DAYS[0]} {DAYS[3]} 09:00-18:00"
    )


# --- against a slow and obvious search --------------------------------------------------------------------

QUARTER = timedelta(minutes=15)
quarters = st.builds(lambda n: time(n // 4, n % 4 * 15), st.integers(0, 95))
windows_ = st.lists(st.builds(Window, st.integers(0, 6), quarters, quarters), min_size=1, max_size=5).map(
    tuple
)
zones_ = st.lists(
    st.sampled_from([MOSCOW, KALININGRAD, NEW_YORK, "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"]),
    min_size=1,
    max_size=3,
    unique=True,
)
instants = st.sampled_from(
    [utc("2026-03-07 12:00"), utc("2026-10-31 20:00"), utc("2026-04-04 00:00"), utc("2026-07-01 00:00")]
).flatmap(lambda day: st.integers(0, 96).map(lambda n: day + timedelta(minutes=15 * n)))


@settings(max_examples=60, deadline=None)
@given(windows_, zones_, instants)
def test_the_next_opening_is_the_first_open_quarter_of_an_hour(
    windows: tuple[Window, ...], zones: list[str], at: datetime
) -> None:
    """All clocks, windows and changes here lie on quarters, so trying each quarter is exact."""
    allowed = frozenset().union(*map(quarters_of, windows))
    tried = (at + i * QUARTER for i in range(10 * 96))
    first = next((one for one in tried if all(quarter(zone, one) in allowed for zone in zones)), None)
    found = next_opening(windows, tuple(zones), at, zone_of)
    assert is_open(windows, zones, at, zone_of).open is (first == at)
    if first is None:
        assert found is None or found >= at + 10 * 96 * QUARTER
    else:
        assert found == first
        assert is_open(windows, zones, first, zone_of).open
        assert first == at or not is_open(windows, zones, first - QUARTER, zone_of).open


def quarter(zone: str, at: datetime) -> int:
    """Which of the week's, by the clock on the wall there."""
    local = at.astimezone(zone_of(zone))
    return (local.weekday() * 24 + local.hour) * 4 + local.minute // 15


def quarters_of(window: Window) -> frozenset[int]:
    start, end = ((one.hour * 60 + one.minute) // 15 for one in (window.start, window.end))
    return frozenset((window.weekday * 96 + start + i) % (7 * 96) for i in range((end - start) % 96 or 96))


@settings(max_examples=50, deadline=None)
@given(windows_, windows_, st.sampled_from([MOSCOW, NEW_YORK]), instants)
def test_narrowed_hours_are_open_exactly_when_both_are(
    one: tuple[Window, ...], other: tuple[Window, ...], zone: str, at: datetime
) -> None:
    both = all(is_open(windows, [zone], at, zone_of).open for windows in (one, other))
    assert is_open(narrow(one, other), [zone], at, zone_of).open is both


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ((0,), "Mon 09:00-18:00"),
        ((0, 1), "Mon-Tue 09:00-18:00"),
        ((1, 2, 3, 4), "Tue-Fri 09:00-18:00"),
        ((0, 2), "Mon Wed 09:00-18:00"),
        ((0, 2, 3), "Mon Wed Thu 09:00-18:00"),
        ((), ""),
    ],
)
def test_days_in_a_row_are_told_as_a_span(days: tuple[int, ...], told: str) -> None:
    assert hours([Window(day, time(9), time(18)) for day in days]) == told


def test_hours_are_narrowed_to_the_microsecond() -> None:
    odd = (Window(6, time(9, 7, 8, 9), time(23, 59, 58, 7)),)
    assert narrow(odd, daily("00:00-00:00")) == odd
    assert narrow(odd, (Window(6, time(10, 20, 30, 40), time(0)),)) == (
        Window(6, time(10, 20, 30, 40), time(23, 59, 58, 7)),
    )
    assert narrow((Window(6, time(22), time(0)),), daily("00:00-00:00")) == (Window(6, time(22), time(0)),)
