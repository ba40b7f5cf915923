"""Zones by code: a set of zones is kept once, and leads keep its number in place of up to sixteen names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.sql.database import Database
from dialer.adapters.sql.insert import chunks, insert
from dialer.adapters.sql.tables import zone_sets

LONGEST = 1_000  # characters of names: an index of PostgreSQL takes 2,704 bytes
Zones = tuple[str, ...]
# what was read once: a set never changes, and is there before the first lead that has it
_KNOWN: WeakKeyDictionary[Engine, dict[int, Zones]] = WeakKeyDictionary()


async def codes_for(
    database: Database, connection: AsyncConnection, sets: Iterable[Zones]
) -> Mapping[Zones, int]:
    """Numbers of these sets, new ones made in a transaction of their own; one that is too long has none.

    `connection`: one that is at rest on SQLite, and within a transaction on PostgreSQL.
    """
    texts = {_text(zones): zones for zones in sets if zones}
    texts = {text: zones for text, zones in texts.items() if len(text) <= LONGEST}
    known = _KNOWN.setdefault(connection.sync_engine, {})
    found = {zones: code for code, zones in known.items()}
    if missing := sorted(text for text, zones in texts.items() if zones not in found):
        if database.is_sqlite:
            async with database.writing(connection):
                made = await _made(connection, missing)
        else:
            async with database.write() as other:
                made = await _made(other, missing)
        known.update(made)  # now that they are committed
        found.update((zones, code) for code, zones in made.items())
    return {zones: found[zones] for zones in texts.values()}


async def _made(connection: AsyncConnection, texts: Sequence[str]) -> dict[int, Zones]:
    query = insert(connection, zone_sets).on_conflict_do_nothing()
    await connection.execute(query, [{"names": text} for text in texts])
    rows = await connection.execute(select(zone_sets).where(zone_sets.c.names.in_(texts)))
    return {row.id: tuple(json.loads(row.names)) for row in rows}


async def codes_there(connection: AsyncConnection, sets: Iterable[Zones]) -> Mapping[Zones, int]:
    """Of those of the sets that have a number already."""
    texts = {_text(zones): zones for zones in sets if zones}
    found: dict[Zones, int] = {}
    for some in chunks(texts):
        query = select(zone_sets.c.id, zone_sets.c.names).where(zone_sets.c.names.in_(some))
        found.update((texts[row.names], row.id) for row in await connection.execute(query))
    return found


async def names_of(connection: AsyncConnection, codes: Iterable[int | None]) -> Mapping[int, Zones]:
    """By number, at least those that are asked for."""
    known = _KNOWN.setdefault(connection.sync_engine, {})
    missing = {code for code in codes if code is not None} - known.keys()
    for some in chunks(sorted(missing)):
        rows = await connection.execute(select(zone_sets).where(zone_sets.c.id.in_(some)))
        known.update((row.id, tuple(json.loads(row.names))) for row in rows)
    return known


def columns_of(zones: Sequence[str], codes: Mapping[Zones, int]) -> dict[str, Any]:
    """As a lead keeps them: by number where there is one."""
    code = codes.get(tuple(zones))
    return {"zones": list(zones) if code is None else [], "zone_set": code}


def _text(zones: Zones) -> str:
    return json.dumps(zones)
