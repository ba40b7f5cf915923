"""What pacing sees is made anew for what has changed, and is never out of date."""

from __future__ import annotations

import asyncio

from dialer.sim.clock import now
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import House
from tests.unit.engine.virtual import in_virtual_time


@in_virtual_time
async def test_pacing_sees_every_operator_and_call_as_they_are() -> None:
    house = House(PretendAsterisk(lambda number: Fate(after_s=2, talk_s=5)))
    campaign = await house.furnish(operators=3, leads=9)
    await house.start()
    views = house.cell.pacer.operator_views
    before = {view.id: view for view in views(now())}
    assert all(view is before[view.id] for view in views(now())), "nothing has changed"
    await house.all_ready()
    floor = house.cell.floor

    def is_true() -> bool:
        seen = {view.id: view for view in views(now())}
        return all(
            (seen[op.id].state, seen[op.id].free, seen[op.id].campaign)
            == (op.state, floor.is_free(op), op.campaign)
            for op in floor.all()
        )

    looks = 0
    while len(await house.cdrs()) < 9:
        assert is_true()
        looks += 1
        await asyncio.sleep(0.3)  # virtual: time passes, nothing is waited for
    assert looks > 10
    await house.settled()
    await house.stop()
    assert campaign.id in {view.campaign for view in views(now())}
