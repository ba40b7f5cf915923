"""Bring a database to the tables that this version needs, and tell where it stands."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from dialer.adapters.sql.database import Database

LOCK = 0x0B27_0001  # PostgreSQL's advisory lock of whoever migrates


async def migrate(url: str) -> None:
    """Run every migration that is missing, in one transaction; a second process waits for the first."""
    database = Database(url)
    try:
        async with database.write() as connection:
            if not database.is_sqlite:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            await connection.run_sync(_upgrade)
    finally:
        await database.close()


async def revision(url: str) -> tuple[str, str]:
    """(what the database is at, what this version needs); '' for a database without tables."""
    database = Database(url)
    try:
        return await current(database), head()
    finally:
        await database.close()


async def current(database: Database) -> str:
    async with database.connection() as connection:
        return await connection.run_sync(_current)


def head() -> str:
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def _current(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config
