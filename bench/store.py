"""What a running campaign asks of its database, beside short and long lists: `python -m bench store`."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from itertools import groupby
from math import inf
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

import asyncpg

from bench.crowd import DUE_AT, Filler, OfPostgres, OfSqlite, fill, number_of
from bench.samples import AT, a_closing
from dialer.adapters.calendars import holiday_of
from dialer.adapters.sql.migrate import migrate
from dialer.adapters.sql.open import open_stores
from dialer.domain.access import Role, caller
from dialer.domain.choice import Choice
from dialer.domain.dnc import Listed
from dialer.domain.errors import StoreDown
from dialer.domain.lead import Lead
from dialer.domain.operators import State, StateChange
from dialer.domain.types import (
    CampaignId,
    CellId,
    LeadId,
    LeadStatus,
    OperatorId,
    Outcome,
    PhoneNumber,
)
from dialer.office import figures, outlook
from dialer.ports.stores import CdrQuery, Stores

SHORT, SIZES = 10_000, (10_000, 1_000_000)
WARM_UP, TIMES, FEWEST, SLOW_TIMES = 10, 200, 30, 5
LONGEST_S = 30.0  # an operation that takes longer is not done more than FEWEST times
AIM = 1.3  # of the longest list to the shortest
FIRST, SECOND = CampaignId(1), CampaignId(2)
CELL = CellId("bench")
WHO = caller("bench", Role.ADMIN)
MEANS = outlook.Means(lambda number, trunks, country: None, ZoneInfo, UTC, holiday_of)
AT_ONCE, BATCH = 20, 10  # leads of a lease; facts of a batch
STRIDE = 7_919  # from one lead that is asked for to the next: all over the list


@dataclass(slots=True)
class Place:
    """One database with a list of so many leads."""

    name: str
    leads: int
    stores: Stores
    held: Sequence[Lead] = ()
    took_s: dict[str, list[float]] = field(default_factory=dict)

    def lead(self, turn: int) -> LeadId:
        return LeadId(1 + turn * STRIDE % self.leads)

    def number(self, turn: int) -> PhoneNumber:
        return PhoneNumber(number_of(self.lead(turn)))

    async def lease(self, campaign: CampaignId, *, is_late: bool, n: int = AT_ONCE) -> None:
        now = DUE_AT if is_late else AT
        self.held = await self.stores.leases.lease(
            campaign, n, cell=CELL, now=now, until_at=now + timedelta(minutes=5)
        )
        assert len(self.held) == n, f"{self.name}, {self.leads}: {len(self.held)} leads"

    async def give_back(self) -> None:
        await self.stores.leases.give_back([lead.id for lead in self.held], cell=CELL)


Do = Callable[[Place, int], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Operation:
    """What is timed, and what goes before and after it untimed."""

    name: str
    do: Do
    before: Do | None = None
    after: Do | None = None
    times: int = TIMES


@dataclass(frozen=True, slots=True)
class Timed:
    """Milliseconds, the median of so many times."""

    operation: str
    database: str
    leads: int
    times: int
    median_ms: float


async def measure(
    say: Callable[[str], None], database: str = "", most: int = SIZES[-1], only: str = ""
) -> list[Timed]:
    """On SQLite, and on a PostgreSQL where one is given, whose lists go up to `most`.

    `only`: a pattern that the names of operations must match.
    """
    sizes = sorted({*SIZES, most})
    async with AsyncExitStack() as stack:
        places = []
        for size in sizes:
            if size <= SIZES[-1]:
                places.append(await stack.enter_async_context(_on_sqlite(size, say)))
            if database:
                places.append(await stack.enter_async_context(_on_postgres(database, size, say)))
        places.sort(key=lambda place: place.name, reverse=True)  # SQLite first
        say(f"load average {os.getloadavg()[0]:.1f}")
        for operation in (one for one in operations() if re.search(only, one.name)):
            await _time(operation, places)
            say(f"{operation.name}: " + "; ".join(_told(operation, place) for place in places))
        say(f"load average {os.getloadavg()[0]:.1f}")
    found = [
        Timed(name, place.name, place.leads, len(took), median(took) * 1000)
        for place in places
        for name, took in place.took_s.items()
    ]
    for line in table(found):
        say(line)
    return found


def operations() -> Iterator[Operation]:
    yield from _of_dialing()
    yield from _of_facts()
    yield from _of_gates()
    yield from _of_people()


def _of_dialing() -> Iterator[Operation]:
    async def back(place: Place, turn: int) -> None:
        await place.give_back()

    async def new(place: Place, turn: int) -> None:
        await place.lease(FIRST, is_late=False)

    async def due(place: Place, turn: int) -> None:
        await place.lease(SECOND, is_late=True)

    async def promised(place: Place, turn: int) -> None:
        await place.lease(FIRST, is_late=True)

    yield Operation(f"lease {AT_ONCE} new leads", new, after=back)
    yield Operation(f"lease {AT_ONCE} retries that are due", due, after=back)
    yield Operation(f"lease {AT_ONCE} callbacks that are due", promised, after=back)
    yield Operation(f"give {AT_ONCE} leads back", back, before=new)
    yield Operation(
        "give back what cells that died had", lambda at, _: at.stores.leases.release_run_out(AT, gone_s=60)
    )


def _of_facts() -> Iterator[Operation]:
    async def lease(place: Place, turn: int) -> None:
        await place.lease(FIRST, is_late=False, n=BATCH)

    async def close(place: Place, turn: int) -> None:
        await place.stores.ledger.close([a_closing(lead) for lead in place.held])

    async def log(place: Place, turn: int) -> None:
        at = AT + timedelta(seconds=turn)
        moves = [
            StateChange(OperatorId(str(101 + n)), State.READY, State.RESERVED, "", at) for n in range(BATCH)
        ]
        await place.stores.ledger.log(moves)

    yield Operation(f"record {BATCH} calls and where their leads stand", close, before=lease)
    yield Operation(f"record {BATCH} moves of operators", log)


def _of_gates() -> Iterator[Operation]:
    yield Operation(
        "gate: history and bars of a number", lambda at, n: at.stores.numbers.history([at.number(n)], FIRST)
    )
    yield Operation(
        "gate: of 20 numbers",
        lambda at, n: at.stores.numbers.history([at.number(n * 20 + k) for k in range(20)], FIRST),
    )
    yield Operation("why is a number barred", lambda at, n: at.stores.numbers.barring(at.number(n)))
    yield Operation(
        "who talked with a number last", lambda at, n: at.stores.records.last_operator_of(at.number(n))
    )
    yield Operation(
        "answers by hour, 24 h", lambda at, n: at.stores.records.answers_by_hour(None, AT - timedelta(days=1))
    )
    yield Operation(
        "what trunks used, 24 h", lambda at, n: at.stores.records.spent(AT - timedelta(days=1), AT)
    )

    async def settings(place: Place, turn: int) -> None:
        await place.stores.campaigns.all()
        await place.stores.accounts.all()
        await place.stores.trunks.all()

    yield Operation("settings read: campaigns, operators, trunks", settings)


def _of_people() -> Iterator[Operation]:
    async def why(place: Place, turn: int) -> None:
        lead = await place.stores.leads.get(place.lead(turn))
        await place.stores.leads.count(lead.campaign, AT)
        await place.stores.leads.next_due_at(lead.campaign, AT)
        await place.stores.numbers.history([lead.number], lead.campaign)

    def chosen(asked: Choice) -> Do:
        return lambda at, n: at.stores.choices.chosen(asked, after=at.lead(n) // 2)

    of_an_hour_ago = Choice(
        FIRST, outcomes=frozenset({Outcome.NO_ANSWER}), last_before_at=AT - timedelta(hours=1)
    )
    yield Operation("counts by status", lambda at, n: at.stores.leads.count(FIRST, AT))
    yield Operation(
        "counts by status, a quarter of the retries due", lambda at, n: at.stores.leads.count(FIRST, DUE_AT)
    )
    yield Operation("when the next lead is due", lambda at, n: at.stores.leads.next_due_at(FIRST, AT))
    yield Operation("a page of 100 leads", chosen(Choice(FIRST)))
    yield Operation("a page of 100 of a status", chosen(Choice(FIRST, statuses=frozenset({LeadStatus.DONE}))))
    yield Operation(
        "a page of 100 not answered for an hour",
        chosen(of_an_hour_ago),
    )
    yield Operation("search: 100 of a name that many have", chosen(Choice(FIRST, search="иванов")))
    yield Operation(
        "search: a whole number",
        lambda at, n: at.stores.choices.chosen(Choice(FIRST, number=at.number(n))),
    )
    yield Operation(
        "search: a name that one has",
        lambda at, n: at.stores.choices.chosen(Choice(FIRST, search=f"ромашка {at.leads // 2}»")),
        times=SLOW_TIMES,
    )
    yield Operation("lead why", why)
    yield Operation("records of a lead", lambda at, n: at.stores.records.cdrs(CdrQuery(lead=at.lead(n))))
    yield Operation(
        "records of a number", lambda at, n: at.stores.records.cdrs(CdrQuery(number=at.number(n)))
    )
    yield Operation(
        "the newest 100 records of a campaign",
        lambda at, n: at.stores.records.cdrs(CdrQuery(campaign=FIRST, newest_first=True)),
    )
    yield Operation(
        "a page of 100 barred numbers", lambda at, n: at.stores.numbers.blocked(Listed(limit=100))
    )
    yield Operation(
        "today's figures",
        lambda at, n: figures.today(AT.date(), WHO, at.stores, zone=UTC, at_least_s=30, now=AT),
    )
    yield Operation(
        "who can be called, of 5,000 leads looked at",
        lambda at, n: outlook.of_campaign(FIRST, WHO, at.stores, means=MEANS, now=AT),
        times=SLOW_TIMES,
    )
    yield Operation(
        "how far down the list",
        lambda at, n: at.stores.records.depth(FIRST, AT - timedelta(days=1), AT),
        times=SLOW_TIMES,
    )


async def _time(operation: Operation, places: Sequence[Place]) -> None:
    """In turns, so that whatever else the machine does falls on all of them."""
    warm_up = min(WARM_UP, operation.times // 5)
    until = time.perf_counter() + LONGEST_S
    for turn in range(-warm_up, operation.times):
        if turn >= FEWEST and time.perf_counter() > until:
            return
        for place in places:
            if operation.before is not None:
                await operation.before(place, turn + warm_up)
            began = time.perf_counter()
            try:
                await operation.do(place, turn + warm_up)
            except StoreDown:  # the service's own limit of time for a statement
                place.took_s.setdefault(operation.name, []).append(inf)
                continue
            took_s = time.perf_counter() - began
            if operation.after is not None:
                await operation.after(place, turn + warm_up)
            if turn >= 0:
                place.took_s.setdefault(operation.name, []).append(took_s)


def _told(operation: Operation, place: Place) -> str:
    return f"{place.name} {place.leads:,} {median(place.took_s[operation.name]) * 1000:.2f} ms"


@asynccontextmanager
async def _on_sqlite(leads: int, say: Callable[[str], None]) -> AsyncIterator[Place]:
    with tempfile.TemporaryDirectory(prefix="obzvon-bench-") as folder:
        path = Path(folder) / "store.db"
        async with _filled(f"sqlite:///{path}", "SQLite", leads, say, lambda: _sqlite(path)) as place:
            yield place


async def _sqlite(path: Path) -> Filler:
    return OfSqlite(str(path))


@asynccontextmanager
async def _on_postgres(server: str, leads: int, say: Callable[[str], None]) -> AsyncIterator[Place]:
    """In a database of its own, which is dropped afterwards."""
    name = f"obzvon_bench_{leads}"
    url = f"{server.rpartition('/')[0]}/{name}"
    await _on_server(server, f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
    try:
        async with _filled(url, "PostgreSQL", leads, say, lambda: _postgres(url)) as place:
            yield place
    finally:
        await _on_server(server, f"DROP DATABASE {name}")


async def _postgres(url: str) -> Filler:
    return OfPostgres(await asyncpg.connect(url))


async def _on_server(server: str, *statements: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        for statement in statements:
            await connection.execute(statement, timeout=600)
    finally:
        await connection.close()


@asynccontextmanager
async def _filled(
    url: str, name: str, leads: int, say: Callable[[str], None], connect: Callable[[], Awaitable[Filler]]
) -> AsyncIterator[Place]:
    began = time.perf_counter()
    await migrate(url)
    async with open_stores(url, clock=lambda: AT) as stores:
        filler = await connect()
        try:
            await fill(stores, filler, leads)
        finally:
            await filler.close()
        say(f"{name}: {leads:,} leads in {time.perf_counter() - began:.0f} s")
        yield Place(name, leads, stores)


def table(found: Sequence[Timed]) -> Iterator[str]:
    """The table of docs/bench.md, a database after another."""
    for name, its in groupby(found, lambda one: one.database):
        rows: dict[str, dict[int, float]] = {}
        for one in its:
            rows.setdefault(one.operation, {})[one.leads] = one.median_ms
        sizes = sorted(next(iter(rows.values())))
        yield f"| {name}, ms | {' | '.join(f'{size:,}' for size in sizes)} | ratio |"
        yield f"|---|{'---|' * (len(sizes) + 1)}"
        for operation, ms in rows.items():
            yield f"| {operation} | {' | '.join(f'{ms[size]:.2f}' for size in sizes)} | {_ratio(ms)} |"


def _ratio(ms: Mapping[int, float]) -> str:
    ratio = ms[max(ms)] / ms[min(ms)]
    return f"**{ratio:.2f}**" if ratio > AIM else f"{ratio:.2f}"
