"""Numbering plans: the type and the country of a number, and the countries that a trunk's prefixes name."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumberType

from dialer.adapters.languages import cldr
from dialer.domain.dialable import (
    COUNTRIES,
    WORLD,
    CheckNumber,
    DialRules,
    NumberFacts,
    NumberType,
    check_allowed,
)
from dialer.domain.errors import BadValue, Forbidden
from dialer.domain.numbers import split_country
from dialer.domain.said import Said, said
from dialer.domain.trunk import Trunk
from dialer.domain.types import PhoneNumber

COUNTRY = "country"  # the context of countries' names in the catalogues
ABKHAZIA = "AB"  # no ISO code of its own; its networks answer under two codes of +7
OWN_NAMES = {ABKHAZIA: ("Abkhazia", "Абхазия")}
_LIBRARY_TYPES = {
    PhoneNumberType.MOBILE: NumberType.MOBILE,
    PhoneNumberType.FIXED_LINE: NumberType.FIXED_LINE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: NumberType.MOBILE,
    PhoneNumberType.VOIP: NumberType.VOIP,
    PhoneNumberType.TOLL_FREE: NumberType.TOLL_FREE,
    PhoneNumberType.SHARED_COST: NumberType.SHARED_COST,
    PhoneNumberType.PREMIUM_RATE: NumberType.PREMIUM_RATE,
    PhoneNumberType.PERSONAL_NUMBER: NumberType.PERSONAL,
    PhoneNumberType.UAN: NumberType.COMPANY,
    PhoneNumberType.PAGER: NumberType.PAGER,
    PhoneNumberType.VOICEMAIL: NumberType.VOICEMAIL,
}
# Country codes that ITU-T E.164 gives to services and to networks, whatever range the library finds in them.
_SERVICES = {
    "800": NumberType.TOLL_FREE,
    "808": NumberType.SHARED_COST,
    "870": NumberType.SATELLITE,  # Inmarsat
    "878": NumberType.PERSONAL,
    "881": NumberType.SATELLITE,  # Iridium, Globalstar
    "882": NumberType.GLOBAL_NETWORK,  # Thuraya is one of them
    "883": NumberType.GLOBAL_NETWORK,
    "888": NumberType.GLOBAL_NETWORK,
    "979": NumberType.PREMIUM_RATE,
}
# What the library takes for an ordinary Russian number.
_RUSSIAN = {
    "+7954": (NumberType.SATELLITE, "RU"),  # GlobalTel
    "+7840": (NumberType.FIXED_LINE, ABKHAZIA),
    "+7940": (NumberType.MOBILE, ABKHAZIA),
}
_RUSSIAN_CODE = 5  # signs of the keys above
E164 = phonenumbers.PhoneNumberFormat.E164
NEXT_DIGITS = tuple(f"{first}{second}" for first in range(10) for second in (0, 2, 5, 9))
EVERY_NUMBER = DialRules(COUNTRIES, frozenset(NumberType))


@lru_cache(maxsize=65_536)
def facts_of(number: PhoneNumber) -> NumberFacts:
    """Type and country of a number in E.164; never raises."""
    if known := _RUSSIAN.get(number[:_RUSSIAN_CODE]):
        return NumberFacts(*known, country_name(known[1]))
    code = split_country(number)[0]
    if code in _SERVICES:
        return NumberFacts(_SERVICES[code], WORLD, f"+{code}")
    try:
        parsed = phonenumbers.parse(number)
    except NumberParseException:
        return NumberFacts(NumberType.UNKNOWN, "")
    region = phonenumbers.region_code_for_number(parsed) or ""
    kind = _LIBRARY_TYPES.get(phonenumbers.number_type(parsed), NumberType.UNKNOWN)
    return NumberFacts(kind, region, country_name(region) if region else "")


def is_ordinary_russian(number: PhoneNumber) -> bool:
    """Whether a number that is valid in Russia is none of those that only look Russian."""
    return number[:_RUSSIAN_CODE] not in _RUSSIAN


def is_begun_number(digits: str) -> bool:
    """Whether numbers of some country begin like this, or so does its code."""
    plain = digits.lstrip("+")
    codes = map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
    return any(plain.startswith(code) or code.startswith(plain) for code in codes)


def check_prefixes(prefixes: Iterable[str], rules: DialRules) -> None:
    """BadValue for a trunk's prefix with which no number begins that is known to exist."""
    for prefix in prefixes:
        if NumberType.UNKNOWN not in rules.types and not any(map(_exists, _samples(prefix))):
            raise BadValue(
                said(
                    "the prefix {prefix} leads nowhere: no number that is known to exist begins with it;"
                    " for a range that is newer than this release add unknown to DIALER_NUMBER_TYPES",
                    prefix=prefix,
                )
            )


