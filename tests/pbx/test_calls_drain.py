"""SIGTERM: nothing new is dialled, talks end by themselves, the operators' legs stay for the next start."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dialer.domain.types import EndedBy, Outcome
from dialer.lab.fate import Does, Plan, Rule
from dialer.lab.lab import Lab, Options
from dialer.worlds import fixed
from tests.pbx.office import numbers, open_office

PLAN = Plan(seed=7, rules=(Rule("*", {Does.ANSWER: 1}, ring_s=fixed(0.3), talk_s=fixed(4.0)),))


async def test_sigterm_lets_talks_end_and_leaves_the_legs_to_the_next_start(
    ask: Callable[[Lab], Any],
) -> None:
    people = numbers("+7916", 40)
    async with Lab.start(Options(plan=PLAN, phones=3)) as lab, ask(lab) as ari:
        async with open_office(lab, people, change=lambda its: replace(its, wrap_up_s=0.2)) as office:
            await office.ready()
            await office.start()
            await office.in_flight(3, "bridged")
            before = await legs(ari)
            began = time.monotonic()
            code = await office.service.stop(drain_s=20)
            assert time.monotonic() - began < 15, "it goes when the talks are over"
            assert code == 0
            assert await legs(ari) == before
            cdrs = await office.cdrs()
            assert [(cdr.outcome, cdr.ended_by) for cdr in cdrs] == [(Outcome.CONNECTED, EndedBy.PERSON)] * 3
            assert all(cdr.talk_s > 3.5 for cdr in cdrs), "nobody was torn out of the talk"
            assert not await lab.world.in_call(), "nobody new was called"
            assert {lead.status for lead in await office.leads()} <= {"new", "retry", "done", "exhausted"}
            await office.restart()
            await office.in_flight(3, "bridged")
            assert await legs(ari) == before, "the phones were not called again"
            await asyncio.gather(*(office.do(operator, "logout") for operator in office.operators))
            for operator in office.operators:
                await office.stands(operator, "offline")
            assert await legs(ari) == set()


async def legs(ari: Any) -> set[str]:
    return {each["id"] for each in await ari.send("GET", "channels") if each["id"].startswith("o-")}
