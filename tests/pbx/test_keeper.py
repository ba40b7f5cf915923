"""The service dies, Asterisk notices nothing: its process and connection stay, every call has its record."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from dialer.domain.cdr import Cdr
from dialer.domain.errors import NetworkTrouble
from dialer.domain.types import Mode
from dialer.lab.fate import Does, Plan, Rule
from dialer.lab.lab import Lab, Options
from dialer.worlds import fixed
from tests.pbx.office import Office, numbers, open_office

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


def connections(port: int) -> set[str]:
    """The far ends of the established connections to a port of ours, as the kernel has them."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {row[2] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "01"}


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


async def by_carrier(lab: Lab) -> Counter[str]:
    """How often each number was called, by the carrier's own count."""
    told = await lab.world.carrier.instance.cli("database show calls")
    rows = (line.split(":") for line in told.splitlines() if line.startswith("/calls/"))
    return Counter({key.split("/")[2].strip(): int(count) for key, count in rows})


def by_records(cdrs: list[Cdr]) -> Counter[str]:
    return Counter(cdr.number.lstrip("+") for cdr in cdrs)


async def another_life(office: Office, dead: int) -> None:
    """A new process that is ready: Asterisk is heard, the database answers."""

    async def is_there() -> bool:
        if office.service.pid in (0, dead):
            return False
        with suppress(NetworkTrouble):
            await office.service.get("/readyz")
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
    calls, records = await by_carrier(office.lab), by_records(await office.cdrs())
    assert calls == records
    assert max(calls.values()) == 1
    assert not [lead for lead in await office.leads() if lead.status == "leased"]
    return sum(calls.values())


def renewed(office: Office) -> int:
    """A restart in order, asked of the keeper."""
    pid = office.service.pid
    os.kill(office.service.keeper_pid, signal.SIGUSR1)
    return pid


async def test_a_service_that_is_killed_again_and_again_costs_asterisk_nothing_and_loses_no_call() -> None:
    async with mill(1500) as office:
        await die_often(office, 6, Office.crash)
        assert await agree(office) > 20
