"""Time zones: of a number, of a city or region, and as people write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache, lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number
from phonenumbers.tzdata import TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX

from dialer.adapters.languages import cldr
from dialer.adapters.places import PLACES
from dialer.domain.types import PhoneNumber

RUSSIA = (
    "Europe/Kaliningrad", "Europe/Moscow", "Europe/Samara", "Asia/Yekaterinburg", "Asia/Omsk",
    "Asia/Krasnoyarsk",
    "Asia/Irkutsk", "Asia/Yakutsk", "Asia/Vladivostok", "Asia/Magadan", "Asia/Kamchatka",
)  # fmt: skip
KAZAKHSTAN = "Asia/Almaty"  # one zone since 2024
# What the library has wrong, by the longest beginning of a number; an empty entry: as the library says.
OVERLAY = {
    "+79": RUSSIA,  # a mobile number may be anywhere in the country
    "+7940": ("Europe/Moscow",),  # Abkhazia
    "+7840": ("Europe/Moscow",),
    "+77": (KAZAKHSTAN,),
    "+76": (KAZAKHSTAN,),
    "+7800": RUSSIA,
    "+7801": RUSSIA, "+7802": RUSSIA, "+7803": RUSSIA, "+7804": RUSSIA, "+7805": RUSSIA, "+7806": RUSSIA,
    "+7807": RUSSIA, "+7808": RUSSIA, "+7809": RUSSIA,
    "+7401": ("Europe/Kaliningrad",),
    "+740": ("Europe/Kaliningrad",),
    "+7845": ("Europe/Saratov",),  # UTC+4 since 2016
    "+7844": ("Europe/Volgograd",),
    "+7411": ("Asia/Yakutsk", "Asia/Vladivostok", "Asia/Srednekolymsk"),  # Yakutia has three
    "+7424": ("Asia/Sakhalin", "Asia/Srednekolymsk"),  # with the Kurils
    "+7365": ("Europe/Simferopol",), "+7869": ("Europe/Simferopol",),
    "+1907": ("America/Anchorage",), "+1907592": ("America/Adak",),  # Unalaska keeps Alaska's time
    "+733622": ("Asia/Qyzylorda",),  # Baikonur
}  # fmt: skip
_COMMON = """
область обл край республика респ автономный автономная округ ао город гор г пос поселок пгт село с деревня д
район р н рн станица ст городской го мо россия рф russia oblast krai region republic city state province и
на the of
"""
_COMMON_WORDS = frozenset(_COMMON.split())


def zones_of(number: PhoneNumber) -> tuple[str, ...]:
    """Every IANA zone that the number may be in; empty: not known. A mobile number may be anywhere."""
    for length in range(8, 2, -1):
        if known := OVERLAY.get(number[:length]):
            return known
    if number.startswith("+7") and _russian_landline().fullmatch(number[2:]):
        return _by_prefix(number[1 : 1 + TIMEZONE_LONGEST_PREFIX])
    return _by_library(number)


@cache
def _russian_landline() -> re.Pattern[str]:
    """By the library's own pattern: its way to the same answer takes thirty times as long."""
    metadata = PhoneMetadata.metadata_for_region("RU")
    kind = metadata.fixed_line if metadata else None
    return re.compile(rf"(?=[0-9]{{10}}\Z)(?:{kind.national_number_pattern if kind else '(?!)'})", re.ASCII)


@lru_cache(maxsize=65_536)
def _by_prefix(prefix: str) -> tuple[str, ...]:
    """As the library has it of a number that has a place."""
    for length in range(len(prefix), 0, -1):
        if found := TIMEZONE_DATA.get(prefix[:length]):
            return tuple(found)
    return ()


@lru_cache(maxsize=4096)
def _by_library(number: PhoneNumber) -> tuple[str, ...]:
    try:
        zones = time_zones_for_number(phonenumbers.parse(number))
    except NumberParseException:
        return ()
    return tuple(zone for zone in zones if zone != UNKNOWN_TIMEZONE)


