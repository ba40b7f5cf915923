"""The howto's firewall in a network of its own: real packets of carriers, strangers, the machine itself."""

from __future__ import annotations

import ctypes
import os
import re
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from tests.servers import binary

T = TypeVar("T")
PAGE = Path(__file__).parents[2] / "docs/howto/run-as-a-service.md"
SERVER, CARRIER, STRANGER = "203.0.113.1", "203.0.113.5", "203.0.113.66"
WAIT_S = 5.0
CLONE_NEWNET = 0x40000000


def rules() -> str:
    """The block, as it is typed."""
    block = re.search(r"With nftables:\n\n((?: {4}.*\n)+)", PAGE.read_text())
    assert block is not None
    return re.sub(r"(?m)^ {4}", "", block[1])


class Place:
    """A network namespace, and a process that holds it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [binary("unshare"), "--net", "sh", "-c", "echo here; exec sleep 600"], stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def run(self, *words: str, given: str | None = None) -> None:
        enter = [binary("nsenter"), "-t", str(self._process.pid), "-n", *words]
        subprocess.run(enter, input=given, text=True, check=True, capture_output=True)

    def inside(self, do: Callable[[], T]) -> T:
        """What is opened in there stays in there."""
        found: list[T] = []

        def work() -> None:
            with open(f"/proc/{self._process.pid}/ns/net") as there:
                if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            found.append(do())

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return found[0]

    def end(self) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def pid(self) -> str:
        return str(self._process.pid)


@contextmanager
def two_machines() -> Iterator[tuple[Place, Place]]:
    """The server with the howto's rules, and a cable to somebody who has the addresses of all others."""
    with ExitStack() as ends:
        server, others = Place(), Place()
        ends.callback(server.end)
        ends.callback(others.end)
        server.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", others.pid)
        for place, addresses in ((server, [SERVER]), (others, [CARRIER, STRANGER, "10.0.0.7", "10.0.1.7"])):
            for address in addresses:
                place.run("ip", "address", "add", f"{address}/24", "dev", "eth0")
            place.run("ip", "link", "set", "lo", "up")
            place.run("ip", "link", "set", "eth0", "up")
        server.run("ip", "route", "add", "10.0.0.0/16", "dev", "eth0")
        server.run("nft", "-c", "-f", "-", given=rules())
        server.run("nft", "-f", "-", given=rules())
        yield server, others


@pytest.fixture(scope="module")
def machines() -> Iterator[tuple[Place, Place]]:
    if os.geteuid() != 0:
        pytest.fail("a network of its own needs root", pytrace=False)
    binary("nft")
    with two_machines() as both:
        yield both


def udp(address: str, port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.bind((address, port))
    opened.settimeout(WAIT_S)
    return opened


def tcp(address: str, port: int) -> socket.socket:
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.bind((address, port))
    opened.settimeout(WAIT_S)
    return opened


@pytest.mark.parametrize(
    ("sender", "port", "passes"),
    [
        (CARRIER, 5060, True),
        ("10.0.0.7", 5060, True),
        (CARRIER, 10000, True),
        (CARRIER, 19999, True),
        (CARRIER, 20000, False),
        (CARRIER, 8765, False),
        (STRANGER, 5060, False),
        (STRANGER, 10000, False),
        ("10.0.1.7", 5060, False),
    ],
)
def test_datagrams_come_through_from_those_who_are_named_to_sip_and_sound_alone(
    machines: tuple[Place, Place], sender: str, port: int, passes: bool
) -> None:
    server, others = machines
    with (
        server.inside(lambda: udp("0.0.0.0", port)) as there,
        server.inside(lambda: udp("0.0.0.0", 12345)) as last,
        others.inside(lambda: udp(sender, 0)) as here,
        others.inside(lambda: udp(CARRIER, 0)) as known,
    ):
        here.sendto(b"INVITE", (SERVER, port))
        known.sendto(b"last", (SERVER, 12345))
        assert last.recv(100) == b"last"  # the cable keeps the order: what was let in is there by now
        there.setblocking(False)
        try:
            assert (there.recv(100), passes) == (b"INVITE", True)
        except BlockingIOError:
            assert not passes


@pytest.mark.parametrize(
    ("sender", "port", "passes"),
    [
        (CARRIER, 5060, True),
        (CARRIER, 5061, True),
        (CARRIER, 8080, False),
        (CARRIER, 5038, False),
        (STRANGER, 22, True),
        (STRANGER, 5060, False),
        (STRANGER, 8080, False),
        (STRANGER, 8088, False),
        (STRANGER, 4573, False),
    ],
)
def test_connections_come_through_to_ssh_and_from_those_who_are_named_to_sip(
    machines: tuple[Place, Place], sender: str, port: int, passes: bool
) -> None:
    server, others = machines
    with (
        server.inside(lambda: tcp("0.0.0.0", port)) as there,
        server.inside(lambda: udp("0.0.0.0", 12345)) as last,
        others.inside(lambda: tcp(sender, 0)) as here,
        others.inside(lambda: udp(CARRIER, 0)) as known,
    ):
        there.listen()
        here.setblocking(False)
        here.connect_ex((SERVER, port))
        if passes:
            there.accept()[0].close()
            return
        known.sendto(b"last", (SERVER, 12345))
        assert last.recv(100) == b"last"
        there.setblocking(False)
        with pytest.raises(BlockingIOError):
            there.accept()


def test_answers_to_what_the_server_asked_come_in_from_anybody_and_so_does_its_own_traffic(
    machines: tuple[Place, Place],
) -> None:
    server, others = machines
    with (
        others.inside(lambda: udp(STRANGER, 53)) as name_server,
        server.inside(lambda: udp(SERVER, 0)) as asking,
        server.inside(lambda: tcp("127.0.0.1", 8088)) as listening,
        server.inside(lambda: tcp("127.0.0.1", 0)) as ours,
    ):
        asking.sendto(b"who?", (STRANGER, 53))
        question, whence = name_server.recvfrom(100)
        name_server.sendto(b"me", whence)
        assert (question, asking.recv(100)) == (b"who?", b"me")
        listening.listen()
        ours.connect(("127.0.0.1", 8088))


def test_a_stranger_may_see_by_a_ping_that_the_server_is_there(machines: tuple[Place, Place]) -> None:
    _, others = machines

    def raw() -> socket.socket:
        opened = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        opened.bind((STRANGER, 0))
        opened.settimeout(WAIT_S)
        return opened

    body = struct.pack("!BBHHH", 8, 0, 0, 7, 1)
    words = sum(struct.unpack("!4H", body))
    echo = struct.pack("!BBHHH", 8, 0, ~words & 0xFFFF, 7, 1)
    with others.inside(raw) as here:
        here.sendto(echo, (SERVER, 0))
        answer, (whence, _) = here.recvfrom(200)
    assert (whence, answer[20]) == (SERVER, 0)
