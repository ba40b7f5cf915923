"""Operators dial feature codes on real phones: real SIP, real keys, Asterisk's own AGI client and sounds."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest_asyncio

from agi import words
from agi.parts import Parts
from agi.pins import Pins
from agi.server import AgiServer
from dialer.adapters import hashes
from dialer.adapters.clock import utc_now
from dialer.adapters.memory.people import MemoryPinGuesses
from dialer.adapters.speech import SHIPPED, lay
from dialer.domain.disposition import DEFAULT, plain
from dialer.domain.errors import Conflict, Missing
from dialer.domain.operators import Account, Operator, State
from dialer.domain.types import Language, OperatorId
from dialer.lab import tones
from dialer.lab.lab import Lab
from dialer.lab.phones import Phone
from dialer.ports.between import Command

PIN = "4711"
DONE_S = 20.0


@dataclass
class FakeDesk:
    """Writes commands down, and whether the phone was in a call when each came."""

    phone: Phone
    commands: list[Command] = field(default_factory=list)
    was_in_call: list[bool] = field(default_factory=list)
    fail: Exception | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def do(self, command: Command) -> Mapping[str, Any]:
        if "only_check" in command.args:
            return {}
        if command.verb == "outcomes":
            return {"call": "c-1", "dispositions": [plain(one) for one in DEFAULT]}
        self.was_in_call.append(await self.phone.in_call())
        self.commands.append(command)
        self.asked.set()
        if self.fail:
            raise self.fail
        return {**command.args, "state": {"ready": "ready", "pause": "paused"}.get(command.verb, "")}


@dataclass
class FakeAccounts:
    accounts: Mapping[str, Account]
    looked_up: asyncio.Event = field(default_factory=asyncio.Event)

    async def get(self, operator: OperatorId) -> Account:
        self.looked_up.set()
        if operator not in self.accounts:
            raise Missing(f"there is no operator {operator}")
        return self.accounts[operator]


@dataclass
class FakeLive:
    at_work: list[Operator] = field(default_factory=list)

    async def operators(self) -> Sequence[Operator]:
        return self.at_work


@dataclass
class Room:
    """An operator's phone, and the service that answers its feature codes."""

    phone: Phone
    desk: FakeDesk
    accounts: FakeAccounts
    live: FakeLive
    server: AgiServer

    async def dial(self, code: str, keys: str = "") -> None:
        """Dials, waits until the service talks to this phone, then presses the keys."""
        self.accounts.looked_up.clear()
        await self.phone.dial(code)
        async with asyncio.timeout(DONE_S):
            await self.accounts.looked_up.wait()
        if keys:
            await self.phone.press(keys)

    async def over(self) -> None:
        """Returns when the PBX has ended the call."""
        async with asyncio.timeout(DONE_S):
            while await self.phone.in_call():  # noqa: ASYNC110 the phone is another process
                await asyncio.sleep(0.05)

    def heard(self) -> Path:
        """What reached the phone in its last call."""
        first = self.phone.heard()
        return max(first.parent.glob(f"{self.phone.number}-*.sln"), key=lambda path: path.stat().st_mtime)

    def melody(self) -> list[float]:
        """The notes of the last call that a tone of ours has, in the order they were heard.

        Speech has such notes too, but none for as long.
        """
        notes = {hertz for tone in (words.RISING, words.FALLING, words.LOW_DOUBLE) for hertz, _ in tone.notes}
        samples, rate = tones.read(self.heard())
        size = rate // 50
        found: list[float] = []
        runs: Counter[float] = Counter()
        for start in range(0, len(samples) - size, size):
            piece = samples[start : start + size]
            for hertz in notes - {0}:
                runs[hertz] = runs[hertz] + 1 if tones.goertzel(piece, rate, hertz) > 0.85 else 0
                if runs[hertz] == 4 and found[-1:] != [hertz]:
                    found.append(hertz)
        return found


@pytest_asyncio.fixture(loop_scope="session")
async def room(lab: Lab, ari: Any) -> AsyncIterator[Room]:
    """Phone 101 and a FastAGI server where the dialplan looks for it."""
    phone = lab.world.phone("101")
    hashed = await hashes.hash_secret(PIN)
    accounts = FakeAccounts(
        {
            "101": Account(OperatorId("101"), "Anna", pin_hash=hashed),
            "102": Account(OperatorId("102"), "Boris", pin_hash=hashed, language=Language.EN),
        }
    )
    desk, live = FakeDesk(phone), FakeLive()
    port = int(lab.environment()["DIALER_AGI_PORT"])
    pins = Pins(hashes.is_right, MemoryPinGuesses(), utc_now, lambda what: None)
    lay(lab.sounds)
    parts = Parts(desk, accounts, live, pins, sound=lambda name: str(lab.sounds / name))
    async with AgiServer(parts, secret=lab.values["AGI_SECRET"], port=port) as server:
        yield Room(phone, desk, accounts, live, server)
        if await phone.in_call():
            await phone.hang_up()


