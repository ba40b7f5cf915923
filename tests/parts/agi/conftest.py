"""A FastAGI server on a real socket, and an Asterisk that is only a peer on that socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from agi import login
from agi.parts import Parts
from agi.pins import Pins
from agi.server import AgiServer
from dialer.adapters.clock import utc_now
from dialer.adapters.memory.people import MemoryPinGuesses
from dialer.domain.disposition import DEFAULT, Disposition, plain
from dialer.domain.errors import Missing
from dialer.domain.operators import Account, Operator
from dialer.domain.types import Language, LegKind, OperatorId, PhoneKind
from dialer.ports.between import Command

ANSWERED_S = 5.0
SECRET = "s3cret-of-this-agi"
OK = b"200 result=0\n"
HEADERS = "agi_network: yes\nagi_network_script: {route}\nagi_uniqueid: 17.{n}\nagi_arg_1: {argument}\n"
HEADERS += f"agi_arg_2: {SECRET}\n\n"


class FakeDesk:
    """Writes down every command; `fail` is raised instead of an answer."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.asked = asyncio.Event()
        self.fail: Exception | None = None
        self.delay: asyncio.Event | None = None
        self.answer: Mapping[str, Any] = {}
        self.offered: Mapping[str, Any] = {"call": "", "dispositions": []}

    def in_call(self, call: str, *outcomes: Disposition) -> None:
        """The operator has this call, of which these may be said."""
        self.offered = {"call": call, "dispositions": [plain(one) for one in outcomes or DEFAULT]}

    async def do(self, command: Command) -> Mapping[str, Any]:
        if "only_check" in command.args:
            if self.fail is not None:
                raise self.fail
            return {}
        if command.verb == "outcomes":
            return self.offered
        self.commands.append(command)
        self.asked.set()
        if self.delay is not None:
            await self.delay.wait()
        if self.fail is not None:
            raise self.fail
        return self.answer


class FakeAccounts:
    def __init__(self, *accounts: Account) -> None:
        self._accounts = {account.id: account for account in accounts}

    async def get(self, operator: OperatorId) -> Account:
        if operator not in self._accounts:
            raise Missing(f"there is no operator {operator}")
        return self._accounts[operator]


class FakeLive:
    def __init__(self) -> None:
        self.at_work: list[Operator] = []

    async def operators(self) -> Sequence[Operator]:
        return self.at_work


async def check_pin(hashed: str, pin: str) -> bool:
    """A hash here is the PIN with a mark."""
    return hashed == f"hash of {pin}"


ACCOUNTS = (
    Account(OperatorId("101"), "Own phone", pin_hash="hash of 4711"),
    Account(
        OperatorId("102"), "On demand", pin_hash="hash of 2222", leg=LegKind.ON_DEMAND, language=Language.EN
    ),
    Account(OperatorId("103"), "Off", pin_hash="hash of 3333", enabled=False),
    Account(OperatorId("104"), "No PIN"),
    Account(OperatorId("105"), "Outside", pin_hash="hash of 5555", phone=PhoneKind.OUTSIDE),
)


@dataclass(slots=True)
class Talk:
    """One conversation as Asterisk saw it."""

    commands: list[str] = field(default_factory=list)

    def said(self, start: str) -> list[str]:
        return [command for command in self.commands if command.startswith(start)]

    @property
    def is_refused(self) -> bool:
        """Two low tones, then the end."""
        return (
            any("!220/" in command for command in self.said("EXEC PlayTones")) and "HANGUP" in self.commands
        )


Answer = Callable[[str], bytes]


@dataclass(slots=True)
class Peer:
    """Plays Asterisk's part; `keys` are what the caller presses, one entry per question."""

    port: int
    calls: int = 0

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def call(
        self,
        route: str,
        *keys: str,
        argument: str = "101",
        answers: Mapping[str, bytes] | None = None,
    ) -> Talk:
        """Dials a feature code; `answers` replace Asterisk's own by the beginning of the command."""
        self.calls += 1
        reader, writer = await self.open()
        writer.write(HEADERS.format(route=route, argument=argument, n=self.calls).encode())
        talk, pressed = Talk(), list(keys)
        try:
            async with asyncio.timeout(ANSWERED_S):
                while line := (await reader.readline()).decode().rstrip("\n"):
                    talk.commands.append(line)
                    writer.write(_answer(line, pressed, answers or {}))
        except ConnectionError:
            pass  # the server has broken it off: that is its right
        finally:
            writer.close()
        return talk


def _answer(line: str, pressed: list[str], answers: Mapping[str, bytes]) -> bytes:
    for start, answer in answers.items():
        if line.startswith(start):
            return answer
    if line.startswith("GET DATA"):
        return f"200 result={pressed.pop(0)}\n".encode() if pressed else b"200 result= (timeout)\n"
    if line.startswith("STREAM FILE"):
        return b"200 result=0 endpos=8160\n"
    return OK


@dataclass(slots=True)
class World:
    server: AgiServer
    desk: FakeDesk
    live: FakeLive
    peer: Peer


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A running server with five operators; nobody is at work yet."""
    monkeypatch.setattr(login, "PHONE_FREE_S", 0.0)
    desk, live = FakeDesk(), FakeLive()
    pins = Pins(check_pin, MemoryPinGuesses(), utc_now, lambda what: None)
    parts = Parts(desk, FakeAccounts(*ACCOUNTS), live, pins)
    async with AgiServer(parts, secret=SECRET, port=0) as server:
        yield World(server, desk, live, Peer(server.port))
