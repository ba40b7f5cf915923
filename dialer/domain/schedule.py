"""Calling hours: weekly windows in the called person's zone, and the instant when they open next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from dialer.domain.said import Said, counted, listed, said

ZoneOf = Callable[[str], tzinfo]  # IANA name -> zone; the same callable each time, answers are remembered

# (calendar, zone, day there) -> the name of the public holiday; '' for a day like others
HolidayOf = Callable[[str, str, date], str]
BY_ZONE = "zone"  # a calendar: that of the country in which the person's time zone lies
OFFSETS = "Etc/"  # zones of no country
MOST_HOLIDAYS = 60  # in a row, the days between them included

HORIZON = timedelta(days=15)  # a weekly hour that a clock change swallows comes back within this
DAY = timedelta(days=1)
DAY_US = 86_400_000_000  # microseconds
DAYS = (said("Mon"), said("Tue"), said("Wed"), said("Thu"), said("Fri"), said("Sat"), said("Sun"))


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of one weekday (0 = Monday) in the called person's zone; `end` is not included.

    An end at or before the start is on the next day: 22:00-06:00 runs through the night, 00:00-00:00 is a
    whole day.
    """

    weekday: int
    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Opening:
    """Whether calls are allowed, and if not, since when they will be; None: never."""

    open: bool
    opens_at: datetime | None = None
    why: str = ""


Span = tuple[datetime, datetime]


def every_day(start: time, end: time) -> tuple[Window, ...]:
    """The same hours on all seven days."""
    return tuple(Window(day, start, end) for day in range(7))


def is_open(windows: tuple[Window, ...], zones: Sequence[str], at: datetime, zone_of: ZoneOf) -> Opening:
    """Calls are allowed when the hours of *every* zone allow them: any of them may be the person's own."""
    if not windows:
        return Opening(False, None, said("there are no calling hours at all: add hours to the schedule"))
    if not zones:
        return Opening(False, None, said("the person's time zone is not known: give the lead a time zone"))
    closed = next((zone for zone in zones if not _covers(windows, at.astimezone(zone_of(zone)))), None)
    if closed is None:
        return Opening(True)
    opens_at = next_opening(windows, tuple(zones), at, zone_of)
    local = at.astimezone(zone_of(closed))
    here = said("{day} {clock} in {zone}", day=DAYS[local.weekday()], clock=f"{local:%H:%M}", zone=closed)
    why = said("it is {here}, calls are allowed {hours}", here=here, hours=hours(windows))
    if len(zones) > 1:
        why = counted(
            "{why} in {n} zone",
            "{why} in each of the {n} zones that the number may be in",
            len(zones),
            why=why,
        )
    if opens_at is None:
        why = said("{why}; these hours never meet: widen them, or give the lead its own time zone", why=why)
    return Opening(False, opens_at, why)


def next_opening(
    windows: tuple[Window, ...], zones: tuple[str, ...], at: datetime, zone_of: ZoneOf
) -> datetime | None:
    """The first instant from `at` on at which every zone allows calls; None: there is none."""
    minute_at = at.replace(second=0, microsecond=0)  # so that the answer is found once for many leads
    opens_at = _first_common(windows, zones, minute_at, zone_of)
    if opens_at is not None and opens_at < at:  # open now, or opened and closed again within this minute
        return _first_common(windows, zones, at, zone_of)
    return opens_at


def no_holidays(calendar: str, zone: str, day: date) -> str:
    """Where nobody knows of any."""
    return ""


def but_holidays(
    opening: Opening,
    windows: tuple[Window, ...],
    zones: Sequence[str],
    at: datetime,
    *,
    zone_of: ZoneOf,
    holiday_in: Callable[[str, date], str],
) -> Opening:
    """What `is_open` has said, with the public holidays of every zone that the person may be in closed.

    `holiday_in`: (zone, day there) -> the name of the holiday, or ''.
    """
    opens_at = at if opening.open else opening.opens_at
    if opens_at is None or not (named := _holiday(zones, opens_at, zone_of, holiday_in)):
        return opening
    why = opening.why
    if opening.open:
        zone, name = named
        day = at.astimezone(zone_of(zone)).date()
        why = said("{day} is a public holiday in {zone} ({name})", day=day, zone=zone, name=name)
    for _ in range(MOST_HOLIDAYS):
        if opens_at is None or named is None:
            break
        opens_at = next_opening(windows, tuple(zones), _day_after(opens_at, zone_of(named[0])), zone_of)
        named = _holiday(zones, opens_at, zone_of, holiday_in) if opens_at else None
    return Opening(False, None if named else opens_at, why)


def _holiday(
    zones: Sequence[str], at: datetime, zone_of: ZoneOf, holiday_in: Callable[[str, date], str]
) -> tuple[str, str] | None:
    """The first zone in which it is one, and its name."""
    for zone in zones:
        if name := holiday_in(zone, at.astimezone(zone_of(zone)).date()):
            return zone, name
    return None


def _day_after(at: datetime, zone: tzinfo) -> datetime:
    """The next midnight there."""
    local = at.astimezone(zone) + DAY
    return local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)


