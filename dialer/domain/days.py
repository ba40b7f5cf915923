"""Days as the office counts them: by the clock of its own zone; instants stay in UTC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from dialer.domain.said import Said, said

Offsets = Sequence[tuple[datetime, timedelta]]  # from when on, how far ahead of UTC; in order

_WEEK = timedelta(days=7)  # no zone moves its clock there and back within a week
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)  # offsets are looked for


def day_of(at: datetime, zone: tzinfo) -> date:
    """The day on which the office has this instant."""
    return at.astimezone(zone).date()


def begins_at(day: date, zone: tzinfo) -> datetime:
    """The first instant of a day; where the clock skips midnight, the instant of the skip."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def span_of(day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """A day's first instant, and that of the next day: 23 to 25 hours."""
    return begins_at(day, zone), begins_at(day + timedelta(days=1), zone)


def read_day(text: str) -> date:
    """`2026-02-03` or `03.02.2026`; ValueError."""
    day, month, year = text.split(".") if text.count(".") == 2 else ("", "", "")
    return date.fromisoformat(f"{year}-{month.zfill(2)}-{day.zfill(2)}" if year else text)


def read_instant(text: str) -> datetime:
    """A day, perhaps with a clock and a zone: `03.02.2026 10:00`; without a zone it has none. ValueError."""
    day, gap, clock = text.replace("T", " ").partition(" ")
    return datetime.fromisoformat(f"{read_day(day).isoformat()}{gap}{clock}")


def told_day(day: date) -> Said:
    """A day as each language writes it."""
    return said("{year:04}-{month:02}-{day:02}", year=day.year, month=day.month, day=day.day)


def told_at(at: datetime, *, seconds: bool = False) -> Said:
    """An instant by its own zone, as each language writes it."""
    clock = f"{at:%H:%M:%S}" if seconds else f"{at:%H:%M}"
    return said("{day} {clock}", day=told_day(at), clock=clock)


def offsets(since_at: datetime, until_at: datetime, zone: tzinfo) -> Offsets:
    """How far the zone is ahead of UTC within a span; the first one counts for all that is before, too."""
    at, end = max(since_at, _FIRST), min(until_at, _LAST)
    found = [(at, _offset(at, zone))]
    while at < end:
        following = min(at + _WEEK, end)
        if _offset(following, zone) != found[-1][1]:
            found.append(_change(at, following, zone))
        at = following
    return found


def _change(before: datetime, after: datetime, zone: tzinfo) -> tuple[datetime, timedelta]:
    """The second at which the offset becomes that of `after`."""
    becomes = _offset(after, zone)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        before, after = (before, middle) if _offset(middle, zone) == becomes else (middle, after)
    return after.replace(microsecond=0), becomes


def _offset(at: datetime, zone: tzinfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()
