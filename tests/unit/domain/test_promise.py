"""A callback that a person asks for: kept as asked, or refused while there is still somebody to ask."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from dialer.domain.campaign import Campaign
from dialer.domain.errors import BadField
from dialer.domain.lead import Lead
from dialer.domain.promise import Promise, promised
from dialer.domain.schedule import every_day
from dialer.domain.types import CampaignId, LeadId, PhoneNumber

zone_of = cache(ZoneInfo)
NOW = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)  # Monday, 18:30 in Moscow
H = timedelta(hours=1)
CAMPAIGN = Campaign(CampaignId(1), "spring", schedule=every_day(time(9), time(20)))
LEAD = Lead(LeadId(1), CampaignId(1), (PhoneNumber("+79161234567"),), zones=("Europe/Moscow",))


def kept(asked_at: datetime | None = None, now: datetime = NOW, lead: Lead = LEAD) -> Promise:
    return promised(lead, CAMPAIGN, asked_at, now, zone_of)


@pytest.mark.parametrize("asked_at", [NOW + timedelta(seconds=1), NOW + H, NOW + timedelta(days=365)])
def test_an_instant_within_the_hours_and_a_year_is_kept_to_the_second(asked_at: datetime) -> None:
    assert kept(asked_at) == Promise(asked_at)


@pytest.mark.parametrize("asked_at", [NOW, NOW - H, datetime(2006, 1, 1, tzinfo=UTC)])
def test_an_instant_that_is_over_is_refused(asked_at: datetime) -> None:
    with pytest.raises(BadField, match=r"callback_at: .* is in the past"):
        kept(asked_at)


def test_an_instant_more_than_a_year_ahead_is_refused() -> None:
    assert kept(NOW + timedelta(days=366)).at == NOW + timedelta(days=366)
    with pytest.raises(BadField, match="more than a year ahead"):
        kept(NOW + timedelta(days=366, seconds=1))


def test_an_instant_outside_the_hours_is_refused_with_the_nearest_on_the_persons_clock() -> None:
    with pytest.raises(BadField, match=r"it is Mon 21:30 in Europe/Moscow.* 2026-03-03 09:00 UTC\+0300"):
        kept(NOW + 3 * H)


def test_a_person_without_a_zone_is_promised_no_instant() -> None:
    with pytest.raises(BadField, match="time zone is not known"):
        kept(NOW + H, lead=replace(LEAD, zones=()))


def test_without_an_instant_it_is_in_two_hours_or_when_the_hours_open_and_why() -> None:
    assert kept(now=NOW - 5 * H) == Promise(NOW - 3 * H)
    moved = kept()  # 20:30
    assert moved.at == datetime(2026, 3, 3, 6, tzinfo=UTC)
    assert moved.moved.startswith("not in two hours: it is Mon 20:30 in Europe/Moscow")
