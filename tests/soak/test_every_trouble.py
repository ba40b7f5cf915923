"""60 calls up of all fates, then kills, ends of Asterisk, a full disk, no database or a wrong clock."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path

from dialer.lab.lab import Lab
from tests.pbx.office import Office
from tests.pbx.test_clocks import Hands
from tests.pbx.test_keeper import connections
from tests.pbx.test_stores_trouble import fill, small_disk
from tests.servers import Server
from tests.soak.floor import another_life, befall
from tests.soak.verdict import Fault, Opened, Trouble, Variables

PAUSE = float(os.environ.get("SOAK_PAUSE", "1"))  # less than 1: a full disk, an absence are so much shorter
FULL_S, AWAY_S, WRONG_S = 30.0 * PAUSE, 60.0 * PAUSE, 5.0
STEPS_S = (5.0, -5.0, 3600.0, 0.7, -3600.0)
DISK = "4m"


def service(end: Callable[[Office], int]) -> Opened:
    """It goes, its keeper brings it back: Asterisk and its connection notice nothing."""

    @asynccontextmanager
    async def opened(lab: Lab, variables: Variables) -> AsyncIterator[Trouble]:
        port = int(variables["DIALER_ARI_PORT"])

        async def trouble(office: Office) -> None:
            before = lab.pbx.pid, connections(port)
            assert len(before[1]) == 1
            await another_life(office, end(office))
            assert (lab.pbx.pid, connections(port)) == before

        yield trouble

    return opened


def renewed(office: Office) -> int:
    """A restart in order, asked of the keeper."""
    pid = office.service.pid
    os.kill(office.service.keeper_pid, signal.SIGUSR1)
    return pid


def asterisk(end: Callable[[Lab], Awaitable[None]]) -> Opened:
    """It ends, and is there again after a moment."""

    @asynccontextmanager
    async def opened(lab: Lab, _: Variables) -> AsyncIterator[Trouble]:
        moments = random.Random(13)

        async def trouble(_: Office) -> None:
            await end(lab)
            await asyncio.sleep(moments.uniform(0.0, 2.0))
            await lab.pbx.start()

        yield trouble

    return opened


@asynccontextmanager
async def full_disk(_: Lab, variables: Variables) -> AsyncIterator[Trouble]:
    """Somebody takes every byte of the journal's disk, also what is given back meanwhile."""
    with small_disk(Path(variables["DIALER_DATA_DIR"]) / "journal", DISK) as disk:

        async def trouble(_: Office) -> None:
            until_s = time.monotonic() + FULL_S
            files: list[Path] = []
            while time.monotonic() < until_s:
                files.append(fill(disk, f"somebody's {len(files)}"))
                await asyncio.sleep(0.2)
            for file in files:
                file.unlink()

        yield trouble


def database_away(server: Server, url: str) -> Opened:
    """PostgreSQL is stopped in the hard way, and comes back."""

    @asynccontextmanager
    async def opened(_: Lab, variables: Variables) -> AsyncIterator[Trouble]:
        variables["DIALER_DATABASE_URL"] = url

        async def trouble(_: Office) -> None:
            server.stop()
            await asyncio.sleep(AWAY_S)
            server.start()

        yield trouble

    return opened


@asynccontextmanager
async def wrong_clock(lab: Lab, variables: Variables) -> AsyncIterator[Trouble]:
    """Somebody sets the clock of the service's machine, and after a while sets it right."""
    hands, steps = Hands(lab.folder / "faketime"), cycle(STEPS_S)
    variables.update(hands.environment())

    async def trouble(_: Office) -> None:
        hands.set(next(steps))
        await asyncio.sleep(WRONG_S)
        hands.set(0)

    yield trouble


async def test_fifty_kills_of_the_service_lose_no_call_and_leave_nobody_in_silence() -> None:
    await befall(Fault("kill -9 of the service", service(Office.crash), times=50))


async def test_restarts_in_order_of_the_service_lose_no_call_and_leave_nobody_in_silence() -> None:
    await befall(Fault("restart of the service", service(renewed)))


async def test_deaths_of_asterisk_send_nobody_home_and_each_call_has_its_record() -> None:
    await befall(Fault("kill -9 of Asterisk", asterisk(lambda lab: lab.pbx.kill9()), asterisk_ends=True))


async def test_planned_restarts_of_asterisk_send_nobody_home_and_each_call_has_its_record() -> None:
    await befall(Fault("restart of Asterisk", asterisk(lambda lab: lab.pbx.stop()), asterisk_ends=True))


async def test_with_the_journals_disk_full_no_call_is_lost_and_nobody_is_left_in_silence() -> None:
    await befall(Fault(f"the journal's disk full for {FULL_S:g} s", full_disk, logs="journal_failed"))


async def test_without_its_database_no_call_is_lost_and_nobody_is_called_twice(
    postgres_server: Server, postgres_url: str
) -> None:
    opened = database_away(postgres_server, postgres_url)
    await befall(Fault(f"the database away for {AWAY_S:g} s", opened))


async def test_a_clock_that_is_set_again_and_again_loses_no_call_and_leaves_nobody_in_silence() -> None:
    # each look at a faked clock reads a file: two cores carry no more
    await befall(Fault("a clock that is set", wrong_clock, up=25))
