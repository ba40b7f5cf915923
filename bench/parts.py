"""The parts alone, each beside a simple baseline that does the least that could be called the same."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median

from bench.samples import AT, EVENT, a_call, a_closing, a_snapshot, leads_of
from dialer.adapters.ari.events import parse
from dialer.adapters.codec import decode, encode
from dialer.adapters.journal.disk import open_journal
from dialer.adapters.journal.lines import Kind, entry
from dialer.adapters.sql.migrate import migrate
from dialer.adapters.sql.open import open_stores
from dialer.adapters.sql.records import columns_of_record
from dialer.domain.call import Call
from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Closing
from dialer.domain.pacing.decision import Snapshot
from dialer.domain.pacing.policies import Policies
from dialer.domain.types import CampaignId
from dialer.ports.stores import Stores

ROUNDS = 5  # ours and the baseline in turns; the medians count
ROUND_S = 0.2
AT_ONCE = 32
BATCH, BATCHES = 100, 8
PRAGMAS = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL")
UPDATE = "UPDATE leads SET status='done', attempts=attempts+1, last_outcome=? WHERE id=?"


@dataclass(frozen=True, slots=True)
class Part:
    """How often a second each of the two was done."""

    name: str
    ours_per_s: float
    baseline: str
    baseline_per_s: float

    @property
    def ratio(self) -> float:
        return self.ours_per_s / self.baseline_per_s

    def plain(self) -> dict[str, object]:
        return {
            "part": self.name,
            "per_s": round(self.ours_per_s),
            "baseline": self.baseline,
            "baseline_per_s": round(self.baseline_per_s),
            "ratio": round(self.ratio, 3),
        }


async def measure(say: Callable[[str], None], database: str = "") -> list[Part]:
    """Every part; `database`: an empty PostgreSQL on which the ledger is measured as well."""
    parts: list[Part] = []
    with tempfile.TemporaryDirectory(prefix="obzvon-bench-") as folder:
        for some in (marks(Path(folder)), ledger(Path(folder), database)):
            async for part in some:
                say(f"{part.name}: {part.ours_per_s:,.0f}/s, {part.ratio:.2f} of {part.baseline}")
                parts.append(part)
    for part in pure():
        say(f"{part.name}: {part.ours_per_s:,.0f}/s, {part.ratio:.2f} of {part.baseline}")
        parts.append(part)
    return parts


# --- the journal ------------------------------------------------------------------------------------------


async def marks(folder: Path) -> AsyncIterator[Part]:
    """A dialing mark is on disk before the request goes out: alone, and as a rush of calls has it."""
    with open_journal(folder / "journal") as journal:
        raw = os.open(folder / "raw", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        line = entry(Kind.DIALING, AT, a_call(0)).line

        async def mark(at_once: int, first: int) -> int:
            await asyncio.gather(*(journal.dialing(a_call(first + n)) for n in range(at_once)))
            return at_once

        async def write() -> int:
            os.write(raw, line)
            await asyncio.to_thread(os.fdatasync, raw)
            return 1

        for at_once in (1, AT_ONCE):
            ours, theirs = await in_turns(partial(mark, at_once), lambda _: write())
            name = f"dialing marks, {at_once} at once" if at_once > 1 else "dialing marks, one after another"
            yield Part(name, ours, "a line written and synced, one after another", theirs)
        os.close(raw)


# --- the ledger -------------------------------------------------------------------------------------------


async def ledger(folder: Path, database: str) -> AsyncIterator[Part]:
    """Closings in batches as the recorder brings them: record, next try and lease in one transaction."""
    sqlite = f"sqlite:///{folder / 'ledger.db'}"
    for name, url in (("SQLite", sqlite), ("PostgreSQL", database)):
        if not url:
            continue
        async with opened(url) as (stores, campaign):
            closings = [a_closing(lead) for lead in await leads_of(stores, campaign, BATCH * BATCHES)]
            ours = await _closing(stores, closings)
        theirs = _raw_closing(folder / "raw.db", closings)
        yield Part(f"closings on {name}, {BATCH} at once", ours, "bare sqlite3: executemany, twice", theirs)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[tuple[Stores, CampaignId]]:
    await migrate(url)
    async with open_stores(url) as stores:
        name = f"bench {time.time_ns()}"
        yield stores, (await stores.campaigns.add(Campaign(CampaignId(0), name))).id


async def _closing(stores: Stores, closings: Sequence[Closing]) -> float:
    await stores.ledger.close(closings[:BATCH])  # statements are compiled once
    began = time.perf_counter()
    for first in range(BATCH, len(closings), BATCH):
        await stores.ledger.close(closings[first : first + BATCH])
    return (len(closings) - BATCH) / (time.perf_counter() - began)


def _raw_closing(path: Path, closings: Sequence[Closing]) -> float:
    """The same columns and the same lead, without indexes, checks or types."""
    path.unlink(missing_ok=True)
    rows = [columns_of_record(closing.cdr) for closing in closings if closing.cdr is not None]
    names = list(rows[0])
    values = [tuple(str(row[name]) for name in names) for row in rows]
    with sqlite3.connect(path) as db:
        for pragma in PRAGMAS:
            db.execute(pragma)
        db.execute(f"CREATE TABLE cdrs ({', '.join(names)}, PRIMARY KEY (id))")
        db.execute("CREATE TABLE leads (id INTEGER PRIMARY KEY, status, attempts, last_outcome)")
        db.executemany("INSERT INTO leads VALUES (?, 'leased', 0, '')", [(n,) for n in range(len(rows))])
        db.commit()
        insert = f"INSERT INTO cdrs VALUES ({', '.join('?' * len(names))})"
        began = time.perf_counter()
        for first in range(0, len(values), BATCH):
            db.executemany(insert, values[first : first + BATCH])
            db.executemany(UPDATE, [("connected", n) for n in range(first, first + BATCH)])
            db.commit()
        return len(values) / (time.perf_counter() - began)


# --- without disk -----------------------------------------------------------------------------------------


def pure() -> Iterator[Part]:
    call, text = a_call(1), json.dumps(EVENT)
    line = json.dumps(encode(call))
    yield of(
        "a call written for the journal",
        lambda: entry(Kind.CALL, AT, call),
        "dataclasses.asdict and json.dumps",
        lambda: json.dumps(asdict(call), default=str),
    )
    yield of(
        "a call read from the journal",
        lambda: decode(Call, json.loads(line)),
        "json.loads",
        lambda: json.loads(line),
    )
    yield of(
        "an event of Asterisk understood",
        lambda: parse(json.loads(text)),
        "json.loads",
        lambda: json.loads(text),
    )
    policies = Policies()
    for operators in (10, 100, 500):
        snapshot = a_snapshot(operators)
        yield of(
            f"a decision with {operators} operators and {len(snapshot.calls)} calls",
            partial(policies.decide, snapshot),
            "one count of the states of the same operators and calls",
            partial(counted_states, snapshot),
        )


def counted_states(snapshot: Snapshot) -> object:
    """The least that a decision must look at."""
    return Counter(view.state for view in snapshot.operators), Counter(view.state for view in snapshot.calls)


def of(name: str, ours: Callable[[], object], baseline: str, theirs: Callable[[], object]) -> Part:
    rates: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for work, found in zip((ours, theirs), rates, strict=True):
            found.append(_rate(work))
    return Part(name, median(rates[0]), baseline, median(rates[1]))


def _rate(work: Callable[[], object]) -> float:
    done, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < ROUND_S:
        work()
        done += 1
    return done / spent


async def in_turns(
    ours: Callable[[int], Awaitable[int]], theirs: Callable[[int], Awaitable[int]]
) -> tuple[float, float]:
    """Rates of both; each is told how much was done before and says how much it did."""
    rates: tuple[list[float], list[float]] = ([], [])
    total = 0
    for _ in range(ROUNDS):
        for work, found in zip((ours, theirs), rates, strict=True):
            done, began = 0, time.perf_counter()
            while (spent := time.perf_counter() - began) < ROUND_S:
                more = await work(total)
                done, total = done + more, total + more
            found.append(done / spent)
    return median(rates[0]), median(rates[1])
