"""How a trunk wants a number written, and which numbers are never dialled."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dialer.domain.errors import BadValue, Forbidden
from dialer.domain.said import said
from dialer.domain.trunk import NumberFormat, Trunk
from dialer.domain.types import E164, PhoneNumber, masked

DIAL_STRING = re.compile(r"\+?[0-9]{3,15}")
HOME, NOTHING = "+7", "none"  # the country of numbers written as 8...; what no number begins with
SHORTEST_NATIONAL = 7  # digits after the country code; emergency and service numbers are all shorter
EMERGENCY = frozenset(
    {"01", "02", "03", "04", "101", "102", "103", "104", "105", "110", "111", "112", "113", "115", "117"}
    | {"118", "119", "120", "122", "123", "15", "17", "18", "190", "192", "193", "199", "911", "988", "991"}
    | {"997", "998", "999", "000", "061", "066"}
)
# ITU-T E.164: country codes of one and of two digits; every other one has three
_ONE_DIGIT = frozenset("17")
_TWO_DIGITS = frozenset(
    {"20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48"}
    | {"49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66"}
    | {"81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98"}
)


def split_country(number: PhoneNumber) -> tuple[str, str]:
    """Country code and national digits of an E.164 number."""
    digits = number.lstrip("+")
    length = 1 if digits[:1] in _ONE_DIGIT else 2 if digits[:2] in _TWO_DIGITS else 3
    return digits[:length], digits[length:]


def dial_string(number: PhoneNumber, trunk: Trunk) -> str:
    """The number as this trunk wants it; BadValue or Forbidden when it must not go out this way.

    Asked right before the request: what it gives is digits with at most one leading plus, whatever came in.
    """
    check_dialable(number)
    if not any(number.startswith(prefix) for prefix in trunk.prefixes if prefix):
        allowed = ", ".join(trunk.prefixes) or "none"
        raise Forbidden(
            said(
                "Trunk {id} may not dial {number}: its prefixes are {allowed}; add the prefix to"
                " the trunk, or give the campaign a trunk that has it.",
                id=trunk.id,
                number=masked(number),
                allowed=allowed,
            )
        )
    text = _written(number, trunk)
    if not DIAL_STRING.fullmatch(text):
        raise BadValue(
            said(
                "Trunk {id} cannot dial {number}: {n} characters, 15 digits fit.",
                id=trunk.id,
                number=masked(number),
                n=len(text),
            )
        )
    return text


def carries(trunk: Trunk) -> tuple[str, ...]:
    """Beginnings of the numbers that this trunk may dial and can write: `dial_string` takes no other one.

    A trunk that writes numbers as 8... reaches +7 alone, whatever its prefixes allow.
    """
    prefixes = tuple(filter(None, trunk.prefixes))
    if trunk.number_format is NumberFormat.NATIONAL:
        prefixes = tuple(max(one, HOME, key=len) for one in prefixes if HOME.startswith(one[: len(HOME)]))
    return prefixes or (NOTHING,)


def may_carry(prefixes: Sequence[str], number: PhoneNumber) -> bool:
    """Whether a trunk with these prefixes may dial the number; pacing chooses the way by it."""
    return not prefixes or number.startswith(tuple(prefixes))


def check_dialable(number: PhoneNumber) -> None:
    """Refuse what is no E.164 number, and short and emergency numbers, in whatever disguise."""
    digits = number.lstrip("+")
    national = split_country(number)[1]
    if digits in EMERGENCY or national in EMERGENCY:
        raise Forbidden(
            said("{digits} is an emergency or service number: such numbers are never dialled.", digits=digits)
        )
    if not E164.fullmatch(number):
        raise BadValue(
            said(
                "{number!r} is not a phone number in international form: write it as +79161234567.",
                number=masked(number),
            )
        )
    if len(national) < SHORTEST_NATIONAL:
        raise Forbidden(
            said(
                "{number} is a short number ({n} digits after the country code, at least"
                " {shortest_national} are dialled).",
                number=masked(number),
                n=len(national),
                shortest_national=SHORTEST_NATIONAL,
            )
        )


def _written(number: PhoneNumber, trunk: Trunk) -> str:
    match trunk.number_format:
        case NumberFormat.PLUS:
            return number
        case NumberFormat.BARE:
            return number[1:]
        case NumberFormat.NATIONAL:
            country, national = split_country(number)
            if country != "7":
                raise Forbidden(
                    said(
                        "Trunk {id} writes numbers as 8..., so it reaches +7 only, not {number}: set its"
                        " number format to 7 or +7, or use another trunk.",
                        id=trunk.id,
                        number=masked(number),
                    )
                )
            return f"8{national}"
