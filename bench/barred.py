"""A do-not-call list as long as a country's register: `python -m bench dnc`."""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import TypeVar

from bench.samples import AT
from dialer.adapters.sql.migrate import migrate
from dialer.adapters.sql.open import open_stores
from dialer.domain.access import Role, caller
from dialer.domain.columns import ReadOptions
from dialer.domain.dnc import Listed
from dialer.domain.types import CampaignId, PhoneNumber
from dialer.office import dnc
from dialer.ports.stores import Stores
from dialer.webtools import read_barred

ENTRIES = 300_000
TIMES = 20
T = TypeVar("T")
Took = tuple[float, float]  # milliseconds by the clock, and of CPU
BOSS = caller("bench", Role.SUPERVISOR)
REGISTER = dnc.Wish(reason="register", source="register")


@dataclass(frozen=True, slots=True)
class Timed:
    """One thing that was done so many times: how long it took, and how much CPU of this process."""

    what: str
    database: str
    times: int
    median_ms: float
    most_ms: float
    cpu_ms: float  # the median

    def line(self) -> str:
        most = f", at most {self.most_ms:.1f}" if self.times > 1 else ""
        return f"{self.database}: {self.what}: {self.median_ms:,.1f} ms{most}; CPU {self.cpu_ms:,.1f}"


async def measure(say: Callable[[str], None], database: str = "", entries: int = ENTRIES) -> list[Timed]:
    """On SQLite, and on an empty PostgreSQL where one is given."""
    found: list[Timed] = []
    with tempfile.TemporaryDirectory(prefix="obzvon-bench-") as folder:
        content = _file(entries)
        say(f"{entries:,} entries in a file of {len(content):,} bytes; load average {os.getloadavg()[0]:.1f}")
        place = Path(folder) / "register.csv"
        place.write_bytes(content)
        with place.open("rb") as file:
            reading = partial(read_barred, "register.csv", file, ReadOptions(), country="RU", zone=UTC)
            entire, took = await _once(lambda: reading(clock=lambda: AT))
        found.append(timed("read the file", "-", took))
        say(found[-1].line())
        for name, url in (("SQLite", f"sqlite:///{Path(folder) / 'bench.db'}"), ("PostgreSQL", database)):
            if url:
                await migrate(url)
                async with open_stores(url) as stores:
                    found += await _of_one(name, stores, entire.entries, say)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        say(f"load average {os.getloadavg()[0]:.1f}, {memory} MB")
    return found


async def _of_one(
    name: str, stores: Stores, register: Mapping[str, datetime | None], say: Callable[[str], None]
) -> list[Timed]:
    found: list[Timed] = []
    entries = list(register)

    def put(what: str, *took: Took) -> None:
        found.append(timed(what, name, *took))
        say(found[-1].line())

    chunks: list[Took] = []
    began = [_now()]

    def done(_: int) -> None:
        chunks.append(_since(began[0]))
        began[0] = _now()

    _, took = await _once(lambda: dnc.bar_all(register, REGISTER, BOSS, stores, now=AT, on_progress=done))
    put("import all", took)
    put(f"one transaction of {dnc.CHUNK} of it", *chunks)
    middle = (entries[len(entries) // 2], 0, "register")
    listed = Listed(limit=100)
    numbers = stores.numbers
    one, other = PhoneNumber(entries[len(entries) // 3]), PhoneNumber("+79310000001")
    asked: list[tuple[str, Callable[[], Awaitable[object]]]] = [
        ("a page of 100", lambda: numbers.blocked(listed)),
        ("a page of 100 from the middle", lambda: numbers.blocked(replace(listed, after=middle))),
        (
            "a page of 100 of a source",
            lambda: numbers.blocked(replace(listed, source="register", after=middle)),
        ),
        (
            "a page of a campaign that has none",
            lambda: numbers.blocked(replace(listed, campaign=CampaignId(7))),
        ),
        ("a page of 1,000", lambda: numbers.blocked(replace(listed, limit=1000))),
        ("check a number that is barred", lambda: numbers.barring(one)),
        ("check one that is not", lambda: numbers.barring(other)),
        ("what the gate asks before a dial", lambda: numbers.history([one], CampaignId(1))),
        ("what the gate asks of 20 numbers", lambda: numbers.history(entries[:20], CampaignId(1))),  # type: ignore[arg-type]  # all of them numbers
        ("sources", numbers.sources),
    ]
    for what, ask in asked:
        put(what, *[(await _once(ask))[1] for _ in range(TIMES)])
    cut = dict.fromkeys(entries[len(entries) // 100 :])
    later = AT + timedelta(days=30)
    _, took = await _once(lambda: dnc.bar_all(cut, REGISTER, BOSS, stores, now=later, replaces=True))
    put("renew it, a hundredth is gone", took)
    _, took = await _once(lambda: dnc.free_source("register", None, BOSS, stores))
    put("take the source out", took)
    return found


def timed(what: str, database: str, *took: Took) -> Timed:
    walls, cpus = zip(*took, strict=True)
    return Timed(what, database, len(took), median(walls), max(walls), median(cpus))


def _now() -> Took:
    return time.monotonic() * 1000, time.process_time() * 1000


def _since(began: Took) -> Took:
    wall, cpu = _now()
    return wall - began[0], cpu - began[1]


async def _once(do: Callable[[], Awaitable[T]]) -> tuple[T, Took]:
    began = _now()
    answer = await do()
    return answer, _since(began)


def _file(entries: int) -> bytes:
    """Numbers of ranges that people really have, each once, in no order."""
    rows = (f"8 ({910 + n % 9}) {1_000_000 + n // 9};01.02.2026\n" for n in range(entries))
    return ("телефон;с\n" + "".join(rows)).encode()
