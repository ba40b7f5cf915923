"""Two campaigns in mid-work, put into a database by a few statements, however long their lists are."""

from __future__ import annotations

import asyncio
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import timedelta

import asyncpg

from bench.samples import AT
from dialer.adapters.sql.tables import EPOCH, MICROSECOND
from dialer.domain.campaign import Campaign
from dialer.domain.operators import Account
from dialer.domain.trunk import Trunk
from dialer.domain.types import CampaignId, CampaignStatus, OperatorId, TrunkId
from dialer.ports.stores import Stores

OPERATORS = 30
CALLS_TODAY, MOVES_TODAY = 3_000, 4_000
DAYS = 27  # of earlier records, which end two days before: the day is as long on every list
DUE_AT = AT + timedelta(hours=6)  # a quarter of the retries is due then, none is due at AT
STATEMENT_S = 3600.0
TABLES = ("leads", "lead_numbers", "cdrs", "state_changes", "dnc")
AT_US = (AT - EPOCH) // MICROSECOND
S = 1_000_000

# of ten leads seven are of campaign 1, and of a hundred twenty are retries
IS_FIRST = "i % 10 < 7"
STATUS = (
    "CASE WHEN h < 60 THEN 'new' WHEN h < 80 THEN 'retry' WHEN h < 92 THEN 'done'"
    " WHEN h < 97 THEN 'exhausted' ELSE 'excluded' END"
)
OUTCOME = (
    "CASE WHEN h < 60 OR h >= 97 THEN NULL WHEN h < 80 THEN CASE WHEN i % 3 = 0 THEN 'busy'"
    " ELSE 'no_answer' END WHEN h < 92 THEN 'connected' ELSE 'unallocated' END"
)


class Filler(ABC):
    """Says SQL to one database, past the service's own limits of time."""

    statistics: str  # a statement that gathers them

    @abstractmethod
    async def run(self, *statements: str) -> None:
        """One after another."""

    @abstractmethod
    async def bare(self) -> Sequence[str]:
        """Takes away indexes and triggers; gives the statements that make them again."""

    @abstractmethod
    async def close(self) -> None: ...

    @abstractmethod
    def series(self, n: int) -> str:
        """A table of 1 to n in its column i."""

    @abstractmethod
    def at(self, us: str) -> str:
        """An instant from microseconds since 1970."""

    @abstractmethod
    def padded(self, value: str, width: int) -> str: ...


class OfSqlite(Filler):
    statistics = ""  # the service gathers none there

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    async def run(self, *statements: str) -> None:
        for statement in ("BEGIN", *statements, "COMMIT"):
            await asyncio.to_thread(self._db.execute, statement)

    async def bare(self) -> Sequence[str]:
        named = ", ".join(f"'{table}'" for table in TABLES)
        kinds = f"type IN ('index', 'trigger') AND sql IS NOT NULL AND tbl_name IN ({named})"
        found = self._db.execute(f"SELECT type, name, sql FROM sqlite_master WHERE {kinds}").fetchall()
        await self.run(*(f"DROP {kind} {name}" for kind, name, _ in found))
        return [sql for _, _, sql in found]

    async def close(self) -> None:
        self._db.close()

    def series(self, n: int) -> str:
        counted = f"WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {n})"
        return f"({counted} SELECT i FROM c)"

    def at(self, us: str) -> str:
        return f"({us})"

    def padded(self, value: str, width: int) -> str:
        return f"printf('%0{width}d', {value})"


class OfPostgres(Filler):
    statistics = "ANALYZE"  # as its own housekeeping does

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._db = connection

    async def run(self, *statements: str) -> None:
        for statement in statements:
            await self._db.execute(statement, timeout=STATEMENT_S)

    async def bare(self) -> Sequence[str]:
        await self.run(
            "SET session_replication_role = replica"
        )  # for this connection: no triggers, no checks
        named = ", ".join(f"'{table}'::regclass" for table in TABLES)
        kept = "SELECT 1 FROM pg_constraint WHERE conindid = indexrelid"
        found = await self._db.fetch(
            "SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS sql FROM pg_index"
            f" WHERE indrelid IN ({named}) AND NOT EXISTS ({kept})"
        )
        await self.run(*(f"DROP INDEX {row['name']}" for row in found))
        return [row["sql"] for row in found]

    async def close(self) -> None:
        await self._db.close()

    def series(self, n: int) -> str:
        return f"(SELECT generate_series(1::bigint, {n}) AS i)"

    def at(self, us: str) -> str:
        return f"(timestamptz 'epoch' + ({us}) * interval '1 microsecond')"

    def padded(self, value: str, width: int) -> str:
        return f"lpad(({value})::text, {width}, '0')"