def narrow(windows: Sequence[Window], other: Sequence[Window]) -> tuple[Window, ...]:
    """The hours that both allow."""
    both = [
        (max(a[0], b[0]), min(a[1], b[1]))
        for a in _week(windows)
        for b in _week(other)
        if max(a[0], b[0]) < min(a[1], b[1])
    ]
    return tuple(Window(start // DAY_US, _clock(start), _clock(end)) for start, end in sorted(both))


def hours(windows: Sequence[Window]) -> Said:
    """`Mon-Fri 09:00-20:00, Sat 10:00-16:00`."""
    by_hours: dict[str, list[int]] = {}
    for window in sorted(windows, key=lambda one: (one.weekday, one.start)):
        days = by_hours.setdefault(f"{window.start:%H:%M}-{window.end:%H:%M}", [])
        if window.weekday not in days:
            days.append(window.weekday)
    return listed(listed([_days(days), text], " ") for text, days in by_hours.items())


# --- wall clocks ------------------------------------------------------------------------------------------


def _covers(windows: Iterable[Window], local: datetime) -> bool:
    day, clock = local.weekday(), local.time()
    return any(
        (window.weekday == day and window.start <= clock and (clock < window.end or _past_midnight(window)))
        or ((window.weekday + 1) % 7 == day and _past_midnight(window) and clock < window.end)
        for window in windows
    )


def _past_midnight(window: Window) -> bool:
    return window.end <= window.start


def _week(windows: Iterable[Window]) -> list[tuple[int, int]]:
    """Microseconds of the week, cut at each midnight."""
    spans = []
    for window in windows:
        start = window.weekday * DAY_US + _microsecond(window.start)
        end = window.weekday * DAY_US + _microsecond(window.end)
        if not _past_midnight(window):
            spans.append((start, end))
            continue
        midnight = (window.weekday + 1) * DAY_US
        spans.append((start, midnight))
        spans.append((midnight % (7 * DAY_US), (end + DAY_US) % (7 * DAY_US)))
    return spans


def _microsecond(clock: time) -> int:
    return ((clock.hour * 60 + clock.minute) * 60 + clock.second) * 1_000_000 + clock.microsecond


def _clock(microsecond: int) -> time:
    seconds, microsecond = divmod(microsecond % DAY_US, 1_000_000)
    return time(seconds // 3600, seconds % 3600 // 60, seconds % 60, microsecond)


def _days(days: Sequence[int]) -> Said:
    if len(days) > 1 and days[-1] - days[0] == len(days) - 1:
        return listed([DAYS[days[0]], DAYS[days[-1]]], "-")
    return listed([DAYS[day] for day in days], " ")


# --- instants ---------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def _first_common(
    windows: tuple[Window, ...], zones: tuple[str, ...], since_at: datetime, zone_of: ZoneOf
) -> datetime | None:
    """Remembered: a night's worth of leads asks the same question."""
    common: list[Span] = [(since_at, since_at + HORIZON)]
    for zone in zones:
        common = _meet(common, _open_spans(windows, zone_of(zone), since_at))
        if not common:
            return None
    return common[0][0]


def _open_spans(windows: Sequence[Window], zone: tzinfo, since_at: datetime) -> list[Span]:
    """Open times of one zone within the horizon, in order, as instants.

    Between two clock changes the wall clock is UTC plus a constant, so each such stretch is plain arithmetic;
    hours that a change skips or repeats come out right by themselves.
    """
    spans: list[Span] = []
    for begin_at, end_at, offset in _stretches(zone, since_at, since_at + HORIZON):
        midnight = (begin_at + offset).replace(hour=0, minute=0, second=0, microsecond=0) - DAY
        while midnight - offset < end_at:
            for window in windows:
                if window.weekday == midnight.weekday():
                    start = _microsecond(window.start)
                    opens_at = midnight + timedelta(microseconds=start) - offset
                    length = (_microsecond(window.end) - start) % DAY_US or DAY_US
                    closes_at = opens_at + timedelta(microseconds=length)
                    spans.append((max(opens_at, begin_at), min(closes_at, end_at)))
            midnight += DAY
    return _merged(span for span in spans if span[0] < span[1])


def _merged(spans: Iterable[Span]) -> list[Span]:
    """In order, without overlaps and seams."""
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span[0] <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], span[1]))
        else:
            merged.append(span)
    return merged


def _stretches(
    zone: tzinfo, since_at: datetime, until_at: datetime
) -> Iterable[tuple[datetime, datetime, timedelta]]:
    """Stretches of constant offset from UTC; no zone changes its clock twice within a day."""
    begin_at, at = since_at, since_at
    while at < until_at:
        next_at = min(at + DAY, until_at)
        if _offset(zone, at) != _offset(zone, next_at):
            change_at = _change(zone, at, next_at)
            yield begin_at, change_at, _offset(zone, begin_at)
            begin_at = change_at
        at = next_at
    yield begin_at, until_at, _offset(zone, begin_at)


def _change(zone: tzinfo, before_at: datetime, after_at: datetime) -> datetime:
    """The second at which the offset changes, by halving."""
    while after_at - before_at > timedelta(seconds=1):
        middle_at = before_at + (after_at - before_at) // 2
        middle_at = middle_at.replace(microsecond=0)
        if _offset(zone, middle_at) == _offset(zone, before_at):
            before_at = middle_at
        else:
            after_at = middle_at
    return after_at


def _offset(zone: tzinfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def _meet(spans: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """What is in both; each is sorted."""
    common: list[Span] = []
    i = j = 0
    while i < len(spans) and j < len(others):
        span = max(spans[i][0], others[j][0]), min(spans[i][1], others[j][1])
        if span[0] < span[1]:
            common.append(span)
        if spans[i][1] < others[j][1]:
            i += 1
        else:
            j += 1
    return common
