"""A cell belongs to one service at a time, by the clock of the database."""

from __future__ import annotations

import asyncio

from dialer.domain.cells import Held, Holder, Taken
from dialer.domain.types import CellId
from dialer.ports.stores import Stores

MAIN, WEST = CellId("main"), CellId("west")
ANN, BEN, CYD = (Holder(name, f"{name}.example", pid) for pid, name in enumerate(("ann", "ben", "cyd"), 41))
LONG_S, OVER_S = 600.0, -1.0  # a lease of less than nothing is over at once


async def test_the_second_service_is_told_who_has_the_cell_and_since_when(stores: Stores) -> None:
    assert await stores.cells.take(MAIN, ANN, lease_s=LONG_S) == Taken("")
    answer = await stores.cells.take(MAIN, BEN, lease_s=LONG_S, after=["somebody else"])
    assert isinstance(answer, Held)
    assert answer.holder == ANN
    assert 0 <= (answer.until_at - answer.since_at).total_seconds() - LONG_S < 5
    assert "process 41 on ann.example" in answer.sentence
    assert await stores.cells.take(WEST, BEN, lease_s=LONG_S) == Taken("")
    assert [(held.cell, held.holder, held.is_over) for held in await stores.cells.all()] == [
        (MAIN, ANN, False),
        (WEST, BEN, False),
    ]


async def test_of_many_that_start_at_once_one_has_the_cell(stores: Stores) -> None:
    holders = [Holder(f"h{n}", "host", n) for n in range(12)]
    answers = await asyncio.gather(
        *(stores.cells.take(MAIN, holder, lease_s=LONG_S, after=["old"]) for holder in holders)
    )
    assert len([answer for answer in answers if isinstance(answer, Taken)]) == 1
    (held,) = await stores.cells.all()
    assert {answer.holder for answer in answers if isinstance(answer, Held)} == {held.holder}


async def test_a_cell_whose_time_is_over_is_taken_and_the_one_before_cannot_renew_it(stores: Stores) -> None:
    await stores.cells.take(MAIN, ANN, lease_s=OVER_S)
    assert [held.is_over for held in await stores.cells.all()] == [True]
    assert await stores.cells.take(MAIN, BEN, lease_s=LONG_S) == Taken("ann")
    assert not await stores.cells.keep(MAIN, "ann", lease_s=LONG_S)
    await stores.cells.release(MAIN, "ann", in_order=True)  # not hers any more: no change
    assert await stores.cells.keep(MAIN, "ben", lease_s=LONG_S)
    assert isinstance(await stores.cells.take(MAIN, CYD, lease_s=LONG_S), Held)


async def test_a_hold_that_ran_out_and_that_nobody_took_is_renewed(stores: Stores) -> None:
    await stores.cells.take(MAIN, ANN, lease_s=OVER_S)
    assert await stores.cells.keep(MAIN, "ann", lease_s=LONG_S)
    assert isinstance(await stores.cells.take(MAIN, BEN, lease_s=LONG_S), Held)


async def test_the_next_life_on_the_same_journal_takes_it_at_once(stores: Stores) -> None:
    await stores.cells.take(MAIN, ANN, lease_s=LONG_S)
    assert await stores.cells.take(MAIN, BEN, lease_s=LONG_S, after=["x", "ann"]) == Taken("ann")
    assert not await stores.cells.keep(MAIN, "ann", lease_s=LONG_S)


async def test_given_back_in_good_order_it_is_nobodys_else_the_next_one_hears_who_had_it(
    stores: Stores,
) -> None:
    await stores.cells.take(MAIN, ANN, lease_s=LONG_S)
    await stores.cells.release(MAIN, "ann", in_order=True)
    assert await stores.cells.all() == []
    assert not await stores.cells.keep(MAIN, "ann", lease_s=LONG_S)
    assert await stores.cells.take(MAIN, BEN, lease_s=LONG_S) == Taken("")
    await stores.cells.release(MAIN, "ben", in_order=False)
    assert await stores.cells.take(MAIN, CYD, lease_s=LONG_S) == Taken("ben")
