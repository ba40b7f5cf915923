"""What Asterisk can do for a trunk: what it cannot is named with the way out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dialer.domain.abilities import Abilities, abilities, check_abilities
from dialer.domain.errors import Unworkable
from dialer.domain.trunk import Transport, Trunk, why_readable
from dialer.domain.types import TrunkId

TRUNK = Trunk(TrunkId("main"), "192.0.2.1")
PLAIN = abilities(["codec_alaw.so", "codec_ulaw.so", "format_g729.so"], ["udp", "tcp"])


def test_what_it_can_is_known_by_modules_and_transports() -> None:
    assert Abilities({"alaw", "ulaw"}, {"udp", "tcp"}, srtp=False) == PLAIN
    whole = abilities(["codec_opus_open_source.so", "codec_g729a.so", "res_srtp.so"], ["udp"])
    assert Abilities({"opus", "g729"}, {"udp"}, srtp=True) == whole


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"codecs": ("alaw", "g729")}, "cannot translate g729.*use alaw, ulaw"),
        ({"transport": Transport.TLS}, "no SIP transport tls.*SIP_TLS=yes.*or use tcp, udp"),
        ({"srtp": True}, "cannot encrypt sound: load res_srtp.so"),
    ],
)
def test_what_it_cannot_do_is_refused_with_the_way_out(change: dict[str, Any], named: str) -> None:
    check_abilities(TRUNK, PLAIN)
    with pytest.raises(Unworkable, match=named):
        check_abilities(replace(TRUNK, **change), PLAIN)


def test_a_transport_of_any_kind_may_be_missing() -> None:
    with pytest.raises(Unworkable, match=r"no SIP transport udp.*\[udp\] to pjsip.conf.*or use tls"):
        check_abilities(TRUNK, replace(PLAIN, transports={"tls"}))


@pytest.mark.parametrize(
    ("srtp", "transport", "is_readable"),
    [
        (True, Transport.UDP, True),
        (True, Transport.TCP, True),
        (True, Transport.TLS, False),
        (False, Transport.UDP, False),
    ],
)
def test_keys_that_travel_in_clear_are_told_of(srtp: bool, transport: Transport, is_readable: bool) -> None:
    assert bool(why_readable(replace(TRUNK, srtp=srtp, transport=transport))) is is_readable
