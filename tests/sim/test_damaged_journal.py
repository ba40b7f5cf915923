"""A journal that lost its calls: nobody is called twice, the rest of the list goes on, a person decides."""

from __future__ import annotations

from collections import Counter

from dialer.domain.types import LeadStatus, Mode
from dialer.rehearsal import CELL
from dialer.sim.clock import until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import House
from tests.unit.engine.virtual import in_virtual_time


@in_virtual_time
async def test_no_number_is_dialled_twice_and_what_is_not_known_waits_for_a_person() -> None:
    asterisk = PretendAsterisk(lambda number: Fate(after_s=2 + int(number) % 5, talk_s=30))
    house = House(asterisk)
    campaign = await house.furnish(operators=8, leads=120, mode=Mode.POWER, ratio=2.0, retries={})
    await house.start()
    await house.all_ready()
    await until(lambda: len(asterisk.dialled) >= 40, 600)
    await house.kill()
    house.journal.lose()
    await house.start()
    held = (await house.stores.leases.held_back())[CELL]
    assert held >= 8
    await until(lambda: len(asterisk.dialled) >= 120 - held, 3600)
    await until(lambda: not house.calls() and not house.journal.depth(), 3600)
    assert max(Counter(number for _, number, _ in asterisk.dialled).values()) == 1
    await house.kill()
    await house.start()  # whole this time: what is held back stays so
    assert (await house.stores.leases.held_back())[CELL] == held
    assert len(await house.leads(campaign, LeadStatus.LEASED)) == held
    await house.stores.leases.decide(CELL, dial=False)
    assert await house.leads(campaign, LeadStatus.LEASED) == []
    await house.stop()
