"""Which sound formats an Asterisk can translate: one that it cannot makes an answered call silent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set

from dialer.domain.errors import Untranslatable
from dialer.domain.said import said
from dialer.domain.trunk import Trunk

CODECS = frozenset({"alaw", "ulaw", "g722", "gsm", "opus", "g729"})


def translated_by(modules: Iterable[str]) -> Set[str]:
    """Of the modules that run: codec_alaw.so, codec_opus_open_source.so, codec_g729a.so ..."""
    running = [name.removesuffix(".so") for name in modules if name.startswith("codec_")]
    return {codec for codec in CODECS if any(name.startswith(f"codec_{codec}") for name in running)}


def check_codecs(trunk: Trunk, known: Set[str]) -> None:
    """Raises Untranslatable; one foreign format is enough: the carrier may choose it."""
    if silent := [codec for codec in trunk.codecs if codec not in known]:
        raise Untranslatable(_sentence(trunk, silent, known))


def _sentence(trunk: Trunk, silent: Sequence[str], known: Set[str]) -> str:
    return said(
        "trunk {trunk}: this Asterisk cannot translate {codecs}, the people called would hear nothing: use"
        " {known}, or load a translator for it (codec_{first}.so)",
        trunk=trunk.id,
        codecs=", ".join(silent),
        known=", ".join(sorted(known)) or "-",
        first=silent[0],
    )
