"""What a trunk has used today: by records, by what ended since, by what is in flight, by other cells."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from dialer.domain.call import Call, State
from dialer.domain.spending import SideCall, SideKind, Spent
from dialer.domain.trunk import Trunk
from dialer.domain.types import (
    CallId,
    CampaignId,
    CellId,
    ChannelId,
    Direction,
    Outcome,
    PhoneNumber,
    TrunkId,
)
from dialer.engine.spending import EVERY_S, Spending
from dialer.rehearsal import CELL
from dialer.sim.clock import now, until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import MAIN, House
from tests.unit.engine.virtual import in_virtual_time

OTHERS = CellId("another")
CEILING = Trunk(
    MAIN, "127.0.0.2", lines=30, calls_per_s=50, caller_ids=("+74950000000",), minutes_per_day=10.0
)


def over(*, dialled_s: float = -100, answer_s: float | None = -90, **changes: object) -> Call:
    """A call that ended now: 90 seconds of talk."""
    call = Call(CallId("c-9"), CampaignId(1), None, PhoneNumber("+79160000001"), MAIN)
    answer_at = None if answer_s is None else now() + timedelta(seconds=answer_s)
    ended = replace(
        call,
        state=State.ENDED,
        outcome=Outcome.CONNECTED,
        dialled_at=now() + timedelta(seconds=dialled_s),
        answer_at=answer_at,
        end_at=now(),
    )
    return replace(ended, **changes)


async def started(sums: dict[tuple[CellId, TrunkId], Spent] | None = None) -> House:
    """A cell in whose database these sums are; nobody dials."""
    house = House(PretendAsterisk(lambda number: Fate()))
    await house.furnish(trunk=CEILING, leads=0)
    if sums is not None:
        tell(house, sums)
    await house.start()
    return house


def tell(house: House, sums: dict[tuple[CellId, TrunkId], Spent]) -> None:
    async def spent(*span: object) -> dict[tuple[CellId, TrunkId], Spent]:
        return sums

    house.stores.records.spent = spent  # type: ignore[method-assign]


def spending(house: House) -> Spending:
    return house.cell.spending


@in_virtual_time
async def test_records_of_all_cells_and_what_ends_here_are_summed() -> None:
    house = await started({(CELL, MAIN): Spent(60.0, 2), (OTHERS, MAIN): Spent(30.0, 1)})
    assert spending(house).spent(MAIN, now()) == Spent(90.0, 3)
    spending(house).ended(over())
    assert spending(house).spent(MAIN, now()) == Spent(180.0, 4)
    assert spending(house).shares(now()) == {MAIN: (180.0, pytest.approx(0.3))}
    assert spending(house).spent(TrunkId("spare"), now()) == Spent()
    await house.stop()


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        ({}, Spent(90.0, 1)),
        ({"answer_at": None, "outcome": Outcome.NO_ANSWER}, Spent(0.0, 1)),
        ({"direction": Direction.IN}, Spent()),
        ({"outcome": Outcome.NOT_DIALLED}, Spent()),
        ({"end_at": None}, Spent()),
    ],
    ids=["talked", "not answered", "a return call", "not dialled", "not over"],
)
@in_virtual_time
async def test_a_call_that_we_made_costs_and_no_other(changes: dict[str, object], more: Spent) -> None:
    house = await started({})
    spending(house).ended(over(**changes))
    assert spending(house).spent(MAIN, now()) == more
    await house.stop()


@in_virtual_time
async def test_calls_in_flight_count_up_to_now() -> None:
    house = House(PretendAsterisk(lambda number: Fate(after_s=2, talk_s=100)))
    await house.furnish(trunk=CEILING, leads=1)
    await house.start()
    await house.all_ready()
    await until(lambda: any(call.answer_at for call in house.calls()))
    await asyncio.sleep(10)
    answer_at = house.call().answer_at
    assert answer_at is not None
    in_flight = spending(house).spent(MAIN, now())
    assert in_flight == Spent((now() - answer_at).total_seconds(), 1)
    await house.settled()
    done = spending(house).spent(MAIN, now())
    assert done is not None
    assert (done.attempts, done.seconds > in_flight.seconds) == (1, True)
    await house.stop()


@in_virtual_time
async def test_test_calls_and_outside_phones_cost_where_they_have_a_trunk() -> None:
    house = await started({})
    side = SideCall(
        ChannelId("t-1"), CELL, SideKind.TEST, MAIN, PhoneNumber("+79160000001"), "boss",
        now() - timedelta(seconds=70), now(), now() - timedelta(seconds=60),
    )  # fmt: skip
    spending(house).side_ended(side)
    spending(house).side_ended(replace(side, trunk=TrunkId("")))
    assert spending(house).spent(MAIN, now()) == Spent(60.0, 1)
    assert spending(house).spent(TrunkId(""), now()) == Spent()
    await house.stop()


@in_virtual_time
async def test_at_midnight_of_utc_the_day_begins_anew_and_is_known() -> None:
    house = await started({(OTHERS, MAIN): Spent(600.0, 9)})
    assert "has used 10.0 minutes of the 10" in spending(house).why_full(CEILING, now())
    tell(house, {})
    tomorrow = now().replace(hour=0, minute=0, second=0) + timedelta(days=1)
    assert spending(house).spent(MAIN, tomorrow - timedelta(seconds=1)) == Spent(600.0, 9)
    assert spending(house).spent(MAIN, tomorrow) == Spent()
    assert spending(house).why_full(CEILING, tomorrow) == ""
    await house.stop()


@in_virtual_time
async def test_while_the_records_are_not_known_a_ceiling_holds_and_they_are_asked_for_each_second() -> None:
    house = await started({})
    mine = spending(house)
    mine.known = False
    assert mine.spent(MAIN, now()) is None
    assert "is not known yet" in mine.why_full(CEILING, now())
    assert mine.why_full(replace(CEILING, minutes_per_day=0.0), now()) == ""
    assert mine.shares(now()) == {}
    tell(house, {(OTHERS, MAIN): Spent(30.0, 1)})
    await mine.load()
    assert mine.spent(MAIN, now()) == Spent(30.0, 1)
    await house.stop()


@in_virtual_time
async def test_a_call_that_ends_while_the_records_are_read_has_them_read_again() -> None:
    house = await started({})
    mine = spending(house)
    mine.known = False

    async def meanwhile(*span: object) -> dict[tuple[CellId, TrunkId], Spent]:
        mine.ended(over())
        return {(CELL, MAIN): Spent(1.0, 1)}

    house.stores.records.spent = meanwhile  # type: ignore[method-assign]
    await mine.load()
    assert not mine.known
    tell(house, {(CELL, MAIN): Spent(91.0, 2)})
    await mine.load()
    assert mine.spent(MAIN, now()) == Spent(91.0, 2)
    await house.stop()


@in_virtual_time
async def test_what_other_cells_use_is_looked_at_each_minute_where_there_is_a_ceiling() -> None:
    house = await started({})
    tell(
        house,
        {(OTHERS, MAIN): Spent(30.0, 1), (CellId("third"), MAIN): Spent(5.0, 1), (CELL, MAIN): Spent(9.0, 9)},
    )
    await asyncio.sleep(EVERY_S - 10)
    assert spending(house).spent(MAIN, now()) == Spent()
    await asyncio.sleep(20)
    assert spending(house).spent(MAIN, now()) == Spent(35.0, 2), "what is ours we know ourselves"
    await house.stop()
