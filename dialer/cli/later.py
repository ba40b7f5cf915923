"""What takes long to load, loaded when it is called: numbering plans, hashes, sound, Asterisk's own HTTP.

A verb imports these functions, never the modules behind them (tests/cli/test_light.py).
"""

# ruff: noqa: PLC0415  the one place where verbs load something late

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from dialer.domain.abilities import Abilities
from dialer.domain.columns import ReadOptions
from dialer.domain.dialable import CheckNumber, DialRules
from dialer.domain.listing import Reading
from dialer.domain.trunk import Trunk
from dialer.domain.types import PhoneNumber

if TYPE_CHECKING:
    from dialer.adapters.files.lists import ListFile
    from dialer.adapters.files.opening import Opener
    from dialer.adapters.sounds import Message


def one_number(text: str, country: str) -> PhoneNumber:
    """See dialer.adapters.phones."""
    from dialer.adapters import phones

    return phones.one_number(text, country)


def dnc_entry(text: str, country: str) -> str:
    """See dialer.adapters.phones."""
    from dialer.adapters import phones

    return phones.dnc_entry(text, country)


def opener(opening: Callable[[Reading, ReadOptions], ListFile], *, country: str, rules: DialRules) -> Opener:
    """See dialer.adapters.files.opening."""
    from dialer.adapters.files import opening as module

    return module.Opener(opening, country=country, rules=rules)


def reading_of_barred(country: str) -> Reading:
    """See dialer.adapters.phones."""
    from dialer.adapters import phones

    return phones.reading_of_barred(country)


def checker(rules: DialRules) -> CheckNumber:
    """See dialer.adapters.numbering."""

    def check(number: PhoneNumber, trunks: Sequence[Trunk], country: str) -> None:
        from dialer.adapters import numbering

        numbering.checker(rules)(number, trunks, country)

    return check


def zone_of(name: str) -> tzinfo:
    """See dialer.adapters.zones."""
    from dialer.adapters import zones

    return zones.zone_of(name)


def zones_of(number: PhoneNumber) -> tuple[str, ...]:
    """See dialer.adapters.zones."""
    from dialer.adapters import zones

    return zones.zones_of(number)


def zone_named(text: str) -> str | None:
    """See dialer.adapters.zones."""
    from dialer.adapters import zones

    return zones.zone_named(text)


def holiday_of(calendar: str, zone: str, day: date) -> str:
    """See dialer.adapters.calendars."""
    from dialer.adapters import calendars

    return calendars.holiday_of(calendar, zone, day)


def check_calendar(calendar: str) -> None:
    """See dialer.adapters.calendars; most campaigns have none."""
    if calendar:
        from dialer.adapters import calendars

        calendars.check_calendar(calendar)


def check_prefixes(prefixes: Iterable[str], rules: DialRules) -> None:
    """See dialer.adapters.numbering."""
    from dialer.adapters import numbering

    numbering.check_prefixes(prefixes, rules)


async def hash_secret(text: str) -> str:
    """See dialer.adapters.hashes."""
    from dialer.adapters import hashes

    return await hashes.hash_secret(text)


def largest_upload() -> int:
    """Bytes of a message; see dialer.adapters.sounds."""
    from dialer.adapters import sounds

    return sounds.LARGEST_UPLOAD


async def store_message(folder: Path, name: str, content: bytes) -> Message:
    """See dialer.adapters.sounds."""
    from dialer.adapters import sounds

    return await sounds.store_message(folder, name, content)


async def abilities(url: str, user: str, password: str, *, timeout_s: float) -> Abilities:
    """What Asterisk can do, by its own HTTP; see dialer.adapters.ari.bulk."""
    from dialer.adapters.ari.bulk import Bulk, able

    async with Bulk(url, user, password, timeout_s=timeout_s) as bulk:
        return await able(bulk)
