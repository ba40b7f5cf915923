"""A journal that lost its calls: nobody is called twice, the rest of the list goes on, a person decides."""

from __future__ import annotations

from collections import Counter

import pytest

from dialer.domain.errors import DiskTrouble
from dialer.domain.types import LeadStatus, Mode
from dialer.ports.between import Command
from dialer.rehearsal import CELL
from dialer.sim.clock import until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import House, at_work
from tests.unit.engine.virtual import in_virtual_time


@in_virtual_time
async def test_no_number_is_dialled_twice_and_what_is_not_known_waits_for_a_person() -> None:
    house = await at_work(
        lambda number: Fate(after_s=2 + int(number) % 5, talk_s=30),
        operators=8,
        leads=120,
        mode=Mode.POWER,
        ratio=2.0,
        retries={},
    )
    asterisk, campaign = house.asterisk, house.campaign
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


@pytest.mark.parametrize("fate", ["dial", "take-out"])
@in_virtual_time
async def test_records_that_the_database_refuses_are_told_again_or_given_up_when_a_person_says_so(
    fate: str,
) -> None:
    asterisk = PretendAsterisk(lambda number: Fate(after_s=2, talk_s=30))
    house = House(asterisk)
    campaign = await house.furnish(operators=3, leads=12, mode=Mode.POWER, ratio=1.0, retries={})
    refused = {"+79160000003", "+79160000004"}

    def refuses(verb: str, what: object) -> bool:
        return verb == "close" and any(each.cdr is not None and each.cdr.number in refused for each in what)

    house.faults.refuses = refuses
    await house.start()
    await house.all_ready()
    await until(lambda: len(house.recorder.refusals.all()) == 2 and len(asterisk.dialled) >= 12, 3600)
    await until(lambda: not house.calls() and not house.journal.depth(), 3600)

    async def told(verb: str, **args: str) -> int:
        return int((await house.cell.desk.do(Command(verb, "cell:own", args)))["facts"])

    assert len(await house.leads(campaign, LeadStatus.LEASED)) == 2, "nobody is called a second time"
    assert await told("retry-refused") == 0
    refused.remove("+79160000003")
    assert await told("retry-refused") == 1
    assert [cdr.number for cdr in await house.cdrs() if cdr.number == "+79160000003"] == ["+79160000003"]
    house.recorder.refusals.trouble = "no space left"
    with pytest.raises(DiskTrouble):
        await told("give-up-refused", leads=fate)
    assert len(house.recorder.refusals.all()) == 1
    house.recorder.refusals.trouble = ""
    assert await told("give-up-refused", leads=fate) == 1
    assert house.recorder.refusals.all() == []
    if fate == "take-out":
        await until(lambda: not house.calls(), 600)
        assert len(asterisk.dialled) == 12
        assert [one.numbers[0] for one in await house.leads(campaign, LeadStatus.EXCLUDED)] == [
            "+79160000004"
        ]
    else:
        await until(lambda: len(asterisk.dialled) == 13, 3600)
        assert asterisk.dialled[-1][1].endswith("9160000004")
    house.faults.refuses = lambda verb, what: False
    await house.stop()
