"""The pacer's rounds, by which others tell that the service is alive: they go on, whoever is away."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from dialer.engine.hopper import LEASE_S
from dialer.engine.pacer import APART_S, GATHER_S
from dialer.sim.clock import until
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import House
from tests.unit.engine.virtual import in_virtual_time

LONGEST_S = 6.0  # between two rounds: the interval is 5 s at most


class Rounds:
    """Says when the last one was."""

    def __init__(self, house: House) -> None:
        self._clock = asyncio.get_running_loop().time
        self.last_s = self._clock()
        self.longest_s = 0.0
        house.cell.pacer.on_round = self

    def __call__(self) -> None:
        now_s = self._clock()
        self.longest_s = max(self.longest_s, now_s - self.last_s)
        self.last_s = now_s

    async def go_on(self, for_s: float) -> None:
        await asyncio.sleep(for_s)
        self()
        assert self.longest_s < LONGEST_S


@in_virtual_time
async def test_rounds_go_on_while_asterisk_is_away() -> None:
    house = House(PretendAsterisk())
    await house.start(connect=False)
    assert house.cell.standing() == "waiting for Asterisk: 0 calls in flight"
    await Rounds(house).go_on(300)
    await house.stop()


@in_virtual_time
async def test_rounds_go_on_without_a_campaign_and_the_line_says_so() -> None:
    house = House(PretendAsterisk())
    await house.start()
    await Rounds(house).go_on(120)
    assert house.cell.standing() == "0 campaigns run, 0 calls in flight"
    await house.stop()


@in_virtual_time
async def test_rounds_go_on_while_the_database_answers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(PretendAsterisk())
    await house.furnish(operators=0, leads=30)
    await house.start()
    await until(lambda: bool(house.cell.pacer.at_hand(house.cell.pacer.running()[0].id)))
    asked = frozen(house, monkeypatch)
    await Rounds(house).go_on(LEASE_S)
    assert sum(bool(leads) for leads, *_ in asked) == 1, (
        "the leases are half over, and the answer does not come"
    )
    await house.stop()


@in_virtual_time
async def test_a_drain_is_told_and_rounds_go_on_in_it() -> None:
    house = House(PretendAsterisk())
    await house.furnish(leads=1)
    await house.start()
    await house.all_ready()
    await until(lambda: len(house.cell.calls) == 1)
    draining = asyncio.create_task(house.cell.drain(60))
    rounds = Rounds(house)
    await asyncio.sleep(0)
    assert house.cell.standing() == "draining: 1 call in flight"
    assert await draining
    await rounds.go_on(1)
    await house.stop()


@in_virtual_time
async def test_a_pacer_that_hangs_makes_no_rounds_though_the_loop_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = House(PretendAsterisk())
    await house.start()
    rounds = Rounds(house)
    monkeypatch.setattr(house.cell.pacer, "_pause_s", lambda: 3600.0)
    await asyncio.sleep(600)
    assert asyncio.get_running_loop().time() - rounds.last_s > 500
    await house.stop()


def frozen(house: House, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A server that takes requests and never answers; gives those that it was asked."""
    asked: list[Any] = []

    async def renew(*args: Any, **_: Any) -> None:
        asked.append(args)
        await asyncio.Event().wait()

    monkeypatch.setattr(house.stores.leads, "renew", renew)
    return asked


@in_virtual_time
async def test_a_decision_follows_an_event_at_once_and_the_next_a_quarter_of_a_second_later() -> None:
    house = House(PretendAsterisk())
    await house.furnish(operators=0, leads=0)
    await house.start()
    clock, at_s = asyncio.get_running_loop().time, list[float]()
    house.cell.pacer.on_decision = lambda decision, cpu_s: at_s.append(clock())
    await asyncio.sleep(10.2)
    before_s, woken_s = at_s[-1], clock()
    for _ in range(100):  # twenty events a second
        house.cell.pacer.wake()
        await asyncio.sleep(0.05)
    first, *later = [at for at in at_s if at >= woken_s]
    assert first - woken_s <= max(GATHER_S, before_s + APART_S + GATHER_S - woken_s) + 0.001
    assert len(later) >= 16
    spans = [after - before for before, after in pairwise([first, *later])]
    assert min(spans) >= APART_S - 1e-6 and max(spans) <= APART_S + GATHER_S + 0.05
    at_s.clear()
    await asyncio.sleep(10)  # nothing happens: at most the interval, which is 0.5 s in this house
    assert 19 <= len(at_s) <= 21
    await house.stop()
