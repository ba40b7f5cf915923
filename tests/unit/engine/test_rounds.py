"""The pacer's rounds, by which others tell that the service is alive: they go on, whoever is away."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from dialer.domain import shifts
from dialer.domain.lead import Lead
from dialer.domain.operators import Account, Operator, State
from dialer.domain.pacing.decision import Decision
from dialer.domain.trunk import Trunk
from dialer.domain.types import LeadId, LeadStatus, LegKind, Mode, OperatorId, PhoneNumber
from dialer.engine.hopper import LEASE_S
from dialer.engine.rhythm import APART_S, GATHER_S
from dialer.sim.clock import now, until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import MAIN, House, at_work
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
    monkeypatch.setattr(house.cell.pacer, "_interval_s", 3600.0)
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


def when_decided(house: House, campaign: int = 1) -> list[float]:
    """Instants, by the loop's clock, at which this campaign decided."""
    clock, at_s = asyncio.get_running_loop().time, list[float]()

    def decided(decision: Decision, cpu_s: float) -> None:
        if campaign in decision.reason:
            at_s.append(clock())

    house.cell.pacer.on_decision = decided
    return at_s


def when_ready(house: House) -> list[float]:
    clock, at_s = asyncio.get_running_loop().time, list[float]()
    tell = house.cell.floor.on_change

    def changed(before: Operator, after: Operator) -> None:
        if after.state is State.READY and before.state is not State.READY:
            at_s.append(clock())
        tell(before, after)

    house.cell.floor.on_change = changed
    return at_s


@pytest.mark.parametrize("leg", list(LegKind))
@pytest.mark.parametrize("mode", [Mode.PROGRESSIVE, Mode.POWER])
@in_virtual_time
async def test_a_free_operator_is_dialled_for_within_a_millisecond(mode: Mode, leg: LegKind) -> None:
    house = House(PretendAsterisk(lambda number: Fate(after_s=1.003, talk_s=2.011)))
    account = Account(OperatorId("101"), "op", leg=leg)
    await house.furnish(operators=3, leads=60, mode=mode, wrap_up_s=0.357, account=account)
    await house.start()
    await house.all_ready()
    decided_s, ready_s = when_decided(house), when_ready(house)
    await until(lambda: len(house.asterisk.dialled) == 60, 600)
    assert len(ready_s) > 20
    for at_s in ready_s:
        assert min(each for each in decided_s if each >= at_s) - at_s < 0.001
    await house.stop()


@in_virtual_time
async def test_what_comes_in_one_turn_of_the_loop_is_decided_once() -> None:
    house = House(PretendAsterisk(lambda number: Fate(after_s=100)))
    await house.furnish(operators=12, leads=40, mode=Mode.PROGRESSIVE)
    await house.start()
    await house.all_ready(but=[op.id for op in house.operators()][6:])
    await asyncio.sleep(5)
    decided_s = when_decided(house)
    for operator in house.operators()[6:]:
        house.ask(operator.id, shifts.LoginAsked)
    await until(lambda: all(op.state is State.PAUSED for op in house.operators()[6:]))
    before, dialled = len(decided_s), len(house.asterisk.dialled)
    for operator in house.operators()[6:]:
        house.ask(operator.id, shifts.ReadyAsked)
    await asyncio.sleep(0.001)
    assert len(decided_s) == before + 1
    await asyncio.sleep(0.2)
    assert len(house.asterisk.dialled) == dialled + 6
    await house.stop()


@pytest.mark.parametrize("mode", [Mode.PROGRESSIVE, Mode.POWER])
@in_virtual_time
async def test_calls_that_all_last_the_same_start_evenly_under_a_trunks_limit_and_not_in_clumps(
    mode: Mode,
) -> None:
    house = House(PretendAsterisk(lambda number: Fate(setup_s=0.01, after_s=0.05, talk_s=0.6)))
    trunk = Trunk(MAIN, "127.0.0.2", lines=60, calls_per_s=20, caller_ids=("+74950000000",))
    await house.furnish(operators=20, leads=120, mode=mode, wrap_up_s=0.0, trunk=trunk)
    await house.start()
    await house.all_ready()
    await until(lambda: len(house.asterisk.dialled) == 120, 60)
    await until(lambda: not house.calls(), 60)
    at_s = sorted(cdr.dialled_at.timestamp() for cdr in await house.cdrs())[20:]  # the first fill the bucket
    assert max(sum(at <= one < at + 0.1 for one in at_s) for at in at_s) <= 4, "two are due in a tenth"
    assert at_s[-1] - at_s[0] < len(at_s) / 20 + 0.5
    await house.stop()


