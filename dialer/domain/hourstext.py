"""Calling hours as people write them, in Russian and English: `Пн-Пт 9-20`, `Mon,Tue 10:00–19:00`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import time

from dialer.domain.said import listed, said
from dialer.domain.schedule import DAYS, Window

MIDNIGHT = 24  # as an end: the day's last instant
_WEEK = tuple(range(7))
_NAMES = (
    ("mon", "monday", "mondays", "пн", "пон", "понедельник", "понедельникам"),
    ("tue", "tues", "tuesday", "tuesdays", "вт", "вторник", "вторникам"),
    ("wed", "wednesday", "wednesdays", "ср", "среда", "среду", "средам"),
    ("thu", "thur", "thurs", "thursday", "thursdays", "чт", "четверг", "четвергам"),
    ("fri", "friday", "fridays", "пт", "пятница", "пятницу", "пятницам"),
    ("sat", "saturday", "saturdays", "сб", "суббота", "субботу", "субботам"),
    ("sun", "sunday", "sundays", "вс", "воскресенье", "воскресеньям"),
)
_DAY = {name: number for number, names in enumerate(_NAMES) for name in names}
_DAYS = {
    **dict.fromkeys(("daily", "ежедневно"), _WEEK),
    **dict.fromkeys(("weekdays", "будни", "будням"), _WEEK[:5]),
    **dict.fromkeys(("weekends", "weekend", "выходные", "выходным"), _WEEK[5:]),
}
_FILLERS = frozenset({"по", "в", "и", "с", "on", "and", "from"})
_ALIKE = (
    (re.compile(r"[\u2010-\u2015\u2212\u2043\u2e3a\u2e3b\ufe58\ufe63\uff0d~]"), "-"),
    (re.compile(r"\b(?:every day|каждый день|все дни)\b"), "ежедневно"),
    (re.compile(r"(?<=[\d\w])\s+(?:до|to|till|until)\s+(?=[\d\w])"), "-"),
    (re.compile(r"\b(?:24/7|круглосуточно|around the clock)"), "0-24"),
)
_PIECE = re.compile(
    r"[\s,;:.]*(?:(?P<hours>(?P<start>\d{1,2}(?:[:.]\d{2})?)\s*-\s*(?P<end>\d{1,2}(?:[:.]\d{2})?)(?!\d))"
    r"|(?P<first>[^\W\d_]+)\.?(?:\s*-\s*(?P<last>[^\W\d_]+)\.?)?)[\s,;.]*"
)


def windows_of(text: str) -> tuple[Window, ...]:
    """The windows of days and hours; ValueError has the sentence of what cannot be read.

    Hours belong to the days before them, of which there may be several groups; hours before any day are
    those of every day.
    """
    windows: dict[Window, None] = {}
    days: tuple[int, ...] = ()
    are_hours_due = False
    for piece in _pieces(text):
        if piece["hours"]:
            start, end = _clock(piece["start"]), _clock(piece["end"])
            windows |= dict.fromkeys(Window(day, start, end) for day in days or _WEEK)
            are_hours_due = False
        elif found := _days(piece):
            days = tuple(sorted({*days, *found} if are_hours_due else found))
            are_hours_due = True
    if not windows:
        raise ValueError(said("is empty: write days and hours, such as Mon-Fri 09:00-20:00"))
    if are_hours_due:
        raise ValueError(said("has no hours for its last days, such as Mon-Fri 09:00-20:00"))
    return tuple(windows)


def _pieces(text: str) -> Iterator[re.Match[str]]:
    plain = " ".join(text.casefold().split())
    for pattern, instead in _ALIKE:
        plain = pattern.sub(instead, plain)
    at = 0
    while plain[at:].strip(" ,;."):
        piece = _PIECE.match(plain, at)
        if piece is None:
            part = re.split("[,;]", plain[at:])[0].strip()
            raise ValueError(said("{part!r} is not days and hours, such as Mon-Fri 09:00-20:00", part=part))
        yield piece
        at = piece.end()


def _days(piece: re.Match[str]) -> tuple[int, ...]:
    first, last = piece["first"], piece["last"]
    if last is None and first in _FILLERS:
        return ()
    if last is None and first in _DAYS:
        return _DAYS[first]
    begin, end = _day(first), _day(last or first)
    return tuple((begin + step) % 7 for step in range((end - begin) % 7 + 1))


def _day(name: str) -> int:
    if name not in _DAY:
        raise ValueError(said("{text!r} is not a day: write {days}", text=name, days=listed(DAYS)))
    return _DAY[name]


def _clock(text: str) -> time:
    hour, _, minute = text.replace(".", ":").partition(":")
    if (int(hour), int(minute or 0)) == (MIDNIGHT, 0):
        return time(0)
    try:
        return time(int(hour), int(minute or 0))
    except ValueError:
        raise ValueError(said("{text} is not a time of day", text=text)) from None
