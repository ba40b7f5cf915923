"""Takes phone numbers and secrets out of text that goes to logs, whatever wrote the text."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

HIDDEN = "***"
_DIGITS = range(7, 17)  # of a phone number, and one more for the 8 or the 0 of a trunk's way of writing
_EDGE, _END = r"(?<![0-9A-Za-z_.])", r"(?![0-9A-Za-z_]|\.[0-9])"  # no part of an id, an address, a fraction
_GAP = r"(?:[ \u00a0\u2010-\u2013.\-]|\)[ \-]?|[ \-]?\()"

# --- numbers ----------------------------------------------------------------------------------------------

_SIGNS = "0-9 ()./\\-\u00a0\u2010-\u2013"
_PLUS = r"(?:\+|%2[bB])"
_PATTERNS = (
    # +79161234567, %2B79161234567
    rf"{_PLUS}[1-9][0-9]{{6,14}}(?![0-9A-Za-z])",
    # +7 (916) 123-45-67, +44 20 7946 0958, +7916 1234567, +49 (0) 30 1234567
    rf"{_PLUS}[1-9][0-9]{{0,3}}(?:(?!\.){_GAP}[0-9]{{1,10}}){{1,6}}{_END}",
    # +7.916.123.45.67
    rf"{_PLUS}[1-9][0-9]{{0,3}}(?:{_GAP}[0-9]{{1,4}}){{2,6}}{_END}",
    # 89161234567, 79161234567, 77011234567; a spreadsheet writes 79161234567.0
    rf"{_EDGE}(?:[78][3489]|[78]7|76)[0-9]{{9}}(?:\.0)?{_END}",
    # 7916123-45-67, 8916 123-45-67
    rf"{_EDGE}[78][3489][0-9]{{2}}(?:[ \-][0-9]{{3}}|[0-9]{{3}})[ \-][0-9]{{2}}[ \-]?[0-9]{{2}}{_END}",
    # 8 (916) 123-45-67, 8-916-123-45-67, 7 916 1234567
    rf"{_EDGE}[78]{_GAP}[0-9]{{3,5}}{_GAP}?(?:[0-9]{{1,4}}{_GAP}?){{1,3}}[0-9]{{1,4}}{_END}",
    # 375291234567, 441632960961, 996555123456: the neighbours, and those who write without the plus
    rf"{_EDGE}(?:(?:375|380|99[2-68])[0-9]{{9}}|44[1-37][0-9]{{9}}){_END}",
    # 00441632960961, 810441632960961
    rf"{_EDGE}(?:00[1-9]|810[1-9])[0-9]{{7,13}}{_END}",
    # 9161234567
    rf"{_EDGE}9[0-9]{{9}}{_END}",
    # (916) 123-45-67, 495 123-45-67, (212) 555-1234
    rf"{_EDGE}(?:\([2-9][0-9]{{2,4}}\) ?|[2-9][0-9]{{2}}[ \-])"
    rf"[0-9]{{1,3}}[ \-]?[0-9]{{2}}[ \-]?[0-9]{{2}}{_END}",
)
_NUMBER = re.compile("|".join(_PATTERNS))
# In these places digits are a number, however they look: sip:5551234@host, PJSIP/5551234@main, number=5551234
_PLACED = re.compile(
    r"(?i)((?:sips?:|tel:|PJSIP/|SIP/|Local/|dial_?string['\"]?\s*[=:]\s*['\"]?"
    r"|(?:number|phone|msisdn|ani|caller_?id(?:_?num)?|callerid|caller|called|connected_?line)"
    rf"['\"]?\s*[=:]\s*['\"<]*){_PLUS}?)"
    rf"([0-9][{_SIGNS}]{{5,24}}[0-9])(?![0-9A-Za-z_])"
)

# --- secrets ----------------------------------------------------------------------------------------------

_WORD = r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|cred(?:entials?)?|pin|auth)"
_KEY = rf"[\w.-]{{0,40}}{_WORD}"  # bounded: a log line may be long, and no pattern may take a second for it
_PAINT = r"(?:\x1b\[[0-9;]*m)*"
_QUOTED = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"
_HEADER = r"(?:Proxy-)?Authorization|(?:Set-)?Cookie|X-[A-Za-z-]{0,40}(?:Token|Key|Secret)"
_PORT = r"[0-9]{1,5}(?:[/?\s'\"]|$)"
_SECRETS: tuple[tuple[str, str], ...] = (
    # scheme://user:password@host; the last @ of the word ends the password
    (rf"(://[^\s:/@'\"]{{0,200}}:)(?!{_PORT})[^\s'\"]{{0,400}}(?=@)", rf"\1{HIDDEN}"),
    # Authorization: Bearer ..., {'Cookie': '...'}
    (rf"(?im)\b({_HEADER})(['\"]?\s*[:=,]\s*)(?:b?(?:{_QUOTED})|[^\r\n]+)", rf"\1\2{HIDDEN}"),
    (r"(?i)\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{6,}", rf"\1 {HIDDEN}"),
    # {'password': 'x'}, ("token", "x")
    (rf"(?i)(b?['\"]{_KEY}['\"]\s*[:,=]\s*b?)(?:{_QUOTED}|[^\s,}}\])]+)", rf"\1'{HIDDEN}'"),
    # password=x, pin='x', &token=x
    (
        rf"(?i)(?<![\w/])({_KEY}{_PAINT}={_PAINT})(?:SecretStr\()?(?:b?(?:{_QUOTED})|[^\s,;&)'\"\x1b]+)",
        rf"\1{HIDDEN}",
    ),
    # a line of a configuration: secret = x; an option: --password x
    (rf"(?im)(^[ \t;]*{_KEY}[ \t]+=>?[ \t]*)[^\r\n]+", rf"\1{HIDDEN}"),
    (rf"(?i)((?:^|\s)--?{_KEY}[ \t]+)(?![-*])\S+", rf"\1{HIDDEN}"),
    # a line of AMI: Secret: x
    (rf"(?im)(^|\\r\\n|\\n|b['\"])((?:\w{{1,40}}-?)?{_WORD}:[ \t]+)[^\r\n\\'\"]+", rf"\1\2{HIDDEN}"),
    (r"\$argon2[A-Za-z0-9$,=+/.-]+", f"$argon2{HIDDEN}"),
    (r"\bobz_[A-Za-z0-9_-]{16,}", f"obz_{HIDDEN}"),
)
_FORMS = tuple((re.compile(pattern), replacement) for pattern, replacement in _SECRETS)
_SECRET_KEY = re.compile(rf"(?i){_KEY}|{_HEADER}")
_NUMBER_KEY = re.compile(r"(?i)(?:[\w]*_)?(?:number|phone|msisdn|ani|caller_?id|caller|called|dial_string)")
_RUN = re.compile(rf"[0-9][{_SIGNS}]{{5,24}}[0-9]")
_HINT = re.compile(r"(?i)pass|pwd|secret|token|key|cred|pin|auth|cookie|://|bearer|basic|argon2|obz_")
_WIDE = str.maketrans("\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19\uff0b", "0123456789+")
_COLOUR = re.compile(r"(\x1b\[[0-9;]*m)")


def without_secrets(text: str) -> str:
    """The text with passwords, tokens and PINs taken out, in any of the forms in which they are written."""
    if not _HINT.search(text):
        return text
    for pattern, replacement in _FORMS:
        text = pattern.sub(replacement, text)
    return text


def without_numbers(text: str) -> str:
    """The text with every phone number masked: the first two and the last two digits stay."""
    if not _RUN.search(text):
        return text
    text = _PLACED.sub(lambda match: match[1] + _mask(match[2]), text)
    return _NUMBER.sub(lambda match: _mask(match[0]), text)


def clean(text: str) -> str:
    """The text as logs may hold it. Colours are no part of a word."""
    text = without_secrets(text if text.isascii() else text.translate(_WIDE))
    if "\x1b" not in text:
        return without_numbers(text)
    return "".join(part if part.startswith("\x1b") else without_numbers(part) for part in _COLOUR.split(text))


def mask_digits(text: str) -> str:
    """Whatever is a number here for sure: stars for all digits of every number in it but three."""
    return _RUN.sub(lambda match: _mask(match[0]), text)


@lru_cache(maxsize=1024)
def is_secret_key(name: str) -> bool:
    """Whether a value of this name is a secret whatever it looks like."""
    return _SECRET_KEY.fullmatch(name) is not None


@lru_cache(maxsize=1024)
def is_number_key(name: str) -> bool:
    """Whether a value of this name is a phone number whatever it looks like."""
    return _NUMBER_KEY.fullmatch(name) is not None


def _mask(found: str) -> str:
    """Stars for digits, so that groups stay; what has too few or too many digits is no phone number."""
    prefix = next((one for one in ("%2B", "%2b") if found.startswith(one)), "")
    rest = found[len(prefix) :]
    count = sum(sign.isdigit() for sign in rest)
    if count not in _DIGITS:
        return found
    shown = _shown(count)
    place = 0
    masked = []
    for sign in rest:
        if sign.isdigit():
            masked.append(sign if shown(place) else "*")
            place += 1
        else:
            masked.append(sign)
    return prefix + "".join(masked)


def _shown(count: int) -> Callable[[int], bool]:
    return lambda place: place < 1 or place >= count - 2
