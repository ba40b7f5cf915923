"""Predictive pacing in the engine: it learns from what really happens, and a restart loses none of it."""

from __future__ import annotations

import asyncio

import pytest

from dialer.domain import shifts
from dialer.domain.operators import State
from dialer.domain.pacing.budget import WINDOWS
from dialer.domain.pacing.policies import Policies
from dialer.domain.types import Mode, Outcome
from dialer.engine.learning import SAVE_S
from dialer.sim.clock import now, until
from dialer.sim.fate import Fate
from tests.unit.engine.house import House, at_work
from tests.unit.engine.virtual import in_virtual_time

TODAY, _, MONTH = WINDOWS


def every_third(number: str) -> Fate:
    n = int(number)
    return Fate(after_s=3 + n % 11, talk_s=20 + n % 40) if n % 3 == 0 else Fate("no_answer")


def policies(house: House) -> Policies:
    policy = house.cell.pacer._policy
    assert isinstance(policy, Policies)
    return policy


@in_virtual_time
async def test_the_budget_counts_what_the_records_count() -> None:
    house = await at_work(every_third, operators=4, leads=240, mode=Mode.PREDICTIVE)
    campaign = house.campaign
    await house.worked_through(campaign)
    cdrs = await house.check_records()
    answered = sum(cdr.answer_at is not None for cdr in cdrs)
    abandoned = sum(cdr.outcome is Outcome.ABANDONED for cdr in cdrs)
    known = policies(house).knowledge.of(campaign.id)
    assert known.budget.counts(TODAY, now()) == (answered, abandoned)
    assert known.learned.ring.seen >= answered
    await house.stop()


@in_virtual_time
async def test_after_kill_9_the_budget_is_whole_and_the_statistics_are_seconds_old() -> None:
    house = await at_work(every_third, operators=4, leads=400, mode=Mode.PREDICTIVE)
    campaign = house.campaign
    await until(lambda: policies(house).knowledge.of(campaign.id).learned.talk.seen > 20, within_s=3600)
    await asyncio.sleep(SAVE_S + 1)
    before = policies(house).knowledge.of(campaign.id)
    counts, price, seen = (
        before.budget.counts(MONTH, now()),
        before.to_state()["price"],
        before.learned.ring.seen,
    )
    await house.kill()
    await house.start()
    after = policies(house).knowledge.of(campaign.id)
    assert after is not before
    assert after.budget.counts(MONTH, now()) == counts
    assert after.learned.ring.seen >= 0.9 * seen
    assert after.to_state()["price"] == pytest.approx(price, abs=0.05)
    await house.settled()
    await house.stop()


@in_virtual_time
async def test_when_the_last_operator_leaves_dialling_stops_and_calls_end_at_their_lawful_time() -> None:
    house = await at_work(Fate("no_answer"), operators=3, leads=300, mode=Mode.PREDICTIVE, ring_s=40.0)
    campaign = house.campaign
    await until(lambda: len(house.calls()) >= 3)
    for operator in ("101", "102", "103"):
        house.cell.floor.ask(house.operator(operator).id, shifts.PauseAsked(now(), "lunch"))
    await until(lambda: all(op.state is State.PAUSED for op in house.operators()), within_s=2)
    await asyncio.sleep(1)
    dialled = len(house.asterisk.dialled)
    await house.settled(within_s=25)
    assert len(house.asterisk.dialled) == dialled
    cdrs = await house.cdrs()
    ended = [cdr for cdr in cdrs if cdr.outcome is Outcome.GIVEN_UP]
    assert ended
    assert min(cdr.ring_s or 0 for cdr in ended) >= 15
    assert campaign.id in house.cell.pacer.reasons
    await house.stop()
