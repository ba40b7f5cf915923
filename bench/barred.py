"""A do-not-call list as long as a country's register: `python -m bench dnc`."""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
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
from dialer.toolbox import read_barred

ENTRIES = 300_000
TIMES = 20
T = TypeVar("T")
BOSS = caller("bench", Role.SUPERVISOR)
REGISTER = dnc.Wish(reason="register", source="register")


@dataclass(frozen=True, slots=True)
class Timed:
    """One thing that was done: how long it took, in the median and at the most, of these times."""

    what: str
    database: str
    times: int
    median_ms: float
    most_ms: float

    def line(self) -> str:
        most = f", at most {self.most_ms:.1f}" if self.times > 1 else ""
        return f"{self.database}: {self.what}: {self.median_ms:,.1f} ms{most}"


async def measure(say: Callable[[str], None], database: str = "", entries: int = ENTRIES) -> list[Timed]:
    """On SQLite, and on an empty PostgreSQL where one is given."""
    found: list[Timed] = []
    with tempfile.TemporaryDirectory(prefix="obzvon-bench-") as folder:
        content = _file(entries)
        say(f"{entries:,} entries in a file of {len(content):,} bytes; load average {os.getloadavg()[0]:.1f}")
        entire, took_ms = await _once(
            lambda: read_barred("register.csv", content, ReadOptions(), country="RU")
        )
        found.append(Timed("read the file", "-", 1, took_ms, took_ms))
        say(found[-1].line())
        for name, url in (("SQLite", f"sqlite:///{Path(folder) / 'bench.db'}"), ("PostgreSQL", database)):
            if url:
                await migrate(url)
                async with open_stores(url) as stores:
                    found += await _of_one(name, stores, list(entire.entries), say)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        say(f"load average {os.getloadavg()[0]:.1f}, {memory} MB")
    return found


async def _of_one(name: str, stores: Stores, entries: list[str], say: Callable[[str], None]) -> list[Timed]:
    found: list[Timed] = []

    def put(what: str, *took_ms: float) -> None:
        found.append(Timed(what, name, len(took_ms), median(took_ms), max(took_ms)))
        say(found[-1].line())

    chunks: list[float] = []
    began = [time.monotonic()]

    def done(_: int) -> None:
        now = time.monotonic()
        chunks.append((now - began[0]) * 1000)
        began[0] = now

    _, took_ms = await _once(lambda: dnc.bar_all(entries, REGISTER, BOSS, stores, now=AT, on_progress=done))
    put("import all", took_ms)
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
    cut = entries[len(entries) // 100 :]
    later = AT + timedelta(days=30)
    _, took_ms = await _once(lambda: dnc.bar_all(cut, REGISTER, BOSS, stores, now=later, replaces=True))
    put("renew it, a hundredth is gone", took_ms)
    _, took_ms = await _once(lambda: dnc.free_source("register", None, BOSS, stores))
    put("take the source out", took_ms)
    return found


async def _once(do: Callable[[], Awaitable[T]]) -> tuple[T, float]:
    began = time.monotonic()
    answer = await do()
    return answer, (time.monotonic() - began) * 1000


def _file(entries: int) -> bytes:
    """Numbers of ranges that people really have, each once, in no order."""
    rows = (f"8 ({910 + n % 9}) {1_000_000 + n // 9};01.02.2026\n" for n in range(entries))
    return ("телефон;с\n" + "".join(rows)).encode()
