"""What the pacer does with a lead that a gate turns away."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from dialer.domain.lead import Lead
from dialer.domain.trunk import NumberFormat, Trunk
from dialer.domain.types import CampaignId, CampaignStatus, LeadId, Mode, PhoneNumber, TrunkId
from dialer.sim.clock import now, until
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import House
from tests.unit.engine.virtual import in_virtual_time

ABROAD = PhoneNumber("+441632960960")


@in_virtual_time
async def test_a_number_that_no_trunk_can_write_holds_up_neither_learning_nor_the_operator() -> None:
    house = House(PretendAsterisk())
    eights = Trunk(TrunkId("main"), "127.0.0.2", lines=30, calls_per_s=50, caller_ids=("+74950000000",),
                   number_format=NumberFormat.NATIONAL, prefixes=("+",))  # fmt: skip
    campaign = await house.furnish(operators=1, leads=0, trunk=eights, mode=Mode.PREDICTIVE)
    rows = [Lead(LeadId(0), campaign.id, (ABROAD,), zones=("Europe/London",))]
    await house.stores.leads.import_list(campaign.id, "abroad.csv", rows, now=now())
    await house.start()
    refused: Counter[str] = Counter()
    house.cell.pacer.on_refused = lambda _, gate: refused.update([gate])
    await house.all_ready()
    await until(lambda: refused["number"], 60)
    assert not lessons_under_way(house, campaign.id)
    assert not house.cell.calls.all()
    await house.stop()


def lessons_under_way(house: House, campaign: CampaignId) -> dict[Any, float]:
    """Chances of dials whose end pacing still waits for."""
    return house.cell.pacer._policy.knowledge.of(campaign).lessons.chances  # type: ignore[attr-defined,no-any-return]  no port for what it waits for


@in_virtual_time
async def test_campaigns_decide_by_their_priority_and_equals_by_their_number() -> None:
    house = House(PretendAsterisk())
    first = await house.furnish(leads=0)
    await house.start()
    pacer = house.cell.pacer
    ranks = {1: 0, 2: 5, 3: -5, 4: 5}
    pacer.campaigns = {
        CampaignId(n): replace(first, id=CampaignId(n), priority=priority)
        for n, priority in sorted(ranks.items(), reverse=True)
    }
    pacer.campaigns[CampaignId(9)] = replace(first, id=CampaignId(9), status=CampaignStatus.PAUSED)
    assert [campaign.id for campaign in pacer.running()] == [2, 4, 1, 3]
    await house.stop()
