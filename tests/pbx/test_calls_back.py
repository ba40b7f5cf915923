"""Return calls: to the operator who called; everybody else hears a message, never silence."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest_asyncio

from dialer.domain.types import Direction, EndedBy, LegKind, Outcome
from dialer.lab import tones
from dialer.lab.fate import Does, Plan, Rule, Voice, tone_of
from dialer.lab.lab import Lab, Options
from dialer.worlds import fixed
from tests.pbx.office import Office, numbers, open_office, phases

OURS = "74951234567"
STRANGER = "+79998887744"
MESSAGE = (950.0, 1400.0, 1800.0)  # of the lab's own message
PLAN = Plan(
    seed=7, rules=(Rule("*", {Does.ANSWER: 1}, ring_s=fixed(0.3), talk_s=fixed(1.0), voice=Voice("number")),)
)
OPTIONS = Options(plan=PLAN, phones=2, knobs={"INBOUND_GUARD_S": "3"})


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def office() -> AsyncIterator[Office]:
    """One for all of these; each begins a campaign of its own."""
    async with Lab.start(OPTIONS) as lab, open_office(lab, []) as office:
        yield office


async def test_a_return_call_reaches_who_called_a_stranger_and_a_dead_service_give_the_message(
    office: Office,
) -> None:
    (person,) = people = numbers("+7916", 1)
    lab = office.lab
    await office.begin(people, change=lambda its: replace(its, wrap_up_s=0.3), phones=2)
    await office.ready("102")
    await office.start()
    called = await office.cdr(person)
    await office.ready("101")
    await office.do("102", "pause", {"reason": "lunch"})
    await office.do("102", "ready")  # 101 is ready for longer now
    assert await lab.world.call_in(person, OURS, talk_s=3)
    await office.stands("102", "talking")
    assert await office.state("101") == "ready"
    await office.until(lambda: two(office), "the return call has a record")
    (back,) = [cdr for cdr in await office.cdrs() if cdr.direction is Direction.IN]
    assert await lab.world.call_in(STRANGER, OURS, talk_s=6)
    await tones.listen_for(lab.world.heard_by(STRANGER, "in"), MESSAGE[0])
    await office.go_home()
    heard = phases(lab.world.heard_by(person, "in"), operator=lab.world.phone("102").hertz)
    by_102 = phases(lab.world.phone("102").heard(), person=tone_of(person))
    records = len(await office.cdrs())
    office.kill()
    late = person[:-2] + "55"
    assert await lab.world.call_in(late, OURS, talk_s=6)
    await tones.listen_for(lab.world.heard_by(late, "in"), MESSAGE[0])
    await office.restart()
    assert called.operator == "102"
    assert (back.outcome, back.operator, back.ended_by) == (Outcome.CONNECTED, "102", EndedBy.PERSON)
    assert back.number == person
    assert heard
    assert by_102
    assert records == 2, "a stranger's call is no attempt"


async def test_a_return_call_rings_the_phone_of_an_operator_who_has_one_on_demand(office: Office) -> None:
    (person,) = people = numbers("+7917", 1)
    lab = office.lab
    await office.begin(people, change=lambda its: replace(its, wrap_up_s=0.3), phones=2)
    for operator in office.operators:
        await office.service.patch(f"/v1/operators/{operator}", {"leg_kind": LegKind.ON_DEMAND})
    before = await lab.world.phone("101").calls()
    await office.ready("102")
    await office.start()
    await office.cdr(person)
    await office.stands("102", "ready")
    await lab.world.phone("102").free()
    await office.ready("101")
    assert await lab.world.call_in(person, OURS, talk_s=2)
    await office.stands("102", "talking")
    await office.until(lambda: two(office), "the return call has a record")
    (back,) = [cdr for cdr in await office.cdrs() if cdr.direction is Direction.IN]
    await lab.world.phone("102").free()
    assert await lab.world.phone("101").calls() == before
    assert (back.outcome, back.operator, back.ended_by) == (Outcome.CONNECTED, "102", EndedBy.PERSON)


async def two(office: Office) -> bool:
    return len(await office.cdrs()) == 2
