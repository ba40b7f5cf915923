"""An import of a long list: how fast, how long it holds SQLite's writer, how much memory it takes."""

from __future__ import annotations

import asyncio
import csv
import json
import resource
import sqlite3
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from bench.parts import PRAGMAS, opened
from dialer.adapters.calendars import holiday_of
from dialer.adapters.files.lists import open_path
from dialer.adapters.files.opening import Opener
from dialer.adapters.sql.database import Database
from dialer.adapters.sql.pieces import OF_FILE, numbers_of, of_file
from dialer.domain.access import Role, caller
from dialer.domain.dialable import DialRules
from dialer.domain.intake import Batch
from dialer.domain.lead import Lead
from dialer.domain.types import CampaignId, LeadId, PhoneNumber
from dialer.office import imports
from dialer.office.outlook import Means
from dialer.ports.stores import Stores

T = TypeVar("T")
Took = tuple[float, float]  # seconds by the clock, and of CPU
ROWS = 100_000
BATCH = 1_000
CITIES = ("Москва", "Омск", "Казань", "")  # without one: every zone that the number may be in
MB = 1024  # ru_maxrss counts in kilobytes
WHO = caller("bench", Role.ADMIN)
MEANS = Means(lambda number, trunks, country: None, ZoneInfo, UTC, holiday_of)
EVERY_ZONE = tuple(f"Asia/Zone{n}" for n in range(11))
CODES = {EVERY_ZONE: 1, ("Europe/Moscow",): 2}
LEADS = ("id", "campaign", "import_id", *OF_FILE)
NUMBERS = ("lead", "position", "campaign", "number", "extension")

# another process, as an engine beside the import is one: how long the writer is waited for
BESIDE = """
import json, sqlite3, sys, threading, time
path, over = sys.argv[1], threading.Event()
waits = []
def wait():
    db = sqlite3.connect(path, timeout=30, isolation_level=None)
    while not over.is_set():
        began = time.perf_counter()
        db.execute("BEGIN IMMEDIATE")
        waits.append(time.perf_counter() - began)
        db.execute("ROLLBACK")
        time.sleep(0.02)
thread = threading.Thread(target=wait)
thread.start()
print("ready", flush=True)
sys.stdin.read()
over.set()
thread.join()
waits.sort()
print(json.dumps([waits[int(len(waits) * 0.99)], waits[-1]]))
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one import; `beside`: what does the least that could be called the same."""

    name: str
    rows: int
    seconds: float
    baseline: str
    baseline_s: float
    cpu_s: float = 0.0  # of this process and its reader; the server's is not in it
    baseline_cpu_s: float = 0.0
    memory_mb: float | None = None  # above what the process had before
    held_ms: tuple[float, float] | None = None  # of the writer, from begin to commit: p99, longest
    waits_ms: tuple[float, float] | None = None  # of another process that writes: p99, longest

    @property
    def ratio(self) -> float:
        return self.seconds / self.baseline_s

    def line(self) -> str:
        told = [
            f"{self.name}: {self.rows:,} rows in {self.seconds:.1f} s, {self.rows / self.seconds:,.0f} a"
            f" second, {self.ratio:.1f} times {self.baseline} ({self.baseline_s:.1f} s)"
        ]
        if self.cpu_s:
            told.append(
                f"CPU without the server's {self.cpu_s:.1f} s, of the other {self.baseline_cpu_s:.1f} s"
            )
        if self.memory_mb is not None:
            told.append(f"{self.memory_mb:.0f} MB more than before")
        if self.held_ms is not None and self.waits_ms is not None:
            told.append(
                f"the writer held for {self.held_ms[0]:.0f} ms (p99), {self.held_ms[1]:.0f} ms at most;"
                " another process waits for it"
                f" {self.waits_ms[0]:.0f} ms (p99), {self.waits_ms[1]:.0f} ms at most"
            )
        return "; ".join(told)


