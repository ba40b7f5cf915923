"""What an Asterisk can do for a trunk: one that asks for more would carry silent calls, or none at all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Set
from dataclasses import dataclass

from dialer.domain.errors import Unworkable
from dialer.domain.said import said
from dialer.domain.trunk import Transport, Trunk

CODECS = frozenset({"alaw", "ulaw", "g722", "gsm", "opus", "g729"})
SRTP = "res_srtp.so"


@dataclass(frozen=True, slots=True)
class Abilities:
    """Sound formats that it translates, SIP transports that it has, and whether it can encrypt sound."""

    codecs: Set[str] = CODECS
    transports: Set[str] = frozenset(Transport)
    srtp: bool = True


def abilities(modules: Iterable[str], transports: Iterable[str]) -> Abilities:
    """By the modules that run (codec_alaw.so, codec_opus_open_source.so, codec_g729a.so ...)."""
    running = frozenset(modules)
    coders = [name.removesuffix(".so") for name in running if name.startswith("codec_")]
    known = {codec for codec in CODECS if any(name.startswith(f"codec_{codec}") for name in coders)}
    return Abilities(known, frozenset(transports), SRTP in running)


def check_abilities(trunk: Trunk, able: Abilities) -> None:
    """Raises Unworkable for what this Asterisk cannot do.

    One foreign sound format is enough: the carrier may choose it.
    """
    if silent := [codec for codec in trunk.codecs if codec not in able.codecs]:
        raise Unworkable(
            said(
                "trunk {trunk}: this Asterisk cannot translate {codecs}, the people called would hear"
                " nothing: use {known}, or load a translator for it (codec_{first}.so)",
                trunk=trunk.id,
                codecs=", ".join(silent),
                known=_listed(able.codecs),
                first=silent[0],
            )
        )
    if trunk.transport not in able.transports:
        raise Unworkable(_no_transport(trunk, able))
    if trunk.srtp and not able.srtp:
        raise Unworkable(
            said(
                "trunk {trunk}: this Asterisk cannot encrypt sound: load {module}, or set --srtp no",
                trunk=trunk.id,
                module=SRTP,
            )
        )


def _no_transport(trunk: Trunk, able: Abilities) -> str:
    if trunk.transport is Transport.TLS:
        return said(
            "trunk {trunk}: this Asterisk has no SIP transport tls, no call would go out: put sip.crt and"
            " sip.key into its keys folder, write its configuration with SIP_TLS=yes and restart it, or use"
            " {known}",
            trunk=trunk.id,
            known=_listed(able.transports),
        )
    return said(
        "trunk {trunk}: this Asterisk has no SIP transport {transport}, no call would go out: add"
        " [{transport}] to pjsip.conf and restart it, or use {known}",
        trunk=trunk.id,
        transport=trunk.transport,
        known=_listed(able.transports),
    )


def _listed(known: Collection[str]) -> str:
    return ", ".join(sorted(known)) or "-"
