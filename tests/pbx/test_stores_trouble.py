"""The journal's disk and the database fail while real calls are made: no lead is spent, none comes twice."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from dialer.demo.service import Service, children_of
from dialer.domain.errors import NetworkTrouble
from dialer.domain.types import CampaignId, LeadStatus, Mode, Outcome
from dialer.lab.fate import Does, Plan, Rule
from dialer.lab.lab import Lab, Options
from dialer.worlds import fixed
from tests.pbx.office import Office, furnish, numbers, office_of, rooms
from tests.pbx.test_keeper import by_carrier
from tests.servers import Server, free_port

PHONES = 4
PLAN = Plan(
    seed=5,
    rules=(
        Rule("7902*", {Does.BUSY: 1}, ring_s=fixed(0.1)),
        Rule("7917*", {Does.ANSWER: 1}, ring_s=fixed(1), talk_s=fixed(6)),
        Rule("*", {Does.ANSWER: 1}, ring_s=fixed(0.2), talk_s=fixed(1.5)),
    ),
)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def floor() -> AsyncIterator[Lab]:
    """One lab for all of these; each test has a service and a database of its own."""
    async with Lab.start(Options(plan=PLAN, phones=PHONES)) as lab:
        yield lab


@contextmanager
def small_disk(folder: Path, size: str = "256k") -> Iterator[Path]:
    """A file system of its own, of a quarter of a megabyte if nothing else is said."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path, name: str = "somebody's") -> Path:
    """A file that takes all the room that is left, to the last byte."""
    path = folder / name
    with path.open("wb", buffering=0) as file:
        for size in (4096, 1):
            with suppress(OSError):
                while True:
                    file.write(b"x" * size)
    return path


@asynccontextmanager
async def on_duty(lab: Lab, variables: dict[str, str], campaign: CampaignId) -> AsyncIterator[Office]:
    """Everybody ready, the campaign started; at the end the service stops, hurried."""
    service = await Service(variables, lab.folder / "service.log").__aenter__()
    office = office_of(lab, variables, service, campaign)
    try:
        await office.ready()
        await office.start()
        yield office
    finally:
        office.service.hurry()
        await office.service.stop(drain_s=5.0)
        await office.service.__aexit__()


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
        async with on_duty(floor, variables, campaign) as office:
            await office.in_flight(PHONES, "bridged")
            filler = fill(disk)
            await office.quiet()
            await asyncio.sleep(1)
            before = await office.cdrs()
            assert before
            said = await readiness(office)
            assert os.strerror(errno.ENOSPC) in str(said), said
            told = await office.service.get(f"/v1/campaigns/{campaign}/explain")
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


async def ended(variables: dict[str, str]) -> tuple[int, str]:
    """What `dialer run` says at its end, with which code; it has a minute."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dialer.cli", "run"),
        env={**os.environ, **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(60):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode or 0, said.decode()


async def test_a_cell_has_one_service_and_a_killed_one_is_back_at_once(floor: Lab) -> None:
    variables = rooms(floor)
    database = Path(variables["DIALER_DATA_DIR"]) / "shared.db"
    variables["DIALER_LANGUAGE"] = "en"
    variables["DIALER_DATABASE_URL"] = f"sqlite:///{database}"
    campaign = await furnish(floor, variables, numbers("+7916", 200))
    async with on_duty(floor, variables, campaign) as office:
        await office.in_flight(PHONES, "bridged")
        code, said = await ended({**variables, "DIALER_DATA_DIR": str(database.with_name("second"))})
        assert code == 1, said
        assert f"belongs to process {office.service.pid} on " in said, said
        before = len(await office.cdrs())
        assert [lead for lead in await office.leads() if lead.status is LeadStatus.LEASED]
        office.kill()
        began_s = time.monotonic()
        await office.restart()
        assert time.monotonic() - began_s < 20, "it waited for its own lease"
        await office.ready()
        await office.in_flight(PHONES, "bridged")
        with sqlite3.connect(database) as connection:  # frozen for long, and somebody else came
            connection.execute("UPDATE cells SET holder = 'x', host = 'elsewhere', pid = 99")
        log = floor.folder / "service.log"
        await office.until(
            lambda: said_in(log, "taken over by process 99 on elsewhere"), "the end of the first", 30
        )
        cdrs = await office.cdrs()
        assert len(cdrs) > before
        assert max(Counter(cdr.number for cdr in cdrs).values()) == 1


async def said_in(log: Path, words: str) -> bool:
    return words in await asyncio.to_thread(log.read_text, "utf-8")


async def test_one_that_was_frozen_past_its_lease_ends_and_nobody_is_called_twice_or_left_alone(
    floor: Lab,
) -> None:
    variables = rooms(floor)
    database = Path(variables["DIALER_DATA_DIR"]) / "shared.db"
    variables["DIALER_DATABASE_URL"] = f"sqlite:///{database}"
    ports = {f"DIALER_{name}_PORT": str(free_port()) for name in ("ARI", "AGI", "API")}
    second = {**variables, **ports, "DIALER_DATA_DIR": str(database.with_name("second"))}
    campaign = await furnish(
        floor, variables, numbers("+7917", 60), change=lambda its: replace(its, mode=Mode.POWER, ratio=3.0)
    )
    async with on_duty(floor, variables, campaign) as office:
        await office.in_flight(1, "bridged")
        await office.in_flight(1, "ringing")
        office.freeze()
        with sqlite3.connect(database) as connection:  # as a minute later
            connection.execute("UPDATE cells SET until_at = 0")
        async with running(second) as pid:
            await office.until(lambda: has_cell(database, pid), "the second has the cell")
            office.thaw()
            log = floor.folder / "service.log"
            await office.until(lambda: said_in(log, f"taken over by process {pid} on "), "the first ends", 30)
        await office.restart()  # its journal knows what it has dialled
        await office.pause()
        await office.quiet()
        cdrs = await office.cdrs()
        held = [lead for lead in await office.leads() if lead.status is LeadStatus.LEASED]
    calls = {number: n for number, n in (await by_carrier(floor)).items() if number.startswith("79170")}
    assert max(calls.values()) == 1, "by the carrier's count"
    assert sorted(cdr.number.lstrip("+") for cdr in cdrs) == sorted(calls)
    assert {number for lead in held for number in lead.numbers}.isdisjoint(cdr.number for cdr in cdrs)
    for cdr in cdrs:
        assert cdr.answer_at is None or (cdr.bridge_at or cdr.message_at) is not None, cdr
    assert [cdr for cdr in cdrs if cdr.outcome is Outcome.CONNECTED]


@asynccontextmanager
async def running(variables: dict[str, str]) -> AsyncIterator[int]:
    """A service that Asterisk does not know; the process id of the one that holds the cell."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dialer.cli", "run"),
        env={**os.environ, **variables},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        while not (children := children_of(process.pid)):  # noqa: ASYNC110  the keeper starts it
            await asyncio.sleep(0.02)
        yield children[0]
    finally:
        process.terminate()
        await process.wait()