async def fill(stores: Stores, filler: Filler, leads: int) -> None:
    """Campaigns 1 and 2 with so many leads between them, what was done with these, and a day of work."""
    for n in range(OPERATORS):
        await stores.accounts.add(Account(OperatorId(str(101 + n)), f"operator {n}"))
    await stores.trunks.add(Trunk(TrunkId("carrier"), host="127.0.0.9", caller_ids=("+74951234567",)))
    team = frozenset(OperatorId(str(101 + n)) for n in range(OPERATORS))
    for name in ("clients", "survey"):
        row = Campaign(CampaignId(0), name, operators=team, trunks=(TrunkId("carrier"),))
        kept = await stores.campaigns.add(row)
        await stores.campaigns.set_status(kept.id, CampaignStatus.RUNNING)
    again = await filler.bare()
    await filler.run(*_lists(filler, leads), *_history(filler, leads))
    await filler.run(*again)
    await filler.run(*_counted())
    if filler.statistics:
        await filler.run(filler.statistics)


def number(filler: Filler, i: str) -> str:
    """The lead's first number, in no order."""
    return f"'+79' || {filler.padded(f'{i} * 7654321 % 1000000000', 9)}"


def number_of(lead: int) -> str:
    return f"+79{lead * 7_654_321 % 1_000_000_000:09}"


