"""Where the tables of a database stand; told without Alembic, which takes longer to load than to ask."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

from dialer.adapters.sql.database import Database

HEAD = "0018"  # the last file of migrations/versions, which this version needs


async def revision(url: str) -> str:
    """What the database is at; '' for one without tables."""
    database = Database(url)
    try:
        return await current(database)
    finally:
        await database.close()


async def current(database: Database) -> str:
    """What the database is at; '' for one without tables."""
    async with database.connection() as connection:
        return await connection.run_sync(_current)


def _current(connection: Connection) -> str:
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.scalar(text("SELECT version_num FROM alembic_version")) or ""
