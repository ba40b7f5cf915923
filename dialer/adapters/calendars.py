"""Public holidays by country and region, as the library `holidays` has them."""

from __future__ import annotations

from datetime import date
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from dialer.adapters.languages import cldr
from dialer.domain.errors import BadField
from dialer.domain.said import said
from dialer.domain.schedule import BY_ZONE

if TYPE_CHECKING:
    from holidays import HolidayBase


def load_calendars() -> None:
    """All that takes long, so that nothing of it is left for the first question: a tenth of a second."""
    _of("RU")
    _country("Europe/Moscow")


@cache
def _library() -> Any:
    import holidays  # noqa: PLC0415  a verb that asks for none does not wait for it

    return holidays


def holiday_of(calendar: str, zone: str, day: date) -> str:
    """The name of the public holiday, in its country's language; '' for a day like others."""
    return _named(_country(zone) if calendar == BY_ZONE else calendar, day)


def check_calendar(calendar: str) -> None:
    """BadField for a country or a region whose holidays are not known."""
    if calendar in ("", BY_ZONE):
        return
    country, _, region = calendar.partition("-")
    regions = _library().list_supported_countries().get(country)
    if regions is None:
        raise BadField("holidays", said("the holidays of {country!r} are not known", country=country))
    if region and region not in regions:
        known = ", ".join(regions) or said("none")
        raise BadField(
            "holidays",
            said(
                "{country} has no region {region!r}; known are: {known}",
                country=country,
                region=region,
                known=known,
            ),
        )


@lru_cache(maxsize=4096)
def _named(calendar: str, day: date) -> str:
    found = _of(calendar)
    return str(found.get(day) or "") if found is not None else ""


@cache
def _of(calendar: str) -> HolidayBase | None:
    country, _, region = calendar.partition("-")
    try:
        found: HolidayBase = _library().country_holidays(country, subdiv=region or None)
        own = found.default_language  # else the names are in that of the process's locale
        found = _library().country_holidays(country, subdiv=region or None, language=own)
    except NotImplementedError:  # a country, or a region of it, that the library does not have
        return None
    return found


@cache
def _country(zone: str) -> str:
    """The country that a time zone lies in; '' for none, and for an offset."""
    return str(cldr()["territories"].get(zone, ""))
