"""systemd hears what it must hear, by path or by abstract name, and nobody waits for it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from dialer.adapters.systemd import BEAT_S, BEATS, MORE_S, Systemd

WATCHDOG_S = 3.0


@dataclass(slots=True)
class Clock:
    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


class Ear:
    """What systemd listens on."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.listen()

    def listen(self) -> None:
        self._socket.bind(f"\0{self.name[1:]}" if self.name.startswith("@") else self.name)
        self._socket.setblocking(False)

    def heard(self) -> list[dict[str, str]]:
        messages = []
        while True:
            try:
                text = self._socket.recv(4096).decode()
            except BlockingIOError:
                return messages
            messages.append(dict(line.split("=", 1) for line in text.splitlines()))

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def ear(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ear]:
    ear = Ear(str(tmp_path / "notify") if request.param == "path" else f"@obzvon-{uuid4()}")
    yield ear
    ear.close()


def listened(ear: Ear, clock: Clock) -> Systemd:
    names = {"NOTIFY_SOCKET": ear.name, "WATCHDOG_USEC": str(round(WATCHDOG_S * 1e6))}
    return Systemd(names, lambda sentence: f"<{sentence}>", clock)


def test_ready_alive_and_stopping_are_heard(ear: Ear) -> None:
    told = listened(ear, Clock())
    told.ready()
    told.turned(lambda: "2 calls")
    told.stopping()
    told.stopped()
    more = str(round(MORE_S * 1e6))
    assert ear.heard() == [
        {"READY": "1"},
        {"WATCHDOG": "1", "STATUS": "<2 calls>"},
        {"STOPPING": "1", "EXTEND_TIMEOUT_USEC": more},
        {"STATUS": ""},
    ]


def test_signs_of_life_come_in_time_and_no_oftener(ear: Ear) -> None:
    clock = Clock()
    told, asked = listened(ear, clock), []
    rounds = 300
    for _ in range(rounds):
        told.turned(lambda: asked.append(1) or "well")  # type: ignore[func-returns-value]
        clock.now_s += 0.03
    beats = len(ear.heard())
    assert beats == len(asked)
    assert beats >= rounds * 0.03 / (WATCHDOG_S / 2)
    assert beats <= 1 + rounds * 0.03 / (WATCHDOG_S / BEATS)
    assert WATCHDOG_S / BEATS < BEAT_S


def test_a_stop_is_told_at_once_and_asks_for_more_time_as_long_as_there_is_life(ear: Ear) -> None:
    clock = Clock()
    told = listened(ear, clock)
    told.turned(lambda: "well")
    told.stopping()
    told.turned(lambda: "draining")
    assert [message.get("STATUS") for message in ear.heard()] == ["<well>", None, "<draining>"]
    clock.now_s += WATCHDOG_S
    told.turned(lambda: "draining")
    assert "EXTEND_TIMEOUT_USEC" in ear.heard()[0]


def test_what_could_not_be_said_is_said_with_the_next_sign_of_life(tmp_path: Path) -> None:
    clock = Clock()
    path = tmp_path / "notify"
    told = Systemd({"NOTIFY_SOCKET": str(path)}, clock=clock)
    told.ready()  # nobody listens: systemd restarts itself
    ear = Ear(str(path))
    told.turned(lambda: "well")
    assert ear.heard() == [{"READY": "1", "WATCHDOG": "1", "STATUS": "well"}]
    ear.close()


@pytest.mark.parametrize("name", ["", "vsock:2:1234", "notify"])
def test_without_a_socket_that_we_know_nothing_is_asked(name: str) -> None:
    told = Systemd({"NOTIFY_SOCKET": name})
    told.ready()
    told.turned(lambda: pytest.fail("asked for nobody"))
    told.stopping()
