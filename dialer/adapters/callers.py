"""Who calls, as networks write it: every number that it may mean, the likeliest first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import phonenumbers
from phonenumbers import NumberParseException

from dialer.domain.types import PhoneNumber

LONGEST = 64
_CONTEXT = re.compile(r";phone-context=(\+[0-9]{1,7})(?:;|$)", re.IGNORECASE)
_DIGITS = re.compile(r"\+?[0-9]{3,18}")
_FILLING = str.maketrans("", "", " -.()")


def caller_numbers(text: str, countries: Iterable[str]) -> Sequence[PhoneNumber]:
    """+7916..., 7916..., 8916..., 00 7 916..., 916...;phone-context=+7; nothing for "anonymous".

    A number without its country may belong to each of `countries` (ISO 3166-1 alpha-2), or hold its code.
    """
    user, _, _ = text[:LONGEST].partition(";")
    digits = user.removeprefix("tel:").translate(_FILLING)
    if not _DIGITS.fullmatch(digits):
        return ()
    context = _CONTEXT.search(text[:LONGEST])
    found: dict[PhoneNumber, None] = {}
    for written, country in _readings(digits, context[1] if context else "", countries):
        try:
            parsed = phonenumbers.parse(written, country)
        except NumberParseException:
            continue
        if phonenumbers.is_valid_number(parsed):
            number = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
            found[PhoneNumber(number)] = None
    return tuple(found)


def countries_of(prefixes: Iterable[str]) -> list[str]:
    """Whose numbers begin so: +7 gives RU, the main one of its code."""
    regions = []
    for prefix in prefixes:
        for length in (1, 2, 3):  # no code begins with another
            region = phonenumbers.region_code_for_country_code(int(prefix.lstrip("+")[:length] or 0))
            if region != phonenumbers.UNKNOWN_REGION and region not in regions:
                regions.append(region)
                break
    return regions


def _readings(digits: str, context: str, countries: Iterable[str]) -> Iterable[tuple[str, str | None]]:
    if digits.startswith("+"):
        yield digits, None
        return
    if context:
        yield context + digits, None
    if digits.startswith("00"):
        yield f"+{digits[2:]}", None
    for country in countries:
        yield digits, country
    yield f"+{digits}", None
