"""What is asked of Asterisk for an operator's phone: where it rings, for how long, and what it shows."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from dialer.domain import shifts
from dialer.domain.errors import Refused
from dialer.domain.operators import Account, State
from dialer.domain.spending import SideCall
from dialer.domain.types import LegKind, OperatorId, Outcome, PhoneKind, PhoneNumber
from dialer.engine.legs import AUTO_ANSWER, NAILED_UP_RING_S, NOBODY_SHOWN, ON_DEMAND_RING_S
from dialer.ports.asterisk import Outgoing
from dialer.sim.clock import until
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import MAIN, House
from tests.unit.engine.virtual import in_virtual_time

OWN = Account(OperatorId("101"), "Ann")
FOR_EACH = replace(OWN, leg=LegKind.ON_DEMAND)
OUTSIDE = replace(OWN, phone=PhoneKind.OUTSIDE, number=PhoneNumber("+79160000001"), trunk=MAIN)
PERSON = '"Ivan" <+79160000009>'


@pytest.mark.parametrize(
    ("account", "desk", "endpoint", "exten", "shows", "timeout_s"),
    [
        pytest.param(OWN, "", "PJSIP/101", "up", PERSON, NAILED_UP_RING_S, id="for the shift"),
        pytest.param(FOR_EACH, "", "PJSIP/101", "up", PERSON, ON_DEMAND_RING_S, id="for each call"),
        pytest.param(OWN, "205", "PJSIP/205", "up", PERSON, NAILED_UP_RING_S, id="at a desk"),
        pytest.param(
            OUTSIDE, "", "PJSIP/79160000001@main", "press1", NOBODY_SHOWN, NAILED_UP_RING_S, id="outside"
        ),
        pytest.param(OUTSIDE, "205", "PJSIP/205", "up", PERSON, NAILED_UP_RING_S, id="outside, at a desk"),
    ],
)
@in_virtual_time
async def test_a_phone_rings_where_the_operator_works_and_an_outside_one_shows_nobody(
    account: Account, desk: str, endpoint: str, exten: str, shows: str, timeout_s: int
) -> None:
    house = House(PretendAsterisk())
    await house.furnish(operators=1, leads=0)
    await house.start()
    asked: list[Outgoing] = []

    async def heard(request: Outgoing) -> None:
        asked.append(request)

    house.asterisk.originate = heard  # type: ignore[method-assign]
    house.cell.floor.legs.ring(account, desk, PERSON)
    await asyncio.sleep(1)
    (leg,) = asked
    assert leg.endpoint == endpoint
    assert (leg.context, leg.exten, leg.caller_id, leg.timeout_s) == ("obz-leg", exten, shows, timeout_s)
    assert (leg.variables.items() >= AUTO_ANSWER.items()) is (account.leg is LegKind.ON_DEMAND)
    assert [side.trunk for side in house.cell.floor.legs.side.all()] == ([MAIN] if exten == "press1" else [])
    await house.stop()


@in_virtual_time
async def test_without_a_person_to_show_a_phone_shows_nobody() -> None:
    house = House(PretendAsterisk())
    await house.furnish(operators=1, leads=0)
    await house.start()
    asked: list[Outgoing] = []

    async def heard(request: Outgoing) -> None:
        asked.append(request)

    house.asterisk.originate = heard  # type: ignore[method-assign]
    house.cell.floor.legs.ring(OWN)
    await asyncio.sleep(1)
    assert [leg.caller_id for leg in asked] == [NOBODY_SHOWN]
    await house.stop()


@in_virtual_time
async def test_an_outside_phone_that_could_not_be_put_into_its_bridge_was_no_talk() -> None:
    house = House(PretendAsterisk())
    await house.furnish(leads=0, account=OUTSIDE)
    await house.start()
    over = list[SideCall]()
    house.cell.floor.legs.side.on_end = over.append
    house.asterisk.fault = lambda request: Refused(500, "no bridge") if request == "add" else None
    house.ask(OWN.id, shifts.LoginAsked)
    await until(lambda: bool(over), 10)
    assert [one.outcome for one in over] == [Outcome.NETWORK_FAILURE]
    assert (house.operator().state, house.operator().reason) == (State.OFFLINE, shifts.FAILED)
    await house.stop()