# --- places -----------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def zones_at(place: str) -> tuple[str, ...]:
    """The zones of a city or a region, in Russian or English; empty: not known."""
    words = [
        word
        for word in re.split(r"[^\w]+", place.lower().replace("ё", "е"))
        if word and word not in _COMMON_WORDS
    ]
    joined = [f"{one}_{two}" for one, two in pairwise(words)]
    triples = ["_".join(three) for three in zip(words, words[1:], words[2:], strict=False)]
    for word in (*triples, *joined):
        if found := _stems().get(word) or _by_stem(word, longest_only=True):
            return found
    for word in reversed(words):  # `Свердловская область, Екатеринбург`: the narrower comes last
        if found := _by_stem(word):
            return found
    return _exemplars().get(" ".join(place.casefold().replace("ё", "е").split()), ())


def _by_stem(word: str, *, longest_only: bool = False) -> tuple[str, ...]:
    stems = _stems()
    for length in range(len(word), 2, -1):
        if longest_only and "_" not in word[:length].rstrip("_"):
            return ()
        if found := stems.get(word[:length]):
            return found
        if length == len(word) and (found := stems.get(f"{word}$")):
            return found
    return ()


@cache
def _stems() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in PLACES.strip().splitlines():
        zones, _, stems = line.partition(":")
        if stems:
            at = tuple(zones.split())
        found |= dict.fromkeys((stems or zones).replace("ё", "е").split(), at)
    return found


@cache
def _exemplars() -> dict[str, tuple[str, ...]]:
    """Cities that zones are called after, in Russian and English; a name of two zones is none."""
    found: dict[str, tuple[str, ...]] = {}
    for language in ("ru", "en"):
        for zone, city in cldr()["zones"][language].items():
            if zone in _every_zone().values():
                found.setdefault(city.casefold().replace("ё", "е"), (zone,))
    return found


# --- as people write them ---------------------------------------------------------------------------------

_ODD = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2212": "-", "\u2013": "-", "\u2014": "-"})
_NO_PLACES = frozenset(
    {"localtime", "factory", "posixrules", "leapseconds", "tzdata.zi", "zone.tab", "zone1970.tab"}
)
_ABBREVIATIONS = {
    "мск": "Europe/Moscow", "msk": "Europe/Moscow", "moscow time": "Europe/Moscow",
    "московское": "Europe/Moscow", "московское время": "Europe/Moscow", "samt": "Europe/Samara",
    "yekt": "Asia/Yekaterinburg", "omst": "Asia/Omsk", "novt": "Asia/Novosibirsk",
    "krat": "Asia/Krasnoyarsk", "irkt": "Asia/Irkutsk", "yakt": "Asia/Yakutsk", "vlat": "Asia/Vladivostok",
    "magt": "Asia/Magadan", "pett": "Asia/Kamchatka", "almt": "Asia/Almaty", "est": "America/New_York",
    "edt": "America/New_York", "et": "America/New_York", "eastern": "America/New_York",
    "cst": "America/Chicago", "cdt": "America/Chicago", "ct": "America/Chicago",
    "central": "America/Chicago", "mst": "America/Denver", "mdt": "America/Denver", "mt": "America/Denver",
    "mountain": "America/Denver", "pst": "America/Los_Angeles", "pdt": "America/Los_Angeles",
    "pt": "America/Los_Angeles", "pacific": "America/Los_Angeles", "cet": "Europe/Berlin",
    "cest": "Europe/Berlin", "mez": "Europe/Berlin", "eet": "Europe/Kyiv", "wet": "Europe/Lisbon",
    "bst": "Europe/London", "ist": "Asia/Kolkata", "gmt": "Etc/GMT", "utc": "Etc/UTC", "z": "Etc/UTC",
}  # fmt: skip
_OFFSET = re.compile(
    r"\(?\s*(utc|gmt|мск|msk|московск\w*(?:\s+время)?|)\s*([+-]?)\s*([0-9]{1,2})(?:[:.]?([0-9]{2}))?"
    r"(?:\s*(?:ч|час\w*|h)\.?)?\s*\)?",
    re.IGNORECASE,
)
_IN_BRACKETS = re.compile(
    r"\(?\s*((?:utc|gmt)\s*[+-]?\s*[0-9:.]*)\s*\)?\s*[(,]?\s*([^()]*)\)?", re.IGNORECASE
)
_HALVES = {
    (3, 30): "Asia/Tehran", (4, 30): "Asia/Kabul", (5, 30): "Asia/Kolkata", (5, 45): "Asia/Kathmandu",
    (6, 30): "Asia/Yangon", (8, 45): "Australia/Eucla", (9, 30): "Australia/Darwin",
    (-9, 30): "Pacific/Marquesas",
}  # fmt: skip
_MOSCOW_H = 3
_WINTER, _SUMMER = datetime(2026, 1, 15, 12), datetime(2026, 7, 15, 12)  # noqa: DTZ001 any year's


