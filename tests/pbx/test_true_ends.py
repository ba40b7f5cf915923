"""Talks that end while the service is dead or frozen: records, operators and sums have the true instants."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dialer.domain.cdr import Cdr
from dialer.domain.operators import State, StateChange
from dialer.domain.types import EndedBy, Mode, Outcome
from dialer.lab.fate import Does, Plan, Rule
from dialer.lab.lab import Lab, Options
from dialer.worlds import fixed
from tests.pbx.office import Office, numbers, open_office

PAIRS, APART_S, WRAP_UP_S = 4, 1.2, 2.0
TALKERS, RINGERS = numbers("+7911", PAIRS), numbers("+7922", PAIRS // 2)
PLAN = Plan(
    seed=5,
    rules=(
        Rule("7911*", {Does.ANSWER: 1}, ring_s=fixed(1), talk_s=fixed(120)),
        Rule("7922*", {Does.ANSWER: 1}, ring_s=fixed(5), talk_s=fixed(120)),
    ),
)


@asynccontextmanager
async def talks() -> AsyncIterator[Office]:
    """All operators talk, three more people are about to answer and will find nobody."""
    async with Lab.start(Options(plan=PLAN, phones=PAIRS)) as lab:
        async with open_office(
            lab,
            TALKERS + RINGERS,
            change=lambda its: replace(its, mode=Mode.POWER, ratio=1.5, ring_s=20, wrap_up_s=WRAP_UP_S),
        ) as office:
            await office.ready()
            await office.start()
            await office.in_flight(PAIRS, "bridged")
            await office.in_flight(len(RINGERS), "ringing")
            await asyncio.sleep(3)
            yield office


async def leave(office: Office, people: Sequence[str]) -> Mapping[str, datetime]:
    """They hang up one after another; when each did."""
    left_at = {}
    for number in people:
        await asyncio.sleep(APART_S)
        await office.lab.world.hang_up(number)
        left_at[number.lstrip("+")] = datetime.now(UTC)
    await asyncio.sleep(APART_S)
    return left_at


@pytest.mark.parametrize("what", ["killed", "frozen", "frozen, then killed"])
async def test_who_hangs_up_meanwhile_has_talked_until_then(what: str) -> None:
    async with talks() as office:
        down_at = datetime.now(UTC)
        if what == "killed":
            office.kill()
        else:
            office.freeze()
        left_at = await leave(office, TALKERS[: PAIRS - 1])
        if what == "frozen":
            await office.thawed()
        else:
            await office.restart()  # what is left of it is killed
        left_at = {**left_at, **await leave(office, TALKERS[PAIRS - 1 :])}
        await office.pause()
        for operator in office.operators:
            await office.stands(operator, "ready")
        await office.quiet()
        cdrs = {cdr.number.lstrip("+"): cdr for cdr in await office.cdrs()}
        for number, at in left_at.items():
            check_talk(cdrs[number], at)
        for number in RINGERS:
            check_abandoned(cdrs[number.lstrip("+")])
        async with office.stores() as stores:
            changes = await stores.records.changes(None, down_at - timedelta(seconds=60), datetime.now(UTC))
        for cdr in cdrs.values():
            if cdr.operator is not None:
                check_operator(cdr, [change for change in changes if change.call == cdr.id])
        assert await sums_are_right(office)


def check_talk(cdr: Cdr, left_at: datetime) -> None:
    """Air time to the moment at which the person left."""
    assert (cdr.outcome, cdr.ended_by, cdr.estimated) == (Outcome.CONNECTED, EndedBy.PERSON, False)
    assert cdr.bridge_at is not None
    assert cdr.talk_s == pytest.approx((left_at - cdr.bridge_at).total_seconds(), abs=0.5)
    assert abs(cdr.end_at - left_at) < timedelta(seconds=0.5)


def check_abandoned(cdr: Cdr) -> None:
    """Answered while nobody was there, and counted so."""
    assert cdr.outcome is Outcome.ABANDONED
    assert cdr.answer_at is not None
    assert cdr.message_at is not None
    assert (cdr.message_at - cdr.answer_at).total_seconds() < 2.0


def check_operator(cdr: Cdr, changes: Sequence[StateChange]) -> None:
    """Talking as long as the record says, then in wrap-up, to its limit."""
    at = {change.became: change.at for change in changes if change.was != change.became}
    assert (at[State.WRAP_UP] - at[State.TALKING]).total_seconds() == pytest.approx(cdr.talk_s, abs=0.1)
    assert abs(at[State.WRAP_UP] - cdr.end_at) < timedelta(seconds=0.1)
    assert (at[State.READY] - at[State.WRAP_UP]).total_seconds() == pytest.approx(WRAP_UP_S, abs=0.1)


async def sums_are_right(office: Office) -> bool:
    """`dialer check`: the live sums equal the fold over the records."""
    command = (sys.executable, "-m", "dialer.cli", "check")
    check = await asyncio.create_subprocess_exec(*command, env={**office.environment, "PATH": ""})
    return await check.wait() == 0


async def test_when_asterisk_dies_beside_a_frozen_service_no_talk_is_longer_than_asterisk_lived() -> None:
    async with talks() as office:
        frozen_at = datetime.now(UTC)
        office.freeze()
        await asyncio.sleep(3)
        await office.lab.pbx.kill9()
        died_at = datetime.now(UTC)
        await office.lab.pbx.start()
        await asyncio.sleep(6)
        await office.thawed()
        await office.pause()
        await office.quiet()
        ends = {cdr.number.lstrip("+"): cdr for cdr in await office.cdrs()}
        for number in TALKERS:
            cdr = ends[number.lstrip("+")]
            assert (cdr.outcome, cdr.ended_by, cdr.estimated) == (Outcome.CONNECTED, EndedBy.NETWORK, True)
            assert frozen_at - timedelta(seconds=1.5) < cdr.end_at < died_at
