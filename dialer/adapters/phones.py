"""Phone numbers as people write them -> E.164, with extensions and the words beside them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from functools import cache, lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumberMatcher, ValidationResult

from dialer.adapters.numbering import EVERY_NUMBER, check_number, is_begun_number, is_ordinary_russian
from dialer.adapters.zones import zone_named, zones_at, zones_named, zones_of
from dialer.domain.contents import INVISIBLE
from dialer.domain.dialable import DialRules, NumberType
from dialer.domain.dnc import checked
from dialer.domain.errors import BadValue, Mistake
from dialer.domain.listing import Phones, Reading
from dialer.domain.numbers import EMERGENCY, check_dialable
from dialer.domain.said import Said, counted, said
from dialer.domain.types import PhoneNumber

LONGEST_CELL = 2_000
_SEPARATORS = re.compile(
    r"[;,/|\n\r\\]+|:::|\s+(?:и|или|либо|and|or|oder|und|ou|y|e)\s+|\s+(?=\+[1-9])", re.IGNORECASE
)
_SEVERAL = re.compile(r"\+?[0-9]{10,12}(?:\s+\+?[0-9]{10,12})+")  # numbers with nothing but space between
_RUSSIAN_RUN = re.compile(r"(?<![0-9])(?:\+?7|8)[\s()-]*[3-9][0-9]{2}(?:[\s()-]*[0-9]){7}(?![0-9])")
_EXTENSION = re.compile(
    r"[;,]?\s*\(?\s*(?:(?:доб(?:авочный)?|вн(?:утр)?(?:енний)?|extension|ext|extn|app(?:arat)?|durchwahl|dw|nebenst(?:elle)?"
    r"|poste|int(?:erno)?|wew|linka)(?![^\W\d_])\s*[.:=№#]*\s*([0-9]{1,7})(?![0-9])"
    r"(?!\s*[-(]?\s*[0-9]{2,3}[\s)-]*[0-9]{2})(?:\s*\))?"
    r"|(?<=[0-9])\s*(?:[x#хХ]|доб)\s*\.?\s*([0-9]{1,7})(?=\s*(?:$|[;,/|\n\r])))",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"^(?:(?:контактный|мобильный|рабочий|домашний|городской|телефон|номер|доп|тел|моб|сот|раб|дом|гор|т/ф|т|м|р|ф|факс"
    r"|phone|tel|telefon|mobil|handy|mobile|mob|cell|work|home|office|fax|whatsapp|viber)(?![^\W\d_])[\s.:№/-]*)+",
    re.IGNORECASE,
)
_TELEPHONE = re.compile(r"(?<![^\W\d_])(?:телефон|тел|т|номер|phone|telefon|tel)(?![^\W\d_])", re.IGNORECASE)
_REMARK = re.compile(r"\(\s*[^\d()]*[^\W\d_][^\d()]*\)\s*$")  # (secretary)
_FLOAT = re.compile(r"\+?([0-9]+)[.,]0+")
_SCIENTIFIC = re.compile(r"\+?([0-9])(?:[.,]([0-9]+))?[eEеЕ]\+?([0-9]{1,2})")
_FORMULA = re.compile(r'^=?\s*"(.*)"$|^\'')
_PUNCTUATION = re.compile(r"[\s().·•/_~-]+")
_ODD = str.maketrans(
    dict.fromkeys("\u00a0\u202f\u2009\u2007\u2002\u2003\u2004\u2005\u2006\u2008\u200a\u3000\u2000\u2001", " ")
    | {"\uff0b": "+", "\u2795": "+"}
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\ufe58\ufe63\uff0d", "-")
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
    if "*" in text:
        return _prefix(text)
    return one_number(checked(text) if text.startswith("+") else text, country, EVERY_NUMBER)


def reading_of_barred(country: str) -> Reading:
    """For a file of what shall never be dialled: any number of the world, wherever it is, and prefixes."""
    usual = reading(country, EVERY_NUMBER)

    def entries(text: str) -> Phones:
        return _with_prefixes(text, usual.phones) if "*" in text else usual.phones(text)

    return replace(usual, phones=entries, zones_of=lambda number: ("Etc/UTC",))


def _with_prefixes(text: str, phones: Callable[[str], Phones]) -> Phones:
    """A cell of entries, some of which end in `*`; each piece is one by itself."""
    found: dict[PhoneNumber, None] = {}
    flaws: list[tuple[str, str]] = []
    for piece in filter(None, map(str.strip, _SEPARATORS.split(text[:LONGEST_CELL]))):
        if "*" not in piece:
            others = phones(piece)
            found |= dict.fromkeys(others.numbers)
            flaws += others.flaws
            continue
        try:
            found[PhoneNumber(_prefix(piece))] = None
        except BadValue as flaw:
            flaws.append((piece[:40], flaw.sentence))
    return Phones(tuple(found), tuple(flaws))


def _prefix(text: str) -> str:
    entry = checked(text)
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
    opens_russia = _opens_russia(known)

    def numbers_in(text: str) -> Phones:
        if opens_russia and (quick := _quick(text, country)) is not None:
            return Phones((quick,))
        return _thorough(text, country, known)

    return Reading(numbers_in, where, zones_named, zones_at, country)


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
        reason = said(
            "{n} characters are no phone number: at most {most} are looked at", n=len(text), most=LONGEST_CELL
        )
        return Phones((), ((f"{text[:40]}...", reason),))
    found = _Found(country, rules)
    plain = INVISIBLE.sub("", text.translate(_ODD)).strip()
    plain = _FORMULA.sub(lambda match: match[1] or "", plain).strip()
    if _FLOAT.fullmatch(plain) or _SCIENTIFIC.fullmatch(plain):
        found.add(plain)
    else:
        found.look(plain)
    if not found.numbers and not found.flaws:
        found.flaws.append((text.strip()[:40], said("there is no number in it")))
    return found.phones()


class _Found:
    """What one cell holds, while it is looked through."""

    def __init__(self, country: str, rules: DialRules | None) -> None:
        self._country, self._rules = country, rules
        self.numbers: dict[PhoneNumber, None] = {}
        self.flaws: list[tuple[str, str]] = []
        self._extensions: dict[PhoneNumber, str] = {}
        self._remarks: list[str] = []

    def phones(self) -> Phones:
        remark = " ".join(filter(None, self._remarks)) if self.numbers else ""
        return Phones(tuple(self.numbers), tuple(self.flaws), self._extensions, remark)

    def look(self, text: str) -> None:
        """A cell may hold lists, labels, extensions, and words beside them."""
        if _has_digits(text) and not any(map(str.isalpha, text)) and self._is_one(text):
            self.add(text)  # 0170/1234567: what parts numbers elsewhere stands within one here
            return
        for piece in _cut(text):
            self._piece(piece)

    def add(self, piece: str, extension: str = "") -> None:
        try:
            number = _parse(piece, self._country, self._rules)
        except Mistake as mistake:
            self.flaws.append((piece, mistake.sentence))
            return
        self.numbers[number] = None
        if extension:
            self._extensions.setdefault(number, extension)

    def _is_one(self, text: str) -> bool:
        try:
            _parse(text, self._country, None)
        except Mistake:
            return False
        return True

    def _piece(self, piece: str) -> None:
        """One number with what belongs to it, or words with numbers among them."""
        extension = ""
        if match := _EXTENSION.search(piece):
            extension = match[1] or match[2]
            piece = f"{piece[: match.start()]} {piece[match.end() :]}"
        if not (piece := piece.strip()):
            return
        bare = _LABEL.sub("", _REMARK.sub("", piece).strip()).strip(" .:-")
        if _SEVERAL.fullmatch(bare):
            for one in bare.split():
                self.add(one)
        elif bare and (self._is_one(bare) or not self._in_words(piece, extension)):
            if _has_digits(bare):
                if self._is_one(bare):
                    self._remark(piece, bare)
                self.add(bare, extension)
            elif self.numbers or not _is_label(piece):
                self._words(piece)

    def _words(self, piece: str) -> None:
        """Words without a number: a remark beside one, or all that there is."""
        if self.numbers:
            self._remarks.append(piece)
        elif any(map(str.isalpha, piece)):
            self.flaws.append((piece[:40], _letter(piece)))
        else:
            self.add(piece)

    def _in_words(self, piece: str, extension: str) -> bool:
        """Numbers among words, by the library's own search; whether there was one."""
        spans = [(match.start, match.end) for match in PhoneNumberMatcher(piece, self._country)]
        if not spans and (self._country == "RU" or "+7" in piece):
            spans = [match.span() for match in _RUSSIAN_RUN.finditer(piece)]
        spans = [span for span in spans if not _is_glued(piece, *span)]
        if not spans:
            return False
        end, rest = 0, []
        for start, stop in spans:
            rest.append(piece[end:start])
            number, sign, own = piece[start:stop].partition(" ext. ")
            self.add(number, own if sign else extension)
            end = stop
        rest.append(piece[end:])
        self._remarks.append(" ".join(" ".join(rest).split()).strip(" .,:;-"))
        return True

    def _remark(self, piece: str, bare: str) -> None:
        """What stands beside the number and is more than a word for a telephone."""
        rest = " ".join(piece.replace(bare, " ", 1).split())
        if rest and any(map(str.isalpha, rest)) and not _is_label(rest):
            self._remarks.append(rest.strip("() "))


