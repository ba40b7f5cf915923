"""Hot desks: a shift is worked at the phone where it was begun, and nobody is confused by it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dialer.domain.errors import BadValue, Conflict, Mistake
from dialer.domain.operators import Account, State
from dialer.domain.types import LegKind, OperatorId, PhoneKind, PhoneNumber
from dialer.engine.contacts import Way
from dialer.ports.between import Command
from dialer.sim.clock import until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import MAIN, House
from tests.unit.engine.virtual import in_virtual_time


async def open_house(**kinds: Account) -> House:
    house = House(PretendAsterisk(lambda number: Fate(after_s=2, talk_s=300)))
    await house.furnish(operators=3, leads=0)
    for id_, account in kinds.items():
        await house.stores.accounts.save(replace(account, id=OperatorId(id_.lstrip("_"))))
    await house.start()
    return house


async def login(house: House, operator: str, desk: str = "", **more: str) -> None:
    args = {"desk": desk, **more}
    await house.cell.desk.do(Command("login", f"operator:{operator}", args))


def rings(house: House) -> list[str]:
    """The endpoints of the legs that are there."""
    return sorted(line.endpoint for line in house.asterisk.lines.values() if not line.is_person)


@in_virtual_time
async def test_the_phone_where_the_shift_is_begun_is_the_one_that_rings_until_its_end() -> None:
    house = await open_house()
    await login(house, "101", "102")
    await until(lambda: house.operator("101").state is State.PAUSED)
    assert (house.operator("101").desk, rings(house)) == ("102", ["PJSIP/102"])
    house.asterisk.reboot()
    house.asterisk.connect_to(house.cell)
    await until(lambda: house.operator("101").state is State.PAUSED and bool(rings(house)), 120)
    assert rings(house) == ["PJSIP/102"], "after Asterisk was away as well"
    await house.cell.desk.do(Command("logout", "operator:101"))
    await login(house, "101")
    await until(lambda: house.operator("101").state is State.PAUSED)
    assert rings(house)[-1:] == ["PJSIP/101"], "the next shift is at the own phone again"
    await house.stop()


@in_virtual_time
async def test_one_phone_has_one_operator() -> None:
    house = await open_house()
    await login(house, "101", "102")
    for who, desk in (("102", ""), ("103", "102"), ("102", "102")):
        with pytest.raises(Conflict, match="operator 101 is at work at phone 102"):
            await login(house, who, desk)
    await login(house, "103", "101")
    await login(house, "102", "103")
    await until(lambda: all(house.operator(who).state is State.PAUSED for who in ("101", "102", "103")))
    assert rings(house) == ["PJSIP/101", "PJSIP/102", "PJSIP/103"]
    await house.stop()


@in_virtual_time
async def test_a_phone_is_taken_by_an_operator_who_is_rung_for_each_call_only() -> None:
    house = await open_house(_102=Account(OperatorId("102"), "B", leg=LegKind.ON_DEMAND))
    await login(house, "102")
    with pytest.raises(Conflict, match="operator 102 is at work at phone 102"):
        await login(house, "101", "102")
    await house.stop()


@in_virtual_time
async def test_an_operator_with_an_outside_number_works_at_a_desk_and_takes_no_line() -> None:
    outside = Account(
        OperatorId("103"), "C", phone=PhoneKind.OUTSIDE, number=PhoneNumber("+79001112233"), trunk=MAIN
    )
    house = await open_house(_103=outside)
    await login(house, "103", "101")
    await until(lambda: house.operator("103").state is State.PAUSED)
    assert rings(house) == ["PJSIP/101"]
    assert not house.cell.floor.legs.lines(house.cell.floor.desks.outside)
    with pytest.raises(BadValue, match="'103' is no phone"):
        await login(house, "102", "103")
    await house.stop()


@in_virtual_time
async def test_what_stands_against_a_log_in_is_told_without_a_ring() -> None:
    house = await open_house()
    await login(house, "101", "102", only_check="yes")
    assert house.operator("101").state is State.OFFLINE
    assert not rings(house)
    await login(house, "101", "102")
    for who, desk in (("103", "102"), ("101", "102"), ("101", "999")):
        with pytest.raises(Mistake):
            await login(house, who, desk, only_check="yes")
    await house.stop()


@in_virtual_time
async def test_a_phone_without_a_way_to_it_concerns_who_works_at_it_and_its_own_operator() -> None:
    house = await open_house()
    await login(house, "101", "102")
    await until(lambda: house.operator("101").state is State.PAUSED)
    house.cell.floor.phone_seen("101", Way(is_reachable=False))
    assert not house.operator("101").unreachable, "nobody works there"
    house.cell.floor.phone_seen("102", Way(is_reachable=False))
    assert house.operator("101").unreachable
    assert house.operator("102").unreachable
    await house.cell.desk.do(Command("logout", "operator:101"))
    assert house.operator("101").unreachable, "back at the own phone, which has no way to it either"
    house.cell.floor.phone_seen("101", Way(is_reachable=True))
    assert not house.operator("101").unreachable
    await login(house, "101", "103")
    assert not house.operator("101").unreachable
    await house.stop()
