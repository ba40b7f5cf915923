"""Where Asterisk notes how a call ended: a place for each call in flight."""

from __future__ import annotations

from dialer.domain.types import Mode
from dialer.sim.clock import until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import House
from tests.unit.engine.virtual import in_virtual_time


@in_virtual_time
async def test_calls_in_flight_have_a_place_each_and_leave_it_to_the_next() -> None:
    house = House(PretendAsterisk(lambda number: Fate(after_s=2, talk_s=5 + int(number) % 7)))
    campaign = await house.furnish(operators=4, leads=40, mode=Mode.POWER, ratio=2.0)
    used = set[int | None]()

    def look() -> bool:
        places = [call.slot for call in house.calls()]
        assert len(places) == len(set(places))
        used.update(places)
        return len(house.asterisk.dialled) == 40

    await house.start()
    await house.all_ready()
    await until(look, 600)
    assert None not in used
    assert len(used) < 15
    await house.worked_through(campaign)
    await house.stop()