def _lists(filler: Filler, leads: int) -> Iterator[str]:
    yield (
        "INSERT INTO imports (id, campaign, file_name, at, leads)"
        f" SELECT i, CASE WHEN i < 3 THEN 1 ELSE 2 END, 'bench.csv', {filler.at(str(AT_US))}, {leads // 3}"
        f" FROM {filler.series(3)} AS three"
    )
    zones = ("Europe/Moscow", "Asia/Omsk", "Asia/Vladivostok")
    for n, zone in enumerate(zones, 1):
        yield f"""INSERT INTO zone_sets (id, names) VALUES ({n}, '["{zone}"]')"""
    placed = f"(SELECT i, i / 10 * 7919 % 100 AS h FROM {filler.series(leads)} AS whole) AS placed"
    due, tried = filler.at(f"{AT_US} + (i * 7919 % 86400 + 1) * {S}"), "h >= 60 AND h < 97"
    is_retry = "h >= 60 AND h < 80"
    yield (
        "INSERT INTO leads (id, campaign, import_id, number_index, status, attempts, tried, dead, next_at,"
        " last_at, last_outcome, priority, zones, name, company, inn, email, extra, ref, promised_at,"
        " zone_set)"
        f" SELECT i, CASE WHEN {IS_FIRST} THEN 1 ELSE 2 END,"
        f" CASE WHEN NOT {IS_FIRST} THEN 3 WHEN i % 2 = 0 THEN 1 ELSE 2 END, 0, {STATUS},"
        f" CASE WHEN {tried} THEN 1 + i % 3 ELSE 0 END, '{{}}', '[]', CASE WHEN {is_retry} THEN {due} END,"
        f" CASE WHEN {tried} THEN {filler.at(f'{AT_US} - (1 + i % 200) * 3600 * {S}')} END, {OUTCOME},"
        " CASE WHEN i % 97 = 0 THEN 5 WHEN i % 89 = 0 THEN -1 ELSE 0 END, '[]', 'Иванов Иван ' || i,"
        """ 'ООО «Ромашка ' || i || '»', '', '', '{"Город": "Омск"}', '',"""
        f" CASE WHEN {is_retry} AND i % 10 = 3 THEN {due} END, 1 + i % 3 FROM {placed}"
    )
    numbers = "INSERT INTO lead_numbers (lead, position, campaign, number)"
    whose = f"CASE WHEN {IS_FIRST} THEN 1 ELSE 2 END"
    yield f"{numbers} SELECT i, 0, {whose}, {number(filler, 'i')} FROM {filler.series(leads)} AS whole"
    second = f"'+74' || {filler.padded('i * 7654321 % 1000000000', 9)}"
    yield f"{numbers} SELECT i, 1, {whose}, {second} FROM {filler.series(leads)} AS whole WHERE i % 10 = 4"
    listed = filler.series(leads // 100)
    yield (
        "INSERT INTO dnc (entry, campaign, reason, at)"
        f" SELECT {number(filler, '(i * 100 + 7)')}, 0, 'asked', {filler.at(str(AT_US))}"
        f" FROM {listed} AS barred"
    )


def _history(filler: Filler, leads: int) -> Iterator[str]:
    """Records of all leads that were tried, of today's calls, and moves of operators."""
    earlier = f"{AT_US} - (86400 * (3 + id % {DAYS}) + id * 7919 % 30000) * {S}"
    yield _records(filler, "c", "id", earlier, "(SELECT id, id AS i, status FROM leads WHERE attempts > 0)")
    answered = "CASE WHEN i % 4 = 0 THEN 'done' END AS status"
    today = f"(SELECT i, i AS id, {answered} FROM {filler.series(CALLS_TODAY)} AS n)"
    yield _records(filler, "d", "i", f"{AT_US} - ({CALLS_TODAY} - i) * 7 * {S}", today)
    for many, at in (
        (leads // 10, f"{AT_US} - (3 * 86400 + i * 7919 % 2400000) * {S} + i"),
        (MOVES_TODAY, f"{AT_US} - ({MOVES_TODAY} - i) * 5 * {S}"),
    ):
        was, became = (_state(f"(i / {OPERATORS} + {n}) % 4") for n in (0, 1))
        yield (
            "INSERT INTO state_changes (operator, was, became, reason, at, call, campaign)"
            f" SELECT {_operator(filler)}, {was}, {became}, '', {filler.at(at)}, '', 1"
            f" FROM {filler.series(many)} AS moves"
        )


def _state(n: str) -> str:
    return f"CASE {n} WHEN 0 THEN 'ready' WHEN 1 THEN 'reserved' WHEN 2 THEN 'talking' ELSE 'wrap_up' END"


def _operator(filler: Filler) -> str:
    return filler.padded(f"101 + i % {OPERATORS}", 3)


def _records(filler: Filler, letter: str, order: str, at: str, source: str) -> str:
    """Of each row of the source one record, answered and talked where its status is done."""
    is_talk = "status = 'done'"

    def later(seconds: int) -> str:
        return filler.at(f"{at} + {seconds} * {S}")

    return (
        "INSERT INTO cdrs (id, cell, campaign, lead, direction, number, trunk, attempt_no, dialled_at,"
        " ring_at, answer_at, bridge_at, end_at, talk_s, outcome, alerting, operator, recording, reason,"
        f" estimated, day, duration_us, talk_us) SELECT '{letter}-' || {filler.padded(order, 12)}, 'bench',"
        f" CASE WHEN {IS_FIRST} THEN 1 ELSE 2 END, id, 'out', {number(filler, 'id')}, 'carrier', 1,"
        f" {filler.at(at)}, {later(2)}, CASE WHEN {is_talk} THEN {later(9)} END,"
        f" CASE WHEN {is_talk} THEN {later(9)} END, {later(40)}, CASE WHEN {is_talk} THEN 31 ELSE 0 END,"
        f" CASE WHEN {is_talk} THEN 'connected' ELSE 'no_answer' END, '180',"
        f" CASE WHEN {is_talk} THEN {_operator(filler)} END, '', '', 1 = 0, '{AT.date().isoformat()}',"
        f" {40 * S}, CASE WHEN {is_talk} THEN {31 * S} ELSE 0 END FROM {source} AS calls"
    )


def _counted() -> Iterator[str]:
    """As the triggers would have counted it."""
    yield "DELETE FROM lead_counts"
    statuses = "(VALUES ('new'), ('leased'), ('retry'), ('done'), ('exhausted'), ('excluded')) AS statuses"
    its = "leads.campaign = campaigns.id AND leads.status = statuses.column1"
    yield (
        "INSERT INTO lead_counts (campaign, status, n) SELECT campaigns.id, statuses.column1,"
        f" (SELECT count(*) FROM leads WHERE {its}) FROM campaigns, {statuses}"
    )