def zones_named(text: str, numbers: Sequence[PhoneNumber] = ()) -> tuple[str, ...]:
    """The zones that people mean; empty: nothing that is known.

    A fixed offset is no zone of a country with summer time: it chooses among the number's own.
    """
    zone = zone_named(text)
    if zone is None:
        return ()
    if not zone.startswith("Etc/"):
        return (zone,)
    own = tuple(dict.fromkeys(name for number in numbers for name in zones_of(number)))
    if not any(_has_summer(name) for name in own):
        return (zone,)
    fitting = tuple(
        name for name in own if _offset(zone, _WINTER) in (_offset(name, _WINTER), _offset(name, _SUMMER))
    )
    return fitting or (*own, zone)


@lru_cache(maxsize=1024)
def zone_named(text: str) -> str | None:
    """The IANA zone that people mean by Europe/Moscow, UTC+3, +03:00, MSK+2, Омск; None: not known."""
    plain = " ".join(text.translate(_ODD).split()).strip(" .;")
    lower = plain.casefold().replace("ё", "е")
    if not lower or lower in _NO_PLACES or lower.startswith(("posix/", "right/", "/", ".")):
        return None
    if lower in _ABBREVIATIONS:
        return _ABBREVIATIONS[lower]
    if named := _every_zone().get(lower.replace(" ", "_")):
        return named
    if match := _OFFSET.fullmatch(plain):
        return _by_offset(match)
    if match := _IN_BRACKETS.fullmatch(plain):
        return zone_named(match[2]) or zone_named(match[1])
    places = zones_at(plain) if not re.search(r"[0-9]", plain) else ()
    return places[0] if len(places) == 1 else None


def _by_offset(match: re.Match[str]) -> str | None:
    is_moscow = match[1].casefold().startswith(("мск", "msk", "московск"))
    if not match[2] and not (match[1] and int(match[3]) == 0):
        return None  # a figure alone
    hours, minutes = int(match[3]), int(match[4] or 0)
    sign = -1 if match[2] == "-" else 1
    total = sign * hours + (_MOSCOW_H if is_moscow else 0)
    if is_moscow and not total - _MOSCOW_H:
        return "Europe/Moscow"
    if minutes:
        return _HALVES.get((total, minutes))
    name = "Etc/GMT" + (f"{-total:+d}" if total else "")  # POSIX counts west of Greenwich
    return name if name in _every_zone().values() else None


@cache
def _every_zone() -> dict[str, str]:
    """Lower case -> name, of every zone that is a place or an offset."""
    names = available_timezones()
    return {
        name.casefold(): name for name in names if "/" in name and not name.startswith(("posix/", "right/"))
    }


@cache
def zone_of(name: str) -> ZoneInfo:
    """The zone itself, kept: ZoneInfo's own memory holds eight."""
    return ZoneInfo(name)


@cache
def _offset(name: str, at: datetime) -> timedelta:
    return at.replace(tzinfo=zone_of(name)).utcoffset() or timedelta()


def _has_summer(name: str) -> bool:
    return _offset(name, _WINTER) != _offset(name, _SUMMER)
