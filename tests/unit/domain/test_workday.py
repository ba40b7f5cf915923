"""A shift has an end: after so many hours, or at an hour of the office's clock, whatever comes first."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from dialer.domain.operators import Operator, State
from dialer.domain.types import OperatorId
from dialer.domain.workday import CLOSING, TOO_LONG, Workday, over, shift_ends_at

MOSCOW = ZoneInfo("Europe/Moscow")
DAY = Workday(timedelta(hours=12), time(21, 30), MOSCOW)


def moscow(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=MOSCOW).astimezone(UTC)


@pytest.mark.parametrize(
    ("began_at", "ends"),
    [
        (moscow(2, 10), (moscow(2, 21, 30), CLOSING)),
        (moscow(2, 8), (moscow(2, 20), TOO_LONG)),
        (moscow(2, 21, 30), (moscow(3, 9, 30), TOO_LONG)),
        (moscow(2, 21, 29), (moscow(2, 21, 30), CLOSING)),
        (moscow(2, 23), (moscow(3, 11), TOO_LONG)),
    ],
)
def test_whichever_end_comes_first(began_at, ends):
    assert shift_ends_at(began_at, DAY) == ends


def test_the_hour_is_the_offices_on_the_day_when_clocks_are_set_back_too():
    berlin = Workday(closes=time(21, 30), zone=ZoneInfo("Europe/Berlin"))
    began_at = datetime(2026, 10, 24, 20, 0, tzinfo=UTC)  # 22:00: after that day's hour
    assert shift_ends_at(began_at, berlin) == (datetime(2026, 10, 25, 20, 30, tzinfo=UTC), CLOSING)


def test_without_limits_a_shift_has_no_end():
    at_work = Operator(OperatorId("101"), state=State.READY, shift_since_at=moscow(2, 10))
    assert over(at_work, Workday(), moscow(29, 10)) == ""


def test_somebody_who_is_not_here_is_not_sent_home():
    assert over(Operator(OperatorId("101"), since_at=moscow(1, 1)), DAY, moscow(29, 10)) == ""


def test_a_shift_of_before_an_update_ends_as_well():
    at_work = Operator(OperatorId("101"), state=State.READY, since_at=moscow(2, 8))
    assert over(at_work, DAY, moscow(2, 19, 59)) == ""
    assert over(at_work, DAY, moscow(2, 20)) == TOO_LONG
