"""Public holidays: days of the called person, on which nobody is called and after which the hours open."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from dialer.domain.campaign import Campaign
from dialer.domain.errors import BadField
from dialer.domain.gates import opening_of
from dialer.domain.lead import Lead
from dialer.domain.promise import promised
from dialer.domain.schedule import Window, every_day
from dialer.domain.types import CampaignId, LeadId, PhoneNumber

zone_of = cache(ZoneInfo)
MOSCOW, VLADIVOSTOK, BERLIN = "Europe/Moscow", "Asia/Vladivostok", "Europe/Berlin"
FEASTS = {
    "RU": {date(2026, 6, 12): "Russia Day", **{date(2027, 1, n): "New Year" for n in range(1, 9)}},
    "DE": {date(2026, 10, 3): "Unity"},
}
COUNTRIES = {MOSCOW: "RU", VLADIVOSTOK: "RU", BERLIN: "DE"}
CAMPAIGN = Campaign(CampaignId(1), "spring", schedule=every_day(time(9), time(20)), holidays="zone")


def holiday_of(calendar: str, zone: str, day: date) -> str:
    return FEASTS.get(COUNTRIES.get(zone, "") if calendar == "zone" else calendar, {}).get(day, "")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("calendar", "zones", "at", "opens"),
    [
        ("zone", [MOSCOW], "2026-06-12 09:00", "2026-06-13 06:00"),
        ("zone", [MOSCOW], "2026-06-11 17:00", "2026-06-13 06:00"),  # closed by the clock, then by the feast
        ("zone", [MOSCOW], "2026-06-11 16:59", ""),
        ("zone", [MOSCOW], "2026-06-13 06:00", ""),
        # on the person's own day: in Vladivostok the feast begins, and ends, seven hours earlier
        ("zone", [VLADIVOSTOK], "2026-06-11 23:00", "2026-06-12 23:00"),
        ("zone", [VLADIVOSTOK], "2026-06-12 23:30", ""),
        ("zone", [MOSCOW, VLADIVOSTOK], "2026-06-12 06:30", "2026-06-13 06:00"),
        ("zone", [MOSCOW], "2026-12-31 17:00", "2027-01-09 06:00"),
        ("zone", [BERLIN], "2026-06-12 09:00", ""),
        ("zone", [BERLIN, MOSCOW], "2026-06-12 09:00", "2026-06-13 07:00"),
        ("zone", ["Etc/GMT-3"], "2026-06-12 09:00", "2026-06-13 06:00"),  # no country: the campaign's
        ("RU", [BERLIN], "2026-06-12 09:00", "2026-06-13 07:00"),
        ("", [MOSCOW], "2026-06-12 09:00", ""),
    ],
)
def test_hours_open_after_the_holiday_of_every_zone(
    calendar: str, zones: list[str], at: str, opens: str
) -> None:
    campaign = Campaign(CampaignId(1), "spring", schedule=CAMPAIGN.schedule, holidays=calendar)
    opening = opening_of(campaign, zones, utc(at), zone_of, holiday_of)
    assert (opening.open, opening.opens_at) == (not opens, utc(opens) if opens else None)


def test_the_sentence_names_the_day_the_place_and_the_holiday() -> None:
    assert opening_of(CAMPAIGN, [MOSCOW], utc("2026-06-12 09:00"), zone_of, holiday_of).why == (
        "2026-06-12 is a public holiday in Europe/Moscow (Russia Day)"
    )
    by_clock = opening_of(CAMPAIGN, [MOSCOW], utc("2026-06-11 17:00"), zone_of, holiday_of)
    assert by_clock.why.startswith("it is Thu 20:00 in Europe/Moscow")


def test_hours_that_meet_holidays_alone_never_open() -> None:
    fridays = Campaign(CampaignId(1), "x", schedule=(Window(4, time(9), time(20)),), holidays="zone")
    every_friday = lambda calendar, zone, day: "Feast"  # noqa: E731
    opening = opening_of(fridays, [MOSCOW], utc("2026-06-12 09:00"), zone_of, every_friday)
    assert (opening.open, opening.opens_at) == (False, None)


def test_no_callback_is_promised_for_a_holiday() -> None:
    lead = Lead(LeadId(1), CampaignId(1), (PhoneNumber("+79161234567"),), zones=(MOSCOW,))
    now, feast = utc("2026-06-11 15:30"), utc("2026-06-12 09:00")
    with pytest.raises(BadField, match=r"Russia Day.* 2026-06-13 09:00 UTC\+0300"):
        promised(lead, CAMPAIGN, feast, now, zone_of, holiday_of=holiday_of)
    moved = promised(lead, CAMPAIGN, None, now + timedelta(hours=1), zone_of, holiday_of=holiday_of)
    assert moved.at == utc("2026-06-13 06:00")