def _cut(text: str) -> Iterator[str]:
    """Pieces that may be numbers; brackets keep what is in them together, and an extension its comma."""
    plain = re.sub(r"[;,]\s*(?=(?:доб|вн|ext|durchw|app|nebenst)[^,;]*[0-9])", " ", text, flags=re.IGNORECASE)
    plain = re.sub(r"(?<![^\W\d_])([тТфФ]|тел\.?|tel\.?)\s*/\s*(?=[^\W\d_])", r"\1 ", plain)
    held = re.sub(r"\([^()]*[^\W\d_][^()]*\)", lambda match: _SEPARATORS.sub(" ", match[0]), plain)
    for piece in _SEPARATORS.split(held):
        if piece.strip(" .:-"):
            yield piece


def _has_digits(text: str) -> bool:
    return any(sign.isdigit() for sign in text)


def _is_label(text: str) -> bool:
    """Says no more than that a number follows."""
    return not _TELEPHONE.sub("", text).strip(" .:-/()")


def _is_glued(text: str, start: int, stop: int) -> bool:
    """A letter or a digit stands right beside the number, which most likely is one that was mistyped."""
    if text[start - 1 : start] == "+":
        return True  # no country has this code
    after = re.match(r"[^\W_]+", text[stop:])
    before = re.search(r"[^\W_]+$", text[:start])
    return bool(
        (after and (len(after[0]) < 3 or after[0][0].isdigit()))
        or (before and len(before[0]) < 2 and before[0].lower() not in "тмрф")
    )


