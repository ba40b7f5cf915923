"""A floor that dials people of all fates while trouble comes again and again; the carrier is the witness."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from dialer.adapters.fitting import every_record
from dialer.demo.service import Service
from dialer.domain.errors import NetworkTrouble
from dialer.domain.types import Mode
from dialer.lab.lab import Lab, Options
from dialer.ports.stores import CdrQuery
from tests.pbx.office import Office, furnish, numbers, office_of, rooms
from tests.pbx.test_keeper import by_carrier
from tests.soak.verdict import FATES, PLAN, Fault, Story, Trouble, faults_of, tell
from tests.soak.witness import listening

DESKS, LINES = 14, 60
BACK_S, FILLED_S, LAST_S = 90.0, 300.0, 180.0  # patience: what it took is told
A_DAY = timedelta(days=1)  # a clock that is set writes its changes an hour away
LOOK_S = 0.3  # each question takes time from those who call
AT_WORK = ("ready", "reserved", "talking", "wrap_up")


class Patient(Service):
    """A machine that others use as well may take its time."""

    ready_s = 300.0


def people(n: int) -> list[str]:
    """n numbers of all fates, in a seeded order."""
    found = [
        number
        for prefix, (_, _, _, share) in FATES.items()
        for number in numbers(f"+{prefix}", n * share // 100)
    ]
    random.Random(2).shuffle(found)
    return found


async def befall(fault: Fault, times: int | None = None) -> Story:
    """The trouble comes so many times, at random moments with 60 calls up; then everything is compared."""
    times = times or int(os.environ.get("SOAK_TIMES", fault.times))
    moments = random.Random(11)
    async with Lab.start(Options(plan=PLAN, phones=DESKS)) as lab, listening(lab) as witness:
        story, log = Story(fault, lab, witness), lab.folder / "service.log"
        async with on_duty(lab, fault, 300 + 120 * times) as (office, trouble), witness.looking(office):
            for _ in range(times):
                await filled(office, story)
                await asyncio.sleep(moments.uniform(0.0, 1.0))
                await trouble(office)
                story.at_work_after_s.append(await all_at_work(office))
            await office.pause()
            await all_ready(office)
            await within(LAST_S, partial(written, office), "every record is written")
            await read(office, story)
        tell(story, times)
        wrong = faults_of(story)
        errors = [line for line in log.read_text(errors="replace").splitlines() if "[error" in line]
        wrong += [line for line in errors if fault.logs not in line][:20]
    assert not wrong, "\n".join(wrong)
    return story


@asynccontextmanager
async def on_duty(lab: Lab, fault: Fault, list_size: int) -> AsyncIterator[tuple[Office, Trouble]]:
    """Everybody ready, the campaign started; at the end the service stops, hurried."""
    variables = rooms(lab)
    async with fault.open(lab, variables) as trouble:
        campaign = await furnish(
            lab,
            variables,
            people(list_size),
            change=lambda its: replace(
                its, mode=Mode.POWER, ratio=8.0, ring_s=9.0, cap=LINES, wrap_up_s=0.3, retries={}
            ),
        )
        service = await Patient(variables, lab.folder / "service.log").__aenter__()
        office = replace(office_of(lab, variables, service, campaign), login_s=Patient.ready_s)
        try:
            await office.ready()
            await office.start()
            yield office, trouble
        finally:
            office.service.hurry()
            await office.service.stop(drain_s=5.0)
            await office.service.__aexit__()


async def within(timeout_s: float, holds: Callable[[], Awaitable[bool]], what: str) -> float:
    """How long it took; a service that is away answers nothing, and that is no failure yet."""
    began_s = time.monotonic()
    while True:
        with suppress(NetworkTrouble, OSError, TimeoutError):
            if await holds():
                return time.monotonic() - began_s
        assert time.monotonic() - began_s < timeout_s, f"not within {timeout_s:g} s: {what}"
        await asyncio.sleep(LOOK_S)


async def filled(office: Office, story: Story) -> None:
    """Until so many calls are up. A brake that is on is written down, and released as a person would."""
    told = ""

    async def enough() -> bool:
        nonlocal told
        if (up := len(await office.calls())) >= story.fault.up:
            story.up.append(up)
            return True
        told = (await office.service.get(f"/v1/campaigns/{office.campaign}/explain"))["summary"]
        if "brake is on" in told:
            story.braked.append(told)
            await office.pause()
            await asyncio.sleep(1)  # the pacer sees that it does not run
            await office.start()
        return False

    try:
        await within(FILLED_S, enough, f"{story.fault.up} calls up")
    except AssertionError as slow:
        raise AssertionError(f"{slow}; {told}") from slow


async def all_at_work(office: Office) -> float:
    """Until each operator was seen at work after the trouble; how long that took."""
    missing = set(office.operators)

    async def seen() -> bool:
        rows = (await office.service.get("/v1/operators"))["items"]
        missing.difference_update(row["id"] for row in rows if row["state"] in AT_WORK)
        return not missing

    return await within(BACK_S, seen, f"operators {sorted(missing)} are at work")


async def all_ready(office: Office) -> None:
    """Nobody calls any more: everybody is ready."""

    async def ready() -> bool:
        if await office.calls():
            return False
        rows = (await office.service.get("/v1/operators"))["items"]
        return all(row["state"] == "ready" for row in rows)

    await within(LAST_S, ready, "no call is left, everybody is ready")


async def written(office: Office) -> bool:
    """No call is left, and the database has every record."""
    await office.quiet(timeout_s=LAST_S)
    return True


async def another_life(office: Office, dead: int) -> None:
    """A new process that answers with its own token: Asterisk is heard, the database answers."""

    async def is_there() -> bool:
        if office.service.pid in (0, dead):
            return False
        await office.service.get("/v1/calls", limit=1)
        return True

    await within(BACK_S, is_there, "a new life of the service")


async def read(office: Office, story: Story) -> None:
    """The carrier's count, all records and leads, who was sent home."""
    story.calls, now = await by_carrier(office.lab), datetime.now(UTC)
    async with office.stores() as stores:
        async for page in every_record(stores.records, CdrQuery()):
            story.cdrs += page
        story.leads = dict(await stores.leads.count(office.campaign, now))
        story.changes = await stores.records.changes(None, now - A_DAY, now + A_DAY)
