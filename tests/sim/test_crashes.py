"""kill -9 of the service and of Asterisk in mid-campaign: nothing lost, nothing twice, people talk on."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from dialer.domain import shifts
from dialer.domain.dnc import Listed
from dialer.domain.operators import LegState, State
from dialer.domain.types import EndedBy, LeadStatus, Mode, Outcome
from dialer.ports.asterisk import Outgoing
from dialer.sim.clock import now, until
from dialer.sim.fate import Fate
from dialer.sim.lines import MESSAGE_S
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import House, at_work
from tests.unit.engine.virtual import in_virtual_time

LOOKS_S = 0.06  # `until` looks a few times a second: that much later than it was so


def mixed(number: str) -> Fate:
    n = int(number)
    kinds = (
        Fate(after_s=2 + n % 7, talk_s=10 + n % 23),
        Fate("busy"),
        Fate("ring_ends", after_s=18),
        Fate(after_s=5, talk_s=40),
    )
    return kinds[n % 4]


@pytest.mark.parametrize(
    ("mode", "away_s"),
    [(Mode.PROGRESSIVE, 0.0), (Mode.PROGRESSIVE, 45.0), (Mode.POWER, 1.0), (Mode.POWER, 10.0)],
)
@in_virtual_time
async def test_after_kill_9_each_attempt_has_one_record_and_no_number_is_dialled_twice(
    mode: Mode, away_s: float
) -> None:
    house = await at_work(mixed, operators=10, leads=80, mode=mode, ratio=2.0, retries={})
    asterisk, campaign = house.asterisk, house.campaign
    await until(lambda: house.watcher.seen["bridged"] >= 8)
    talking = [line.id for line in asterisk.people() if line.bridge]
    await house.kill()
    await asyncio.sleep(0.01)
    assert [line.id for line in asterisk.people() if line.bridge] == talking
    await asyncio.sleep(away_s)
    await house.start()
    await house.worked_through(campaign)
    cdrs = await house.check_records()
    assert max(Counter(number for _, number, _ in asterisk.dialled).values()) == 1
    assert len(cdrs) == 80
    for cdr in cdrs:
        if cdr.id in talking:
            assert cdr.outcome is Outcome.CONNECTED
    assert all(op.state is State.READY for op in house.operators())
    assert await house.leads(campaign, LeadStatus.LEASED) == []
    await house.stop()


@in_virtual_time
async def test_a_crash_every_few_seconds_loses_nothing() -> None:
    house = await at_work(mixed, operators=6, leads=60, retries={})
    asterisk, campaign = house.asterisk, house.campaign
    for n in range(12):
        await asyncio.sleep(1.37 + n / 7)
        await house.kill()
        await asyncio.sleep(n / 11)
        await house.start()
    await house.worked_through(campaign)
    await house.check_records()
    assert max(Counter(number for _, number, _ in asterisk.dialled).values()) == 1
    await house.stop()


@in_virtual_time
async def test_a_lead_whose_number_was_never_dialled_goes_back() -> None:
    """The mark is on disk, the request never left: same boot, the channel was never seen."""
    asterisk = PretendAsterisk(lambda number: Fate("busy"))
    house = House(asterisk)
    campaign = await house.furnish(operators=1, leads=1)
    never = asyncio.Event()
    originate = asterisk.originate

    async def swallow(call: Outgoing) -> None:
        if call.channel.startswith("c-"):
            never.set()
            await asyncio.sleep(3600)
        await originate(call)

    asterisk.originate = swallow  # type: ignore[method-assign]
    await house.start()
    await house.all_ready()
    await never.wait()
    await house.kill()
    asterisk.originate = originate  # type: ignore[method-assign]
    assert asterisk.dialled == []
    await house.start()
    await house.worked_through(campaign)
    (cdr,) = await house.check_records()
    assert cdr.outcome is Outcome.BUSY
    await house.stop()


@in_virtual_time
async def test_who_answers_while_the_service_is_dead_hears_the_message_and_is_abandoned() -> None:
    house = await at_work(Fate(after_s=5, talk_s=20), operators=2, leads=2)
    asterisk = house.asterisk
    await until(lambda: len(asterisk.dialled) == 2)
    await house.kill()
    await asyncio.sleep(30)
    assert asterisk.people() == []
    await house.start()
    await until(lambda: not house.journal.depth())
    for cdr in await house.cdrs():
        assert cdr.outcome is Outcome.ABANDONED
        assert cdr.message_at is not None
        assert cdr.answer_at is not None
        assert (cdr.message_at - cdr.answer_at).total_seconds() < 2
        assert (cdr.end_at - cdr.message_at).total_seconds() == pytest.approx(MESSAGE_S)
    await house.stop()


@in_virtual_time
async def test_an_adopted_talk_goes_on_and_its_disposition_reaches_the_lead() -> None:
    house = await at_work(Fate(after_s=2, talk_s=60), operators=1, leads=1, wrap_up_s=20.0)
    campaign = house.campaign
    await until(lambda: house.watcher.seen["bridged"] == 1)
    await house.kill()
    await asyncio.sleep(5)
    await house.start()
    assert house.operator().state is State.TALKING
    house.cell.floor.dispose(house.operator().id, "dnc")
    await until(lambda: house.operator().state is State.READY, 120)
    await until(lambda: not house.journal.depth())
    (cdr,) = await house.cdrs()
    assert (cdr.outcome, cdr.disposition) == (Outcome.CONNECTED, "dnc")
    assert cdr.talk_s == pytest.approx(60, abs=0.1)
    (lead,) = await house.leads(campaign)
    assert lead.status is LeadStatus.EXCLUDED
    assert await house.stores.numbers.blocked(Listed()) != []
    await house.stop()


@in_virtual_time
async def test_what_was_said_before_a_crash_in_wrap_up_is_not_lost_and_a_later_outcome_keeps_the_note() -> (
    None
):
    house = await at_work(Fate("answer", after_s=1, talk_s=5), operators=1, leads=1, wrap_up_s=30.0)
    await until(lambda: house.operator().state is State.WRAP_UP)
    call = house.operator().call
    assert call is not None
    house.cell.floor.dispose(house.operator().id, "refused", note="calls a competitor")
    await house.kill()
    assert house.journal.depth(), "the database has not heard of it"
    await house.start()
    await until(lambda: not house.journal.depth())
    remark = await house.stores.records.remarked(call)
    assert remark is not None
    assert (remark.disposition, remark.note) == ("refused", "calls a competitor")
    house.cell.floor.dispose(house.operator().id, "agreed")
    await until(lambda: house.operator().state is State.READY)
    await until(lambda: not house.journal.depth())
    (cdr,) = await house.cdrs()
    assert (cdr.disposition, cdr.note) == ("agreed", "calls a competitor")
    assert cdr.wrap_up_s == pytest.approx(30, abs=0.1)
    await house.stop()


@in_virtual_time
async def test_wrap_up_goes_on_after_a_crash_and_ends_at_its_limit() -> None:
    house = await at_work(Fate("answer", after_s=1, talk_s=5), operators=1, leads=1, wrap_up_s=30.0)
    campaign = house.campaign
    await until(lambda: house.operator().state is State.WRAP_UP)
    until_at = house.operator().wrap_until_at
    assert until_at is not None
    await until(lambda: not house.journal.depth())
    await house.kill()
    await asyncio.sleep(5)
    await house.start()
    assert house.operator().state is State.WRAP_UP
    house.cell.floor.dispose(house.operator().id, "refused")
    await until(lambda: house.operator().state is State.READY)
    (back,) = [change.at for change in house.watcher.changes if change.was == "wrap_up" != change.became]
    assert abs((back - until_at).total_seconds()) < 0.01
    await until(lambda: not house.journal.depth())
    (cdr,) = await house.cdrs()
    assert cdr.disposition == "refused"
    assert cdr.wrap_up_s == pytest.approx(30, abs=0.1)
    assert (await house.leads(campaign))[0].status is LeadStatus.DONE
    await house.stop()


@in_virtual_time
async def test_a_phone_that_answers_while_the_service_is_dead_is_on_the_shift_afterwards() -> None:
    house = House(PretendAsterisk())
    house.asterisk.phones["101"] = Fate(after_s=3, talk_s=1e6)
    await house.furnish(operators=1, leads=0)
    await house.start()
    house.ask("101", shifts.LoginAsked)
    await asyncio.sleep(1)
    await house.kill()
    await asyncio.sleep(10)
    await house.start()
    await until(lambda: house.operator().state is State.PAUSED)
    assert house.operator().leg is LegState.UP
    assert house.asterisk.leg_of("101") == house.operator().channel
    await house.stop()


@in_virtual_time
async def test_a_phone_that_fell_while_the_service_was_dead_is_known_to_be_down() -> None:
    house = await at_work(operators=2, leads=0)
    await house.kill()
    house.asterisk.vanish(house.asterisk.leg_of("101"))
    await house.start()
    await until(lambda: house.operator("101").state is State.OFFLINE)
    assert house.operator("102").state is State.READY
    await house.stop()


@in_virtual_time
async def test_a_channel_of_a_forgotten_call_is_ended() -> None:
    house = House(PretendAsterisk())
    await house.furnish(operators=1, leads=0)
    await house.start()
    await house.asterisk.originate(
        Outgoing(
            "c-stranger",  # type: ignore[arg-type]  # nobody's
            endpoint="PJSIP/79160000009@main",
            context="obz-out",
            exten="answered",
            caller_id="74950000000",
            timeout_s=60,
        )
    )
    await until(lambda: not house.asterisk.people(), 30)
    await house.stop()


# --- frozen, then killed: Asterisk has told the dead socket, and does not say it again --------------------


@in_virtual_time
async def test_a_talk_whose_end_nobody_heard_gets_its_true_end() -> None:
    house = await at_work(Fate(after_s=2, talk_s=20), operators=1, leads=1, wrap_up_s=5.0)
    asterisk = house.asterisk
    await until(lambda: house.watcher.seen["bridged"] == 1)
    began_at = now()
    await asyncio.sleep(3)
    await house.kill()
    await asyncio.sleep(30)
    asterisk.lose_events()
    await house.start()
    await until(lambda: house.operator().state is State.READY and not house.journal.depth())
    (cdr,) = await house.check_records()
    assert (cdr.outcome, cdr.ended_by, cdr.estimated) == (Outcome.CONNECTED, EndedBy.PERSON, False)
    assert cdr.talk_s == pytest.approx(20, abs=0.01)
    at = {change.became: (change.at - began_at).total_seconds() for change in house.watcher.changes}
    assert at[State.WRAP_UP] == pytest.approx(20, abs=LOOKS_S)
    assert at[State.READY] == pytest.approx(25, abs=LOOKS_S)
    await house.stop()


@pytest.mark.parametrize(
    ("lost_s", "away_s"),
    [(30.0, 30.0), (8.0, 30.0), (8.0, 8.0)],
    ids=["all is lost", "the end is replayed", "the message lasts"],
)
@in_virtual_time
async def test_who_answered_and_heard_the_message_unheard_by_us_is_abandoned(
    lost_s: float, away_s: float
) -> None:
    house = await at_work(Fate(after_s=5, talk_s=20), operators=2, leads=2)
    asterisk = house.asterisk
    await until(lambda: house.watcher.seen["ringing"] == 2)
    await house.kill()
    await asyncio.sleep(lost_s)
    asterisk.lose_events()
    await asyncio.sleep(away_s - lost_s)
    await house.start()
    await house.settled()
    for cdr in await house.check_records():
        assert cdr.outcome is Outcome.ABANDONED
        assert cdr.answer_at is not None
        assert cdr.message_at is not None
        assert (cdr.message_at - cdr.answer_at).total_seconds() == pytest.approx(1.6)
        assert (cdr.end_at - cdr.message_at).total_seconds() == pytest.approx(MESSAGE_S)
    assert all(operator.state is State.READY for operator in house.operators())
    await house.stop()


@in_virtual_time
async def test_an_end_that_not_even_asterisk_knows_is_not_before_what_we_last_heard() -> None:
    house = await at_work(Fate(after_s=2, talk_s=60), operators=1, leads=1)
    asterisk = house.asterisk
    await until(lambda: house.watcher.seen["bridged"] == 1)
    await asyncio.sleep(20)
    died_at = now()
    await house.kill()
    asterisk.reboot()
    await asyncio.sleep(10)
    await house.start()
    await until(lambda: not house.journal.depth())
    (cdr,) = await house.check_records()
    assert (cdr.outcome, cdr.estimated) == (Outcome.CONNECTED, True)
    assert 0 <= (died_at - cdr.end_at).total_seconds() <= 1.0
    assert cdr.talk_s == pytest.approx(20, abs=1.0)
    await house.stop()


@pytest.mark.parametrize("is_lost", [False, True], ids=["replayed", "lost"])
@pytest.mark.parametrize("first", ["phone", "person"])
@in_virtual_time
async def test_a_phone_and_a_person_who_left_one_after_the_other_are_told_in_that_order(
    first: str, is_lost: bool
) -> None:
    """One 3 s into the outage, the other 4 s later: three seconds more of air time."""
    house = await at_work(Fate(after_s=2, talk_s=60), operators=1, leads=1)
    asterisk = house.asterisk
    await until(lambda: house.watcher.seen["bridged"] == 1)
    began_at = now()
    await house.kill()
    person, phone = asterisk.people()[0].id, asterisk.leg_of("101")
    await asyncio.sleep(3)
    asterisk.vanish(phone if first == "phone" else person)
    await asyncio.sleep(4)
    asterisk.vanish(person if first == "phone" else phone)
    if is_lost:
        asterisk.lose_events()
    await asyncio.sleep(20)
    await house.start()
    await until(lambda: not house.journal.depth() and not house.calls())
    (cdr,) = await house.check_records()
    assert cdr.talk_s == pytest.approx(3, abs=LOOKS_S)
    assert cdr.outcome is (Outcome.OPERATOR_LOST if first == "phone" else Outcome.CONNECTED)
    left_s = 7 if first == "phone" else 3
    assert (cdr.end_at - began_at).total_seconds() == pytest.approx(left_s, abs=0.01)
    assert house.operator().state is State.OFFLINE
    (fell,) = [each for each in house.watcher.changes if each.was == State.TALKING != each.became]
    assert (fell.at - began_at).total_seconds() == pytest.approx(3, abs=0.01)
    await house.stop()


@in_virtual_time
async def test_an_end_that_was_lost_while_all_was_well_is_found_with_its_instant() -> None:
    house = await at_work(Fate(after_s=2, talk_s=600), operators=1, leads=1)
    asterisk = house.asterisk
    await until(lambda: house.watcher.seen["bridged"] == 1)
    began_at = now()
    await asyncio.sleep(33)
    asterisk.person_hangs_up(asterisk.people()[0].id)
    asterisk.lose_events()
    await until(lambda: not house.calls())
    await until(lambda: not house.journal.depth())
    (cdr,) = await house.check_records()
    assert (cdr.end_at - began_at).total_seconds() == pytest.approx(33, abs=0.01)
    assert not cdr.estimated
    await house.stop()


# --- Asterisk dies ----------------------------------------------------------------------------------------


@in_virtual_time
async def test_when_asterisk_dies_calls_are_closed_and_operators_are_called_again() -> None:
    house = await at_work(
        lambda number: Fate(after_s=int(number) % 9, talk_s=30), operators=8, leads=60, retries={}
    )
    asterisk, campaign = house.asterisk, house.campaign
    house.ask("108", lambda at: shifts.PauseAsked(at, "lunch"))
    await until(lambda: house.watcher.seen["bridged"] >= 5)
    in_flight = {call.id: call.state for call in house.calls()}
    dialled = {id_ for _, _, id_ in asterisk.dialled}
    asterisk.reboot()
    died_at = now()
    await asyncio.sleep(4)
    asterisk.connect_to(house.cell)
    await until(house.shell.linked.is_set)
    await until(lambda: not [op for op in house.operators() if op.state is State.CONNECTING])
    assert house.operator("108").state is State.PAUSED
    assert house.operator("108").reason == "lunch"
    await until(lambda: not house.journal.depth())
    records = {cdr.id: cdr for cdr in await house.cdrs()}
    for id_, state in in_flight.items():
        expected = Outcome.CONNECTED if state == "bridged" else Outcome.NETWORK_FAILURE
        if id_ in dialled:
            assert records[id_].outcome is expected
            assert records[id_].end_at == died_at
            assert (records[id_].ended_by, records[id_].estimated) == (EndedBy.NETWORK, True)
    await house.worked_through(campaign)
    await house.check_records()
    assert max(Counter(number for _, number, _ in asterisk.dialled).values()) == 1
    await house.stop()


@in_virtual_time
async def test_both_die_and_come_back() -> None:
    house = await at_work(mixed, operators=5, leads=40, retries={})
    asterisk, campaign = house.asterisk, house.campaign
    await until(lambda: house.watcher.seen["bridged"] >= 4)
    await house.kill()
    asterisk.reboot()
    await asyncio.sleep(10)
    await house.start()
    await house.worked_through(campaign)
    await house.check_records()
    assert max(Counter(number for _, number, _ in asterisk.dialled).values()) == 1
    await house.stop()


@in_virtual_time
async def test_a_link_that_breaks_for_a_while_costs_no_talk_and_no_record() -> None:
    house = await at_work(mixed, operators=6, leads=60, retries={})
    asterisk, campaign = house.asterisk, house.campaign
    for n in range(8):
        await asyncio.sleep(2.3 + n / 5)
        asterisk.lose_link()
        await asyncio.sleep((0.0, 0.4, 3.0)[n % 3])
        asterisk.connect_to(house.cell)
    await house.worked_through(campaign)
    await house.check_records()
    assert max(Counter(number for _, number, _ in asterisk.dialled).values()) == 1
    await house.stop()


@in_virtual_time
async def test_an_operator_who_logs_in_while_asterisk_is_away_is_called_when_it_is_back() -> None:
    house = House(PretendAsterisk())
    await house.furnish(operators=1, leads=0)
    await house.start()
    house.asterisk.lose_link()
    house.ask("101", shifts.LoginAsked)
    await asyncio.sleep(5)
    assert house.operator().state is State.CONNECTING
    house.asterisk.connect_to(house.cell)
    await until(lambda: house.operator().state is State.PAUSED)
    await house.stop()