async def test_number_and_pin_log_in_and_the_phone_is_free_to_be_called_back(room: Room) -> None:
    await room.dial("*10", f"101#{PIN}#")
    async with asyncio.timeout(DONE_S):
        await room.desk.asked.wait()
    assert [(each.verb, each.target) for each in room.desk.commands] == [("login", "operator:101")]
    assert room.desk.was_in_call == [False]


async def test_a_program_of_this_machine_that_speaks_for_a_phone_is_cut(room: Room) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", room.server.port)
    writer.write(b"agi_network_script: logout\nagi_arg_1: 101\n\n")
    async with asyncio.timeout(DONE_S):
        assert await reader.read() == b""
    writer.close()
    assert not room.desk.commands


async def test_only_the_hash_key_means_the_phones_own_number(room: Room) -> None:
    await room.dial("*10", f"#{PIN}#")
    async with asyncio.timeout(DONE_S):
        await room.desk.asked.wait()
    assert room.desk.commands[0].target == "operator:101"


async def test_a_colleague_logs_in_from_the_same_phone(room: Room) -> None:
    await room.dial("*10", f"102#{PIN}#")
    async with asyncio.timeout(DONE_S):
        await room.desk.asked.wait()
    assert room.desk.commands[0].args["desk"] == "101", "it is this phone that rings"
    assert room.desk.commands[0].target == "operator:102"


async def test_three_wrong_pins_are_answered_by_two_low_tones_and_the_end(room: Room) -> None:
    await room.dial("*10", "101#1234#" * 3)
    await room.over()
    assert not room.desk.commands
    assert room.melody() == [220.0]


async def test_ready_is_heard_as_rising_tones(room: Room) -> None:
    await room.dial("*11")
    await room.over()
    assert room.desk.commands[0].verb == "ready"
    assert room.melody() == [523, 659, 784]
    words_said, _ = tones.read(SHIPPED / Language.RU / "state-ready.wav")
    assert tones.likeness(tones.read(room.heard())[0], words_said) > 0.8, "and in words"


async def test_a_pause_has_the_reason_of_its_digit_and_is_heard_as_falling_tones(room: Room) -> None:
    await room.dial("*12", "2")
    await room.over()
    assert [(each.verb, each.args["reason"]) for each in room.desk.commands] == [("pause", "lunch")]
    assert room.melody() == [784, 659, 523]


async def test_a_pause_without_a_digit_is_for_other_reasons(room: Room) -> None:
    await room.dial("*12")
    await room.over()
    assert room.desk.commands[0].args["reason"] == "other"


async def test_a_wrong_digit_can_be_corrected(room: Room) -> None:
    await room.dial("*13", "8")
    async with asyncio.timeout(DONE_S):
        while 220 not in room.melody():  # noqa: ASYNC110 the phone is another process
            await asyncio.sleep(0.05)
        while not room.desk.commands:  # keys pressed while the low tones sound are not heard
            await room.phone.press("9")
    await room.over()
    assert room.desk.commands[0].args["disposition"] == "dnc"


async def test_logout(room: Room) -> None:
    await room.dial("*14")
    await room.over()
    assert room.desk.commands[0].verb == "logout"


async def test_an_operator_hears_the_state(room: Room) -> None:
    room.live.at_work = [Operator(OperatorId("101"), state=State.PAUSED, reason="lunch")]
    await room.dial("*15")
    await room.over()
    assert room.melody() == [784, 659, 523]
    assert not room.desk.commands


async def test_a_refusal_is_two_low_tones_and_the_end(room: Room) -> None:
    room.desk.fail = Conflict("not now")
    await room.dial("*11")
    await room.over()
    assert room.melody() == [220.0]


async def test_a_caller_who_hangs_up_in_the_middle_leaves_nothing_behind(room: Room) -> None:
    await room.dial("*10", "101#")
    await room.phone.hang_up()
    await room.over()
    async with asyncio.timeout(DONE_S):
        while room.server.talking:  # noqa: ASYNC110 Asterisk tells it when it has noticed
            await asyncio.sleep(0.05)
    await room.dial("*11")
    await room.over()
    assert [each.verb for each in room.desk.commands] == ["ready"]


async def test_without_the_service_the_caller_hears_a_message_and_no_silence(room: Room) -> None:
    await room.server.stop()
    await room.phone.dial("*11")
    await room.over()
    assert tones.heard(room.heard()), "the phone heard nothing"
