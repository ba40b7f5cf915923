"""What pacing has learned, in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from dialer.adapters.codec import through_json
from dialer.adapters.fitting import fitted
from dialer.adapters.sql.database import Database
from dialer.adapters.sql.insert import insert
from dialer.adapters.sql.tables import learned


@fitted
class SqlLearned:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> Mapping[str, dict[str, Any]]:
        rows = await self._database.rows(select(learned.c.id, learned.c.body))
        return {row["id"]: row["body"] for row in rows}

    async def save(self, states: Mapping[str, dict[str, Any]], now: datetime) -> None:
        rows = [{"id": name, "body": through_json(state), "at": now} for name, state in states.items()]
        if not rows:
            return
        async with self._database.write() as connection:
            query = insert(connection, learned)
            newer = {"body": query.excluded.body, "at": query.excluded.at}
            await connection.execute(query.on_conflict_do_update(index_elements=["id"], set_=newer), rows)