def _parse(piece: str, country: str, rules: DialRules | None) -> PhoneNumber:
    digits = _digits(piece)
    if digits.lstrip("+") in EMERGENCY:
        raise BadValue(said("this is an emergency or service number, which is never dialled"))
    try:
        parsed, is_valid, number = _looked_up(digits, country)
    except NumberParseException as trouble:
        raise BadValue(_unparsed(digits, trouble)) from None
    if not is_valid and not _is_taken_unknown(parsed, rules):
        raise BadValue(_invalid(digits, parsed, country))
    check_dialable(number)
    if rules is not None:
        check_number(number, rules)
    return number


@lru_cache(maxsize=256)
def _looked_up(digits: str, country: str) -> tuple[phonenumbers.PhoneNumber, bool, PhoneNumber]:
    """The number, whether it is valid, and in E.164: a cell is looked at several times, the library once."""
    parsed = phonenumbers.parse(digits, country)
    number = PhoneNumber(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))
    return parsed, phonenumbers.is_valid_number(parsed), number


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
            raise BadValue(_letter(odd))
        raise BadValue(said("there is a sign ({odd!r}) in the number", odd=odd))
    return plain


def _letter(text: str) -> Said:
    odd = next(sign for sign in text if sign.isalpha())
    return said("there is a letter ({odd!r}) in the number", odd=odd)


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
