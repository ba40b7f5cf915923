"""A foreign phone or carrier in a hundred lines of plain SIP over UDP: every message it gets can be read."""

from __future__ import annotations

import asyncio
import audioop
import hashlib
import re
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import numpy as np

SILENCE = b"\xd5" * 160  # 20 ms of a-law
KEY_1 = (697.0, 1209.0)  # Q.23: the two tones of a key
PACKET_S = 0.02


@dataclass(frozen=True, slots=True)
class Message:
    """One SIP request or response as it came."""

    start: str
    headers: dict[str, list[str]]
    body: str

    @property
    def method(self) -> str:
        """Of a request; of a response that of the request it answers."""
        return self["cseq"].split()[-1]

    @property
    def status(self) -> int:
        """Of a response; 0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0") else 0

    def __getitem__(self, name: str) -> str:
        return self.headers[name.lower()][0]

    def get(self, name: str) -> str:
        """The header's first value, or nothing."""
        return self.headers.get(name.lower(), [""])[0]

    @property
    def codecs(self) -> list[str]:
        """Payload types of its sound, in the order offered."""
        found = re.search(r"^m=audio \d+ \S+ (.*?)\r?$", self.body, re.MULTILINE)
        return found[1].split() if found else []


def parse(data: bytes) -> Message | None:
    """None for a keep-alive."""
    head, _, body = data.decode(errors="replace").partition("\r\n\r\n")
    start, *lines = head.split("\r\n")
    headers: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers.setdefault(name.strip().lower(), []).append(value.strip())
    return Message(start, headers, body) if "cseq" in headers else None