@in_virtual_time
async def test_beside_a_progressive_campaign_a_predictive_one_keeps_its_rhythm() -> None:
    house = House(PretendAsterisk(lambda number: Fate(after_s=1.003, talk_s=2.011)))
    first = await house.furnish(operators=6, leads=200, mode=Mode.PROGRESSIVE, wrap_up_s=0.357)
    second = await house.stores.campaigns.add(replace(first, name="second", mode=Mode.PREDICTIVE))
    rows = [Lead(LeadId(0), second.id, (PhoneNumber(f"+7926{n:07}"),), zones=("Europe/Moscow",))
            for n in range(200)]  # fmt: skip
    await house.stores.leads.import_list(second.id, "list.csv", rows, now=now())
    await house.start()
    await house.all_ready()
    foreseen_s = when_decided(house, campaign=2)
    await asyncio.sleep(60)
    spans = [after - before for before, after in pairwise(foreseen_s)]
    assert len(spans) > 100
    assert min(spans) >= APART_S - 1e-6
    ours = Counter(call.campaign for call in (await house.cdrs()))
    assert min(ours.values()) > 0.2 * max(ours.values()), "both have their part of the operators"
    assert house.cell.pacer.outlooks.keys() == {second.id}
    await house.stop()


@in_virtual_time
async def test_an_operator_whom_a_higher_predictive_campaign_waits_for_is_left_to_it() -> None:
    house = House(PretendAsterisk(lambda number: Fate(after_s=1.003, talk_s=2.011)))
    low = await house.furnish(operators=1, leads=50, mode=Mode.PROGRESSIVE, wrap_up_s=0.357)
    high = await house.stores.campaigns.add(
        replace(low, name="high", mode=Mode.PREDICTIVE, priority=low.priority + 1)
    )
    rows = [Lead(LeadId(0), high.id, (PhoneNumber(f"+7926{n:07}"),), zones=("Europe/Moscow",))
            for n in range(5)]  # fmt: skip
    await house.stores.leads.import_list(high.id, "list.csv", rows, now=now())
    await house.start()
    await house.all_ready()
    await until(lambda: len(house.asterisk.dialled) >= 12, 300)
    first = [number for _, number, _ in house.asterisk.dialled][:5]
    assert all(number.startswith("7926") for number in first)
    await house.stop()


@in_virtual_time
async def test_where_no_number_can_be_looked_up_none_is_dialled_and_no_lead_is_lost() -> None:
    house = await at_work(Fate(after_s=1, talk_s=5), operators=2, leads=4)
    broken, history = True, house.stores.numbers.history

    async def ask(*args: Any, **more: Any) -> Any:
        if broken:
            raise ZeroDivisionError
        return await history(*args, **more)

    house.cell.recent._numbers.history = ask  # type: ignore[method-assign]
    dialled = len(house.asterisk.dialled)
    await until(lambda: "cannot be looked at" in str(house.cell.pacer.reasons.get(house.campaign.id, "")))
    await until(lambda: not house.calls(), 60)
    before = len(house.asterisk.dialled)
    await asyncio.sleep(5)
    assert len(house.asterisk.dialled) == before >= dialled
    assert {op.state for op in house.operators()} <= {State.READY, State.WRAP_UP}
    broken = False
    await until(lambda: house.watcher.seen["bridged"] == 4, 900)
    await house.settled()
    assert len(await house.leads(house.campaign, LeadStatus.DONE)) == 4
    house.shell.errands.failed = 0
    house.shell.guard.failed.clear()
    await house.stop()
