"""Does a carrier answer at all? One OPTIONS of our own, as any SIP phone may send it."""

from __future__ import annotations

import asyncio
import secrets
import socket

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
