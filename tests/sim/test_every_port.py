"""Every request to Asterisk and to the database fails in every way: nobody is stuck, nothing is lost.

The requests are those of the protocols in dialer.ports: a new one is walked by itself.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import fields, replace
from itertools import cycle

import pytest

from dialer.domain import shifts
from dialer.domain.call import KeyPressed
from dialer.domain.errors import (
    BadField,
    BadValue,
    Conflict,
    DiskTrouble,
    Forbidden,
    IllegalMove,
    LinkDown,
    Missing,
    ObzvonError,
    Refused,
    StoreDamaged,
    StoreDown,
    StoreRefused,
    TimedOut,
)
from dialer.domain.operators import Account, LegState, Operator, State
from dialer.domain.trunk import Trunk
from dialer.domain.types import (
    CampaignStatus,
    ChannelId,
    LeadStatus,
    LegKind,
    Mode,
    OperatorId,
    PhoneKind,
    PhoneNumber,
    TrunkId,
)
from dialer.ports import stores
from dialer.ports.asterisk import ChannelNews, PhoneNews, Switch
from dialer.ports.between import Command
from dialer.sim.clock import now, run, until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import MAIN, House

TREE: tuple[Callable[[], Exception], ...] = (
    lambda: Refused(500, "it would not"),
    lambda: Refused(404, "not found"),
    lambda: Refused(409, "not now"),
    TimedOut,
    LinkDown,
    StoreDown,
    StoreDamaged,
    StoreRefused,
    BadValue,
    lambda why="of one field": BadField("trunks/0", why),
    Missing,
    Conflict,
    Forbidden,
    DiskTrouble,
    IllegalMove,
    ZeroDivisionError,
    lambda: KeyError("lead"),
    lambda: OSError(28, "No space left on device"),
    TimeoutError,
)
# Though it was done: a refusal always says that it was not.
NOBODY_KNOWS: tuple[Callable[[], Exception], ...] = (TimedOut, LinkDown, ZeroDivisionError, TimeoutError)
Errors = Iterator[Callable[[], Exception]]
BUSY = (State.CONNECTING, State.RESERVED, State.TALKING, State.WRAP_UP)
UNUSED = {"booted_at"}  # the link says it


def test_every_error_of_the_tree_is_walked() -> None:
    def leaves(kind: type[ObzvonError]) -> Iterator[type[ObzvonError]]:
        for each in kind.__subclasses__():
            if each.__module__ == "dialer.domain.errors":
                yield each
                yield from leaves(each)

    walked = {type(make()) for make in TREE}
    above = {each.__mro__[1] for each in walked}
    left = {each.__name__ for each in set(leaves(ObzvonError)) - walked - above}
    # a BadValue; a StoreDown that an engine never meets; a Conflict of who changes settings
    assert left <= {"Fatal", "Unworkable", "EngineAway", "Stale"}


def methods(protocol: type) -> list[str]:
    return [name for name, _ in inspect.getmembers(protocol, inspect.iscoroutinefunction)]


REQUESTS = methods(Switch)
STORED = [
    (each.name, verb)
    for each in fields(stores.Stores)
    for verb in methods(getattr(stores, str(each.type)))
    if each.name not in ("tokens", "cells", "requests")
]


def fate_of(number: str) -> Fate:
    n = int(number[-2:])
    if n % 5 == 1:
        return Fate("busy")
    return Fate(after_s=1 + n % 3, talk_s=8 + n % 7)


async def office() -> House:
    """Three kinds of phones, more answers than operators, and one of the talks of each kind."""
    house = House(PretendAsterisk(fate_of))
    campaign = await house.furnish(
        operators=3, leads=24, mode=Mode.POWER, ratio=2.0, wrap_up_s=2.0, record=True, retries={}
    )
    accounts = house.stores.accounts
    desk, outside = await accounts.get(OperatorId("102")), await accounts.get(OperatorId("103"))
    await accounts.save(replace(desk, leg=LegKind.ON_DEMAND))
    number = PhoneNumber("+79990000000")
    await accounts.save(replace(outside, phone=PhoneKind.OUTSIDE, number=number, trunk=MAIN))
    assert campaign.status is CampaignStatus.RUNNING
    return house


async def day(house: House) -> None:
    """Two minutes in which everything happens that an engine has a request for."""
    asterisk = house.asterisk
    spare = TrunkId("spare")
    await house.stores.trunks.add(Trunk(spare, "127.0.0.3"))
    for moment in range(36):
        all_at_work(house)
        talking = [operator for operator in house.operators() if operator.state is State.TALKING]
        for verb in ("hold", "mute", "keys", "unhold"):
            for operator in talking:
                await do(house, verb, f"operator:{operator.id}")
        match moment % 7, talking:
            case 2, _:
                for operator in house.operators():
                    press(house, operator, "*1")
            case 3, [Operator(channel=str() as leg), *_] if leg in asterisk.lines:
                asterisk.vanish(ChannelId(leg))
            case 5, _:
                call_back(house)
        match moment:
            case 14:
                asterisk.lose_link()
                await asyncio.sleep(6)
                asterisk.lose_events()
                asterisk.connect_to(house.cell)
            case 8:  # and nobody says that it is back
                house.cell.heard(PhoneNews("102", is_reachable=False, at=now()))
            case 9:
                await do(house, "abilities", "trunk:main")
            case 20:
                await house.stores.accounts.save(Account(OperatorId("101"), "another name"))
                await house.stores.trunks.remove(spare)
            case 26:
                asterisk.reboot()
                asterisk.connect_to(house.cell)
        await asyncio.sleep(3.7)


def all_at_work(house: House) -> None:
    for operator in house.operators():
        with suppress(Conflict):
            if operator.state is State.OFFLINE:
                house.cell.floor.ask(operator.id, shifts.LoginAsked(now()))
            elif operator.state is State.PAUSED:
                house.cell.floor.ask(operator.id, shifts.ReadyAsked(now()))


def press(house: House, operator: Operator, keys: str) -> None:
    if operator.channel is not None and operator.leg is LegState.UP:
        for key in keys:
            house.cell.heard(ChannelNews(operator.channel, KeyPressed(now(), key)))


async def do(house: House, verb: str, target: str) -> None:
    """Whatever it answers: a person asked, and is told."""
    args = {"keys": "1"} if verb == "keys" else {}
    with suppress(Exception):
        await house.cell.desk.do(Command(verb, target, args))


def call_back(house: House) -> None:
    """Somebody whom we called calls back."""
    house.asterisk.call_in("79160000000", "74950000000", MAIN)


async def well_again(house: House) -> None:
    """What must be so after any trouble that has passed."""
    for line in list(house.asterisk.lines.values()):
        if line.id[0].isdigit():
            house.asterisk.person_hangs_up(line.id)
    campaign = (await house.stores.campaigns.all())[0]
    await house.stores.campaigns.set_status(campaign.id, CampaignStatus.PAUSED)
    await until(lambda: not house.calls(), 900)
    await asyncio.sleep(65)  # the longest pause of what is set aside
    await house.recorder.tell_refused()
    await until(lambda: all(op.state is not State.WRAP_UP for op in house.operators()))
    held = [(op.id, op.state) for op in house.operators()]
    assert not [
        one for one in held if one[1] in (State.CONNECTING, State.RESERVED, State.TALKING, State.WRAP_UP)
    ], held
    assert house.journal.depth() == 0
    assert house.recorder.refusals.all() == []
    assert house.cell.books.faults == {}
    assert house.asterisk.double_booked == []
    dialled = {id_ for _, _, id_ in house.asterisk.dialled}
    recorded = {cdr.id for cdr in await house.cdrs()}
    assert not dialled - recorded, "dialled and not recorded"
    assert not [lead for lead in await house.leads(campaign) if lead.status is LeadStatus.LEASED]
    assert house.shell.linked.is_set()
    assert not [task for task in house._tasks if task.done()], "a loop has ended"
    for operator in house.operators():
        if operator.state is State.OFFLINE:
            house.cell.floor.ask(operator.id, shifts.LoginAsked(now()))
    await until(lambda: all(op.state is not State.CONNECTING for op in house.operators()), 60)
    assert all(op.state in (State.PAUSED, State.READY) for op in house.operators())


async def walk(
    house: House, begin: Callable[[Iterator[Callable[[], Exception]]], None], end: Callable[[], None]
) -> None:
    await house.start()
    begin(cycle(TREE))
    await day(house)
    end()
    await well_again(house)
    house.shell.guard.failed.clear()  # mistakes were made, and counted
    house.shell.errands.failed = house.shell.mailbox.failed = 0
    await house.stop()


@pytest.mark.parametrize("request_", [name for name in REQUESTS if name not in UNUSED])
def test_a_request_to_asterisk_that_fails_in_every_way_leaves_nobody_behind(request_: str) -> None:
    async def story() -> None:
        house = await office()
        asked = 0

        def begin(errors: Errors) -> None:
            unknown = cycle(NOBODY_KNOWS)

            def fault(request: str) -> Exception | None:
                """Every other time the request is done, and fails on its way back."""
                nonlocal asked
                asked += request == request_
                return next(errors)() if request == request_ and asked % 2 else None

            def fault_after(request: str) -> Exception | None:
                return next(unknown)() if request == request_ and asked % 2 == 0 else None

            house.asterisk.fault, house.asterisk.fault_after = fault, fault_after

        def end() -> None:
            house.asterisk.fault = house.asterisk.fault_after = lambda request: None

        await walk(house, begin, end)
        assert asked, f"{request_} was never asked: this proves nothing"

    run(story())


@pytest.mark.parametrize(("store", "verb"), STORED)
def test_a_request_to_the_database_that_fails_in_every_way_leaves_nobody_behind(
    store: str, verb: str
) -> None:
    async def story() -> None:
        house = await office()

        def begin(errors: Errors) -> None:
            house.faults.raises = lambda its, asked: next(errors)() if (its, asked) == (store, verb) else None

        def end() -> None:
            house.faults.raises = lambda its, asked: None

        await walk(house, begin, end)

    run(story())
