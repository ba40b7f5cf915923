"""Whole campaigns on a pretend Asterisk: each attempt one record, no operator twice, no limit passed."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, timedelta

import pytest

from dialer.domain.cdr import Tally
from dialer.domain.dnc import Entry
from dialer.domain.errors import Refused, TimedOut
from dialer.domain.operators import State
from dialer.domain.trunk import Trunk
from dialer.domain.types import CampaignId, CampaignStatus, LeadStatus, Mode, Outcome
from dialer.engine.trunks import REFUSED_PAUSE_S
from dialer.ports.between import Command
from dialer.sim.clock import now, until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import MAIN, House, at_work
from tests.unit.engine.virtual import in_virtual_time

KINDS = (
    *(Fate("answer", after_s=3 + n, talk_s=5 + 4 * n) for n in range(6)),
    Fate("no_answer"),
    Fate("ring_ends", after_s=20),
    Fate("busy"),
    Fate("unallocated"),
    Fate("congestion"),
    Fate("answer", after_s=4, talk_s=0.01),
)


def of_many_kinds(number: str) -> Fate:
    return KINDS[int(number) % len(KINDS)]


@pytest.mark.parametrize(
    ("mode", "ratio"), [(Mode.PROGRESSIVE, 1.0), (Mode.POWER, 2.0), (Mode.PREDICTIVE, 1.0)]
)
@in_virtual_time
async def test_a_list_is_worked_through_with_one_record_per_attempt(mode: Mode, ratio: float) -> None:
    house = await at_work(of_many_kinds, operators=8, leads=120, mode=mode, ratio=ratio)
    asterisk, campaign = house.asterisk, house.campaign
    await house.worked_through(campaign)
    cdrs = await house.check_records()
    outcomes = Counter(cdr.outcome for cdr in cdrs)
    assert outcomes[Outcome.CONNECTED] > 48
    assert {Outcome.NO_ANSWER, Outcome.BUSY, Outcome.UNALLOCATED, Outcome.CONGESTION} <= outcomes.keys()
    if mode is Mode.PROGRESSIVE:
        assert outcomes[Outcome.ABANDONED] == 0
    assert max(asterisk.answer_to_bridge_s) < (0.1 if mode is Mode.PROGRESSIVE else 1.6)
    assert all(cdr.wrap_up_s is not None for cdr in cdrs if cdr.outcome is Outcome.CONNECTED)
    assert all(op.state is State.READY for op in house.operators())
    await house.stop()


@in_virtual_time
async def test_live_sums_equal_the_fold_over_the_records() -> None:
    house = await at_work(of_many_kinds, operators=3, leads=24)
    campaign = house.campaign
    await house.worked_through(campaign)
    begins = now().replace(hour=0, minute=0, second=0, microsecond=0)
    folded = await house.stores.records.tallies(begins, now(), UTC)
    counted = {key[:2]: tally for key, tally in folded.items()}
    assert await house.live.tallies(begins, now()) == counted
    day = (begins - timedelta(days=1), begins + timedelta(days=1))
    await house.live.reset_tallies(*day, {("lost", 1, begins): Tally(attempts=1)})
    await house.recorder.recount(now())
    assert await house.live.tallies(*day) == counted
    assert folded
    await house.stop()


@in_virtual_time
async def test_nobody_ready_nothing_is_dialled_and_the_reason_says_so() -> None:
    house = House(PretendAsterisk())
    campaign = await house.furnish(operators=2, leads=10, mode=Mode.POWER, ratio=3.0)
    await house.start()
    await asyncio.sleep(60)
    assert house.asterisk.dialled == []
    assert "nobody is logged in" in house.cell.pacer.reasons[campaign.id]
    await house.stop()


@pytest.mark.parametrize("by", ["store", "desk"])
@pytest.mark.parametrize("status", [CampaignStatus.PAUSED, CampaignStatus.STOPPED])
@in_virtual_time
async def test_a_pause_or_a_stop_takes_effect_within_a_second(status: CampaignStatus, by: str) -> None:
    house = await at_work(Fate(after_s=2, talk_s=3), operators=5, leads=200)
    campaign = house.campaign
    await asyncio.sleep(20)
    await house.stores.campaigns.set_status(campaign.id, status)
    if by == "desk":
        await house.cell.desk.do(Command("pause", f"campaign:{campaign.id}"))
    asked_at = now()
    await asyncio.sleep(30)
    assert max(at for at, _, _ in house.asterisk.dialled) <= asked_at + (now() - asked_at) / 30
    assert house.calls() == []
    assert await house.leads(campaign, LeadStatus.LEASED) == []
    await house.check_records()
    await house.stores.campaigns.set_status(campaign.id, CampaignStatus.RUNNING)
    dialled = len(house.asterisk.dialled)
    await until(lambda: len(house.asterisk.dialled) > dialled, 1.0)
    await house.stop()


@in_virtual_time
async def test_a_drain_dials_nothing_more_and_lets_talks_end() -> None:
    house = await at_work(Fate(after_s=2, talk_s=40), operators=4, leads=50)
    campaign = house.campaign
    await until(lambda: house.watcher.seen["bridged"] == 4)
    dialled = len(house.asterisk.dialled)
    assert await house.cell.drain(120)
    assert len(house.asterisk.dialled) == dialled
    await house.settled()
    assert {cdr.outcome for cdr in await house.check_records()} == {Outcome.CONNECTED}
    assert await house.leads(campaign, LeadStatus.LEASED) == []
    await house.stop()


@in_virtual_time
async def test_a_drain_that_takes_too_long_says_so_and_the_end_is_on_record() -> None:
    house = await at_work(Fate(after_s=2, talk_s=600), operators=2, leads=50)
    await until(lambda: house.watcher.seen["bridged"] == 2)
    assert not await house.cell.drain(30)
    await house.cell.end_all()
    await house.settled()
    cdrs = await house.check_records()
    assert {(cdr.outcome, cdr.ended_by, cdr.reason) for cdr in cdrs} == {
        (Outcome.CONNECTED, "service", "the service stops")
    }
    await house.stop()


@in_virtual_time
async def test_trunk_lines_and_calls_per_second_are_never_exceeded() -> None:
    asterisk = PretendAsterisk(lambda number: Fate(after_s=3, talk_s=5))
    house = House(asterisk)
    trunk = Trunk(MAIN, "127.0.0.2", lines=7, calls_per_s=3, caller_ids=("+74950000000",))
    campaign = await house.furnish(operators=10, leads=60, mode=Mode.POWER, ratio=3.0, trunk=trunk)
    await house.start()
    await house.all_ready()
    await house.worked_through(campaign)
    assert asterisk.carrier.most_lines[MAIN] == 7
    assert asterisk.carrier.most_calls[MAIN] == 3
    await house.check_records()
    await house.stop()


@in_virtual_time
async def test_a_number_put_on_the_list_meanwhile_is_not_dialled_and_its_lead_is_out() -> None:
    house = House(PretendAsterisk(lambda number: Fate("busy")))
    campaign = await house.furnish(operators=1, leads=10)
    for lead in (await house.leads(campaign))[5:]:
        await house.stores.numbers.block(Entry(lead.number, None, "asked for", now()))
    await house.start()
    refused: list[tuple[CampaignId, str]] = []
    house.cell.pacer.on_refused = lambda campaign, gate: refused.append((campaign, gate))
    await house.all_ready()
    await until(lambda: len(house.asterisk.dialled) == 5)
    await asyncio.sleep(5)
    assert len(house.asterisk.dialled) == 5
    assert len(await house.leads(campaign, LeadStatus.EXCLUDED)) == 5
    assert refused == [(campaign.id, "dnc")] * 5
    await house.stop()


@in_virtual_time
async def test_asterisk_that_refuses_is_left_alone_for_a_while_and_the_lead_is_not_lost() -> None:
    asterisk = PretendAsterisk(lambda number: Fate("busy"))
    house = House(asterisk)
    campaign = await house.furnish(operators=3, leads=9)
    tried: list[str] = []

    def refuse(endpoint: str) -> Refused | None:
        if "@" not in endpoint:
            return None
        tried.append(endpoint)
        return Refused(500, "Allocation failed")

    asterisk.refuse = refuse
    await house.start()
    await house.all_ready()
    began = asyncio.get_running_loop().time()
    await asyncio.sleep(60)
    rounds = (asyncio.get_running_loop().time() - began) / REFUSED_PAUSE_S
    assert 3 <= len(tried) <= 3 * (rounds + 1)
    assert await house.cdrs() == []
    assert "Allocation failed" in house.cell.pacer.reasons[campaign.id]
    asterisk.refuse = lambda endpoint: None
    await house.worked_through(campaign)
    assert await house.outcomes() == {"busy": 9}
    await house.stop()


@in_virtual_time
async def test_a_request_without_an_answer_is_an_attempt_and_ends_by_the_set_up_clock() -> None:
    asterisk = PretendAsterisk()
    house = House(asterisk)
    await house.furnish(operators=1, leads=1, ring_s=20.0)
    asterisk.refuse = lambda endpoint: TimedOut("no answer") if "@" in endpoint else None
    await house.start()
    await house.all_ready()
    await until(lambda: len(house.calls()) == 1)
    began_at = now()
    await house.settled()
    (cdr,) = await house.cdrs()
    assert (cdr.outcome, cdr.estimated) == (Outcome.NETWORK_FAILURE, True)
    assert 35 <= (cdr.end_at - began_at).total_seconds() <= 36 + 10
    await house.stop()


@in_virtual_time
async def test_while_the_database_is_away_facts_wait_in_the_journal_and_arrive_later() -> None:
    house = await at_work(Fate(after_s=2, talk_s=10), operators=4, leads=40)
    campaign = house.campaign
    await until(lambda: house.watcher.seen["bridged"] == 4)
    house.store_down = True
    await asyncio.sleep(60)
    assert house.calls() == []
    assert house.journal.depth() >= 4
    assert await house.cdrs() == []
    house.store_down = False
    await house.worked_through(campaign)
    assert set(await house.outcomes()) == {"connected"}
    assert len(await house.check_records()) == 40
    await house.stop()


@in_virtual_time
async def test_a_talk_longer_than_a_lease_keeps_its_lead() -> None:
    house = await at_work(Fate(after_s=2, talk_s=700), operators=2, leads=1)
    campaign = house.campaign
    await asyncio.sleep(600)
    assert len(house.asterisk.dialled) == 1
    assert house.cell.pacer.at_hand(campaign.id) == ()
    (lead,) = await house.leads(campaign)
    assert lead.status is LeadStatus.LEASED
    await house.settled()
    await house.check_records()
    await house.stop()


@in_virtual_time
async def test_an_operator_lost_while_the_gates_are_asked_takes_the_call_back() -> None:
    """Progressive: nothing is dialled for which nobody is reserved."""
    house = House(PretendAsterisk())
    campaign = await house.furnish(operators=1, leads=3)
    await house.start()
    gone = asyncio.Event()

    class Slow:
        async def history(self, *args: object) -> dict[object, object]:
            gone.set()
            await asyncio.sleep(0.5)
            return {}

    house.cell.recent._numbers = Slow()  # type: ignore[assignment]  # only this question is asked here
    await house.all_ready()
    await gone.wait()
    house.asterisk.vanish(house.asterisk.leg_of("101"))
    await asyncio.sleep(5)
    assert house.asterisk.dialled == []
    assert house.calls() == []
    assert house.operator().state is State.OFFLINE
    assert await house.leads(campaign, LeadStatus.LEASED) != []
    await house.stop()


@in_virtual_time
async def test_a_number_on_two_lists_is_not_dialled_twice_at_once() -> None:
    house = House(PretendAsterisk(lambda number: Fate(after_s=5, talk_s=10)))
    first = await house.furnish(operators=4, leads=1)
    second = await house.stores.campaigns.add(replace(first, name="second"))
    await house.stores.leads.import_list(second.id, "b.csv", await house.leads(first), now=now())
    await house.start()
    await house.all_ready()
    await asyncio.sleep(12)
    assert len(house.asterisk.dialled) == 1
    await house.stop()
