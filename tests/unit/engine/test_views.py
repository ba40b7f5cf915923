"""What pacing sees is made anew for what has changed, and is never out of date."""

from __future__ import annotations

import asyncio

from dialer.domain import shifts
from dialer.domain.call import State
from dialer.engine.views import Views
from dialer.sim.clock import now, until
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


@in_virtual_time
async def test_a_call_is_seen_as_it_is_and_forgotten_when_it_is_over() -> None:
    house = House(PretendAsterisk(lambda number: Fate(after_s=2, talk_s=5)))
    await house.furnish(operators=2, leads=6)
    await house.start()
    views = Views(house.cell.calls, house.cell.floor)
    await house.all_ready()
    seen, states = 0, set[State]()
    while len(await house.cdrs()) < 6:
        at, calls = now(), house.calls()
        looked = views.calls(at)
        assert [(view.id, view.state, view.operator, view.hanging_up, view.ring_at) for view in looked] == [
            (call.id, call.state, call.operator, call.hanging_up, call.ring_at) for call in calls
        ]
        assert all(a is b for a, b in zip(looked, views.calls(at), strict=True)), "nothing has changed"
        for view, call in zip(looked, calls, strict=True):
            since = call.talk_since_at or call.answer_at or call.ring_at or call.dialled_at or call.leased_at
            assert view.since_at == since
        states |= {call.state for call in calls}
        seen = max(seen, len(calls))
        await asyncio.sleep(0.3)  # virtual: time passes, nothing is waited for
    assert seen == 2
    assert {State.RINGING, State.BRIDGED} <= states
    assert views.calls(now()) == []
    assert not views._seen_calls, "a day of calls is not kept"
    await house.stop()


@in_virtual_time
async def test_an_operator_who_is_about_to_go_is_seen_as_leaving() -> None:
    house = House(PretendAsterisk(lambda number: Fate(after_s=2, talk_s=50)))
    await house.furnish(operators=1, leads=1)
    await house.start()
    await house.all_ready()
    await until(lambda: house.watcher.seen["bridged"] == 1)
    views = Views(house.cell.calls, house.cell.floor)
    assert [view.leaving for view in views.operators(now())] == [False]
    house.ask("101", shifts.LogoutAsked)
    assert [view.leaving for view in views.operators(now())] == [True]
    await house.stop()
