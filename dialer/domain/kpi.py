"""Figures folded from records; the live sums and the fold in SQL count by the same rules."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo

from dialer.domain.cdr import Cdr, Tally
from dialer.domain.days import day_of
from dialer.domain.types import CampaignId, Direction, Outcome

Key = tuple[str, int, str]  # operator or '', campaign, the office's day as YYYY-MM-DD
Hour = tuple[CampaignId, datetime]  # campaign, the beginning of the hour in UTC


def key_of(cdr: Cdr, zone: tzinfo) -> Key:
    """Where a record counts: on the office's day on which it was dialled."""
    return (cdr.operator or "", cdr.campaign, day_of(cdr.dialled_at, zone).isoformat())


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


def fold(cdrs: Iterable[Cdr], zone: tzinfo) -> dict[Key, Tally]:
    """The sums of these records by operator, campaign and day."""
    sums: dict[Key, Tally] = {}
    for cdr in cdrs:
        key = key_of(cdr, zone)
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
