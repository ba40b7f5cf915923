"""API tokens in SQL: names, roles and hashes, never the tokens themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select, update

from dialer.adapters.fitting import fitted, is_id
from dialer.adapters.sql.database import Database
from dialer.adapters.sql.tables import tokens
from dialer.adapters.sql.troubles import Twin
from dialer.domain.errors import Conflict, Missing
from dialer.domain.said import said
from dialer.ports.stores import Token


@fitted
class SqlTokens:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, name: str, role: str, *, sha256: str, now: datetime, expires_at: datetime | None = None
    ) -> Token:
        row = {"name": name, "role": role, "sha256": sha256, "created_at": now, "expires_at": expires_at}
        is_over = (tokens.c.name == name, tokens.c.revoked_at.is_(None), tokens.c.expires_at <= now)
        try:
            async with self._database.write() as connection:
                await connection.execute(update(tokens).where(*is_over).values(revoked_at=now))
                query = insert(tokens).values(row).returning(tokens.c.id)
                number = (await connection.execute(query)).scalar_one()
        except Twin as twin:
            if "sha256" in str(twin):
                raise Conflict(said("this token's text is in use already: make another")) from None
            raise Conflict(
                said("there is a token named {name!r} already: revoke it first", name=name)
            ) from None
        return Token(number, name, role, sha256, now, expires_at=expires_at)

    async def find(self, sha256: str) -> Token | None:
        in_force = tokens.c.revoked_at.is_(None)
        row = await self._database.row(select(tokens).where(tokens.c.sha256 == sha256, in_force))
        return Token(**row) if row else None

    async def used(self, token: int, now: datetime) -> None:
        if not is_id(token):
            return
        async with self._database.write() as connection:
            await connection.execute(update(tokens).where(tokens.c.id == token).values(last_used_at=now))

    async def all(self) -> Sequence[Token]:
        return [Token(**row) for row in await self._database.rows(select(tokens).order_by(tokens.c.id))]

    async def revoke(self, name: str, now: datetime) -> None:
        in_force = tokens.c.revoked_at.is_(None)
        async with self._database.write() as connection:
            query = update(tokens).where(tokens.c.name == name, in_force).values(revoked_at=now)
            if not (await connection.execute(query)).rowcount:
                raise Missing(said("there is no token named {name!r}", name=name))
