"""Q.850 reasons out of copies of SIP messages: every form of the header, and nothing from what is maimed."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.adapters.ari.reasons import KEPT, Reason, Reasons, parse
from dialer.lab.ports import Ports

CHANNEL = "PJSIP/main-0000002a"


def copy(message: str, channel: str = CHANNEL) -> bytes:
    """As Asterisk's module makes it."""
    chunks = ((0x01, b"\x02"), (0x02, b"\x11"), (0x11, channel.encode()), (0x0F, message.encode()))
    body = b"".join(struct.pack("!HHH", 0, kind, 6 + len(content)) + content for kind, content in chunks)
    return b"HEP3" + struct.pack("!H", 6 + len(body)) + body


def answer(*headers: str, status: str = "480 Temporarily Unavailable", method: str = "INVITE") -> str:
    lines = [f"SIP/2.0 {status}", "Via: SIP/2.0/UDP 127.0.0.1", f"CSeq: 7 {method}", *headers]
    return "\r\n".join([*lines, "Content-Length: 0", "", ""])


@pytest.mark.parametrize(
    ("headers", "cause", "text"),
    [
        ((), None, ""),
        (("Reason: Q.850;cause=1",), 1, ""),
        (('Reason: Q.850;cause=17;text="User busy"',), 17, " (User busy)"),
        (("reason:q.850 ; cause = 17",), 17, ""),
        (('Reason: Q.850;text="a;cause=3, b";cause=20',), 20, " (a;cause=3, b)"),
        (("Reason: SIP;cause=486",), None, ""),
        (("Reason: SIP;cause=480", "Reason: Q.850;cause=1"), 1, ""),
        (('Reason: SIP;cause=480;text="x", Q.850;cause=34',), 34, ""),
        (("Reason: Q.850;cause=16", "Reason: Q.850;cause=1"), 1, ""),  # the one that explains something
        (("Reason: Q.850;cause=999", "Reason: Q.850;cause=17"), 17, ""),
        (("Reason: Q.850;cause=127",), 127, ""),
        (("Reason: Q.850;cause=many",), None, ""),
        (("Reason: Q.850;cause=-1",), None, ""),
        (("Reason: Q.850",), None, ""),
        (("Reason:",), None, ""),
        (("Reason: Q.850\r\n ;cause=22",), 22, ""),
        (("X-Reason: Q.850;cause=22",), None, ""),
    ],
)
def test_every_form_of_the_header_is_read(headers: tuple[str, ...], cause: int | None, text: str) -> None:
    expected = (CHANNEL, Reason(480, f"Temporarily Unavailable{text}", cause))
    assert parse(copy(answer(*headers))) == expected


@pytest.mark.parametrize(
    "message",
    [
        answer(status="180 Ringing"),
        answer(status="200 OK"),
        answer(method="OPTIONS"),
        answer(method="REGISTER", status="403 Forbidden"),
        "INVITE sip:7916@x SIP/2.0\r\nCSeq: 1 INVITE\r\nReason: Q.850;cause=1\r\n\r\n",
        "",
    ],
)
def test_what_is_no_final_answer_to_an_invite_is_nothing(message: str) -> None:
    assert parse(copy(message)) is None


def test_a_status_without_words_is_read() -> None:
    assert parse(copy(answer(status="603"))) == (CHANNEL, Reason(603))


@given(st.binary(max_size=200), st.integers(0, 400))
def test_a_maimed_copy_raises_nothing(noise: bytes, length: int) -> None:
    whole = copy(answer("Reason: Q.850;cause=1"))
    parse(noise)
    parse(whole[:length] + noise)


async def test_a_copy_that_lies_unread_is_found_when_its_channel_ends_and_once() -> None:
    ports, reasons = Ports(), Reasons()
    port = ports.draw("127.0.0.1")
    reasons.start("127.0.0.1", port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asterisk:
        for n in range(KEPT + 5):
            asterisk.sendto(
                copy(answer("Reason: Q.850;cause=17"), f"PJSIP/main-{n:08x}"), ("127.0.0.1", port)
            )
            if n % 50 == 0:
                assert reasons.of("PJSIP/other-00000000") is None
        asterisk.sendto(b"noise", ("127.0.0.1", port))
    found = reasons.of(f"PJSIP/main-{KEPT:08x}")
    assert found == Reason(480, "Temporarily Unavailable", 17)
    assert reasons.of(f"PJSIP/main-{KEPT:08x}") is None
    assert reasons.of("PJSIP/main-00000000") is None, "the oldest is forgotten"
    reasons.stop()
    ports.release()


async def test_a_port_that_is_taken_costs_the_reasons_and_nothing_else() -> None:
    ports, first, second = Ports(), Reasons(), Reasons()
    port = ports.draw("127.0.0.1")
    first.start("127.0.0.1", port)
    second.start("127.0.0.1", port)
    assert second.of(CHANNEL) is None
    second.stop()
    first.stop()
    ports.release()
