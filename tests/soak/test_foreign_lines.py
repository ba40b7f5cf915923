"""Lines of other makes, the long forms: half a minute of silence, and SIP over TLS; by hand."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import cast

from dialer.domain.types import EndedBy, Outcome
from dialer.lab.home import Home
from dialer.lab.lab import Lab, Options
from dialer.lab.ports import Ports
from dialer.lab.rootfs import ensure_asterisk
from tests.pbx import ua
from tests.pbx.office import numbers
from tests.pbx.test_foreign import CALLER, carrier, foreign, furnished, phone
from tests.pbx.ua import Ua

HOST = "127.0.0.5"


async def test_an_answered_call_without_a_single_packet_ends_within_half_a_minute_by_the_network() -> None:
    mute = numbers("+7901", 1)[0]
    async with foreign(mute) as (office, ends):
        desk = await phone(office, ends)
        its = await carrier(office, ends, "mute", "+7901")
        its.sends_sound = False
        await office.change(trunks=["mute"])
        assert await desk.register() == 200
        await office.ready("150")
        await office.start()
        await office.comes_to(mute, "bridged")
        cdr = await office.cdr(mute, timeout_s=45)
    assert (cdr.outcome, cdr.ended_by) == (Outcome.CONNECTED, EndedBy.NETWORK)
    assert cdr.reason == "no sound came from the line"
    assert 25 < cdr.talk_s < 33


async def test_a_trunk_over_tls_is_called_and_heard() -> None:
    person = numbers("+7908", 1)[0]
    async with secure_lab() as lab, AsyncExitStack() as ends, furnished(lab, [person]) as office:
        desk = await phone(office, ends)
        where = (lab.sip.host, lab.sip.port)
        its = await ends.enter_async_context(over_tls(Path(lab.values["KEYS_DIR"]), where))
        body = {"id": "safe", "host": HOST, "port": its.port, "transport": "tls"}
        await office.service.post("/v1/trunks", body | {"caller_ids": [CALLER], "prefixes": ["+7908"]})
        await office.change(trunks=["safe"])
        assert await desk.register() == 200
        await office.ready("150")
        await office.start()
        await office.comes_to(person, "bridged")
        await office.until(lambda: _more_than(its, 20), "sound comes")
        its.hang_up()
        cdr = await office.cdr(person)
    assert (cdr.outcome, cdr.ended_by) == (Outcome.CONNECTED, EndedBy.PERSON)


async def _more_than(its: Ua, packets: int) -> bool:
    return its.packets > packets


@asynccontextmanager
async def secure_lab() -> AsyncIterator[Lab]:
    """With SIP over TLS, and a certificate that nobody vouches for."""
    asterisk = await asyncio.to_thread(ensure_asterisk, lambda words: None)
    tls = {"SIP_TLS": "yes", "SIP_TLS_VERIFY": "no", "SIP_TLS_PORT": "35061", "SIP_CA_DIR": "/etc"}
    options = Options(phones=0, knobs=tls)
    lab = Lab(asterisk, options, Home(asterisk), Ports())
    keys = Path(lab.values["KEYS_DIR"])
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=lab", "-days", "2"]
    files = ["-keyout", str(keys / "sip.key"), "-out", str(keys / "sip.crt")]
    await asyncio.to_thread(subprocess.run, [*request, *files], check=True, capture_output=True)
    try:
        await lab.boot()
        yield lab
    finally:
        await lab.stop()


class _Stream(asyncio.Protocol):
    """SIP messages out of a stream, and into it."""

    def __init__(self, its: Ua) -> None:
        self._its = its
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        out = cast(asyncio.Transport, transport)
        self._its.send = lambda data, to: out.write(data)

    def data_received(self, data: bytes) -> None:
        self._rest += data
        while b"\r\n\r\n" in self._rest:
            head, _, body = self._rest.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            if len(body) < length:
                return
            self._rest = body[length:]
            self._its.datagram_received(head.lstrip() + b"\r\n\r\n" + body[:length], (HOST, 0))


@asynccontextmanager
async def over_tls(keys: Path, registrar: tuple[str, int]) -> AsyncIterator[Ua]:
    """A carrier that is spoken to over TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys / "sip.crt", keys / "sip.key")
    async with ua.listening(HOST, registrar) as its:
        server = await asyncio.get_running_loop().create_server(
            lambda: _Stream(its), HOST, its.port, ssl=context
        )
        try:
            yield its
        finally:
            server.close()
