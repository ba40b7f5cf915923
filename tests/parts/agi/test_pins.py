"""PINs: whoever guesses waits longer each time, at any phone, for any operator, over a restart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agi.pins import Locked, Pins
from dialer.adapters.memory.people import MemoryPinGuesses
from dialer.domain.guesses import LOCKS, MOST_WRONG
from dialer.domain.operators import Account
from dialer.domain.types import OperatorId

ANNA = Account(OperatorId("101"), "Anna", pin_hash="4711")
BORIS = Account(OperatorId("102"), "Boris", pin_hash="2222")


async def check(hashed: str, pin: str) -> bool:
    return hashed == pin


class Door:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 30, 9, tzinfo=UTC)
        self.guesses = MemoryPinGuesses()
        self.locked: list[str] = []
        self.restart()

    def restart(self) -> None:
        self.pins = Pins(check, self.guesses, lambda: self.now, self.locked.append)

    async def wrong(self, n: int = MOST_WRONG, *, who: Account | None = ANNA, phone: str = "201") -> None:
        for _ in range(n):
            assert not await self.pins.are_right(who, "0000", phone=phone)

    async def is_open(self, who: Account = ANNA, phone: str = "201") -> bool:
        try:
            return await self.pins.are_right(who, who.pin_hash, phone=phone)
        except Locked:
            return False


async def test_each_lock_is_longer_than_the_one_before_up_to_an_hour() -> None:
    door = Door()
    for length in (*LOCKS, LOCKS[-1]):
        await door.wrong()
        door.now += length - timedelta(seconds=1)
        assert not await door.is_open()
        door.now += timedelta(seconds=1)
    assert await door.is_open()


async def test_a_restart_forgives_nothing() -> None:
    door = Door()
    await door.wrong(MOST_WRONG - 1)
    door.restart()
    await door.wrong(1)
    door.restart()
    assert not await door.is_open()


async def test_the_phone_is_locked_as_well_for_other_operators_and_for_numbers_that_do_not_exist() -> None:
    door = Door()
    await door.wrong(3, who=ANNA)
    await door.wrong(2, who=None)
    assert not await door.is_open(BORIS, phone="201")
    assert await door.is_open(BORIS, phone="202")
    assert await door.is_open(ANNA, phone="202")


async def test_the_operator_is_locked_at_every_phone() -> None:
    door = Door()
    for phone in range(MOST_WRONG):
        await door.wrong(1, phone=str(200 + phone))
    assert not await door.is_open(ANNA, phone="300")


async def test_each_lock_is_counted() -> None:
    door = Door()
    await door.wrong()
    assert door.locked == ["phone", "operator"]


async def test_a_right_pin_forgives_the_operator_and_not_the_phone() -> None:
    door = Door()
    await door.wrong(MOST_WRONG - 1)
    assert await door.is_open()
    await door.wrong(1)
    with pytest.raises(Locked, match="phone:201 is locked for 60 s more"):
        await door.pins.are_right(ANNA, "4711", phone="201")
    assert await door.is_open(phone="202")
