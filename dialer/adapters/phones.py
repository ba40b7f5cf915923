"""Phone numbers as people write them -> E.164, and the time zones that a number may be in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, ValidationResult
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number

from dialer.adapters.numbering import EVERY_NUMBER, check_number, is_begun_number, is_ordinary_russian
from dialer.domain.dialable import DialRules, NumberType
from dialer.domain.dnc import checked
from dialer.domain.errors import BadValue, Mistake
from dialer.domain.listing import Phones, Reading
from dialer.domain.numbers import EMERGENCY, check_dialable
from dialer.domain.said import counted, said
from dialer.domain.types import PhoneNumber

LONGEST_CELL = 500
_SEPARATORS = re.compile(r"[;,/|\n\r\\]+|\s+(?:и|или|and|or)\s+", re.IGNORECASE)
_SEVERAL = re.compile(r"\+?[0-9]{10,12}(?:\s+\+?[0-9]{10,12})+")  # numbers with nothing but space between
_EXTENSION = re.compile(
    r"[;,]?\s*(?:\(\s*)?(?:доб(?:авочный)?|вн(?:утр)?(?:енний)?|extension|ext)\s*[.:=№]*\s*[0-9]{1,7}(?![0-9])"
    r"(?:\s*\))?|(?<=[0-9])\s*[x#]\s*[0-9]{1,7}\s*$",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"^(?:(?:контактный|мобильный|рабочий|домашний|городской|телефон|номер|доп|тел|моб|сот|раб|дом|гор|т|м|р"
    r"|phone|tel|mobile|mob|cell|work|home|office|whatsapp)(?![^\W\d_])[\s.:№-]*)+",
    re.IGNORECASE,
)
_REMARK = re.compile(r"\(\s*[^\d()]*[^\W\d_][^\d()]*\)\s*$")  # (secretary)
_FLOAT = re.compile(r"\+?([0-9]+)[.,]0+")
_SCIENTIFIC = re.compile(r"\+?([0-9])(?:[.,]([0-9]+))?[eEеЕ]\+?([0-9]{1,2})")
_FORMULA = re.compile(r'^=?\s*"(.*)"$|^\'')
_PUNCTUATION = re.compile(r"[\s().·•-]+")
_ODD = str.maketrans(
    {
        "\u00a0": " ",
        "\u202f": " ",
        "\u2009": " ",
        "\u2007": " ",
        "\ufeff": None,
        "\u200b": None,
        "\u200e": None,
    }
    | {"\u200f": None, "\u202a": None, "\u202c": None, "\u00ad": None, "\uff0b": "+"}
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043", "-")
)
_PLAIN = str.maketrans("", "", " -()\u00a0")


def normalise(text: str, country: str, rules: DialRules | None = None) -> Phones:
    """All numbers of one cell: several may be in it, an extension is left away, labels are ignored.

    With rules, a number that they leave closed is a flaw; without, every real number is taken.
    """
    if (quick := _quick(text, country)) is not None and (rules is None or _opens_russia(rules)):
        return Phones((quick,))
    return _thorough(text, country, rules)


def one_number(text: str, country: str, rules: DialRules | None = None) -> PhoneNumber:
    """The single number that a person typed; BadValue says what is wrong with it."""
    phones = normalise(text, country, rules)
    if len(phones.numbers) == 1 and not phones.flaws:
        return phones.numbers[0]
    why = phones.flaws[0][1] if phones.flaws else said("exactly one number is wanted")
    raise BadValue(said("{text!r} is not a phone number: {why}.", text=text[:40], why=why))


def dnc_entry(text: str, country: str) -> str:
    """An entry of the do-not-call list; BadValue for one that no number in the world could match.

    Every type and every country may be barred, and ranges that the numbering plans do not know yet.
    """
    entry = checked(text) if text.startswith("+") or "*" in text else text
    if "*" not in entry:
        return one_number(entry, country, EVERY_NUMBER)
    if not is_begun_number(entry.rstrip("*")):
        raise BadValue(said("{entry!r} bars nothing: no country's numbers begin like this", entry=entry))
    return entry


def reading(country: str, rules: DialRules | None = None, zone: str = "") -> Reading:
    """What the reader of lists needs, for numbers that belong to `country` unless they say otherwise.

    Without rules those of the country itself hold: ordinary numbers, and no other country's.
    `zone` is where all rows are that do not say it.
    """
    if country not in phonenumbers.SUPPORTED_REGIONS:
        raise BadValue(
            said("there is no country {country!r}: write its two letters, such as RU", country=country)
        )
    known = rules or DialRules(frozenset({country}))
    all_in = zone_named(zone) if zone else None
    if zone and all_in is None:
        raise BadValue(said("there is no time zone {zone!r}: write it as Europe/Moscow or UTC+3", zone=zone))
    where = (lambda number: (all_in,)) if all_in else zones_of
    return Reading(lambda text: normalise(text, country, known), where, zone_named)


# --- one cell ---------------------------------------------------------------------------------------------


def _quick(text: str, country: str) -> PhoneNumber | None:
    """A clean Russian number by the library's own patterns, ten times faster than by the library itself."""
    if len(text) > 20:
        return None
    plain = text.strip().translate(_PLAIN)
    if plain.startswith("+7"):
        national = plain[2:]
    elif country == "RU":
        national = plain[1:] if len(plain) == 11 and plain[0] in "78" else plain
    else:
        return None
    number = PhoneNumber(f"+7{national}")
    return number if _russian().fullmatch(national) and is_ordinary_russian(number) else None