async def measure(say: Callable[[str], None], rows: int, database: str = "") -> list[Figures]:
    """A file, as the command line takes it, on SQLite; with `database` the same and the store alone there."""
    found: list[Figures] = []
    with tempfile.TemporaryDirectory(prefix="obzvon-bench-") as folder:
        path = Path(folder) / "list.csv"
        write_list(path, rows)
        async for one in _all(Path(folder), path, rows, database):
            say(one.line())
            found.append(one)
    return found


async def _all(folder: Path, path: Path, rows: int, database: str) -> AsyncIterator[Figures]:
    file = folder / "bench.db"
    async with opened(f"sqlite:///{file}") as (stores, campaign):
        before = _memory()
        beside = await asyncio.create_subprocess_exec(
            sys.executable, "-c", BESIDE, str(file), stdin=PIPE, stdout=PIPE
        )
        assert beside.stdout is not None
        await beside.stdout.readline()
        with holds() as held:
            seconds, cpu_s = await _file(stores, campaign, path, rows)
        memory = _memory() - before
        p99, longest = json.loads((await beside.communicate(b""))[0])
        bare, bare_cpu_s = _bare(folder / "bare.db", rows)
        yield Figures(
            "a file on SQLite", rows, seconds, "bare executemany of the same rows", bare, cpu_s, bare_cpu_s,
            memory, _held(held), (p99 * 1000, longest * 1000),
        )  # fmt: skip
    if database:
        async with opened(database) as (stores, campaign):
            ready = _made(rows)
            copy = await _copy(database, rows, bare=True)
            before = _memory()
            took = await _file(stores, campaign, path, rows)
            memory = _memory() - before
            beside_ = f"COPY into bare tables, of which {ready:.1f} s make the rows"
            yield _beside("a file on PostgreSQL", rows, took, beside_, copy, memory)
        async with opened(database) as (stores, campaign):
            took = await _store(stores, campaign, rows)
            yield _beside("leads on PostgreSQL", rows, took, beside_, copy)
            same = await _copy(database, rows, bare=False)
            yield _beside("leads on PostgreSQL", rows, took, "COPY into the same tables and indexes", same)


def _beside(
    name: str, rows: int, took: Took, baseline: str, least: Took, memory_mb: float | None = None
) -> Figures:
    return Figures(name, rows, took[0], baseline, least[0], took[1], least[1], memory_mb)


@contextmanager
def holds() -> Iterator[list[float]]:
    """How long each piece held the writer."""
    found: list[float] = []
    writing, in_one_go = Database.writing, Database.in_one_go

    @asynccontextmanager
    async def watched(self: Database, connection: AsyncConnection) -> AsyncIterator[None]:
        began = 0.0
        async with writing(self, connection):
            began = time.perf_counter()
            yield
        found.append(time.perf_counter() - began)

    async def timed(self: Database, work: Callable[[Connection], T]) -> tuple[T, float]:
        told = await in_one_go(self, work)
        found.append(told[1])
        return told

    Database.writing, Database.in_one_go = watched, timed  # type: ignore[method-assign]  # until it is measured
    try:
        yield found
    finally:
        Database.writing, Database.in_one_go = writing, in_one_go  # type: ignore[method-assign]  # as they were