def why_closed(prefix: str, rules: DialRules) -> str:
    """Why nothing that begins with a trunk's prefix may be dialled; '' where something may."""
    own = rules.beside(*countries_of((prefix,)))
    refusals = Counter[str]()
    for number in _samples(prefix):
        try:
            check_number(number, own)
        except Forbidden as refusal:
            refusals[refusal.sentence] += _exists(number)
        else:
            return ""
    return refusals.most_common(1)[0][0] if refusals else said("no number begins with it")


def leads_to(prefix: str, region: str) -> bool:
    """Whether a country's numbers may begin with a trunk's prefix."""
    codes = [code for code, (_, own) in _RUSSIAN.items() if own == region and region != "RU"]
    codes = codes or [f"+{phonenumbers.country_code_for_region(region)}"]
    return any(code.startswith(prefix) or prefix.startswith(code) for code in codes)


def _exists(number: PhoneNumber) -> bool:
    return facts_of(number).type is not NumberType.UNKNOWN


def _samples(prefix: str) -> Iterator[PhoneNumber]:
    """Numbers that begin so: the library's examples, then every length with the next digits of some kinds."""
    digits = prefix.lstrip("+")
    code, national = split_country(PhoneNumber(prefix))
    for service in _SERVICES:
        if service == code or (not national and service.startswith(digits)):
            yield PhoneNumber(f"+{service}{national}" + "123456789"[: max(0, 8 - len(national))])
    regions = [
        region
        for each, found in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()
        if str(each) == code or (not national and str(each).startswith(digits))
        for region in found
    ]
    for region, kind in itertools.product(regions, _LIBRARY_TYPES):
        example = phonenumbers.example_number_for_type(region, kind)
        if example and (number := phonenumbers.format_number(example, E164)).startswith(prefix):
            yield PhoneNumber(number)
    lengths = {length for region in regions for length in _lengths(region) if length >= len(national)}
    for length, next_digits in itertools.product(sorted(lengths), NEXT_DIGITS):
        yield PhoneNumber(f"+{code}{(national + next_digits + '4567890123')[:length]}")


def _lengths(region: str) -> tuple[int, ...]:
    metadata = PhoneMetadata.metadata_for_region(region)
    return metadata.general_desc.possible_length if metadata and metadata.general_desc else ()


def check_number(number: PhoneNumber, rules: DialRules) -> None:
    """Forbidden unless the rules allow the number."""
    check_allowed(facts_of(number), rules)


def with_prefixes(rules: DialRules, *trunks: Trunk) -> DialRules:
    """The rules, with the countries open that the trunks' prefixes name."""
    return rules.beside(*(country for trunk in trunks for country in countries_of(trunk.prefixes)))


def checker(rules: DialRules) -> CheckNumber:
    """The one answer of this site to what may be dialled: lists, API, command line and engine ask it."""

    def check(number: PhoneNumber, trunks: Sequence[Trunk], country: str) -> None:
        check_number(number, with_prefixes(rules.beside(country), *trunks))

    return check


@lru_cache(maxsize=1024)
def countries_of(prefixes: tuple[str, ...]) -> frozenset[str]:
    """The countries that prefixes name: `+375` Belarus, `+7` Russia alone, `+77` Kazakhstan alone.

    Of countries that share a code the whole code names the first; another one is named by a prefix that is
    its own. Jersey has no such prefix in +44: a setting must name it.
    """
    return frozenset(region for prefix in prefixes if (region := _country_of(prefix)))


def _country_of(prefix: str) -> str:
    if known := _RUSSIAN.get(prefix[:_RUSSIAN_CODE]):
        return known[1]
    code, national = split_country(PhoneNumber(prefix))
    if not code.isdigit():
        return ""
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code), ())
    if not regions or regions[0] == WORLD:
        return ""
    for region in regions[1:]:
        metadata = PhoneMetadata.metadata_for_region(region)
        leading = metadata.leading_digits if metadata else None
        if leading and re.match(leading, national):
            return region
    return str(regions[0])


@cache
def country_name(region: str) -> Said:
    """The country's name, which every language of the screens has."""
    if region in OWN_NAMES:
        return Said(OWN_NAMES[region][0], context=COUNTRY)
    return Said(cldr()["countries"].get(region, region), context=COUNTRY)
