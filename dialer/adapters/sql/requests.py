"""Requests with a key in SQL: the primary key decides which of several at once is done."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, select, tuple_, update

from dialer.adapters.fitting import fitted
from dialer.adapters.sql.database import Database
from dialer.adapters.sql.insert import insert
from dialer.adapters.sql.tables import requests
from dialer.ports.requests import Kept

c = requests.c


@fitted
class SqlRequests:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(
        self, token: int, key: str, asked: str, *, holder: str, now: datetime, until_at: datetime
    ) -> Kept | None:
        fresh = {"asked": asked, "holder": holder, "until_at": until_at, "status": None, "media_type": "",
                 "body": b""}  # fmt: skip
        is_same = (c.token == token) & (c.key == key)
        while True:  # it may go between the two statements, and is then ours
            async with self._database.write() as connection:
                query = insert(connection, requests).values(token=token, key=key, **fresh)
                taken = query.on_conflict_do_update(
                    index_elements=["token", "key"], set_=fresh, where=c.until_at <= now
                ).returning(c.token)
                if (await connection.execute(taken)).first() is not None:
                    return None
            row = await self._database.row(select(c.asked, c.status, c.media_type, c.body).where(is_same))
            if row is not None:
                return Kept(**row)

    async def renew(self, token: int, key: str, *, holder: str, until_at: datetime) -> bool:
        async with self._database.write() as connection:
            query = update(requests).where(_under_way(token, key, holder)).values(until_at=until_at)
            return bool((await connection.execute(query)).rowcount)

    async def answer(self, token: int, key: str, kept: Kept, *, holder: str, until_at: datetime) -> bool:
        values = {"status": kept.status, "media_type": kept.media_type, "body": kept.body}
        async with self._database.write() as connection:
            query = update(requests).where(_under_way(token, key, holder))
            return bool((await connection.execute(query.values(until_at=until_at, **values))).rowcount)

    async def free(self, token: int, key: str, *, holder: str) -> None:
        async with self._database.write() as connection:
            await connection.execute(delete(requests).where(_under_way(token, key, holder)))

    async def forget(self, now: datetime, *, limit: int) -> int:
        over = select(c.token, c.key).where(c.until_at <= now).order_by(c.until_at).limit(limit)
        async with self._database.write() as connection:
            query = delete(requests).where(tuple_(c.token, c.key).in_(over), c.until_at <= now)
            return (await connection.execute(query)).rowcount


def _under_way(token: int, key: str, holder: str) -> ColumnElement[bool]:
    return and_(c.token == token, c.key == key, c.holder == holder, c.status.is_(None))
