"""Q.850 reasons out of copies of SIP messages: every form of the header, and nothing from what is maimed."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.adapters.ari.reasons import KEPT, Reason, Reasons, parse
from dialer.lab.ports import Ports

NUMBER = "79161234567"


def copy(message: str) -> bytes:
    """As Asterisk's module makes it."""
    chunks = ((0x01, b"\x02"), (0x02, b"\x11"), (0x11, b"9a4d8e78"), (0x0F, message.encode()))
    body = b"".join(struct.pack("!HHH", 0, kind, 6 + len(content)) + content for kind, content in chunks)
    return b"HEP3" + struct.pack("!H", 6 + len(body)) + body


def answer(
    *headers: str,
    status: str = "480 Temporarily Unavailable",
    method: str = "INVITE",
    to: str = f"To: <sip:{NUMBER}@127.0.0.4:5060>;tag=1",
) -> str:
    lines = [f"SIP/2.0 {status}", "Via: SIP/2.0/UDP 127.0.0.1", to, f"CSeq: 7 {method}", *headers]
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
    expected = (NUMBER, Reason(480, f"Temporarily Unavailable{text}", cause))
    assert parse(copy(answer(*headers))) == expected


@pytest.mark.parametrize(
    "message",
    [
        answer(status="180 Ringing"),
        answer(method="OPTIONS"),
        answer(method="OPTIONS", status="200 OK"),
        answer(method="REGISTER", status="403 Forbidden"),
        "INVITE sip:7916@x SIP/2.0\r\nCSeq: 1 INVITE\r\nReason: Q.850;cause=1\r\n\r\n",
        "",
    ],
)
def test_what_is_no_final_answer_to_an_invite_is_nothing(message: str) -> None:
    assert parse(copy(message)) is None


@pytest.mark.parametrize(
    "to",
    ['To: "A, b" <sip:+79161234567@x;user=phone>', "t: sips:+79161234567@x", "TO:<sip:+79161234567@[::1]:5>"],
)
def test_the_number_is_read_from_every_form_of_to(to: str) -> None:
    assert parse(copy(answer(to=to))) == (f"+{NUMBER}", Reason(480, "Temporarily Unavailable"))


def test_an_answer_is_kept_as_one() -> None:
    found = parse(copy(answer(status="200 OK")))
    assert found == (NUMBER, Reason(200, "OK"))
    assert found[1].is_answer
    assert not Reason(302).is_answer


def test_a_status_without_words_is_read() -> None:
    assert parse(copy(answer(status="603"))) == (NUMBER, Reason(603))


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
            to = f"To: <sip:7916{n:07}@x>"
            asterisk.sendto(copy(answer("Reason: Q.850;cause=17", to=to)), ("127.0.0.1", port))
            if n % 50 == 0:
                assert reasons.of("7999") is None
        asterisk.sendto(b"noise", ("127.0.0.1", port))
    found = reasons.of(f"7916{KEPT:07}")
    assert found == Reason(480, "Temporarily Unavailable", 17)
    assert reasons.of(f"7916{KEPT:07}") is None
    assert reasons.of("79160000000") is None, "the oldest is forgotten"
    reasons.stop()
    ports.release()


async def test_a_port_that_is_taken_costs_the_reasons_and_nothing_else() -> None:
    ports, first, second = Ports(), Reasons(), Reasons()
    port = ports.draw("127.0.0.1")
    first.start("127.0.0.1", port)
    second.start("127.0.0.1", port)
    assert second.of(NUMBER) is None
    second.stop()
    first.stop()
    ports.release()
