"""Numbering plans: the type and the country of a number, and the countries that a trunk's prefixes name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache

import phonenumbers
from babel import Locale
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumberType

from dialer.domain.dialable import WORLD, CheckNumber, DialRules, NumberFacts, NumberType, check_allowed
from dialer.domain.numbers import split_country
from dialer.domain.said import Said
from dialer.domain.trunk import Trunk
from dialer.domain.types import PhoneNumber

COUNTRY = "country"  # the context of countries' names in the catalogues
ABKHAZIA = "AB"  # no ISO code of its own; its networks answer under two codes of +7
_OWN_NAMES = {ABKHAZIA: ("Abkhazia", "Абхазия")}
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
EVERY_NUMBER = DialRules(frozenset({*phonenumbers.SUPPORTED_REGIONS, ABKHAZIA}), frozenset(NumberType))


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
    if region in _OWN_NAMES:
        return Said(_OWN_NAMES[region][0], context=COUNTRY)
    return Said(Locale("en").territories.get(region, region), context=COUNTRY)


@cache
def country_names(language: str) -> dict[str, str]:
    """English name -> name in this language, of every country that a number may belong to."""
    english, local = Locale("en").territories, Locale(language).territories
    names = {english[region]: local[region] for region in sorted(phonenumbers.SUPPORTED_REGIONS)}
    own = 1 if language == "ru" else 0
    return names | {both[0]: both[own] for both in _OWN_NAMES.values()}
