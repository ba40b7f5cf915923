"""The keeper's long proofs: 200 kills at 80 calls/s, the whole service killed and restarted under load."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from dialer.domain.errors import NetworkTrouble
from dialer.domain.types import LeadStatus, Mode
from dialer.lab.fate import Does, Plan, Rule
from dialer.lab.instance import AsteriskDied
from dialer.lab.lab import Lab, Options
from dialer.ports import CdrQuery
from dialer.worlds import fixed
from tests.pbx import linked
from tests.pbx.office import Office, numbers, open_office
from tests.pbx.test_keeper import by_carrier, connections, kill_often

KILLS = int(os.environ.get("SOAK_KILLS", "200"))
CRASHES = int(os.environ.get("SOAK_CRASHES", "60"))
RESTARTS = int(os.environ.get("SOAK_RESTARTS", "10"))
BACK_S = 20.0

# 7901: busy at once; 7902: gone 0.1 s after the answer; 7903: talks for 2 s; others ring for ever
PLAN = Plan(
    seed=5,
    rules=(
        Rule("7901*", {Does.BUSY: 1}),
        Rule("7902*", {Does.GONE_AT_ONCE: 1}, ring_s=fixed(0.1)),
        Rule("7903*", {Does.ANSWER: 1}, ring_s=fixed(0.2), talk_s=fixed(2)),
        Rule("*", {Does.NO_ANSWER: 1}),
    ),
)


@dataclass
class Watch:
    """What must not change while the service dies and comes back."""

    office: Office
    pid: int = 0
    link: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.pid, self.link = self.office.lab.pbx.pid or 0, self.now()
        assert self.pid
        assert len(self.link) == 1

    def now(self) -> set[str]:
        return connections(self.office.settings.ari_port)

    def holds(self) -> None:
        os.kill(self.pid, 0)
        assert self.office.lab.pbx.pid == self.pid
        assert self.now() == self.link


async def by_records(office: Office) -> Counter[str]:
    """How often each number is in the records."""
    found, query = Counter[str](), CdrQuery(limit=1000)
    async with office.stores() as stores:
        while page := await stores.ledger.cdrs(query):
            found.update(cdr.number.lstrip("+") for cdr in page)
            query = CdrQuery(after=page[-1].id, limit=1000)
        counts = await stores.leads.count(office.campaign, datetime.now(UTC))
    assert not counts.get(LeadStatus.LEASED)
    return found


async def another_life(office: Office, dead: int) -> None:
    """A new process that is ready: Asterisk is heard, the database answers."""

    async def is_there() -> bool:
        if office.service.pid in (0, dead):
            return False
        with suppress(NetworkTrouble):
            await office.service.get("/v1/calls", limit=1)  # with the token of this life
            return True
        return False

    try:
        async with asyncio.timeout(BACK_S):
            while not await is_there():  # noqa: ASYNC110 another process is asked
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"no new life within {BACK_S:g} s") from None


@asynccontextmanager
async def mill(list_size: int, lines: int = 100) -> AsyncIterator[Office]:
    """A campaign that dials as fast as it can: most numbers end at once, some talk."""
    kinds = random.Random(1).choices(("+7901", "+7902", "+7903"), (6, 3, 1), k=list_size)
    people = [number for kind in set(kinds) for number in numbers(kind, kinds.count(kind))]
    random.Random(2).shuffle(people)
    async with Lab.start(Options(plan=PLAN, phones=8, is_heard=False)) as lab:
        async with open_office(
            lab,
            people,
            change=lambda its: replace(its, wrap_up_s=0.1, mode=Mode.POWER, ratio=10.0, cap=lines, ring_s=15),
        ) as office:
            await office.ready()
            await office.start()
            yield office


async def die_often(office: Office, times: int, die: Callable[[Office], int], seed: int = 3) -> None:
    """At random moments of the work; Asterisk's process and connection are looked at each time."""
    moments, watch = random.Random(seed), Watch(office)
    for _ in range(times):
        await asyncio.sleep(moments.uniform(0.0, 1.5))
        await another_life(office, die(office))
        watch.holds()
    await office.pause()
    await office.quiet(timeout_s=90)
    watch.holds()


async def agree(office: Office) -> int:
    """Each call at the carrier has its record, and no number was called twice. How many there were."""
    calls, records = await by_carrier(office.lab), await by_records(office)
    assert calls == records
    assert max(calls.values()) == 1
    return sum(calls.values())


def renewed(office: Office) -> int:
    """A restart in order, asked of the keeper."""
    pid = office.service.pid
    os.kill(office.service.keeper_pid, signal.SIGUSR1)
    return pid


async def test_kills_at_80_calls_a_second_leave_asterisk_its_connection_and_no_event_is_lost(
    tmp_path: Path,
) -> None:
    died: list[AsteriskDied] = []
    options = Options(plan=linked.PLAN, phones=0, is_heard=False, on_crash=died.append)
    async with Lab.start(options) as lab:
        await kill_often(lab, KILLS, tmp_path)
    assert not died


async def test_a_service_that_is_killed_all_the_time_loses_no_call() -> None:
    async with mill(CRASHES * 250) as office:
        await die_often(office, CRASHES, Office.crash)
        print(f"{CRASHES} kills, {await agree(office)} calls")


async def test_a_service_that_is_restarted_in_order_all_the_time_loses_no_call() -> None:
    async with mill(RESTARTS * 250) as office:
        await die_often(office, RESTARTS, renewed)
        print(f"{RESTARTS} restarts, {await agree(office)} calls")
