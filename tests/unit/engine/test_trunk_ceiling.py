"""A trunk's ceiling for the day: talks end, new calls wait or go elsewhere, a restart forgets nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, timedelta

import pytest

from dialer.domain.days import begins_at
from dialer.domain.dnc import Entry
from dialer.domain.errors import Forbidden
from dialer.domain.operators import Account, State
from dialer.domain.spending import SideKind
from dialer.domain.trunk import Trunk
from dialer.domain.types import LegKind, OperatorId, Outcome, PhoneKind, PhoneNumber, TrunkId
from dialer.ports.between import Command
from dialer.sim.clock import now, until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import MAIN, House
from tests.unit.engine.virtual import in_virtual_time

TALKS = Fate(after_s=1, talk_s=60)
CAPPED = Trunk(MAIN, "127.0.0.2", lines=30, calls_per_s=50, minutes_per_day=5.0, caller_ids=("+74950000000",))


async def open_house(*, leads: int = 20, trunk: Trunk = CAPPED, operators: int = 2) -> House:
    house = House(PretendAsterisk(lambda number: TALKS))
    await house.furnish(operators=operators, leads=leads, trunk=trunk, wrap_up_s=1.0)
    await house.start()
    await house.all_ready()
    return house


def why(house: House) -> str:
    return house.cell.pacer.trunk_views(now())[MAIN].why


@in_virtual_time
async def test_talks_end_and_no_new_call_goes_out_once_the_minutes_are_used() -> None:
    house = await open_house()
    await until(lambda: bool(why(house)), 600)
    assert "of the 5 that it may use in a day" in why(house)
    dialled = len(house.asterisk.dialled)
    await until(lambda: not house.cell.calls.all(), 120)
    records = await house.cdrs()
    assert {cdr.outcome for cdr in records} == {Outcome.CONNECTED}
    assert all(cdr.talk_s > 55 for cdr in records), "no talk was cut"
    answered = sum((cdr.end_at - cdr.answer_at).total_seconds() for cdr in records if cdr.answer_at)
    assert 300 <= answered < 300 + 2 * 65
    await asyncio.sleep(300)
    assert len(house.asterisk.dialled) == dialled
    told = await house.cell.desk.do(Command("explain", f"campaign:{records[0].campaign}"))
    (gate,) = [one for one in told["gates"] if one["name"] == "trunk main"]
    assert not gate["is_open"]
    await house.stop()


@in_virtual_time
async def test_another_trunk_takes_over() -> None:
    house = House(PretendAsterisk(lambda number: TALKS))
    spare = replace(CAPPED, id=TrunkId("spare"), minutes_per_day=0.0)
    await house.furnish(
        operators=1, leads=20, trunk=replace(CAPPED, minutes_per_day=1.0), trunks=(MAIN, spare.id)
    )
    await house.stores.trunks.add(spare)
    await house.start()
    await house.all_ready()
    await until(lambda: any(call.trunk == spare.id for call in house.cell.calls.all()), 300)
    assert why(house)
    await house.stop()


@in_virtual_time
async def test_a_restart_forgets_nothing_that_was_used_or_is_up() -> None:
    house = await open_house()
    await until(lambda: len(house.asterisk.dialled) >= 4 and len(house.cell.calls.all()) == 2, 400)
    await until(lambda: not house.journal.depth())
    before = house.cell.spending.spent(MAIN, now())
    assert before is not None
    assert before.seconds > 100
    await house.kill()
    await house.start()
    after = house.cell.spending.spent(MAIN, now())
    assert after is not None
    assert after.attempts == before.attempts
    assert after.seconds == pytest.approx(before.seconds, abs=5.0)
    await house.stop()


@in_virtual_time
async def test_a_trunk_with_a_ceiling_waits_while_what_it_used_is_not_known() -> None:
    house = House(PretendAsterisk(lambda number: TALKS))
    await house.furnish(trunk=CAPPED)
    ledger = house.stores.ledger
    await house.start()
    house.cell.spending.known = False
    assert "is not known yet" in why(house)
    await until(lambda: house.cell.spending.known, 70)
    assert not why(house)
    assert await ledger.spent(begins_at(now().date(), UTC), now()) == {}
    await house.stop()


@in_virtual_time
async def test_a_new_day_begins_with_nothing_used() -> None:
    house = await open_house()
    await until(lambda: bool(why(house)), 600)
    tomorrow = begins_at(now().date() + timedelta(days=1), UTC)
    spending = house.cell.spending
    assert spending.why_full(CAPPED, tomorrow - timedelta(seconds=1))
    assert not spending.why_full(CAPPED, tomorrow)
    await house.stop()


OUTSIDE = Account(
    OperatorId("101"),
    "Anna",
    phone=PhoneKind.OUTSIDE,
    leg=LegKind.NAILED_UP,
    number=PhoneNumber("+79165550000"),
    trunk=MAIN,
)


@in_virtual_time
async def test_an_outside_phone_is_on_the_bill_and_on_record_and_is_not_called_past_the_ceiling() -> None:
    house = House(PretendAsterisk(lambda number: TALKS))
    house.asterisk.phones["101"] = Fate(after_s=1, talk_s=100_000)
    await house.furnish(leads=0, account=OUTSIDE, trunk=CAPPED)
    await house.start()
    await house.cell.desk.do(Command("login", "operator:101"))
    await until(lambda: house.operator().state is State.PAUSED)
    await until(lambda: bool(why(house)), 400)
    (side,) = await house.stores.records.side_calls(trunk=MAIN)
    assert (side.kind, side.number, side.who, side.is_over) == (SideKind.LEG, OUTSIDE.number, "101", False)
    await house.cell.desk.do(Command("logout", "operator:101"))
    await until(lambda: not house.asterisk.lines and not house.journal.depth())
    (side,) = await house.stores.records.side_calls(trunk=MAIN)
    assert side.is_over
    assert side.answer_at is not None
    assert (side.end_at - side.answer_at).total_seconds() >= 300
    lines = len(house.asterisk.dialled)
    await house.cell.desk.do(Command("login", "operator:101"))
    await until(lambda: house.operator().state is State.OFFLINE)
    assert len(house.asterisk.dialled) == lines
    await house.stop()


async def tried(house: House, number: str) -> bool:
    answer = await house.cell.desk.do(Command("test", "trunk:main", {"number": number, "by": "boss"}))
    return bool(answer["ok"])


@in_virtual_time
async def test_a_test_of_a_trunk_is_on_record_and_obeys_the_ceiling_and_the_do_not_call_list() -> None:
    house = House(PretendAsterisk(lambda number: Fate(after_s=1, waits_s=5)))
    await house.furnish(leads=0, trunk=CAPPED)
    await house.start()
    await house.shell.linked.wait()
    assert await tried(house, "79161234567")
    await until(lambda: not house.journal.depth())
    (side,) = await house.stores.records.side_calls(kind=SideKind.TEST)
    assert (side.trunk, side.number, side.who, side.outcome) == (MAIN, "+79161234567", "boss", "connected")
    assert await house.cdrs() == []
    spent = house.cell.spending.spent(MAIN, now())
    assert spent is not None
    assert (spent.attempts, spent.seconds > 0) == (1, True)
    await house.stores.numbers.block(Entry("+7916*", None, "asked", now()))
    with pytest.raises(Forbidden, match="do-not-call list"):
        await tried(house, "79161234567")
    await house.stores.trunks.save(replace(CAPPED, minutes_per_day=0.01))
    with pytest.raises(Forbidden, match=r"of the 0\.01 that it may use"):
        await tried(house, "79031234567")
    assert len(await house.stores.records.side_calls()) == 1
    await house.stop()
