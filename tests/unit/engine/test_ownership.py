"""The hold on a cell: when it may be doubted, what is then not done, and what brings it back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from dialer.adapters.memory.cells import MemoryCells
from dialer.domain.cells import Holder, Taken
from dialer.domain.errors import Fatal, StoreDown
from dialer.domain.types import CellId
from dialer.engine.ownership import BEAT_S, LEASE_S, PATIENCE_S, SURE_S, Ownership
from dialer.sim.clock import now
from tests.unit.engine.virtual import in_virtual_time

CELL = CellId("main")
OURS, OTHER = Holder("life-1", "here", 1), Holder("life-2", "there", 4711)


class Cells(MemoryCells):
    """A database that can be away, slow, and asked how often it was written to."""

    def __init__(self) -> None:
        super().__init__(now)
        self.away = ""
        self.slow_s = 0.0
        self.kept: list[float] = []
        self.released: list[bool] = []

    async def keep(self, cell: CellId, holder: str, *, lease_s: float) -> bool:
        await asyncio.sleep(self.slow_s)
        if self.away:
            raise StoreDown(self.away)
        self.kept.append(asyncio.get_running_loop().time())
        return await super().keep(cell, holder, lease_s=lease_s)

    async def release(self, cell: CellId, holder: str, *, in_order: bool) -> None:
        if self.away:
            raise StoreDown(self.away)
        self.released.append(in_order)
        await super().release(cell, holder, in_order=in_order)


class Owner:
    """One that holds the cell, and the seconds that it lives by: they go on while it is frozen."""

    def __init__(self, after: Sequence[str] = ()) -> None:
        self.cells = Cells()
        self.frozen_s = 0.0
        self.ownership = Ownership(
            self.cells, CELL, lambda: self.frozen_s + asyncio.get_running_loop().time()
        )
        self.returns = 0
        self.ownership.on_return = self.came_back
        self._task: asyncio.Task[None] | None = None

    def came_back(self) -> None:
        self.returns += 1

    async def begin(self) -> None:
        await self.ownership.take(OURS)
        self._task = asyncio.create_task(self.ownership.run())

    async def ends(self) -> BaseException | None:
        assert self._task is not None
        await asyncio.wait({self._task}, timeout=300)
        return self._task.exception()


@in_virtual_time
async def test_before_it_is_taken_nothing_is_held_up_and_nothing_runs() -> None:
    owner = Owner()
    assert owner.ownership.obstacle() == ""
    await owner.ownership.run()
    await owner.ownership.release(in_order=True)
    assert owner.cells.released == []


@in_virtual_time
async def test_a_hold_is_renewed_long_before_it_may_be_doubted() -> None:
    owner = Owner()
    await owner.begin()
    for _ in range(300):
        await asyncio.sleep(1)
        assert owner.ownership.obstacle() == ""
    assert len(owner.cells.kept) == pytest.approx(300 / BEAT_S, abs=1)
    assert owner.ownership.steady_s() == pytest.approx(300, abs=1)
    assert owner.returns == 0


@in_virtual_time
async def test_a_database_that_is_away_holds_dialing_up_until_it_answers_and_is_asked_each_second() -> None:
    owner = Owner()
    await owner.begin()
    await asyncio.sleep(10)
    owner.cells.away = "no route to it"
    owner.ownership.failed(StoreDown("no route to it"))
    assert owner.ownership.obstacle() == "the database takes nothing: no route to it"
    await asyncio.sleep(20)
    assert owner.returns == 0
    owner.cells.away = ""
    await asyncio.sleep(2.5)
    assert (owner.ownership.obstacle(), owner.returns) == ("", 1)
    assert owner.ownership.steady_s() < 4
    await asyncio.sleep(20)
    assert owner.returns == 1, "it is back once"


@in_virtual_time
async def test_somebody_who_meets_a_trouble_has_the_database_asked_at_once() -> None:
    owner = Owner()
    await owner.begin()
    await asyncio.sleep(0.5)
    owner.ownership.failed(StoreDown("a moment"))
    owner.ownership.failed(StoreDown("a moment more"))
    assert owner.ownership.obstacle() == "the database takes nothing: a moment more"
    await asyncio.sleep(1.5)
    assert (owner.ownership.obstacle(), owner.returns) == ("", 1)


@in_virtual_time
async def test_a_database_that_does_not_answer_is_away() -> None:
    owner = Owner()
    await owner.begin()
    owner.cells.slow_s = 1000
    await asyncio.sleep(BEAT_S + PATIENCE_S - 1)
    assert owner.ownership.away == ""
    await asyncio.sleep(2)
    assert "does not answer" in owner.ownership.away


@in_virtual_time
async def test_after_a_freeze_the_cell_is_doubted_until_the_database_says_that_it_is_ours() -> None:
    owner = Owner()
    await owner.begin()
    await asyncio.sleep(1)
    owner.frozen_s = SURE_S - 1.5
    assert owner.ownership.obstacle() == ""
    owner.frozen_s = SURE_S + 10
    assert "whose cell main is now is being asked: this service was frozen" in owner.ownership.obstacle()
    await asyncio.sleep(BEAT_S)
    assert (owner.ownership.obstacle(), owner.returns) == ("", 1)
    assert owner.ownership.steady_s() < BEAT_S + 1


@pytest.mark.parametrize("says_goodbye", [False, True])
@in_virtual_time
async def test_one_that_lost_the_cell_says_goodbye_and_ends_with_the_name_of_the_other(
    says_goodbye: bool,
) -> None:
    owner, goodbyes = Owner(), []

    async def farewell() -> None:
        goodbyes.append(owner.ownership.obstacle())

    if says_goodbye:
        owner.ownership.farewell = farewell
    await owner.begin()
    owner.cells.slow_s = 2.0
    await owner.cells.take(CellId("another"), OTHER, lease_s=LEASE_S)
    assert isinstance(await owner.cells.take(CELL, OTHER, lease_s=LEASE_S, after=[OURS.id]), Taken)
    ended = await owner.ends()
    assert isinstance(ended, Fatal)
    assert "cell main was taken over by process 4711 on there" in ended.sentence
    assert goodbyes == ["another service has taken over cell main"] * says_goodbye
    assert owner.returns == 0
    await owner.ownership.release(in_order=True)
    assert owner.cells.released == [], "it is the other one's"


@pytest.mark.parametrize("in_order", [True, False])
@in_virtual_time
async def test_at_the_end_the_cell_is_given_back_once(in_order: bool) -> None:
    owner = Owner()
    await owner.begin()
    await owner.ownership.release(in_order=in_order)
    await owner.ownership.release(in_order=in_order)
    assert owner.cells.released == [in_order]
    assert await owner.ends() is None
    await asyncio.sleep(1)
    next_one = Ownership(owner.cells, CELL, lambda: 0.0)
    assert await next_one.take(OTHER) == ("" if in_order else OURS.id)


@in_virtual_time
async def test_a_database_that_is_away_at_the_end_fails_nothing() -> None:
    owner = Owner()
    await owner.begin()
    owner.cells.away = "gone"
    await owner.ownership.release(in_order=True)
    with pytest.raises(Fatal, match="belongs to process 1 on here since"):
        await Ownership(owner.cells, CELL, lambda: 0.0).take(OTHER)