def _opens_russia(rules: DialRules) -> bool:
    return "RU" in rules.countries and {NumberType.MOBILE, NumberType.FIXED_LINE} <= rules.types


@cache
def _russian() -> re.Pattern[str]:
    metadata = PhoneMetadata.metadata_for_region("RU")
    kinds = (metadata.mobile, metadata.fixed_line) if metadata else ()
    patterns = "|".join(f"(?:{kind.national_number_pattern})" for kind in kinds if kind)
    return re.compile(rf"(?=[0-9]{{10}}\Z)(?:{patterns})", re.ASCII)


def _thorough(text: str, country: str, rules: DialRules | None = None) -> Phones:
    if len(text) > LONGEST_CELL:
        return Phones((), ((f"{text[:40]}...", said("{n} characters are no phone number", n=len(text))),))
    numbers: dict[PhoneNumber, None] = {}
    flaws: list[tuple[str, str]] = []
    for piece in _pieces(text):
        try:
            numbers[_parse(piece, country, rules)] = None
        except Mistake as mistake:
            flaws.append((piece, mistake.sentence))
    if not numbers and not flaws:
        flaws.append((text.strip()[:40], said("there is no number in it")))
    return Phones(tuple(numbers), tuple(flaws))


def _pieces(text: str) -> Iterator[str]:
    """What may be a number each: cells hold lists, labels, extensions, and digits that a spreadsheet bent."""
    plain = text.translate(_ODD).strip()
    plain = _FORMULA.sub(lambda match: match[1] or "", plain).strip()
    if _FLOAT.fullmatch(plain) or _SCIENTIFIC.fullmatch(plain):
        yield plain
        return
    for part in _SEPARATORS.split(_EXTENSION.sub(" ", plain)):
        piece = _REMARK.sub("", part.strip()).strip()
        piece = _LABEL.sub("", piece).strip(" .:-")
        yield from piece.split() if _SEVERAL.fullmatch(piece) else filter(None, [piece])


def _parse(piece: str, country: str, rules: DialRules | None) -> PhoneNumber:
    digits = _digits(piece)
    if digits.lstrip("+") in EMERGENCY:
        raise BadValue(said("this is an emergency or service number, which is never dialled"))
    try:
        parsed = phonenumbers.parse(digits, country)
    except NumberParseException as trouble:
        raise BadValue(_unparsed(digits, trouble)) from None
    if not phonenumbers.is_valid_number(parsed) and not _is_taken_unknown(parsed, rules):
        raise BadValue(_invalid(digits, parsed, country))
    number = PhoneNumber(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))
    check_dialable(number)
    if rules is not None:
        check_number(number, rules)
    return number


def _is_taken_unknown(parsed: phonenumbers.PhoneNumber, rules: DialRules | None) -> bool:
    """A range that the library does not know yet, where the site has opened such numbers."""
    return rules is not None and NumberType.UNKNOWN in rules.types and phonenumbers.is_possible_number(parsed)