@dataclass(eq=False)
class Ua(asyncio.DatagramProtocol):
    """Registers, answers calls at once, and keeps every message that it gets."""

    host: str
    port: int
    registrar: tuple[str, int]
    user: str = ""
    password: str = ""
    codecs: str = "8"  # payload types of its answer
    sends_sound: bool = True
    forwards_to: str = ""  # the user part that it names instead of answering
    says: list[bytes] = field(default_factory=list)  # packets of sound that go out next
    heard: list[Message] = field(default_factory=list)
    packets: int = 0  # of sound that came
    wants: Callable[[Message], bool] = lambda request: True  # whether it answers this request at all
    more: asyncio.Event = field(default_factory=asyncio.Event)
    send: Callable[[bytes, tuple[str, int]], None] = lambda data, to: None  # set when it is open
    _rtp: asyncio.DatagramTransport | None = None
    _sending: asyncio.Task[None] | None = None
    _invite: Message | None = None
    _tag: str = field(default_factory=lambda: secrets.token_hex(4))
    _call_id: str = field(default_factory=lambda: secrets.token_hex(8))
    _cseq: int = 0

    # --- asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.send = cast(asyncio.DatagramTransport, transport).sendto

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = parse(data)
        if message is None:
            return
        self.heard.append(message)
        self.more.set()
        if not message.status and self.wants(message):
            self._answer(message, addr)

    # --- as a phone

    async def register(self, expires_s: int = 120) -> int:
        """The final status of a REGISTER; 0 seconds: of an un-REGISTER."""
        answer = await self._ask_register(expires_s, "")
        if answer.status == 401:
            answer = await self._ask_register(expires_s, self._authorization(answer))
        return answer.status

    async def _ask_register(self, expires_s: int, authorization: str) -> Message:
        self._cseq += 1
        host, port = self.registrar
        lines = [
            f"REGISTER sip:{host}:{port} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.host}:{self.port};branch=z9hG4bK{secrets.token_hex(8)};rport",
            "Max-Forwards: 70",
            f"From: <sip:{self.user}@{host}>;tag={self._tag}",
            f"To: <sip:{self.user}@{host}>",
            f"Call-ID: {self._call_id}",
            f"CSeq: {self._cseq} REGISTER",
            f"Contact: <sip:{self.user}@{self.host}:{self.port}>",
            f"Expires: {expires_s}",
            *([f"Authorization: {authorization}"] if authorization else []),
            "Content-Length: 0",
        ]
        self._send("\r\n".join([*lines, "", ""]), self.registrar)
        cseq = f"{self._cseq} REGISTER"
        return await self.hears(
            lambda each: each.status >= 200 and each["cseq"] == cseq, "answer to REGISTER"
        )

    def _authorization(self, challenge: Message) -> str:
        told = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge["www-authenticate"]))
        host, port = self.registrar
        uri = f"sip:{host}:{port}"
        first = _md5(f"{self.user}:{told['realm']}:{self.password}")
        second = _md5(f"REGISTER:{uri}")
        cnonce = secrets.token_hex(4)
        response = _md5(f"{first}:{told['nonce']}:00000001:{cnonce}:auth:{second}")
        return (
            f'Digest username="{self.user}", realm="{told["realm"]}", nonce="{told["nonce"]}", uri="{uri}",'
            f' response="{response}", algorithm=MD5, qop=auth, nc=00000001, cnonce="{cnonce}",'
            f' opaque="{told.get("opaque", "")}"'
        )

    # --- calls

    def _answer(self, request: Message, addr: tuple[str, int]) -> None:
        match request.method:
            case "INVITE" if self.forwards_to:
                elsewhere = f"<sip:{self.forwards_to}@{self.host}>"
                self._send(self._response(request, "302 Moved Temporarily", contact=elsewhere), addr)
            case "INVITE":
                if ";tag=" not in request["to"]:
                    self._invite = request
                self._send(self._response(request, "200 OK", self._sdp()), addr)
                if self.sends_sound and self._sending is None:
                    self._begin_to_speak(request)
            case "BYE" | "CANCEL":
                self.be_silent()
                self._send(self._response(request, "200 OK"), addr)
            case "ACK":
                pass
            case _:
                self._send(self._response(request, "200 OK"), addr)

    async def call(self, to: str, caller: str) -> int:
        """Calls `to` as a carrier writes it, from this user of its own; the final status, acknowledged."""
        host, port = self.registrar
        call_id, branch = secrets.token_hex(8), f"z9hG4bK{secrets.token_hex(8)}"
        sender = f"<sip:{caller}@{self.host}>;tag={self._tag}"

        def request(method: str, to_header: str, body: str = "") -> str:
            lines = [
                f"{method} sip:{to}@{host}:{port} SIP/2.0",
                f"Via: SIP/2.0/UDP {self.host}:{self.port};branch={branch};rport",
                "Max-Forwards: 70",
                f"From: {sender}",
                f"To: {to_header}",
                f"Call-ID: {call_id}",
                f"CSeq: 1 {method}",
                f"Contact: <sip:{self.host}:{self.port}>",
                *(["Content-Type: application/sdp"] if body else []),
                f"Content-Length: {len(body)}",
            ]
            return "\r\n".join([*lines, "", body])

        self._send(request("INVITE", f"<sip:{to}@{host}>", self._sdp()), self.registrar)
        final = await self.hears(
            lambda each: each.status >= 200 and each["call-id"] == call_id, f"answer to {caller}", 20
        )
        self._send(request("ACK", final["to"]), self.registrar)
        if final.status == 200 and self.sends_sound:
            self._begin_to_speak(final)
        return final.status

    def hang_up(self) -> None:
        """Ends the call that it answered last."""
        self.be_silent()
        assert self._invite is not None
        invite, self._invite = self._invite, None
        target = invite["contact"].partition("<")[2].partition(">")[0]
        lines = [
            f"BYE {target} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.host}:{self.port};branch=z9hG4bK{secrets.token_hex(8)};rport",
            "Max-Forwards: 70",
            f"From: {invite['to']};tag={self._tag}",
            f"To: {invite['from']}",
            f"Call-ID: {invite['call-id']}",
            "CSeq: 1 BYE",
            "Content-Length: 0",
        ]
        self._send("\r\n".join([*lines, "", ""]), self.registrar)

    def be_silent(self) -> None:
        """Sends no more sound; the call goes on."""
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    def _begin_to_speak(self, told: Message) -> None:
        port = re.search(r"^m=audio (\d+)", told.body, re.MULTILINE)
        host = re.search(r"^c=IN IP[46] (\S+)", told.body, re.MULTILINE)
        assert port
        assert host
        self.be_silent()
        self._sending = asyncio.create_task(self._speak((host[1], int(port[1]))))

    async def _speak(self, to: tuple[str, int]) -> None:
        assert self._rtp is not None
        number, payload = 0, int(self.codecs.split()[0])
        while True:
            header = bytes([0x80, payload]) + number.to_bytes(2) + (number * 160).to_bytes(4) + b"obzv"
            self._rtp.sendto(header + (self.says.pop(0) if self.says else SILENCE), to)
            number = (number + 1) % 65536
            await asyncio.sleep(PACKET_S)

    def _sdp(self) -> str:
        assert self._rtp is not None
        port = self._rtp.get_extra_info("sockname")[1]
        names = {"0": "PCMU", "8": "PCMA", "18": "G729", "9": "G722"}
        lines = [
            "v=0", f"o=ua 1 1 IN IP4 {self.host}", "s=-", f"c=IN IP4 {self.host}", "t=0 0",
            f"m=audio {port} RTP/AVP {self.codecs}",
            *(f"a=rtpmap:{each} {names[each]}/8000" for each in self.codecs.split()),
            "a=sendrecv",
        ]  # fmt: skip
        return "\r\n".join([*lines, ""])

    def _response(self, request: Message, status: str, body: str = "", contact: str = "") -> str:
        to, own = request["to"], f"<sip:{self.user or 'ua'}@{self.host}:{self.port}>"
        lines = [
            f"SIP/2.0 {status}",
            *(f"Via: {each}" for each in request.headers["via"]),
            *(f"Record-Route: {each}" for each in request.headers.get("record-route", [])),
            f"From: {request['from']}",
            f"To: {to}" + ("" if ";tag=" in to else f";tag={self._tag}"),
            f"Call-ID: {request['call-id']}",
            f"CSeq: {request['cseq']}",
            f"Contact: {contact or own}",
            "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, INFO",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join([*lines, "", body])

    def _send(self, text: str, addr: tuple[str, int]) -> None:
        self.send(text.encode(), addr)

    # --- what the test asks

    async def hears(self, is_it: Callable[[Message], bool], what: str, timeout_s: float = 10.0) -> Message:
        """The first message that `is_it`, from the beginning on; fails naming it when none comes."""
        try:
            async with asyncio.timeout(timeout_s):
                while not (found := [each for each in self.heard if is_it(each)]):
                    self.more.clear()
                    await self.more.wait()
        except TimeoutError:
            starts = [each.start for each in self.heard][-20:]
            raise AssertionError(f"no {what} within {timeout_s:g} s; heard {starts}") from None
        return found[0]


def key_one(seconds: float = 0.3) -> list[bytes]:
    """The key 1 as tones, in packets of a-law."""
    at = np.arange(round(seconds * 8000)) / 8000
    wave = sum(np.sin(2 * np.pi * hertz * at) for hertz in KEY_1) * 0.25 * 32767
    sound = audioop.lin2alaw(np.asarray(wave, dtype="<i2").tobytes(), 2)
    return [sound[start : start + 160] for start in range(0, len(sound) - 159, 160)]


class _Rtp(asyncio.DatagramProtocol):
    def __init__(self, ua: Ua) -> None:
        self._ua = ua

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._ua.packets += 1


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


@asynccontextmanager
async def listening(
    host: str, registrar: tuple[str, int], *, user: str = "", password: str = "", port: int = 0
) -> AsyncIterator[Ua]:
    """Open on a port of its own until the end of the block; what it was called for then times out."""
    loop = asyncio.get_running_loop()
    ua = Ua(host, 0, registrar, user, password)
    transport, _ = await loop.create_datagram_endpoint(lambda: ua, local_addr=(host, port))
    ua.port = transport.get_extra_info("sockname")[1]
    ua._rtp, _ = await loop.create_datagram_endpoint(lambda: _Rtp(ua), local_addr=(host, 0))
    try:
        yield ua
    finally:
        ua.be_silent()
        transport.close()
        ua._rtp.close()
