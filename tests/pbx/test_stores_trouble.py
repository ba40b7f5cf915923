"""The journal's disk and the database fail while real calls are made: no lead is spent, none comes twice."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest_asyncio

from dialer.demo.service import Service
from dialer.domain.errors import NetworkTrouble
from dialer.domain.types import LeadStatus, Outcome
from dialer.lab.fate import Does, Plan, Rule
from dialer.lab.lab import Lab, Options
from dialer.worlds import fixed
from tests.pbx.office import Office, furnish, numbers, office_of, rooms

PHONES = 4
PLAN = Plan(
    seed=5,
    rules=(
        Rule("7902*", {Does.BUSY: 1}, ring_s=fixed(0.1)),
        Rule("*", {Does.ANSWER: 1}, ring_s=fixed(0.2), talk_s=fixed(1.5)),
    ),
)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def floor() -> AsyncIterator[Lab]:
    """One lab for all of these; each test has a service and a database of its own."""
    async with Lab.start(Options(plan=PLAN, phones=PHONES)) as lab:
        yield lab


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of a quarter of a megabyte."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path) -> Path:
    """A file that takes all the room that is left, to the last byte."""
    path = folder / "somebody's"
    with path.open("wb", buffering=0) as file:
        for size in (4096, 1):
            with suppress(OSError):
                while True:
                    file.write(b"x" * size)
    return path


@asynccontextmanager
async def on_duty(lab: Lab, variables: dict[str, str], office_of_: Office) -> AsyncIterator[Office]:
    """Everybody ready, the campaign started; at the end the service stops, hurried."""
    try:
        await office_of_.ready()
        await office_of_.start()
        yield office_of_
    finally:
        office_of_.service.hurry()
        await office_of_.service.stop(drain_s=5.0)
        await office_of_.service.__aexit__()


async def readiness(office: Office) -> dict[str, str]:
    """The checks of /readyz that fail, and what they say."""
    try:
        answer: Any = await office.service.get("/readyz")
    except NetworkTrouble as unready:
        return {"unready": str(unready)}
    return {check["name"]: check["detail"] for check in answer["checks"] if not check["ok"]}


async def test_with_the_journals_disk_full_nothing_is_spent_and_dialing_goes_on_by_itself(floor: Lab) -> None:
    variables = rooms(floor)
    campaign = await furnish(floor, variables, numbers("+7916", 60))
    place = Path(variables["DIALER_DATA_DIR"]) / "journal"
    with small_disk(place) as disk:
        service = await Service(variables, floor.folder / "service.log").__aenter__()
        async with on_duty(floor, variables, office_of(floor, variables, service, campaign)) as office:
            await office.in_flight(PHONES, "bridged")
            filler = fill(disk)
            await office.quiet()
            await asyncio.sleep(1)
            before = await office.cdrs()
            assert before
            said = await readiness(office)
            assert os.strerror(errno.ENOSPC) in str(said), said
            told = await service.get(f"/v1/campaigns/{campaign}/explain")
            assert os.strerror(errno.ENOSPC) in told["summary"], told["summary"]
            for _ in range(30):  # nobody is reserved for a call that cannot be
                assert {await office.state(one) for one in office.operators} == {"ready"}
                await asyncio.sleep(0.05)
            assert len(await office.cdrs()) == len(before)
            filler.unlink()
            await office.in_flight(PHONES, "bridged", timeout_s=5)
            assert await readiness(office) == {}
            await office.quiet()
            cdrs, leads = await office.cdrs(), await office.leads()
    assert len(cdrs) > len(before)
    assert {cdr.outcome for cdr in cdrs} == {Outcome.CONNECTED}
    assert max(Counter(cdr.number for cdr in cdrs).values()) == 1
    assert sum(lead.attempts for lead in leads) == len(cdrs)
    assert not [lead for lead in leads if lead.status is LeadStatus.EXHAUSTED]
