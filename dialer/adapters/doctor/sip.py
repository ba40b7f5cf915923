"""Carriers: does one answer an OPTIONS, as any SIP phone may send it? And where do its prefixes lead?"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Sequence

from dialer.adapters.doctor.finding import Finding, doubtful, well
from dialer.adapters.numbering import country_name, leads_to, why_closed
from dialer.domain.dialable import DialRules
from dialer.domain.said import said
from dialer.domain.trunk import Transport, Trunk

WAIT_S = 2.0
SENDINGS = 2  # UDP may lose one


class _Ear(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.heard = asyncio.Event()

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Any answer will do, a refusal as well: somebody is there."""
        if data.startswith(b"SIP/2.0 "):
            self.heard.set()


async def is_answering(trunk: Trunk) -> bool:
    """Whether something that speaks SIP is at the trunk's address; over TCP and TLS, whether it takes us."""
    try:
        if trunk.transport is Transport.UDP:
            return await _ask(trunk)
        async with asyncio.timeout(WAIT_S):
            _, writer = await asyncio.open_connection(trunk.host, trunk.port)
            writer.close()
    except (OSError, TimeoutError):
        return False
    return True


async def _ask(trunk: Trunk) -> bool:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(WAIT_S * (SENDINGS + 1)):
        transport, ear = await loop.create_datagram_endpoint(_Ear, remote_addr=(trunk.host, trunk.port))
    try:
        host, port = transport.get_extra_info("sockname")[:2]
        for _ in range(SENDINGS):
            transport.sendto(options(trunk, host, port))
            try:
                async with asyncio.timeout(WAIT_S):
                    await ear.heard.wait()
            except TimeoutError:
                continue
            return True
        return False
    finally:
        transport.close()


def options(trunk: Trunk, host: str, port: int) -> bytes:
    """The request (RFC 3261, section 11)."""
    here = f"[{host}]" if ":" in host else host
    there = f"[{trunk.host}]" if ":" in trunk.host else trunk.host
    lines = [
        f"OPTIONS sip:{there}:{trunk.port} SIP/2.0",
        f"Via: SIP/2.0/UDP {here}:{port};branch=z9hG4bK{secrets.token_hex(8)};rport",
        "Max-Forwards: 70",
        f"From: <sip:doctor@{here}:{port}>;tag={secrets.token_hex(4)}",
        f"To: <sip:{there}:{trunk.port}>",
        f"Call-ID: {secrets.token_hex(12)}",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:doctor@{here}:{port}>",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def resolves(host: str) -> bool:
    """Whether the name has an address; blocks while a name server is asked."""
    try:
        return bool(socket.getaddrinfo(host, None))
    except OSError:
        return False


async def look_at_prefixes(trunks: Sequence[Trunk], rules: DialRules) -> list[Finding]:
    """Prefixes with which nothing begins that may be dialled, and open countries that no trunk leads to."""
    found = []
    for trunk in trunks:
        for prefix in trunk.prefixes:
            if why := await asyncio.to_thread(why_closed, prefix, rules):
                text = said("trunk {trunk}, prefix {prefix}: {why}", trunk=trunk.id, prefix=prefix, why=why)
                mend = said("or take it away: dialer trunk set {trunk} --prefixes ...", trunk=trunk.id)
                found.append(doubtful("prefixes", text, mend))
    prefixes = {prefix for trunk in trunks for prefix in trunk.prefixes}
    for region in sorted(rules.countries) if trunks else ():
        if not any(leads_to(prefix, region) for prefix in prefixes):
            text = said(
                "{country} ({region}) is open, and no trunk has a prefix for it",
                country=country_name(region), region=region,
            )  # fmt: skip
            mend = said("add one, or take the country from DIALER_COUNTRY or DIALER_COUNTRIES")
            found.append(doubtful("prefixes", text, mend))
    return found or [well("prefixes", said("they lead to numbers that may be dialled"))]
