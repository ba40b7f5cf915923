"""Every trouble that a real database has: away, read-only, full, damaged, or a value that it refuses."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from dialer.adapters.sql.database import Database
from dialer.adapters.sql.open import open_stores
from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Closing
from dialer.domain.errors import Conflict, StoreDamaged, StoreDown, StoreRefused
from dialer.domain.operators import State, StateChange
from dialer.domain.types import CallId, CampaignId, OperatorId, TrunkId
from dialer.ports.stores import CdrQuery, Stores
from tests.ports.hostile import NOISE
from tests.ports.made import AT, CELL, SOON, record
from tests.servers import Server, psql

both = pytest.mark.parametrize("store_url", ["sqlite", "postgres"], indirect=True)


@contextmanager
def every_connection(pragma: str) -> Iterator[None]:
    """Connections to SQLite begin with this."""

    def connected(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(pragma)
        cursor.close()

    event.listen(Engine, "connect", connected)
    try:
        yield
    finally:
        event.remove(Engine, "connect", connected)


def spoil(path: Path) -> None:
    """All but the first pages, which say where the tables are."""
    whole = path.read_bytes()
    path.write_bytes(whole[: 4096 * 3] + b"\xa5" * (len(whole) - 4096 * 3))


async def fill(stores: Stores) -> None:
    """More than there is room for on the pages that the file has already."""
    for n in range(100):
        closing = Closing(replace(record(f"c-{n}"), reason="x" * 4000), None, CallId(f"c-{n}"))
        await stores.ledger.close([closing])


async def use(url: str) -> None:
    async with open_stores(url) as stores:
        await stores.records.tallies(AT, SOON, UTC)
        await stores.leases.lease(CampaignId(1), 5, cell=CELL, now=AT, until_at=SOON)
        await stores.records.cdr(CallId("c-3"))


@pytest.mark.parametrize(
    ("pragma", "says"),
    [("PRAGMA query_only=ON", "readonly database"), ("PRAGMA max_page_count=1", "database or disk is full")],
)
async def test_a_sqlite_that_takes_no_writes_is_away_and_can_still_be_read(
    sqlite_url: str, pragma: str, says: str
) -> None:
    async with open_stores(sqlite_url) as stores:
        known = await stores.campaigns.add(Campaign(CampaignId(0), "c"))
    with every_connection(pragma):
        async with open_stores(sqlite_url) as stores:
            with pytest.raises(StoreDown, match=says):
                await fill(stores)
            assert await stores.campaigns.all() == [known]


async def test_a_server_that_is_read_only_is_away_and_is_used_again_when_it_is_the_primary(
    postgres_server: Server, postgres_url: str
) -> None:
    name = postgres_url.rpartition("/")[2]
    closing = [Closing(record("c-1"), None, CallId("c-1"))]
    async with open_stores(postgres_url) as stores:
        await stores.ledger.close([Closing(record("c-0"), None, CallId("c-0"))])
        psql(postgres_server, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        psql(
            postgres_server, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname='{name}'"
        )
        for _ in range(2):
            with pytest.raises(StoreDown, match="read-only transaction"):
                await stores.ledger.close(closing)
        psql(postgres_server, f"ALTER DATABASE {name} RESET default_transaction_read_only")
        await stores.ledger.close(closing)  # a new connection: the old one would be read-only for ever
        assert (await stores.records.cdr(CallId("c-1"))).id == "c-1"


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"campaign": 2**63}, "Cdr.campaign: 9223372036854775808 is beyond what it can hold"),
        ({"attempt_no": 2**31}, "Cdr.attempt_no: 2147483648 is beyond"),
        ({"cause": -(2**31) - 1}, "Cdr.cause: -2147483649 is beyond"),
        ({"talk_s": None}, "Cdr.talk_s: a NoneType cannot stand there"),
        ({"talk_s": float("nan")}, "Cdr.talk_s: nan is beyond"),
        ({"wait_s": float("inf")}, "Cdr.wait_s: inf is beyond"),
        ({"end_at": AT.replace(tzinfo=None)}, "Cdr.end_at: the instant 2026-01-31 .* has no time zone"),
        ({"dialled_at": AT.replace(year=1)}, "Cdr.dialled_at: 0001-01-31 09:00:00"),
        ({"number": 79160000001}, "Cdr.number: a int cannot stand there"),
        ({"id": "c" * 501}, "Cdr.id: it is longer than 500 bytes"),
        ({"trunk": "я" * 251}, "Cdr.trunk: it is longer than 500 bytes"),
    ],
)  # fmt: skip
async def test_a_value_that_one_database_refuses_is_refused_by_every_store_and_takes_its_batch_with_it(
    stores: Stores, broken: dict[str, Any], says: str
) -> None:
    cdr = replace(record("c-2"), **broken)
    batch = [Closing(record("c-1"), None, CallId("c-1")), Closing(cdr, None, cdr.id)]
    with pytest.raises(StoreRefused, match=f"refuses a value: {says}"):
        await stores.ledger.close(batch)
    assert await stores.records.cdrs(CdrQuery()) == []


async def test_a_name_that_no_index_of_postgresql_holds_is_refused_and_a_long_reason_is_cut(
    stores: Stores,
) -> None:
    with pytest.raises(StoreRefused, match=r"Campaign\.name: it is longer than 500 bytes"):
        await stores.campaigns.add(Campaign(CampaignId(0), NOISE))
    with pytest.raises(StoreRefused, match="it is longer than 500 bytes"):
        await stores.tokens.add(NOISE, "admin", sha256="ab", now=AT)
    told = StateChange(OperatorId("101"), State.READY, State.PAUSED, NOISE, AT)
    await stores.ledger.log([told])
    assert await stores.records.changes(None, AT, SOON) == [replace(told, reason=NOISE[:1000])]


async def test_text_is_kept_without_what_no_database_holds_and_found_by_what_it_was(stores: Stores) -> None:
    odd, kept = "a\0b\ud800", "a\ufffdb?"
    added = await stores.campaigns.add(Campaign(CampaignId(0), odd, trunks=(TrunkId(odd),)))
    assert (added.name, added.trunks) == (kept, (kept,))
    assert await stores.campaigns.by_name(odd) == added
    with pytest.raises(Conflict):
        await stores.campaigns.add(Campaign(CampaignId(0), kept))


@both
async def test_what_is_refused_by_the_server_alone_is_no_trouble_of_the_database(store_url: str) -> None:
    """Past the stores, which would not let it through."""
    database = Database(store_url)
    broken = {"id": NOISE if not database.is_sqlite else None}
    with pytest.raises(StoreRefused):
        async with database.write() as connection:
            await connection.execute(text("INSERT INTO accounts (id, body) VALUES (:id, '{}')"), broken)
    await database.close()


@both
async def test_a_row_that_is_there_already_is_a_conflict_and_one_without_its_campaign_is_none(
    store_url: str,
) -> None:
    async with open_stores(store_url) as stores:
        await stores.campaigns.add(Campaign(CampaignId(0), "c"))
        with pytest.raises(Conflict):
            await stores.campaigns.add(Campaign(CampaignId(0), "c"))
    database = Database(store_url)
    with pytest.raises(StoreRefused) as told:
        async with database.write() as connection:
            await connection.execute(
                text("INSERT INTO imports (campaign, file_name, at, leads) VALUES (99, 'x', :at, 1)"),
                {"at": AT if not database.is_sqlite else 1},
            )
    assert not isinstance(told.value, Conflict)
    await database.close()


@both
async def test_tables_that_this_version_does_not_find_ask_for_the_migration(store_url: str) -> None:
    database = Database(store_url)
    with pytest.raises(StoreDown, match="run `dialer migrate`"):
        await database.rows(text("SELECT * FROM not_made_yet"))
    await database.close()


@both
async def test_a_statement_that_is_wrong_is_our_own_mistake(store_url: str) -> None:
    database = Database(store_url)
    with pytest.raises(Exception, match="syntax error") as told:
        await database.rows(text("SELEKT 1"))
    assert not isinstance(told.value, (StoreDown, StoreRefused))
    await database.close()


async def test_a_broken_file_is_named_with_the_way_out(sqlite_url: str) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    async with open_stores(sqlite_url) as stores:
        await stores.ledger.close([Closing(record(f"c-{n}"), None, CallId(f"c-{n}")) for n in range(500)])
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    spoil(path)
    with pytest.raises(StoreDamaged, match=rf"{path.name} is damaged \(.*\): stop the service") as told:
        await use(sqlite_url)
    assert "backup" in str(told.value)
