"""Inserts that may be told twice, and lists too long for one statement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Executable, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")
Row = Mapping[str, Any]
IDS = 10_000  # in one statement: SQLite and PostgreSQL stop shortly after 32,000 parameters


def insert(connection: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """The dialect's own insert, which knows ON CONFLICT; the two spell it alike."""
    return insert_for(connection.dialect.name, table)


def insert_for(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


@cache
def _insert_new(dialect: str, table: Table, key: str) -> Executable:
    """Made once: to make it takes longer than to run it."""
    return insert_for(dialect, table).on_conflict_do_nothing().returning(table.c[key])


async def insert_new(connection: AsyncConnection, table: Table, rows: Sequence[Row], key: str) -> set[Any]:
    """Insert the rows whose key is not there yet; gives the keys that were new."""
    if not rows:
        return set()
    query = _insert_new(connection.dialect.name, table, key)
    return set((await connection.execute(query, rows)).scalars())


def chunks(items: Iterable[T], size: int = IDS) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
