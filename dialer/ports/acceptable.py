"""What Asterisk may be asked: each value of a request is looked at in the last moment; raises BadValue.

One place for the real switch and the pretend one: neither takes what the other would not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from dialer.domain.errors import BadValue
from dialer.domain.types import NAME, masked
from dialer.ports.asterisk import Outgoing

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,127}")  # a plus would become a space on its way
DIALLED = re.compile(r"\+?[0-9]{3,15}")  # anything else after the slash is dialled as it is: 7916;x=1
EXTEN = re.compile(r"[A-Za-z0-9_*#+-]{1,64}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\([A-Za-z0-9_,-]*\))?")
KEYS = re.compile(r"[0-9A-D*#]{1,64}")
MEDIA = re.compile(r"(sound|tone|digits|number|characters|recording):[A-Za-z0-9][A-Za-z0-9_./+*-]*")
ABSOLUTE_SOUND = re.compile(r"sound:/[A-Za-z0-9_./+-]+")  # a campaign's message
# Why a channel is hung up; the Q.850 cause and the SIP code that it ends with.
REASONS: Mapping[str, tuple[int, int | None]] = {
    "normal": (16, None),
    "busy": (17, 486),
    "congestion": (34, 503),
    "no_answer": (19, 480),
    "rejected": (21, 403),
    "timeout": (18, 408),
    "unallocated": (1, 404),
    "normal_unspecified": (31, 480),
    "number_incomplete": (28, 484),
    "codec_mismatch": (58, 488),
    "interworking": (127, 500),
    "failure": (38, 500),
    "answered_elsewhere": (26, None),
}


def check_outgoing(call: Outgoing) -> None:
    """All of a call but its endpoint, which `target` reads."""
    check(1 <= call.timeout_s <= 600, f"a ring timeout of {call.timeout_s} s is not between 1 and 600")
    for name, value in call.variables.items():
        check_variable(name, value)
    matching(NAME, call.context, "context")
    matching(EXTEN, call.exten, "extension")
    check_id(call.channel)
    check_caller_id(call.caller_id)


def target(endpoint: str) -> tuple[str, str]:
    """The number and the trunk of `PJSIP/<number>@<trunk>`, or no number and the phone of `PJSIP/<phone>`."""
    technology, _, where = endpoint.partition("/")
    number, at, name = where.rpartition("@")
    check(technology == "PJSIP", f"calls go out by PJSIP, not by {technology!r}")
    check(NAME.fullmatch(name), f"{name!r} is not the name of a trunk or a phone")
    if at:
        check(DIALLED.fullmatch(number), f"{masked(number)!r} is not dialled: it takes 3 to 15 digits")
    return number, name


def check_caller_id(caller_id: str) -> None:
    """Digits, or a name before digits in brackets; without one carriers refuse the call as anonymous."""
    check(caller_id, "no caller id is set: carriers refuse anonymous calls, give the trunk one")
    check(_is_clean(caller_id), "the caller id holds a control character")
    check(len(caller_id) <= 80, "the caller id is longer than 80 characters")


def check_variable(name: str, value: str = "") -> None:
    check(VARIABLE.fullmatch(name), f"the channel variable {name!r} has an impossible name")
    check(_is_clean(value), f"the channel variable {name} holds a control character")


def check_way(context: str, exten: str) -> None:
    """A place in the dialplan."""
    matching(NAME, context, "context")
    matching(EXTEN, exten, "extension")


def check_media(media: Iterable[str]) -> None:
    wanted = list(media)
    check(wanted, "there is nothing to play")
    for item in wanted:
        is_known = MEDIA.fullmatch(item) or ABSOLUTE_SOUND.fullmatch(item)
        check(is_known and ".." not in item, f"{item!r} cannot be played, write sound:name or tone:name")


def check_keys(keys: str) -> None:
    check(KEYS.fullmatch(keys), "keys are the digits, * # and A to D")


def check_reason(reason: str) -> None:
    check(reason in REASONS, f"{reason!r} is no hang-up reason, choose from {', '.join(sorted(REASONS))}")


def check_id(value: str) -> str:
    """Of a channel, a bridge or a playback."""
    return matching(ID, value, "id")


def check_ids(*values: str) -> None:
    for value in values:
        check_id(value)


def matching(pattern: re.Pattern[str], value: str, what: str) -> str:
    check(pattern.fullmatch(value), f"{value!r} is not acceptable as {what}")
    return value


def check(is_fine: object, complaint: str) -> None:
    if not is_fine:
        raise BadValue(complaint)


def _is_clean(value: str) -> bool:
    return value.isprintable()
