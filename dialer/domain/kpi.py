"""Figures folded from records; the live sums and the fold in SQL count by the same rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from math import fsum
from typing import TypeVar

from dialer.domain.cdr import Cdr, Tally
from dialer.domain.days import day_of
from dialer.domain.types import CampaignId, Direction, Outcome

K = TypeVar("K")
Key = tuple[str, int, str]  # operator or '', campaign, the office's day as YYYY-MM-DD
Hour = tuple[CampaignId, datetime]  # campaign, the beginning of the hour in UTC
Whose = tuple[str, int]  # operator or '', campaign
Slot = tuple[str, int, datetime]  # operator or '', campaign, the beginning of the quarter of an hour in UTC

# Every zone is ahead of UTC by whole quarters, so its days are made of whole ones: docs/why/quarters.md.
QUARTER = timedelta(minutes=15)


def key_of(cdr: Cdr, zone: tzinfo) -> Key:
    """Where a record counts: on the office's day on which it was dialled."""
    return (cdr.operator or "", cdr.campaign, day_of(cdr.dialled_at, zone).isoformat())


def quarter_of(at: datetime) -> datetime:
    """The beginning of the quarter of an hour in UTC."""
    at = at.astimezone(UTC)
    return at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0)


def slot_of(cdr: Cdr) -> Slot:
    """Where a record counts in the live sums: in the quarter in which it was dialled, whatever the zone."""
    return (cdr.operator or "", cdr.campaign, quarter_of(cdr.dialled_at))


def tally_of(cdr: Cdr) -> Tally:
    """What one record adds to the sums; seconds to the microsecond, so that sums are equal in any order."""
    return Tally(
        attempts=1,
        answered=int(cdr.answer_at is not None),
        connected=int(cdr.outcome is Outcome.CONNECTED),
        abandoned=int(cdr.outcome is Outcome.ABANDONED),
        talk_s=round(cdr.talk_s, 6),
        duration_s=(cdr.end_at - cdr.dialled_at).total_seconds(),
    )


def plus(one: Tally, other: Tally) -> Tally:
    return Tally(
        one.attempts + other.attempts,
        one.answered + other.answered,
        one.connected + other.connected,
        one.abandoned + other.abandoned,
        round(one.talk_s + other.talk_s, 6),
        round(one.duration_s + other.duration_s, 6),
    )


def total(tallies: Iterable[Tally]) -> Tally:
    """The sum of many."""
    rows = list(tallies)
    return Tally(
        attempts=sum(one.attempts for one in rows),
        answered=sum(one.answered for one in rows),
        connected=sum(one.connected for one in rows),
        abandoned=sum(one.abandoned for one in rows),
        talk_s=round(fsum(one.talk_s for one in rows), 6),
        duration_s=round(fsum(one.duration_s for one in rows), 6),
    )


def joined(quarters: Iterable[Mapping[Whose, Tally]]) -> dict[Whose, Tally]:
    """The sums of a span, from those of its quarters."""
    found: defaultdict[Whose, list[Tally]] = defaultdict(list)
    for sums in quarters:
        for whose, tally in sums.items():
            found[whose].append(tally)
    return {whose: total(tallies) for whose, tallies in found.items()}


def by_quarter(cdrs: Iterable[Cdr]) -> dict[Slot, Tally]:
    """The sums of these records by operator, campaign and quarter of an hour."""
    return _sums(cdrs, slot_of)


def fold(cdrs: Iterable[Cdr], zone: tzinfo) -> dict[Key, Tally]:
    """The sums of these records by operator, campaign and day."""
    return _sums(cdrs, lambda cdr: key_of(cdr, zone))


def _sums(cdrs: Iterable[Cdr], key_of: Callable[[Cdr], K]) -> dict[K, Tally]:
    sums: dict[K, Tally] = {}
    for cdr in cdrs:
        key = key_of(cdr)
        sums[key] = plus(sums.get(key, Tally()), tally_of(cdr))
    return sums


def answers_by_hour(cdrs: Iterable[Cdr]) -> dict[Hour, tuple[int, int]]:
    """(answered, abandoned among them) of our own calls by campaign and hour of the answer."""
    sums: dict[Hour, tuple[int, int]] = {}
    for cdr in cdrs:
        if cdr.direction is Direction.OUT and cdr.answer_at is not None:
            hour = cdr.answer_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
            answered, abandoned = sums.get((cdr.campaign, hour), (0, 0))
            lost = int(cdr.outcome is Outcome.ABANDONED)
            sums[cdr.campaign, hour] = (answered + 1, abandoned + lost)
    return sums
