"""One person, one call: what they hear, from whom, and how it ends; the engine on a pretend Asterisk."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from dialer.domain import shifts
from dialer.domain.call import Event
from dialer.domain.hours import fold
from dialer.domain.operators import State, bridge_of
from dialer.domain.types import ChannelId, Direction, EndedBy, LeadStatus, Mode, Outcome
from dialer.engine.cell import SWEEP_S
from dialer.engine.reconcile import YOUNG
from dialer.ports.asterisk import BridgeSeen
from dialer.ports.between import Command
from dialer.sim.channel import Channel
from dialer.sim.clock import now, until
from dialer.sim.fate import Fate
from dialer.sim.lines import GUARD_S
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import MAIN, House
from tests.unit.engine.virtual import in_virtual_time

LONG = Fate(after_s=2, talk_s=100)


async def in_talk(house: House) -> str:
    """The id of the one call, whose two sides hear each other."""
    await until(lambda: any(call.state == "bridged" for call in house.calls()))
    return next(call.id for call in house.calls() if call.state == "bridged")


def line(house: House, call: str) -> Channel:
    return next(each for each in house.asterisk.people() if each.id == call)


@in_virtual_time
async def test_power_the_operator_who_has_been_ready_longest_gets_the_answer() -> None:
    house = House(PretendAsterisk(lambda number: Fate(after_s=2, talk_s=5)))
    campaign = await house.furnish(operators=3, leads=1, mode=Mode.POWER)
    await house.start()
    house.cell.pacer.draining = True
    await house.enter("102", "103", "101")
    house.cell.pacer.draining = False
    await house.worked_through(campaign)
    (cdr,) = await house.cdrs()
    assert cdr.operator == "102"
    await house.stop()


@in_virtual_time
async def test_power_whom_nobody_can_take_hears_the_message_within_two_seconds() -> None:
    house = House(PretendAsterisk(lambda number: LONG))
    await house.furnish(operators=1, leads=2, mode=Mode.POWER, ratio=2.0)
    await house.start()
    await house.all_ready()
    await until(lambda: house.watcher.seen["message"] == 1)
    await until(lambda: len(house.calls()) == 1)
    await until(lambda: not house.journal.depth())
    (cdr,) = await house.cdrs()
    assert cdr.outcome is Outcome.ABANDONED
    assert cdr.answer_at is not None
    assert cdr.message_at is not None
    assert 1.5 <= (cdr.message_at - cdr.answer_at).total_seconds() < GUARD_S
    await house.stop()


@in_virtual_time
async def test_power_who_is_held_back_gets_the_operator_who_becomes_ready_in_time() -> None:
    house = House(PretendAsterisk(lambda number: replace(LONG, talk_s=10)))
    await house.furnish(operators=2, leads=2, mode=Mode.POWER, ratio=2.0)
    await house.start()
    await house.enter("101")
    await until(lambda: house.watcher.seen["held_back"] == 1)
    await asyncio.sleep(0.3)
    house.ask("102", shifts.LoginAsked)
    await until(lambda: house.operator("102").state is State.PAUSED)
    house.ask("102", shifts.ReadyAsked)
    await house.settled()
    assert await house.outcomes() == {"connected": 2}
    await house.stop()


@pytest.mark.parametrize(
    ("who", "by"),
    [("person", EndedBy.PERSON), ("operator", EndedBy.OPERATOR), ("supervisor", EndedBy.SUPERVISOR)],
)
@in_virtual_time
async def test_whoever_hangs_up_the_leg_stays_up_and_wrap_up_begins(who: str, by: EndedBy) -> None:
    house = House(PretendAsterisk(lambda number: LONG))
    await house.furnish(operators=1, leads=1)
    await house.start()
    await house.all_ready()
    call = await in_talk(house)
    leg = house.operator().channel
    await asyncio.sleep(10)
    if who == "person":
        house.asterisk.person_hangs_up(line(house, call).id)
    elif who == "operator":
        await house.cell.desk.do(Command("hang_up", "operator:101"))
    else:
        await house.cell.desk.do(Command("hang_up", f"call:{call}"))
    await until(lambda: not house.calls(), 1.0)
    assert (house.operator().state, house.operator().channel) == (State.WRAP_UP, leg)
    await house.settled()
    (cdr,) = await house.cdrs()
    assert (cdr.outcome, cdr.ended_by) == (Outcome.CONNECTED, by)
    assert cdr.talk_s == pytest.approx(10, abs=0.1)
    await house.stop()


@in_virtual_time
async def test_both_hang_up_at_once() -> None:
    house = House(PretendAsterisk(lambda number: LONG))
    await house.furnish(operators=1, leads=1)
    await house.start()
    await house.all_ready()
    call = await in_talk(house)
    await house.cell.desk.do(Command("hang_up", "operator:101"))
    house.asterisk.person_hangs_up(line(house, call).id)
    await house.settled()
    assert await house.outcomes() == {"connected": 1}
    assert house.watcher.seen["ended"] == 1
    await house.stop()


@in_virtual_time
async def test_a_pause_asked_for_from_dialing_on_begins_after_the_call() -> None:
    house = House(PretendAsterisk(lambda number: Fate(after_s=5, talk_s=10)))
    await house.furnish(operators=1, leads=5)
    await house.start()
    await house.all_ready()
    await until(lambda: bool(house.asterisk.dialled))
    assert house.operator().state is State.RESERVED
    house.ask("101", lambda at: shifts.PauseAsked(at, "lunch"))
    assert house.operator().state is State.RESERVED
    await house.settled()
    await until(lambda: house.operator().state is State.PAUSED)
    assert house.operator().reason == "lunch"
    await asyncio.sleep(30)
    assert len(house.asterisk.dialled) == 1
    assert await house.outcomes() == {"connected": 1}
    await house.stop()


# --- the operator's phone vanishes -------------------------------------------------------------------------


@in_virtual_time
async def test_operator_lost_and_back_the_person_heard_music_and_talks_on() -> None:
    house = House(PretendAsterisk(lambda number: LONG))
    house.asterisk.phones["101"] = Fate(after_s=3, talk_s=1e6)
    await house.furnish(operators=1, leads=1)
    await house.start()
    await house.all_ready()
    call = await in_talk(house)
    await asyncio.sleep(10)
    house.asterisk.vanish(house.asterisk.leg_of("101"))
    await asyncio.sleep(1)
    person = line(house, call)
    assert (person.music, person.bridge) == (True, None)
    await until(lambda: person.bridge == bridge_of(house.operator().id))
    await asyncio.sleep(0.1)
    assert not person.music
    assert house.operator().state is State.TALKING
    await asyncio.sleep(5)
    house.cell.floor.dispose(house.operator().id, "agreed")
    house.asterisk.person_hangs_up(person.id)
    await house.settled()
    await until(lambda: house.operator().state is State.READY)
    await until(lambda: not house.journal.depth())
    (cdr,) = await house.cdrs()
    assert (cdr.outcome, cdr.disposition) == (Outcome.CONNECTED, "agreed")
    assert cdr.talk_s == pytest.approx(15, abs=0.6)
    await house.stop()


@in_virtual_time
async def test_operator_lost_for_good_the_next_ready_one_takes_over() -> None:
    house = House(PretendAsterisk(lambda number: LONG))
    await house.furnish(operators=2, leads=1)
    await house.start()
    house.cell.pacer.draining = True
    await house.enter("101", "102")
    house.cell.pacer.draining = False
    call = await in_talk(house)
    await asyncio.sleep(10)
    house.cell.floor.dispose(house.operator("101").id, "callback")
    house.asterisk.phones["101"] = Fate("no_answer")
    house.asterisk.vanish(house.asterisk.leg_of("101"))
    await until(lambda: line(house, call).bridge == "ob-102", 20)
    assert house.operator("102").state is State.TALKING
    assert house.operator("101").state is State.OFFLINE
    assert house.operator("101").reason == "phone_lost"
    house.asterisk.person_hangs_up(line(house, call).id)
    await house.settled()
    (cdr,) = await house.cdrs()
    assert (cdr.outcome, cdr.operator) == (Outcome.CONNECTED, "102")
    await house.stop()


@in_virtual_time
async def test_operator_lost_whose_phone_says_no_at_once_keeps_nobody_waiting() -> None:
    house = House(PretendAsterisk(lambda number: LONG))
    await house.furnish(operators=2, leads=1)
    await house.start()
    await house.all_ready()
    call = await in_talk(house)
    lost = line(house, call).bridge
    assert lost is not None
    house.asterisk.phones[lost.removeprefix("ob-")] = Fate("busy")
    house.asterisk.vanish(house.asterisk.leg_of(lost.removeprefix("ob-")))
    began_at = now()
    await until(lambda: line(house, call).bridge not in (None, lost))
    assert (now() - began_at).total_seconds() < 1
    await house.stop()


@in_virtual_time
async def test_operator_lost_and_nobody_else_the_person_hears_the_message() -> None:
    house = House(PretendAsterisk(lambda number: LONG))
    await house.furnish(operators=1, leads=1)
    await house.start()
    await house.all_ready()
    await in_talk(house)
    house.asterisk.phones["101"] = Fate("no_answer")
    house.asterisk.vanish(house.asterisk.leg_of("101"))
    await house.settled()
    (cdr,) = await house.cdrs()
    assert cdr.outcome is Outcome.OPERATOR_LOST
    assert cdr.message_at is not None
    assert house.operator().state is State.OFFLINE
    await house.stop()


# --- hold and limits ---------------------------------------------------------------------------------------


@in_virtual_time
async def test_hold_plays_music_is_no_air_time_and_ends_at_its_limit() -> None:
    house = House(PretendAsterisk(lambda number: LONG))
    await house.furnish(operators=1, leads=1, longest_hold_s=20.0)
    await house.start()
    await house.all_ready()
    call = await in_talk(house)
    await asyncio.sleep(10)
    await house.cell.desk.do(Command("hold", "operator:101"))
    await asyncio.sleep(0.1)
    person = line(house, call)
    assert (person.music, person.bridge) == (True, None)
    await until(lambda: person.bridge == "ob-101", 21)
    await asyncio.sleep(10)
    house.asterisk.person_hangs_up(person.id)
    await house.settled()
    (cdr,) = await house.cdrs()
    assert cdr.talk_s == pytest.approx(20, abs=0.6)
    await house.stop()


@in_virtual_time
async def test_the_longest_talk_is_ended() -> None:
    house = House(PretendAsterisk(lambda number: replace(LONG, talk_s=1e6)))
    await house.furnish(operators=1, leads=1, longest_talk_s=60.0)
    await house.start()
    await house.all_ready()
    await in_talk(house)
    await house.settled()
    (cdr,) = await house.cdrs()
    assert (cdr.outcome, cdr.ended_by) == (Outcome.CONNECTED, EndedBy.LIMIT)
    assert cdr.talk_s == pytest.approx(60, abs=0.6)
    await house.stop()


@in_virtual_time
async def test_a_bridge_that_cannot_be_entered_means_the_message_not_a_hot_loop() -> None:
    house = House(PretendAsterisk(lambda number: LONG))
    await house.furnish(operators=2, leads=1)
    house.asterisk.refuse_connect = True
    await house.start()
    await house.all_ready()
    await house.settled()
    (cdr,) = await house.cdrs()
    assert cdr.outcome is Outcome.ABANDONED
    assert len([what for what, _ in house.asterisk.did if what == "play"]) <= 3
    assert all(op.state is State.READY for op in house.operators())
    await house.stop()


@in_virtual_time
async def test_a_network_that_says_nothing_is_given_up_and_one_that_rings_for_ever_too() -> None:
    house = House(PretendAsterisk(lambda number: Fate("silence" if number.endswith("0") else "no_answer")))
    await house.furnish(operators=2, leads=2, ring_s=20.0)
    await house.start()
    await house.all_ready()
    await until(lambda: len(house.asterisk.dialled) == 2)
    await house.settled()
    for cdr in await house.cdrs():
        rang = (Outcome.NO_ANSWER, EndedBy.RING_TIME)
        silent = (Outcome.NETWORK_FAILURE, EndedBy.NETWORK)
        assert (cdr.outcome, cdr.ended_by) == (silent if cdr.ring_at is None else rang)
        if cdr.ring_at is None:
            assert (cdr.end_at - cdr.dialled_at).total_seconds() == pytest.approx(35, abs=0.1)
        else:
            assert cdr.ring_s == pytest.approx(20, abs=0.1)
    await house.stop()


# --- what the operator says of the call --------------------------------------------------------------------


@pytest.mark.parametrize("wrap_up_s", [0.0, 5.0])
@in_virtual_time
async def test_what_was_said_in_the_talk_moves_the_lead_on_and_the_attempt_counts(wrap_up_s: float) -> None:
    house = House(PretendAsterisk(lambda number: LONG))
    campaign = await house.furnish(operators=1, leads=1, wrap_up_s=wrap_up_s)
    await house.start()
    await house.all_ready()
    await in_talk(house)
    house.cell.floor.dispose(house.operator().id, "callback")
    await house.cell.desk.do(Command("hang_up", "operator:101"))
    await house.settled()
    await until(lambda: house.operator().state is State.READY)
    await until(lambda: not house.journal.depth())
    (lead,) = await house.leads(campaign)
    assert (lead.status, lead.attempts) == (LeadStatus.RETRY, 1)
    (cdr,) = await house.cdrs()
    assert (cdr.disposition, cdr.wrap_up_s) == ("callback", pytest.approx(wrap_up_s, abs=0.1))
    await house.stop()


class CutsInstants(PretendAsterisk):
    """Its clock seems to be behind ours, as one that is cut to milliseconds is."""

    def _say(self, channel: ChannelId, event: Event, *args: str, times: int = 1) -> None:
        super()._say(channel, replace(event, at=event.at - timedelta(milliseconds=2)), *args, times=times)


@in_virtual_time
async def test_the_ledger_of_hours_is_in_order_whatever_asterisks_clock_says() -> None:
    house = House(CutsInstants(lambda number: Fate(after_s=2, talk_s=30)))
    await house.furnish(operators=1, leads=1, mode=Mode.POWER)
    await house.start()
    since_at = now()
    await house.all_ready()
    await in_talk(house)
    await until(lambda: house.operator().state is State.WRAP_UP, 60)
    spent = fold(house.watcher.changes, since_at=since_at, until_at=now())[house.operator().id]
    assert spent[State.TALKING] == pytest.approx(30, abs=0.1)
    assert spent.get(State.RESERVED, 0.0) < 0.1, "reserved at the answer"
    await house.stop()


# --- the sweeper -------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_call_whose_channel_is_gone_unseen_is_closed_by_the_sweep() -> None:
    house = House(PretendAsterisk(lambda number: replace(LONG, talk_s=1e6)))
    await house.furnish(operators=1, leads=1)
    await house.start()
    await house.all_ready()
    call = await in_talk(house)
    await asyncio.sleep(12)
    house.asterisk._forget(line(house, call))
    gone_at = now()
    await until(lambda: not house.calls(), 100)
    await house.settled()
    (cdr,) = await house.cdrs()
    assert (cdr.outcome, cdr.estimated) == (Outcome.CONNECTED, True)
    assert 0 <= (gone_at - cdr.end_at).total_seconds() <= SWEEP_S
    await until(lambda: house.operator().state is State.READY)
    await house.stop()


class EndsWhileAsked(PretendAsterisk):
    """The person hangs up between the list of channels and the list of bridges."""

    asked_to_end = 0

    async def hang_up(self, channel: ChannelId, reason: str = "normal") -> None:
        self.asked_to_end += channel.startswith("c-")
        await super().hang_up(channel, reason)

    async def bridges(self) -> Sequence[BridgeSeen]:
        for each in self.people():
            if now() - each.created_at > YOUNG:
                self.person_hangs_up(each.id)
        await asyncio.sleep(0.1)
        return await super().bridges()


@in_virtual_time
async def test_a_call_that_ends_while_the_sweep_looks_is_no_stray() -> None:
    asterisk = EndsWhileAsked(lambda number: replace(LONG, talk_s=1e6))
    house = House(asterisk)
    await house.furnish(operators=1, leads=1)
    await house.start()
    await house.all_ready()
    await in_talk(house)
    await until(lambda: not house.calls(), 100)
    await asyncio.sleep(1)
    assert not asterisk.asked_to_end
    await house.stop()


@in_virtual_time
async def test_a_channel_and_a_bridge_that_nobody_owns_are_ended() -> None:
    house = House(PretendAsterisk())
    await house.furnish(operators=1, leads=0)
    await house.start()
    old = now() - 2 * YOUNG
    for name in ("c-lost", "o-999-lost", "s-999-lost"):
        house.asterisk.lines[name] = Channel(name, "", "", "", old, "Up", in_app=True)  # type: ignore[index, arg-type]
    house.asterisk.rooms.add("ob-999")  # type: ignore[arg-type]
    house.asterisk.rooms.add("somebody-elses")  # type: ignore[arg-type]
    await until(lambda: not house.asterisk.lines, 60)
    await until(lambda: house.asterisk.rooms == {"somebody-elses"}, 60)
    await house.stop()


# --- return calls ------------------------------------------------------------------------------------------


def comes_in(house: House) -> Channel:
    """Somebody whom the first lead stands for calls us."""
    return house.asterisk.lines[house.asterisk.call_in("79160000000", "74950000000", MAIN)]


@pytest.mark.parametrize("tone", [True, False])
@in_virtual_time
async def test_a_return_call_goes_to_the_operator_who_called(tone: bool) -> None:
    house = House(PretendAsterisk(lambda number: Fate(after_s=1, talk_s=5)))
    campaign = await house.furnish(operators=3, leads=1, tone=tone)
    await house.start()
    house.cell.pacer.draining = True
    await house.enter("102", "101", "103")
    house.cell.pacer.draining = False
    await house.worked_through(campaign)
    (first,) = await house.cdrs()
    assert first.operator == "102"
    await asyncio.sleep(10)
    caller = comes_in(house)
    await until(lambda: caller.bridge == "ob-102", 1.0)
    assert caller.state == "Up"
    house.asterisk.person_hangs_up(caller.id)
    await house.settled()
    second = next(cdr for cdr in await house.cdrs() if cdr.direction is Direction.IN)
    assert (second.outcome, second.operator) == (Outcome.CONNECTED, "102")
    assert len([what for what, _ in house.asterisk.did if what == "play"]) == (2 if tone else 0)
    await house.stop()


@in_virtual_time
async def test_a_return_call_of_nobody_we_called_hears_that_we_are_sorry() -> None:
    house = House(PretendAsterisk())
    await house.furnish(operators=1, leads=0)
    await house.start()
    await house.all_ready()
    caller = comes_in(house)
    await asyncio.sleep(0.1)
    assert caller.exten == "sorry"
    assert house.calls() == []
    await house.stop()


@in_virtual_time
async def test_a_return_call_while_the_database_is_away_hears_at_once_that_we_are_sorry() -> None:
    house = House(PretendAsterisk())
    await house.furnish(operators=1, leads=0)
    await house.start()
    await house.all_ready()
    house.store_down = True
    caller = comes_in(house)
    await asyncio.sleep(0.1)
    assert caller.exten == "sorry"
    assert not house.cell.inbound._asked
    assert not house.shell.errands.failed
    await house.stop()


@pytest.mark.parametrize("shows", [True, False])
@in_virtual_time
async def test_a_display_that_showed_a_person_is_made_empty_and_one_that_did_not_costs_no_request(
    shows: bool,
) -> None:
    house = House(PretendAsterisk(lambda number: Fate(after_s=1, talk_s=5)))
    await house.furnish(operators=1, leads=2, wrap_up_s=1.0, shows_person=shows)
    written = list[str]()
    set_variable = house.asterisk.set_variable

    async def noted(channel: ChannelId, name: str, value: str) -> None:
        written.append(name)
        await set_variable(channel, name, value)

    house.asterisk.set_variable = noted  # type: ignore[method-assign]
    await house.start()
    await house.all_ready()
    await until(lambda: len(house.asterisk.dialled) == 2, 60)
    await house.settled()
    assert written.count("CONNECTEDLINE(all)") == (2 if shows else 0)
    await house.stop()
