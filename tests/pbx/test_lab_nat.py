"""Behind NAT: the outer address goes into what carriers read, and not into what phones of the house read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from dialer.lab import site
from dialer.lab.lab import Lab, Options

OUTER = "127.9.9.9"
LOCAL = f"10.0.0.0/8,{site.PBX}/32,{site.PHONES}/32"  # the carrier's address is not among them
BEHIND_NAT = Options(phones=1, knobs={"OUTER_ADDRESS": OUTER, "LOCAL_NETS": LOCAL})


def invitations(trace: Path) -> list[str]:
    """Every INVITE that was sent, as it was written."""
    text = trace.read_bytes().decode("latin-1")
    return re.findall(r"INVITE sip:.*?a=rtpmap", text, re.DOTALL)


def addresses(invitation: str) -> tuple[str, str]:
    """Where answers and sound are to be sent."""
    contact = re.search(r"Contact: <sip:[^@>]*@?([0-9.]+):", invitation)
    sound = re.search(r"c=IN IP4 (\S+)", invitation)
    assert contact
    assert sound
    return contact[1], sound[1]


async def test_a_carrier_is_told_the_outer_address_and_a_phone_of_the_house_is_not(ask: Any) -> None:
    async with Lab.start(BEHIND_NAT) as lab, ask(lab) as ari:
        await ari.push_all()
        trace = lab.folder / "pbx/run/sip.pcap"
        await lab.pbx.cli(f"pjsip set logger pcap {trace}")
        await lab.pbx.cli("pjsip set logger on")
        await ari.up(await ari.ring("101"))
        await ari.call("79161234567")
        await lab.pbx.cli("pjsip set logger off")
        to_phone, to_carrier = invitations(trace)
    assert addresses(to_phone) == (site.PBX, site.PBX)
    assert addresses(to_carrier) == (OUTER, OUTER)
