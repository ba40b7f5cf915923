"""Inserts that may be told twice, and lists too long for one statement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")
Row = Mapping[str, Any]
IDS = 10_000  # in one statement: SQLite and PostgreSQL stop shortly after 32,000 parameters


def insert(connection: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """The dialect's own insert, which knows ON CONFLICT; the two spell it alike."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


async def insert_new(connection: AsyncConnection, table: Table, rows: Sequence[Row], key: str) -> set[Any]:
    """Insert the rows whose key is not there yet; gives the keys that were new."""
    if not rows:
        return set()
    query = insert(connection, table).on_conflict_do_nothing().returning(table.c[key])
    return set((await connection.execute(query, rows)).scalars())


def chunks(items: Iterable[T], size: int = IDS) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
