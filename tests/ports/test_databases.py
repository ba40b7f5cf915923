"""Databases: their tables, their indexes, and what is said when something is wrong with them."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event, make_url, text
from sqlalchemy.engine import Engine

from dialer.adapters.sql import migrations
from dialer.adapters.sql.database import Database
from dialer.adapters.sql.migrate import migrate
from dialer.adapters.sql.open import open_stores
from dialer.adapters.sql.revision import HEAD, revision
from dialer.adapters.sql.tables import metadata
from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Closing, WrapUp
from dialer.domain.cells import Holder
from dialer.domain.dnc import Entry
from dialer.domain.errors import Fatal, StoreDown
from dialer.domain.lead import Lead
from dialer.domain.operators import State, StateChange
from dialer.domain.types import (
    CallId,
    CampaignId,
    CellId,
    LeadId,
    LeadStatus,
    OperatorId,
    Outcome,
    PhoneNumber,
)
from dialer.ports.stores import CdrQuery, Stores
from tests.ports.made import AT, CELL, SOON, entries, record, update
from tests.servers import Server, as_user, binary, found_by, owned, postgres, psql, temporary, wait_until

MIGRATIONS = Path(migrations.__file__).parent

both = pytest.mark.parametrize("store_url", ["sqlite", "postgres"], indirect=True)


# --- tables ---


@both
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
async def test_the_migrations_make_the_tables_that_the_code_speaks_of(store_url: str) -> None:
    def differences(connection: Connection) -> list[Any]:
        found = compare_metadata(MigrationContext.configure(connection), metadata)
        return [each for each in found if each[1].name not in WITH_EXPRESSION]

    database = Database(store_url)
    async with database.connection() as connection:
        assert await connection.run_sync(differences) == []
        query = text(INDEX_SQL["sqlite" if database.is_sqlite else "postgres"])
        for name, columns in WITH_EXPRESSION.items():
            found = await connection.execute(query, {"name": name})
            made = " ".join(found.scalar_one().lower().replace('"', "").split())
            assert f"({columns}) where" in made
    await database.close()


WITH_EXPRESSION = {  # which the comparison passes over
    "ix_leads_new": "campaign, priority desc, import_id, id",
    "ix_leads_due": "campaign, priority desc, next_at, id, import_id",
}
INDEX_SQL = {
    "sqlite": "SELECT sql FROM sqlite_master WHERE name = :name",
    "postgres": "SELECT indexdef FROM pg_indexes WHERE indexname = :name",
}


async def test_the_revision_is_told_and_migrating_again_changes_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    assert await revision(url) == ""
    await migrate(url)
    await migrate(url)
    assert await revision(url) == HEAD


def test_the_revision_that_is_needed_is_that_of_the_last_migration() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == HEAD


async def test_a_database_without_tables_is_fatal_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(Fatal, match=r"new\.db has no tables yet: run `dialer migrate`"):
        async with open_stores(f"sqlite:///{tmp_path / 'new.db'}"):
            pass


async def test_an_old_database_is_fatal_and_a_newer_one_is_not(sqlite_url: str) -> None:
    def set_revision(name: str) -> None:
        with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (name,))

    set_revision("0000")
    with pytest.raises(Fatal, match=rf"is at 0000, needed is {HEAD}: run `dialer migrate`"):
        async with open_stores(sqlite_url):
            pass
    set_revision("9999")  # made by the next version, which may run beside this one
    async with open_stores(sqlite_url) as stores:
        assert await stores.campaigns.all() == []


async def test_two_processes_may_migrate_at_once(postgres_server: Server) -> None:
    assert psql(postgres_server, "CREATE DATABASE twice")
    url = f"postgresql://dialer@127.0.0.1:{postgres_server.port}/twice"
    await asyncio.gather(*(migrate(url) for _ in range(4)))
    assert await revision(url) == HEAD


# --- indexes ---


async def use_everything(stores: Stores) -> None:
    """Every query that the service makes while it works."""
    campaign = (await stores.campaigns.add(Campaign(CampaignId(0), "c"))).id
    await stores.leads.import_list(campaign, "a.csv", entries(9), now=AT)
    leads = await stores.leases.lease(campaign, 4, cell=CELL, now=AT, until_at=SOON)
    await stores.leases.renew([leads[0].id], cell=CELL, until_at=SOON)
    await stores.leases.give_back([leads[0].id], cell=CELL, not_before_at=AT)
    await stores.leases.release_run_out(AT, gone_s=0)
    await stores.leases.reclaim(CELL, but=[], now=AT)
    await stores.cells.take(CELL, Holder("ann", "host", 1), lease_s=60)
    await stores.cells.keep(CELL, "ann", lease_s=60)
    await stores.cells.all()
    await stores.leases.release_cell(CellId("west"), but=[])
    await stores.leads.find(campaign)
    await stores.leads.find(campaign, status=LeadStatus.NEW, number="+7916", after=3)
    await stores.leads.count(campaign, AT)
    await stores.leads.next_due_at(campaign, AT)
    await stores.leads.numbers_of(campaign)
    await stores.leads.exclude(leads[1].id)
    change = update(leads[2], Outcome.BUSY)
    await stores.ledger.close([Closing(record("c-1", leads[2]), change, CallId("c-1"))])
    await stores.ledger.wrap([WrapUp(CallId("c-1"), OperatorId("101"), 1.0, "x", AT, change)])
    await stores.ledger.log([StateChange(OperatorId("101"), State.READY, State.PAUSED, "x", AT)])
    await stores.ledger.recorded(CallId("c-1"), "f", seconds=1.0)
    await stores.records.cdr(CallId("c-1"))
    for query in (
        CdrQuery(campaign=campaign, after="c"),
        CdrQuery(operator=OperatorId("101"), after="c"),
        CdrQuery(lead=LeadId(1)),
        CdrQuery(after="c"),
    ):
        await stores.records.cdrs(query)
    await stores.records.tallies(AT, SOON, UTC)
    await stores.records.answers_by_hour(None, AT)
    await stores.records.answers_by_hour(campaign, AT)
    await stores.learned.save({"product": {"calls": 1}}, AT)
    await stores.learned.load()
    await stores.records.changes(None, AT, SOON)
    await stores.records.changes(OperatorId("101"), AT, SOON)
    await stores.records.last_operator_of(PhoneNumber("+79160000001"))
    await stores.numbers.block(Entry("+7903*", None, "", AT))
    await stores.numbers.history([PhoneNumber("+79160000001")], campaign)
    await stores.tokens.find("x")
    await stores.leads.imports(campaign)
    second, _ = await stores.leads.import_list(campaign, "b.csv", entries(2, 50), now=AT)
    await stores.leads.undo_import(second)


SMALL = {
    "alembic_version",
    "cells",
    "last_of",
    "dnc",
    "imports",
    "learned",
    "tokens",
    "staged_leads",
    "staged_numbers",
    "levels_of_new",
    "levels_of_retry",
    "levels_with_work",
}


async def test_no_query_reads_a_whole_table_of_leads_or_facts(sqlite_url: str) -> None:
    told: list[tuple[str, Any]] = []

    def listen(_c: Any, _cursor: Any, statement: str, parameters: Any, _ctx: Any, many: bool) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            told.append((statement, parameters[0] if many else parameters))

    event.listen(Engine, "before_cursor_execute", listen)
    try:
        async with open_stores(sqlite_url) as stores:
            await use_everything(stores)
    finally:
        event.remove(Engine, "before_cursor_execute", listen)
    assert len(told) > 40
    engine = create_engine(sqlite_url)
    with engine.connect() as connection:
        for statement, parameters in told:
            if "sqlite_sequence" in statement:
                continue
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            for row in plan:
                what = row[3]
                table = what.removeprefix("SCAN ").split(" ")[0]
                read_whole = what.startswith("SCAN ") and "USING" not in what and "CONSTANT" not in what
                assert not read_whole or table in SMALL, f"{what}: {statement}"
    engine.dispose()


@pytest.mark.parametrize("name", ["ix_leads_new", "ix_leads_due"])
async def test_the_lease_reads_the_partial_indexes(sqlite_url: str, name: str) -> None:
    plans = []

    def listen(_c: Any, _cursor: Any, statement: str, parameters: Any, _ctx: Any, _many: bool) -> None:
        if "skip" not in statement and statement.startswith("WITH"):
            plans.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", listen)
    try:
        async with open_stores(sqlite_url) as stores:
            await stores.leases.lease(CampaignId(1), 5, cell=CELL, now=AT, until_at=SOON)
    finally:
        event.remove(Engine, "before_cursor_execute", listen)
    ((statement, parameters),) = plans
    engine = create_engine(sqlite_url)
    with engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    engine.dispose()
    assert any(name in row[3] for row in plan)


async def test_hours_are_those_of_utc_on_a_server_that_lives_by_half_hours(
    postgres_server: Server, postgres_url: str
) -> None:
    name = postgres_url.rpartition("/")[2]
    psql(postgres_server, f"ALTER DATABASE {name} SET timezone = 'Asia/Kolkata'")
    async with open_stores(postgres_url) as stores:
        await stores.ledger.close([Closing(record("c-1"), None, CallId("c-1"))])
        ((_, hour),) = await stores.records.answers_by_hour(None, AT)
    assert hour == AT.replace(minute=0, second=0, microsecond=0)


# --- troubles ---


async def test_an_import_holds_up_no_other_writer_while_the_file_is_read(sqlite_url: str) -> None:
    checked = 0

    def slow_file() -> Iterator[Lead]:
        nonlocal checked
        for lead in entries(5_000):
            if lead.numbers[0].endswith("500"):
                with sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), timeout=0) as other:
                    other.execute("BEGIN IMMEDIATE")  # raises when somebody else writes
                    other.rollback()
                checked += 1
            yield lead

    async with open_stores(sqlite_url) as stores:
        campaign = (await stores.campaigns.add(Campaign(CampaignId(0), "c"))).id
        assert (await stores.leads.import_list(campaign, "a.csv", slow_file(), now=AT))[1] == 5_000
    assert checked == 5


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://u:hush@h/d", "of the kind 'mysql': write DIALER_DATABASE_URL as postgresql://"),
        ("hush", r"'\*\*\*' cannot be read: write DIALER_DATABASE_URL as postgresql://"),
        ("postgresql://u:hush@h:port/d", "cannot be read"),
        ("sqlite://", "SQLite needs a file"),
        (
            "postgresql://u:hush@h/d?sslmod=1",
            "the option 'sslmod': only sslmode and target_session_attrs can",
        ),
    ],
)
async def test_an_address_that_cannot_be_one_is_fatal_without_its_password(url: str, says: str) -> None:
    with pytest.raises(Fatal, match=says) as told:
        await migrate(url)
    assert "hush" not in str(told.value)


async def test_a_database_that_cannot_be_reached_is_named_without_its_password(
    tmp_path: Path, postgres_server: Server
) -> None:
    (tmp_path / "text.db").write_text("this is no database at all, just some text of a good length" * 20)
    port = postgres_server.port
    for url, says in (
        (f"sqlite:///{tmp_path}/none/x.db", r"none/x\.db cannot be reached: unable to open database file"),
        (
            f"sqlite:///{tmp_path}/text.db",
            r"text\.db is damaged \(file is not a database\): stop the service",
        ),
        ("postgresql://u:hush@127.0.0.1:1/d", r"u:\*\*\*@127\.0\.0\.1:1/d cannot be reached: "),
        (f"postgresql://dialer:hush@127.0.0.1:{port}/none", 'database "none" does not exist'),
        (f"postgresql://nobody:hush@127.0.0.1:{port}/postgres", 'role "nobody" does not exist'),
        (f"postgresql://dialer:hush@127.0.0.1:{port}/postgres?sslmode=require", "SSL"),
    ):
        with pytest.raises(StoreDown, match=says) as told:
            async with open_stores(url):
                pass
        assert "hush" not in str(told.value)


async def test_a_server_that_was_stopped_is_used_again_when_it_is_back(
    postgres_server: Server, postgres_url: str
) -> None:
    async with open_stores(postgres_url) as stores:
        first = await stores.campaigns.add(Campaign(CampaignId(0), "c"))
        postgres_server.stop(signal.SIGQUIT)
        try:
            with pytest.raises(StoreDown, match=r"/test_\d+ (cannot be reached|failed): "):
                await stores.campaigns.all()
            with pytest.raises(StoreDown):
                await stores.ledger.close([Closing(record("c-1"), None, CallId("c-1"))])
        finally:
            postgres_server.start()
        async with asyncio.timeout(20):
            while True:
                try:
                    assert await stores.campaigns.all() == [first]
                    break
                except StoreDown:  # it is still starting
                    await asyncio.sleep(0.05)


async def test_a_statement_that_is_never_answered_is_given_up(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dialer.adapters.sql.database.COMMAND_S", 0.3)
    blocker = Database(postgres_url)
    async with open_stores(postgres_url) as stores:
        async with blocker.write() as connection:
            await connection.execute(text("LOCK TABLE leads"))
            with pytest.raises(StoreDown, match="failed: "):
                await stores.leases.lease(CampaignId(1), 5, cell=CELL, now=AT, until_at=SOON)
        assert await stores.leases.lease(CampaignId(1), 5, cell=CELL, now=AT, until_at=SOON) == []
    await blocker.close()


# --- several hosts: a primary and a stand-by --------------------------------------------------------------


@contextmanager
def standby_of(primary: Server) -> Iterator[Server]:
    """A real one, which follows the primary by streaming."""
    user = "postgres" if os.geteuid() == 0 else ""
    run = as_user(user or "nobody")
    with temporary("obz-pg2-") as folder:
        data = owned(folder, user) / "data"
        copy = [binary("pg_basebackup"), "-h", "127.0.0.1", "-p", str(primary.port), "-U", "dialer"]
        subprocess.run(
            [*run, *copy, "-D", data, "-R", "-c", "fast"], check=True, capture_output=True, cwd=folder
        )
        with postgres(data, run, folder) as server:
            yield server


@pytest.mark.parametrize("store_url", ["postgres"], indirect=True)
async def test_with_two_hosts_the_one_that_takes_writes_is_found_before_and_after_a_fail_over(
    store_url: str, postgres_server: Server
) -> None:
    name = make_url(store_url).database
    with standby_of(postgres_server) as standby:
        hosts = f"127.0.0.1:{standby.port},127.0.0.1:{postgres_server.port}"
        url = f"postgresql://dialer:geheim@{hosts}/{name}?target_session_attrs=read-write"
        await migrate(url)
        assert await revision(url) == HEAD
        async with open_stores(url) as stores:
            first = await stores.campaigns.add(Campaign(CampaignId(0), "before"))
            caught_up = f"SELECT 1 FROM campaigns WHERE id = {first.id}"
            wait_until(lambda: _has(standby, caught_up, name), "the stand-by's copy")
            postgres_server.kill()
            try:
                with pytest.raises(StoreDown) as away:
                    await stores.campaigns.add(Campaign(CampaignId(0), "nobody writes"))
                assert hosts in str(away.value) and "geheim" not in str(away.value)
                assert psql(standby, "SELECT pg_promote()")
                after = await _added(stores, "after")
                assert [one.name for one in await stores.campaigns.all()] == ["before", after.name]
            finally:
                postgres_server.start()


async def _added(stores: Stores, name: str) -> Campaign:
    """Tried again as the engine does, until the promoted server takes it."""
    for _ in range(100):
        try:
            return await stores.campaigns.add(Campaign(CampaignId(0), name))
        except StoreDown:
            await asyncio.sleep(0.1)
    raise AssertionError("the promoted server was not found")


def _has(server: Server, query: str, database: str | None) -> bool:
    return found_by(server, query, database or "") == "1"


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("postgresql://u@a,b/db?target_session_attrs=standby", "standby"),
        ("postgresql://u@a/db?target_session_attrs=any", "any"),
        ("postgresql://u@a,/db", "cannot be read"),
        ("postgresql://u@a:0,b/db", "cannot be read"),
        ("postgresql://u@a:99999,b:1/db", "cannot be read"),
        ("postgresql://u:geheim@a b,c/db", "cannot be read"),
        ("postgresql://u@a,b/db?application_name=x", "application_name"),
    ],
)
def test_an_address_with_hosts_that_cannot_work_is_refused_in_a_sentence(url: str, word: str) -> None:
    with pytest.raises(Fatal, match=word) as refused:
        Database(url)
    assert "geheim" not in str(refused.value)
