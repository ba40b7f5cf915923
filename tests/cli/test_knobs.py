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
