"""A trunk: a SIP way out, with its limits, and the form in which it wants numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from dialer.domain.editions import UNKEPT, Edition
from dialer.domain.errors import BadValue
from dialer.domain.said import said
from dialer.domain.types import TrunkId


class Transport(StrEnum):
    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


class NumberFormat(StrEnum):
    """How the carrier wants a number written."""

    PLUS = "+7"  # +79161234567
    BARE = "7"  # 79161234567
    NATIONAL = "8"  # 89161234567: trunk prefix of the default country instead of its code


class Keys(StrEnum):
    """How keys pressed at the far end come."""

    RFC4733 = "rfc4733"  # as events beside the sound
    INBAND = "inband"  # as tones in the sound
    INFO = "info"  # as SIP messages
    AUTO = "auto"  # as events if the far end offers them, else as tones


class UnknownCallers(StrEnum):
    """What becomes of a caller whom nobody called."""

    MESSAGE = "message"  # as long as few of them are on the lines, else busy
    BUSY = "busy"  # before an answer: costs nobody anything
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Trunk:
    """One carrier account. `lines` and `calls_per_s` are ceilings that no decision passes."""

    id: TrunkId
    host: str
    port: int = 5060
    transport: Transport = Transport.UDP
    register: bool = False  # else known by its address
    user: str = ""
    password_file: str = ""  # the secret itself is never stored in the database
    from_user: str = ""
    number_format: NumberFormat = NumberFormat.BARE
    codecs: tuple[str, ...] = ("alaw", "ulaw")
    caller_ids: tuple[str, ...] = ()
    lines: int = 10
    calls_per_s: float = 5.0
    prefixes: tuple[str, ...] = ("+7",)  # allowed E.164 prefixes
    enabled: bool = True
    probe: bool = True  # ask now and then (OPTIONS) whether the carrier is there; some never answer it
    keys: Keys = Keys.RFC4733
    srtp: bool = False  # sound is encrypted, or there is no call; the keys travel in the signalling
    unknown_callers: UnknownCallers = UnknownCallers.MESSAGE
    minutes_per_day: float = 0.0  # of answered time, by UTC; 0: no ceiling
    money_per_day: float = 0.0  # by the two prices; 0: no ceiling
    price: float = 0.0  # of an answered minute
    price_per_call: float = 0.0  # of each attempt
    currency: str = ""  # a word for people
    edition: Edition = field(default=UNKEPT, compare=False)


def why_readable(trunk: Trunk) -> str:
    """Why encrypted sound helps little here; empty if it does, or is not asked for."""
    if not trunk.srtp or trunk.transport is Transport.TLS:
        return ""
    return said(
        "trunk {trunk}: the sound is encrypted, but its keys travel in clear over {transport}: whoever reads"
        " the signalling can listen; use --transport tls",
        trunk=trunk.id,
        transport=trunk.transport,
    )


def check_trunk(trunk: Trunk) -> None:
    """Raises BadValue for what cannot work together, wherever a trunk is saved or used."""
    if ":" in trunk.host:
        raise BadValue(
            said(
                "trunk {trunk}: the host {host} is an IPv6 address, and SIP listens on IPv4: give the"
                " carrier's name or its IPv4 address, the port by itself",
                trunk=trunk.id,
                host=trunk.host,
            )
        )