async def has_cell(database: Path, pid: int) -> bool:
    with sqlite3.connect(database) as connection:
        return connection.execute("SELECT pid FROM cells").fetchall() == [(pid,)]


async def test_postgresql_stopped_under_calls_ends_no_talk_and_no_number_is_called_twice(
    floor: Lab, postgres_server: Server, postgres_url: str
) -> None:
    variables = rooms(floor) | {"DIALER_DATABASE_URL": postgres_url}
    campaign = await furnish(floor, variables, numbers("+79171", 60))
    async with on_duty(floor, variables, campaign) as office:
        await office.in_flight(1, "bridged")
        talks = {call["number"] for call in await office.calls() if call["state"] == "bridged"}
        await asyncio.to_thread(postgres_server.stop)
        await office.until(lambda: is_told(office, "database"), "readyz tells of the database")
        assert await office.lab.world.in_call(), "they talk on"
        assert {number.lstrip("+") for number in talks} >= set(await office.lab.world.in_call())
        await office.until(lambda: _nobody(office), "the talks end by themselves")
        await asyncio.sleep(1)
        assert not await office.lab.world.in_call(), "nothing is dialled meanwhile"
        await asyncio.to_thread(postgres_server.start)
        await office.until(lambda: is_well(office), "readyz is well again")
        await office.in_flight(1, "bridged")
        await office.pause()
        await office.quiet()
        cdrs = await office.cdrs()
    calls = {number: n for number, n in (await by_carrier(floor)).items() if number.startswith("79171")}
    assert max(calls.values()) == 1, "by the carrier's count"
    assert sorted(cdr.number.lstrip("+") for cdr in cdrs) == sorted(calls)
    whole = [cdr for cdr in cdrs if cdr.outcome is Outcome.CONNECTED]
    assert {cdr.number for cdr in whole} >= talks
    for cdr in whole:
        assert cdr.talk_s == pytest.approx(6.0, abs=0.5)


async def is_told(office: Office, what: str) -> bool:
    return what in str(await readiness(office))


async def is_well(office: Office) -> bool:
    return await readiness(office) == {}


async def _nobody(office: Office) -> bool:
    return not await office.lab.world.in_call()


async def test_after_a_crash_with_a_broken_journal_no_number_is_dialled_twice(floor: Lab) -> None:
    variables = rooms(floor)
    campaign = await furnish(floor, variables, numbers("+7916", 400))
    async with on_duty(floor, variables, campaign) as office:
        await office.in_flight(PHONES, "bridged")
        office.kill()
        place = Path(variables["DIALER_DATA_DIR"]) / "journal"
        await asyncio.to_thread(spoil, place)
        await office.restart()
        answer: Any = await office.service.get("/readyz")
        (told,) = [check for check in answer["checks"] if check["name"] == "leads"]
        held = [lead for lead in await office.leads() if lead.status is LeadStatus.LEASED]
        assert str(len(held)) in told["detail"] or len(held) >= PHONES
        await office.ready()
        await office.in_flight(PHONES, "bridged")
        await office.pause()
        await office.quiet()
        cdrs = await office.cdrs()
    assert max(Counter(cdr.number for cdr in cdrs).values()) == 1


def spoil(place: Path) -> None:
    """Every mark is broken."""
    (segment,) = place.glob("*/journal-*.log")
    segment.write_bytes(segment.read_bytes().replace(b'"dialing"', b'"dialinG"'))
