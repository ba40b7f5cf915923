"""What a carrier wrote into its refusals: Q.850 cause and words, from copies of SIP messages.

No event and no function of Asterisk 22.10 holds the `Reason` header of a final response.  Its module for HEP
(version 3, github.com/sipcapture/HEP) sends a copy of each SIP message by UDP.  Only final answers to an
INVITE are looked at; the number in `To` tells whose they are, no number is called twice at once.  A copy that
is lost costs its reason: the SIP status still counts.  A 200 is kept too: with one whose sound it cannot
carry, Asterisk ends the call as if it had been refused, and somebody has picked up.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import structlog

from dialer.domain.causes import BY_CAUSE, UNSPECIFIC

log = structlog.get_logger()

LARGEST = 65_535
BUFFER = 1 << 20  # bytes; the kernel may allow less, some 180 copies
READ_S = (
    0.5  # between two looks where no call begins or ends: to be woken by each copy costs more than to read it
)
KEPT = 1000  # refusals whose channel has not ended yet, the oldest is forgotten first
MESSAGE = 0x0F  # the chunk of HEP that holds it
MAY_BE_FINAL = re.compile(rb"SIP/2\.0 [2-6]")  # most copies are of something else: they are not taken apart
FINAL = re.compile(rb"SIP/2\.0 (?P<code>[2-6][0-9]{2})(?: (?P<words>[^\r\n]*))?\r?\n")
INVITE = re.compile(rb"^cseq[ \t]*:[ \t]*[0-9]+[ \t]+INVITE[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
TO = re.compile(rb"^(?:to|t)[ \t]*:[^\r\n]*?sips?:([^@;>\r\n]+)@", re.IGNORECASE | re.MULTILINE)
REASON = re.compile(
    rb"^reason[ \t]*:(?P<value>[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)", re.IGNORECASE | re.MULTILINE
)
ONE_REASON = re.compile(
    r'\s*(?P<protocol>[^;,\s]+)\s*(?P<rest>(?:;\s*[^=;,\s]+\s*(?:=\s*(?:"[^"]*"|[^;,]*))?)*)'
)
CAUSE = re.compile(r";\s*cause\s*=\s*([0-9]{1,3})\s*(?=;|$)", re.IGNORECASE)
TEXT = re.compile(r';\s*text\s*=\s*"([^"]*)"', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reason:
    """What stood in one final answer."""

    sip_code: int
    words: str = ""  # behind the status, and the text of the reason
    cause: int | None = None  # Q.850, as the network gave it

    @property
    def is_answer(self) -> bool:
        """Somebody has picked up."""
        return self.sip_code < 300


class Reasons:
    """Listens for the copies; asked when a channel has ended."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._next: asyncio.TimerHandle | None = None
        self._kept: dict[str, Reason] = {}  # by the number as it was dialled, the oldest first

    def start(self, host: str, port: int) -> None:
        """Listens; without the port there are no reasons, and the rest goes on."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            listening.bind((host, port))
        except OSError as flaw:
            listening.close()
            log.warning("reasons of refusals cannot be heard", address=f"{host}:{port}/udp", reason=str(flaw))
            return
        self._socket = listening
        self._look()

    def stop(self) -> None:
        if self._next is not None:
            self._next.cancel()
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def of(self, number: str) -> Reason | None:
        """Of the last call to this number, once; unread copies are read first."""
        self._read()
        return self._kept.pop(number, None)

    def forget(self, number: str) -> None:
        """It is called anew."""
        self._read()
        self._kept.pop(number, None)

    def _look(self) -> None:
        self._read()
        self._next = asyncio.get_running_loop().call_later(READ_S, self._look)

    def _read(self) -> None:
        while self._socket is not None:
            try:
                copy = self._socket.recv(LARGEST)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as flaw:
                log.warning("a copy of a SIP message could not be read", reason=str(flaw))
                return
            self._keep(copy)

    def _keep(self, copy: bytes) -> None:
        may_be = MAY_BE_FINAL.search(copy) and INVITE.search(copy)
        if not may_be or (found := parse(copy)) is None:
            return
        number, reason = found
        self._kept.pop(number, None)
        self._kept[number] = reason
        if len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]


def parse(copy: bytes) -> tuple[str, Reason] | None:
    """The number and the reason of one copy; None for all that is no final answer to an INVITE."""
    message = dict(_chunks(copy)).get(MESSAGE, b"")
    status, number = FINAL.match(message), TO.search(message)
    if status is None or number is None or not INVITE.search(message):
        return None
    reasons = list(_reasons(message))
    telling = [each for each in reasons if each[0] in BY_CAUSE and each[0] not in UNSPECIFIC]
    cause, text = (telling or reasons or [(None, "")])[0]
    words = " ".join(filter(None, (_text(status["words"] or b""), f"({text})" if text else "")))
    return _text(number[1]), Reason(int(status["code"]), words, cause)


def _chunks(copy: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and content of each chunk; stops where the copy is cut off."""
    if copy[:4] != b"HEP3":
        return
    at = 6
    while at + 6 <= len(copy):
        _, kind, length = struct.unpack_from("!HHH", copy, at)
        if length < 6 or at + length > len(copy):
            return
        yield kind, copy[at + 6 : at + length]
        at += length


def _reasons(message: bytes) -> Iterator[tuple[int | None, str]]:
    """Cause and text of each Q.850 reason, in order; there may be several headers, and several in one."""
    head = message.partition(b"\r\n\r\n")[0]
    for header in REASON.finditer(head):
        for one in ONE_REASON.finditer(_text(header["value"])):
            if one["protocol"].upper() != "Q.850":
                continue
            cause, text = CAUSE.search(one["rest"]), TEXT.search(one["rest"])
            if cause is not None:
                yield int(cause[1]), text[1] if text else ""


def _text(raw: bytes) -> str:
    """For people: no control characters, and not endless."""
    return "".join(sign if sign.isprintable() else " " for sign in raw.decode("utf-8", "replace")).strip()[
        :200
    ]
