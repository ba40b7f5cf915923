"""Days of a zone and quarters of an hour in SQL: offsets come in as values, so both databases count alike."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, case, literal

from dialer.adapters.sql.hours import epoch_us, epoch_us_on_sqlite
from dialer.adapters.sql.tables import EPOCH, MICROSECOND, Instant
from dialer.domain.days import Offsets
from dialer.domain.kpi import QUARTER

DAY_US = 86_400_000_000
EPOCH_DAY = date(1970, 1, 1).toordinal()
FIRST = datetime(1, 1, 1, tzinfo=UTC)
EPOCH_US = (EPOCH - FIRST) // MICROSECOND
QUARTER_US = QUARTER // MICROSECOND


def ordinal_of(at: ColumnElement[Any], offsets: Offsets, *, is_sqlite: bool) -> ColumnElement[int]:
    """The day of an instant as `date.toordinal` counts it; positive for all that a database holds."""
    us = epoch_us_on_sqlite(at) if is_sqlite else epoch_us(at)
    ahead_us = [(from_at, offset // MICROSECOND + EPOCH_DAY * DAY_US) for from_at, offset in offsets]
    ahead: Any = literal(ahead_us[0][1], BigInteger)
    if len(ahead_us) > 1:
        later = [
            (at >= literal(from_at, Instant), literal(its_us, BigInteger))
            for from_at, its_us in reversed(ahead_us[1:])
        ]
        ahead = case(*later, else_=ahead)
    day: ColumnElement[int] = (us + ahead) // literal(DAY_US, BigInteger)
    return day


def quarter_of(at: ColumnElement[Any], *, is_sqlite: bool) -> ColumnElement[int]:
    """The quarter of an hour in UTC of an instant; `at_of` gives its beginning."""
    us = epoch_us_on_sqlite(at) if is_sqlite else epoch_us(at)
    quarter: ColumnElement[int] = (us + literal(EPOCH_US, BigInteger)) // literal(QUARTER_US, BigInteger)
    return quarter


def at_of(quarter: int) -> datetime:
    return FIRST + quarter * QUARTER
