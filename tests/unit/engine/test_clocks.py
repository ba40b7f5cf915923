"""Asterisk's clock and ours differ, or one of them is set: nobody is abandoned for it, no record lies."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from datetime import time as clock_time

import pytest
import structlog
from structlog.testing import capture_logs

from dialer.domain.cdr import Cdr
from dialer.domain.lead import Lead
from dialer.domain.operators import State
from dialer.domain.schedule import Window
from dialer.domain.spending import SideKind
from dialer.domain.types import CampaignId, ChannelId, LeadId, Mode, PhoneNumber, TrunkId
from dialer.engine.refusals import Rest
from dialer.ports.between import Command
from dialer.sim.channel import Channel
from dialer.sim.clock import now, until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import House
from tests.unit.engine.virtual import in_virtual_time

ANSWERS = Fate(after_s=4.0, talk_s=20.0, waits_s=60.0)
SETS = [5.0, -5.0, 1.2, -1.2, 0.4, -0.4, 3600.0, -3600.0]


async def at_work(asterisk: PretendAsterisk, *, leads: int = 6) -> House:
    house = House(asterisk)
    await house.furnish(operators=2, leads=leads, mode=Mode.PROGRESSIVE)
    await house.start()
    await house.all_ready()
    return house


async def in_talk(house: House) -> None:
    await until(lambda: all(op.state is State.TALKING for op in house.operators()))


def check(cdrs: list[Cdr], calls: int) -> None:
    assert [cdr.outcome.value for cdr in cdrs] == ["connected"] * calls
    for cdr in cdrs:
        assert cdr.ring_at and cdr.answer_at and cdr.wait_s is not None
        assert (cdr.answer_at - cdr.ring_at).total_seconds() == pytest.approx(4.0, abs=0.05)
        assert cdr.wait_s < 0.1
        assert cdr.talk_s == pytest.approx(20.0, abs=0.05)
        assert (cdr.end_at - cdr.answer_at).total_seconds() == pytest.approx(20.0, abs=0.1)


@pytest.mark.parametrize("ahead_s", [0.3, -0.3, 0.49, -0.49])
@in_virtual_time
async def test_clocks_that_differ_a_little_change_nothing(ahead_s: float) -> None:
    asterisk = PretendAsterisk(lambda number: ANSWERS)
    asterisk.ahead = timedelta(seconds=ahead_s)
    house = await at_work(asterisk)
    await house.settled_after_dial()
    await until(lambda: len(asterisk.dialled) == 6)
    await house.settled()
    check(await house.check_records(), 6)
    await house.stop()


@pytest.mark.parametrize("ahead_s", [5.0, -5.0, 0.7, -0.7, 3600.0, -3600.0])
@in_virtual_time
async def test_dialing_waits_while_the_clocks_differ_and_goes_on_by_itself(ahead_s: float) -> None:
    asterisk = PretendAsterisk(lambda number: ANSWERS)
    asterisk.ahead = timedelta(seconds=ahead_s)
    house = await at_work(asterisk)
    await asyncio.sleep(30)
    assert not asterisk.dialled
    (reason,) = house.cell.pacer.reasons.values()
    direction = "ahead of" if ahead_s > 0 else "behind"
    assert reason == f"0 lines: Asterisk's clock is {abs(ahead_s):.1f} s {direction} ours."
    asterisk.ahead = timedelta()
    await until(lambda: len(asterisk.dialled) == 6, 300)
    await house.settled()
    check(await house.check_records(), 6)
    await house.stop()


@pytest.mark.parametrize("by_s", SETS)
@pytest.mark.parametrize("whose", ["asterisk", "ours", "both"])
@in_virtual_time
async def test_a_clock_that_is_set_while_calls_ring_abandons_nobody(by_s: float, whose: str) -> None:
    asterisk = PretendAsterisk(lambda number: ANSWERS)
    house = await at_work(asterisk, leads=2)
    await until(lambda: len(asterisk.dialled) == 2)
    await asyncio.sleep(3.9)  # they answer 0.1 s later, before anybody has looked at a clock
    if whose != "ours":
        asterisk.ahead += timedelta(seconds=by_s)
    if whose != "asterisk":
        house.wall.set(by_s)
    await house.settled(120)
    cdrs = await house.cdrs()
    assert [cdr.outcome.value for cdr in cdrs] == ["connected"] * 2
    for cdr in cdrs:
        assert cdr.wait_s is not None and cdr.wait_s < 1.5
        assert cdr.talk_s == pytest.approx(20.0, abs=1.5)
    await house.check_records()
    await house.stop()


@pytest.mark.parametrize("by_s", SETS)
@pytest.mark.parametrize("whose", ["asterisk", "ours", "both"])
@in_virtual_time
async def test_a_clock_that_is_set_in_mid_talk_leaves_the_talk_as_long_as_it_was(
    by_s: float, whose: str
) -> None:
    asterisk = PretendAsterisk(lambda number: ANSWERS)
    house = await at_work(asterisk, leads=2)
    await in_talk(house)
    await asyncio.sleep(7)
    if whose != "ours":
        asterisk.ahead += timedelta(seconds=by_s)
    if whose != "asterisk":
        house.wall.set(by_s)
    await asyncio.sleep(2)
    assert all(op.state is State.TALKING for op in house.operators())
    await house.settled(120)
    check(await house.check_records(), 2)
    await until(lambda: all(op.state is State.READY for op in house.operators()), 30)
    await house.stop()


@pytest.mark.parametrize("by_s", [3600.0, -3600.0])
@in_virtual_time
async def test_after_our_clock_was_set_dialing_goes_on_within_seconds(by_s: float) -> None:
    asterisk = PretendAsterisk(lambda number: ANSWERS)
    house = await at_work(asterisk, leads=12)
    await in_talk(house)
    house.wall.set(by_s)
    asterisk.ahead += timedelta(seconds=by_s)
    dialled = len(asterisk.dialled)
    await until(lambda: len(asterisk.dialled) > dialled, 40)
    await until(lambda: len(asterisk.dialled) == 12, 600)
    await house.settled()
    check(await house.check_records(), 12)
    assert not asterisk.dialled_twice
    assert len({number for _, number, _ in asterisk.dialled}) == 12
    await house.stop()


@pytest.mark.parametrize("ahead_s", [3600.0, -3600.0, 5.0, -5.0])
@in_virtual_time
async def test_talks_go_on_and_end_truly_when_a_service_is_killed_beside_a_wrong_clock(
    ahead_s: float,
) -> None:
    asterisk = PretendAsterisk(lambda number: ANSWERS)
    house = await at_work(asterisk, leads=2)
    await in_talk(house)
    asterisk.ahead = timedelta(seconds=ahead_s)
    await asyncio.sleep(2)
    await house.kill()
    await asyncio.sleep(5)
    await house.start()
    assert all(op.state is State.TALKING for op in house.operators())
    await house.settled(60)
    check(await house.check_records(), 2)
    await house.stop()


@pytest.mark.parametrize("by_s", [3600.0, -3600.0, 5.0, -5.0])
@in_virtual_time
async def test_a_clock_set_while_the_service_was_dead_keeps_nobody_in_his_state(by_s: float) -> None:
    asterisk = PretendAsterisk(lambda number: ANSWERS)
    house = await at_work(asterisk, leads=2)
    await in_talk(house)
    await until(lambda: any(op.state is State.WRAP_UP for op in house.operators()), 40)
    await house.kill()
    house.wall.set(by_s)
    house.wall.follow()  # what starts now knows no other time
    asterisk.ahead += timedelta(seconds=by_s)
    await house.start()
    await house.settled(60)
    await until(lambda: all(op.state is State.READY for op in house.operators()), 10)
    for cdr in await house.check_records():
        assert cdr.outcome.value == "connected"
    await house.stop()


@in_virtual_time
async def test_explain_names_the_clocks() -> None:
    asterisk = PretendAsterisk(lambda number: ANSWERS)
    asterisk.ahead = timedelta(seconds=5)
    house = await at_work(asterisk)
    await asyncio.sleep(2)
    told = await house.cell.desk.do(Command("explain", "campaign:1"))
    assert str(told["summary"]["text"]).startswith("Asterisk's clock is")
    await house.stop()


@in_virtual_time
async def test_a_replay_of_a_slow_link_is_not_taken_for_a_clock_that_is_behind() -> None:
    asterisk = PretendAsterisk(lambda number: ANSWERS)
    house = await at_work(asterisk, leads=2)
    await in_talk(house)
    asterisk.lose_link()
    await asyncio.sleep(60)  # both talks end, and we are told a minute late
    asterisk.connect_to(house.cell)
    await until(house.shell.linked.is_set)
    assert house.cell.clocks.skew_s == 0
    await house.settled()
    check(await house.check_records(), 2)
    await house.stop()


@in_virtual_time
async def test_a_stray_channel_is_ended_whatever_its_own_clock_said() -> None:
    asterisk = PretendAsterisk(lambda number: ANSWERS)
    house = await at_work(asterisk, leads=0)
    await house.kill()
    asterisk.ahead = timedelta(hours=1)
    forgotten_call(asterisk)
    asterisk.ahead = timedelta()  # set back: the channel was made in an hour
    await house.start()
    await until(lambda: not asterisk.people(), 40)
    await house.stop()


def forgotten_call(asterisk: PretendAsterisk) -> None:
    at = now() + asterisk.ahead
    line = Channel(ChannelId("c-forgotten"), "PJSIP/1@main", "", "", at, "1", "main", "Up", in_app=True)
    asterisk.lines[line.id] = line


@in_virtual_time
async def test_calling_hours_follow_the_machines_clock() -> None:
    asterisk = PretendAsterisk(lambda number: Fate(after_s=1.0, talk_s=1.0))
    house = House(asterisk)
    noon = tuple(Window(weekday, clock_time(12), clock_time(13)) for weekday in range(7))
    await house.furnish(operators=1, leads=400, mode=Mode.PROGRESSIVE, schedule=noon)  # by Moscow's clock
    await house.start()
    await house.all_ready()
    await until(lambda: len(asterisk.dialled) > 3)
    house.wall.set(3600)
    asterisk.ahead += timedelta(hours=1)
    await asyncio.sleep(5)
    dialled = len(asterisk.dialled)
    await asyncio.sleep(60)
    assert len(asterisk.dialled) == dialled, "by its clock it is one o'clock"
    house.wall.set(-3600)
    asterisk.ahead -= timedelta(hours=1)
    await asyncio.sleep(2)
    another = Lead(LeadId(0), CampaignId(1), (PhoneNumber("+79990000000"),), zones=("Europe/Moscow",))
    await house.stores.leads.import_list(CampaignId(1), "more.csv", [another], now=now())
    await until(lambda: len(asterisk.dialled) > dialled, 600)
    await house.stop()


BRAKED = {
    "brake:9": {
        "in_a_row": 3,
        "answers": "aaa",
        "why": "row",
        "figures": [3, 3],
        "opens_at": "2026-03-02T10:00:00+00:00",
        "pause_s": 60.0,
        "released_at": "",
    }
}
# What may stay when our clock is set, by class and field, and why.
MAY_STAY = {
    "Cell._booted_at": "Asterisk's word; equal or not",
    "TwoClocks._echo_at": "Asterisk's clock",
    "Budget._hours": "hours of the calendar, as in the records",
    "Budget._since_at": "as above",
    "Budget._until_at": "as above",
    "Spending._since_at": "today, by the calendar",
    "Spending._until_at": "as above",
    "Known._made": "made anew where it is not from just now",
    "Knowledge._ranked_at": "as above",
    "Team._seen": "as it was looked at last: each look compares",
    "Views._seen_calls": "made anew from a call that has moved",
    "Views._seen_operators": "as above",
    "Card.lead": "its history, as in the records",
}


def instants(thing: object, path: str, seen: dict[int, object]) -> Iterator[tuple[str, datetime]]:
    """Every instant that a part of the cell keeps, by class, field and place."""
    if isinstance(thing, datetime):
        yield path, thing
    if id(thing) in seen or isinstance(thing, str | bytes | int | float | type | None):
        return
    seen[id(thing)] = thing  # kept: no id comes twice
    if hasattr(thing, "__self__"):
        yield from instants(thing.__self__, path, seen)
    elif isinstance(thing, Mapping):
        for key, value in list(thing.items()):
            yield from instants(key, f"{path} {key}", seen)
            yield from instants(value, f"{path} {key}", seen)
    elif isinstance(thing, list | tuple | set | frozenset | deque):
        for place, value in enumerate(list(thing)):
            yield from instants(value, f"{path} {place}", seen)
    elif type(thing).__module__.startswith(("dialer.engine", "dialer.domain")):
        slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
        for name in sorted({*getattr(thing, "__dict__", {}), *slots} - {"_shell", "_stores"}):
            yield from instants(getattr(thing, name, None), f"{path} {type(thing).__name__}.{name}", seen)


@pytest.mark.parametrize("by_s", [3600.0, -3600.0])
@in_virtual_time
async def test_no_instant_anywhere_in_a_cell_stays_behind_when_the_clock_is_set(by_s: float) -> None:
    asterisk = PretendAsterisk(lambda number: Fate(after_s=4.0, talk_s=7.0 + int(number[-1]), waits_s=60.0))
    house = House(asterisk)
    await house.furnish(operators=4, leads=90, mode=Mode.PREDICTIVE)
    await house.start()
    await house.all_ready()
    await until(lambda: len(asterisk.dialled) > 20 and any(call.ring_at for call in house.calls()), 300)
    cell, trunk, nobody = house.cell, TrunkId("main"), PhoneNumber("+79160000000")
    cell.learning._policy.recall(BRAKED, {})  # learns anew from here
    dialled = len(asterisk.dialled)
    await until(lambda: len(asterisk.dialled) > dialled and any(call.ring_at for call in house.calls()), 300)
    cell.trunks.refusals._rests[trunk] = Rest(trunk, now(), 15.0, 5, None, 403)
    cell.trunks.refused(trunk, now(), "no")
    cell.trunks.came_apart(trunk, now())
    cell.floor.legs.side.begin(ChannelId("t-1"), SideKind.TEST, trunk, nobody, "somebody")
    before = dict(instants(cell, "", {}))
    house.wall.set(by_s)
    cell._clock_was_set(house.wall.follow())
    after = dict(instants(cell, "", {}))
    both = before.keys() & after.keys()
    moved = {path for path in both if after[path] - before[path] == timedelta(seconds=by_s)}
    stay = {path for path in both - moved if MAY_STAY.keys().isdisjoint(path.split())}
    assert not stay, "\n".join(sorted(stay))
    kinds = {word for path in moved for word in path.split()}
    assert kinds >= {"Call.dialled_at", "Operator.since_at", "Brake.opens_at", "Attempt.dialled_at"}
    await house.stop()


@in_virtual_time
async def test_clocks_that_come_to_differ_and_agree_again_are_told_once_each() -> None:
    house = await at_work(PretendAsterisk(lambda number: ANSWERS), leads=0)
    structlog.reset_defaults()
    with capture_logs() as told:
        await asyncio.sleep(10)
        house.asterisk.ahead = timedelta(seconds=30)
        await asyncio.sleep(10)
        house.asterisk.ahead = timedelta()
        await asyncio.sleep(30)
    words = [line["event"] for line in told if "clocks" in line["event"] or "clock and" in line["event"]]
    assert words == ["nothing is dialled: the clocks differ", "Asterisk's clock and ours agree again"]
    await house.stop()
