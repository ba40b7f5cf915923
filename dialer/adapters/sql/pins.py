"""Wrong PINs in SQL."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import delete, select

from dialer.adapters.fitting import fitted
from dialer.adapters.sql.database import Database
from dialer.adapters.sql.insert import insert
from dialer.adapters.sql.tables import pin_guesses
from dialer.domain.guesses import Guesses


@fitted
class SqlPinGuesses:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, key: str) -> Guesses:
        row = await self._database.row(select(pin_guesses).where(pin_guesses.c.key == key))
        return Guesses(**{name: value for name, value in row.items() if name != "key"}) if row else Guesses()

    async def keep(self, key: str, guesses: Guesses) -> None:
        async with self._database.write() as connection:
            query, values = insert(connection, pin_guesses), asdict(guesses)
            query = query.values(key=key, **values).on_conflict_do_update(index_elements=["key"], set_=values)
            await connection.execute(query)

    async def drop(self, key: str) -> bool:
        async with self._database.write() as connection:
            gone = await connection.execute(delete(pin_guesses).where(pin_guesses.c.key == key))
        return bool(gone.rowcount)