def write_list(path: Path, rows: int) -> None:
    """Numbers in no order, as people's lists have them; a quarter of the rows names no place."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, delimiter=";")
        out.writerow(["Телефон", "ФИО", "Компания", "Город"])
        out.writerows(
            [number(n), f"Иванов Иван {n}", f"ООО «Ромашка {n}»", CITIES[n % 4]] for n in range(rows)
        )


def number(n: int) -> str:
    return f"+7{921 + n // 10_000_000}{n * 7_654_321 % 10_000_000:07}"


def leads(rows: int) -> Iterator[Lead]:
    for n in range(rows):
        zones = EVERY_ZONE if n % 4 == 3 else ("Europe/Moscow",)
        yield Lead(
            LeadId(0), CampaignId(0), (PhoneNumber(number(n)),), name=f"Иванов Иван {n}",
            company=f"ООО «Ромашка {n}»", extra={"Город": CITIES[n % 4]}, zones=zones,
        )  # fmt: skip


async def _file(stores: Stores, campaign: CampaignId, path: Path, rows: int) -> Took:
    opener = Opener(partial(open_path, path), country="RU", rules=DialRules(frozenset({"RU"})))
    began = _now_s()
    order = imports.Order(campaign, path.name)
    told = await imports.take(order, opener, WHO, stores, means=MEANS, now=_now())
    took = _since(began)
    assert told.counts.leads == rows, told.counts
    return took


async def _store(stores: Stores, campaign: CampaignId, rows: int) -> Took:
    async def batches() -> AsyncIterator[Batch]:
        rest = leads(rows)
        while some := [lead for _, lead in zip(range(BATCH), rest, strict=False)]:
            yield Batch(some)

    began = _now_s()
    told = await stores.intake.take(campaign, "bench", batches(), now=_now())
    assert told.leads == rows
    return _since(began)


def _made(rows: int) -> float:
    """The seconds that the rows alone take, which every baseline makes as well."""
    began = time.perf_counter()
    for some in (_of_leads(rows), _of_numbers(rows)):
        for _ in some:
            pass
    return time.perf_counter() - began


def _bare(path: Path, rows: int) -> Took:
    """The same columns without indexes, checks or types, in one transaction."""
    with sqlite3.connect(path, isolation_level=None) as db:
        for pragma in PRAGMAS:
            db.execute(pragma)
        db.execute(f"CREATE TABLE leads ({', '.join(LEADS)})")
        db.execute(f"CREATE TABLE numbers ({', '.join(NUMBERS)})")
        began = _now_s()
        db.execute("BEGIN")
        db.executemany(f"INSERT INTO leads VALUES ({', '.join('?' * len(LEADS))})", _of_leads(rows))
        db.executemany(f"INSERT INTO numbers VALUES ({', '.join('?' * len(NUMBERS))})", _of_numbers(rows))
        db.execute("COMMIT")
        return _since(began)


async def _copy(url: str, rows: int, *, bare: bool) -> Took:
    """By the same driver, from the same rows; indexes and checks of their own where they are not bare."""
    like = "INCLUDING DEFAULTS" if bare else "INCLUDING ALL"
    database = Database(url)
    try:
        async with database.write() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            for table in ("leads", "lead_numbers"):
                await connection.exec_driver_sql(f"DROP TABLE IF EXISTS bench_{table}")
                await connection.exec_driver_sql(f"CREATE TABLE bench_{table} (LIKE {table} {like})")
            for column in ("number_index", "status", "attempts", "tried", "dead"):
                await connection.exec_driver_sql(f"ALTER TABLE bench_leads ALTER {column} DROP NOT NULL")
            began = _now_s()
            await driver.copy_records_to_table(
                "bench_leads", records=_of_leads(rows), columns=LEADS, timeout=600
            )
            await driver.copy_records_to_table(
                "bench_lead_numbers", records=_of_numbers(rows), columns=NUMBERS, timeout=600
            )
            took = _since(began)
            for table in ("leads", "lead_numbers"):
                await connection.exec_driver_sql(f"DROP TABLE bench_{table}")
    finally:
        await database.close()
    return took


def _of_leads(rows: int) -> Iterator[tuple[object, ...]]:
    return ((n, 1, 1, *of_file(lead, CODES)) for n, lead in enumerate(leads(rows)))


def _of_numbers(rows: int) -> Iterator[tuple[object, ...]]:
    return ((n, at, 1, *rest) for n, lead in enumerate(leads(rows)) for at, *rest in numbers_of(lead))


def _held(held: list[float]) -> tuple[float, float]:
    held.sort()
    return held[int(len(held) * 0.99)] * 1000, held[-1] * 1000


def _memory() -> float:
    """The most that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MB


def _now_s() -> Took:
    """By the clock, and of CPU: of this process and of its readers that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(one.ru_utime + one.ru_stime for one in used)


def _since(began: Took) -> Took:
    clock_s, cpu_s = _now_s()
    return clock_s - began[0], cpu_s - began[1]


def _now() -> datetime:
    return datetime.now(UTC)
