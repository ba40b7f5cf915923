"""What the engine tells other processes of: each step that somebody looks at, and nothing twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from dialer.adapters.memory.notices import Ring
from dialer.domain import shifts
from dialer.domain.call import Call, Event
from dialer.domain.operators import Operator, State, StateChange
from dialer.domain.types import CampaignStatus, OperatorId
from dialer.engine.guard import Guard
from dialer.engine.notices import EVERY_S, Announcer
from dialer.ports.between import About
from dialer.sim.clock import now, until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import House, Watcher
from tests.unit.engine.virtual import in_virtual_time


class Telling(Watcher):
    """Tells, beside all that a watcher checks."""

    def __init__(self, house: House, announcer: Announcer) -> None:
        super().__init__(house)
        self._announcer = announcer

    def saw(self, before: Call | None, event: Event | None, after: Call) -> None:
        super().saw(before, event, after)
        self._announcer.saw(before, event, after)

    def moved(self, change: StateChange, operator: Operator) -> None:
        super().moved(change, operator)
        self._announcer.moved(change, operator)


@asynccontextmanager
async def open_house(ring: Ring) -> AsyncIterator[House]:
    house = House(PretendAsterisk(lambda number: Fate(after_s=2, talk_s=10)))
    announcer = Announcer(ring, Guard())
    house.watcher = Telling(house, announcer)
    await house.furnish(operators=1, leads=1)
    await house.start()
    looking = asyncio.create_task(announcer.run(house.cell, house.shell.clock))
    yield house
    looking.cancel()
    await house.stop()


async def told(ring: Ring, kind: About) -> list[tuple[str, dict[str, Any]]]:
    news = await ring.since(0)
    return [(one.id, dict(one.body)) for one in news.notices if one.kind == kind]


@in_virtual_time
async def test_a_call_is_told_of_when_it_has_its_operator_is_answered_bridged_and_over() -> None:
    ring = Ring()
    async with open_house(ring) as house:
        await house.all_ready()
        await until(lambda: house.operator().state is State.WRAP_UP, 60)
        calls = await told(ring, About.CALL)
        states = [body["state"] for _, body in calls]
        assert [state for at, state in enumerate(states) if state not in states[:at]][-2:] == [
            "bridged",
            "ended",
        ]
        assert "answered" in states or "reserved" in states
        assert {body["operator"] for _, body in calls} == {"101"}
        assert (calls[-1][1]["outcome"], calls[-1][1]["end_at"] is not None) == ("connected", True)
        assert "+7" not in str(await ring.since(0)), "no number of a person"
        posts = [body["state"] for _, body in await told(ring, About.OPERATOR)]
        assert posts[-3:] == ["reserved", "talking", "wrap_up"]


@in_virtual_time
async def test_what_is_to_follow_a_call_and_what_is_said_of_it_are_told_though_the_state_stays() -> None:
    ring = Ring()
    async with open_house(ring) as house:
        await house.all_ready()
        await until(lambda: house.operator().state is State.TALKING, 60)
        changes = len(house.watcher.changes)
        house.cell.floor.ask(OperatorId("101"), shifts.PauseAsked(now(), "lunch"))
        house.cell.floor.dispose(OperatorId("101"), "agreed")
        _, body = (await told(ring, About.OPERATOR))[-1]
        assert (body["state"], body["then"], body["disposition"]) == ("talking", "paused", "agreed")
        stays: list[StateChange] = house.watcher.changes[changes:]
        assert all(change.was is change.became for change in stays), "no move that is none"


@in_virtual_time
async def test_campaigns_trunks_and_gates_are_told_of_once_until_they_change() -> None:
    ring = Ring()
    async with open_house(ring) as house:
        await asyncio.sleep(5 * EVERY_S)
        (campaign, body), *_ = await told(ring, About.CAMPAIGN)
        assert (campaign, body["status"]) == ("1", "running")
        assert "operator" in str(body["reason"])
        assert len(await told(ring, About.CAMPAIGN)) <= 2, "it has not changed since"
        assert [(name, one["usable"]) for name, one in await told(ring, About.TRUNK)] == [("main", True)]
        gates = dict(await told(ring, About.GATE))
        assert gates
        assert not any(one["why"] for one in gates.values())
        house.cell.pacer.holds["flood"] = lambda: "the cellar is under water"
        await house.stores.campaigns.set_status(house.campaign.id, CampaignStatus.PAUSED)
        await asyncio.sleep(3 * EVERY_S)
        assert (await told(ring, About.GATE))[-1] == ("flood", {"why": "the cellar is under water"})
        assert (await told(ring, About.CAMPAIGN))[-1][1]["status"] == "paused"


@in_virtual_time
async def test_nothing_waits_for_a_reader() -> None:
    ring = Ring(kept=8)
    async with open_house(ring) as house:
        await house.all_ready()
        await until(lambda: house.operator().state is State.WRAP_UP, 60)
        news = await ring.since(1)
        assert (news.gap, len(news.notices)) == (True, 8), "the oldest are lost, and it can be seen"
