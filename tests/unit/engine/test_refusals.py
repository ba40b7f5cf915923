"""A carrier that refuses us: leads go back unspent, the trunk rests, one call tries it again."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from dialer.domain.call import Call, State
from dialer.domain.trunk import Trunk
from dialer.domain.types import Alerting, CallId, CampaignId, LeadStatus, Outcome, PhoneNumber, TrunkId
from dialer.engine.refusals import FIRST_REST_S, IN_ROW, LONGEST_REST_S, Refusals
from dialer.sim.clock import now, until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import MAIN, House, at_work
from tests.unit.engine.virtual import in_virtual_time


def ended(outcome: Outcome, alerting: Alerting = Alerting.NONE) -> Call:
    call = Call(CallId("c-1"), CampaignId(1), None, PhoneNumber("+79160000000"), MAIN)
    return replace(
        call, state=State.ENDED, outcome=outcome, dialled_at=now(), end_at=now(), cause=21, sip_code=403,
        alerting=alerting,
    )  # fmt: skip


def rest(refusals: Refusals) -> None:
    for _ in range(IN_ROW):
        refusals.ended(ended(Outcome.TRUNK_REFUSED), now())


@in_virtual_time
async def test_a_trunk_rests_after_some_refusals_in_a_row_and_each_refused_probe_doubles_it() -> None:
    refusals = Refusals()
    for _ in range(IN_ROW - 1):
        assert not refusals.ended(ended(Outcome.TRUNK_REFUSED), now())
    assert refusals.ended(ended(Outcome.TRUNK_REFUSED), now())
    refusals.said(MAIN, "Insufficient funds")
    length_s = FIRST_REST_S
    assert "403 Insufficient funds, 5 in a row" in refusals.why_not(MAIN, now())
    while length_s < LONGEST_REST_S:
        assert refusals.why_not(MAIN, now())
        await asyncio.sleep(length_s)
        assert not refusals.why_not(MAIN, now()), "one call may try it"
        refusals.sent(MAIN, now())
        assert refusals.why_not(MAIN, now()), "and no second one"
        assert refusals.ended(ended(Outcome.TRUNK_REFUSED), now())
        length_s = min(2 * length_s, LONGEST_REST_S)
    await asyncio.sleep(LONGEST_REST_S)
    assert not refusals.why_not(MAIN, now())


@pytest.mark.parametrize(
    ("outcome", "alerting"), [(Outcome.NO_ANSWER, Alerting.RINGING), (Outcome.BUSY, Alerting.NONE)]
)
@in_virtual_time
async def test_a_call_that_gets_through_begins_the_row_anew(outcome: Outcome, alerting: Alerting) -> None:
    refusals = Refusals()
    for _ in range(3 * IN_ROW):
        refusals.ended(ended(Outcome.TRUNK_REFUSED), now())
        refusals.ended(ended(outcome, alerting), now())
    assert not refusals.why_not(MAIN, now())
    rest(refusals)
    assert refusals.is_resting(MAIN)
    refusals.ended(ended(outcome, alerting), now())
    assert not refusals.is_resting(MAIN)


@in_virtual_time
async def test_refusals_of_calls_that_were_under_way_do_not_prolong_a_rest() -> None:
    refusals = Refusals()
    late = ended(Outcome.TRUNK_REFUSED)
    rest(refusals)
    await asyncio.sleep(1)
    assert not refusals.ended(late, now())
    await asyncio.sleep(FIRST_REST_S)
    assert not refusals.why_not(MAIN, now())


@in_virtual_time
async def test_a_probe_that_tells_nothing_is_followed_by_another() -> None:
    refusals = Refusals()
    rest(refusals)
    await asyncio.sleep(FIRST_REST_S)
    refusals.sent(MAIN, now())
    assert not refusals.ended(ended(Outcome.CONGESTION), now())
    assert refusals.why_not(MAIN, now())
    await asyncio.sleep(FIRST_REST_S)
    assert not refusals.why_not(MAIN, now())


# --- a whole house ----------------------------------------------------------------------------------------


@in_virtual_time
async def test_an_account_without_money_burns_no_list_and_calls_go_on_when_it_is_paid() -> None:
    is_paid = False
    asterisk = PretendAsterisk(
        lambda number: Fate("answer", after_s=1, talk_s=3) if is_paid else Fate("unpaid")
    )
    house = House(asterisk)
    campaign = await house.furnish(operators=3, leads=30)
    await house.start()
    await house.all_ready()
    await until(lambda: house.cell.trunks.refusals.is_resting(MAIN))
    await asyncio.sleep(600)
    tried = len(asterisk.dialled)
    assert tried <= IN_ROW + 3 + 8, "no hot loop"
    assert all(lead.attempts == 0 for lead in await house.leads(campaign))
    (refused,) = {cdr.outcome for cdr in await house.cdrs()}
    assert refused is Outcome.TRUNK_REFUSED
    assert "402" in house.cell.trunks.refusals.why_not(MAIN, now())
    is_paid = True
    await until(lambda: house.watcher.seen["bridged"] == 30, 7200)
    await until(lambda: not house.calls() and not house.journal.depth())
    assert len(await house.leads(campaign, LeadStatus.DONE)) == 30
    await house.check_records()
    await house.stop()


@in_virtual_time
async def test_the_next_trunk_takes_over_while_the_first_rests() -> None:
    second = TrunkId("second")
    asterisk = PretendAsterisk(lambda number: Fate("answer", after_s=1, talk_s=3))
    asterisk.fate_by_trunk[MAIN] = Fate("rejected")
    house = House(asterisk)
    await house.stores.trunks.add(
        Trunk(second, "127.0.0.3", lines=30, calls_per_s=50, caller_ids=("+74950000000",))
    )
    campaign = await house.furnish(operators=3, leads=30, trunks=(MAIN, second))
    await house.start()
    await house.all_ready()
    await until(lambda: house.watcher.seen["bridged"] == 30, 1800)
    await until(lambda: not house.calls() and not house.journal.depth())
    assert all(lead.attempts == 1 for lead in await house.leads(campaign))
    refused = [cdr for cdr in await house.cdrs() if cdr.outcome is Outcome.TRUNK_REFUSED]
    assert IN_ROW <= len(refused) <= IN_ROW + 15
    assert {cdr.trunk for cdr in refused} == {MAIN}
    await house.stop()


@in_virtual_time
async def test_a_number_that_alone_is_refused_is_booked_so_the_third_time() -> None:
    barred = "79160000003"
    asterisk = PretendAsterisk(
        lambda number: Fate("rejected") if number == barred else Fate("answer", after_s=2, talk_s=5)
    )
    house = House(asterisk)
    campaign = await house.furnish(operators=2, leads=40, retries={})
    await house.start()
    await house.all_ready()
    await until(lambda: sum(number == barred for _, number, _ in asterisk.dialled) == 3, 1800)
    await until(lambda: not house.calls() and not house.journal.depth(), 1800)
    its = sorted(
        (cdr for cdr in await house.check_records() if cdr.number == f"+{barred}"), key=lambda cdr: cdr.end_at
    )
    assert [cdr.outcome for cdr in its] == [Outcome.TRUNK_REFUSED, Outcome.TRUNK_REFUSED, Outcome.REJECTED]
    assert not house.cell.trunks.refusals.is_resting(MAIN)
    (lead,) = [lead for lead in await house.leads(campaign) if lead.number == f"+{barred}"]
    assert (lead.status, lead.attempts) == (LeadStatus.EXHAUSTED, 1)
    await house.stop()


@pytest.mark.parametrize(
    ("fate", "tried"),
    [
        ("busy", {Outcome.BUSY: 1}),
        ("unpaid", {Outcome.TRUNK_REFUSED: 1}),
        ("no_answer", {Outcome.NO_ANSWER: 1}),
    ],
)
@in_virtual_time
async def test_only_a_refusal_by_the_carrier_is_remembered_as_one(
    fate: str, tried: dict[Outcome, int]
) -> None:
    house = await at_work(Fate(fate), leads=1)
    await house.settled_after_dial()
    (lead,) = await house.leads(house.campaign)
    assert lead.tried == tried
    await house.stop()