def _digits(piece: str) -> str:
    """Digits with at most one leading plus."""
    if match := _FLOAT.fullmatch(piece):
        return match[1]
    if match := _SCIENTIFIC.fullmatch(piece):
        mantissa, exponent = match[1] + (match[2] or ""), int(match[3])
        if len(mantissa) != exponent + 1:
            raise BadValue(
                said(
                    "the spreadsheet has rounded the number: make the column a text column and type it again"
                )
            )
        return str(int(Decimal(mantissa)))
    plain = _PUNCTUATION.sub("", piece)
    if plain.startswith("00") and len(plain) > 11:
        plain = f"+{plain[2:]}"
    if odd := next((sign for sign in plain.removeprefix("+") if sign not in "0123456789"), ""):
        if odd.isalpha():
            raise BadValue(said("there is a letter ({odd!r}) in the number", odd=odd))
        raise BadValue(said("there is a sign ({odd!r}) in the number", odd=odd))
    return plain


def _unparsed(digits: str, trouble: NumberParseException) -> str:
    if trouble.error_type == NumberParseException.INVALID_COUNTRY_CODE:
        return said("no country has the code that {digits}... begins with", digits=digits[:5])
    return said("{count} are too few for a phone number", count=_count(digits))


def _invalid(digits: str, parsed: phonenumbers.PhoneNumber, country: str) -> str:
    whose = (
        said("with this country code") if digits.startswith("+") else said("of {country}", country=country)
    )
    count = _count(digits)
    match phonenumbers.is_possible_number_with_reason(parsed):
        case ValidationResult.TOO_SHORT | ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
            return said(
                "{count} are too few for a number {whose}: the area code may be missing",
                count=count,
                whose=whose,
            )
        case ValidationResult.TOO_LONG | ValidationResult.INVALID_LENGTH:
            problem = said("{count} are too many for a number {whose}", count=count, whose=whose)
            if digits[0] == "+":
                return problem
            return said("{problem}: write other countries with + and their code", problem=problem)
        case _:
            return said("there is no such range of numbers: a digit is missing or mistyped")


def _count(digits: str) -> str:
    return counted("{n} digits", "{n} digits", len(digits.lstrip("+")))


# --- zones ------------------------------------------------------------------------------------------------

# The library stands Bucharest for Kaliningrad, whose clock does not change.
_MENDED = {"Europe/Bucharest": "Europe/Kaliningrad"}
_NAMED = {
    "мск": "Europe/Moscow",
    "msk": "Europe/Moscow",
    "москва": "Europe/Moscow",
    "moscow": "Europe/Moscow",
}
_OFFSET = re.compile(r"(utc|gmt|мск|msk|)\s*([+-])\s*([0-9]{1,2})(?::?00)?", re.IGNORECASE)
_MOSCOW_H = 3
_RUSSIAN_MOBILE = "+79"


def zones_of(number: PhoneNumber) -> tuple[str, ...]:
    """Every IANA zone that the number may be in; empty: not known. A mobile number may be anywhere."""
    if number.startswith(_RUSSIAN_MOBILE):
        return _zones(PhoneNumber("+79161234567"))
    return _zones(number)


@lru_cache(maxsize=4096)
def _zones(number: PhoneNumber) -> tuple[str, ...]:
    try:
        zones = time_zones_for_number(phonenumbers.parse(number))
    except NumberParseException:
        return ()
    if number.startswith("+7"):
        zones = tuple(_MENDED.get(zone, zone) for zone in zones)
    return tuple(zone for zone in zones if zone != UNKNOWN_TIMEZONE)


@lru_cache(maxsize=1024)
def zone_named(text: str) -> str | None:
    """The IANA zone that people mean by Europe/Moscow, UTC+3, +03:00, MSK+2; None: nothing that is known."""
    plain = text.translate(_ODD).strip()
    if plain in _every_zone():
        return plain
    if plain.casefold() in _NAMED:
        return _NAMED[plain.casefold()]
    match = _OFFSET.fullmatch(plain)
    if match is None:
        return None
    offset = int(match[3]) * (1 if match[2] == "+" else -1)
    offset += _MOSCOW_H if match[1].casefold() in ("мск", "msk") else 0
    name = "Etc/GMT" + (f"{-offset:+d}" if offset else "")  # POSIX counts west of Greenwich
    return name if name in _every_zone() else None


@cache
def _every_zone() -> frozenset[str]:
    return frozenset(available_timezones())


@cache
def zone_of(name: str) -> ZoneInfo:
    """The zone itself, kept: ZoneInfo's own memory holds eight."""
    return ZoneInfo(name)
