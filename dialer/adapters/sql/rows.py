"""What the stores of whole values share: an id, a body, and the words for what is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

from sqlalchemy import Table, delete, insert, select, update

from dialer.adapters.codec import decode, encode
from dialer.adapters.sql.database import Database
from dialer.adapters.sql.troubles import Twin
from dialer.domain.editions import FIRST, OWN, follows
from dialer.domain.errors import BadValue, Conflict, Missing
from dialer.domain.operators import Account
from dialer.domain.said import Said
from dialer.domain.trunk import Trunk

T = TypeVar("T", Account, Trunk)
BEFORE = {OWN: {"version": FIRST.version}}  # of a row that was written when versions were not counted
Words = Callable[[str], Said]  # of a key


class Bodies(Generic[T]):
    """A table of values kept whole under their own ids."""

    def __init__(
        self, database: Database, table: Table, kind: type[T], *, missing: Words, twin: Words
    ) -> None:
        self._database = database
        self._table = table
        self._kind: type[T] = kind
        self._words_missing = missing
        self._words_twin = twin
        self._read: dict[str, tuple[Any, T]] = {}  # bodies and values as last read: they are asked for often
        self.unread: dict[str, str] = {}  # rows that the last `all` left out, and why

    async def add(self, key: str, value: T) -> T:
        made = replace(value, edition=FIRST)
        try:
            async with self._database.write() as connection:
                await connection.execute(insert(self._table).values(id=key, body=encode(made)))
        except Twin:
            raise Conflict(self._words_twin(key)) from None
        return made

    async def save(self, key: str, value: T) -> T:
        its = self._table.c.id == key
        async with self._database.write() as connection:
            body = (await connection.execute(select(self._table.c.body).where(its).with_for_update())).first()
            if body is None:
                raise self._missing(key)
            saved = replace(value, edition=follows(self._value(body[0]), value))
            await connection.execute(update(self._table).where(its).values(body=encode(saved)))
        return saved

    async def remove(self, key: str) -> None:
        async with self._database.write() as connection:
            if not (await connection.execute(delete(self._table).where(self._table.c.id == key))).rowcount:
                raise self._missing(key)

    async def get(self, key: str) -> T:
        row = await self._database.row(select(self._table.c.body).where(self._table.c.id == key))
        if row is None:
            raise self._missing(key)
        return self._value(row["body"])

    async def all(self) -> Sequence[T]:
        """Every row that can be read; one that cannot is named in `unread` and keeps out nobody else."""
        rows = await self._database.rows(
            select(self._table.c.id, self._table.c.body).order_by(self._table.c.id)
        )
        bodies = {row["id"]: row["body"] for row in rows}
        if bodies != {key: body for key, (body, _) in self._read.items()} or self.unread:
            self._read, self.unread = self._decode(bodies)
        return [value for _, value in self._read.values()]

    def _decode(self, bodies: Mapping[str, Any]) -> tuple[dict[str, tuple[Any, T]], dict[str, str]]:
        read: dict[str, tuple[Any, T]] = {}
        unread: dict[str, str] = {}
        for key, body in bodies.items():
            known = self._read.get(key)
            if known is not None and known[0] == body:
                read[key] = known
                continue
            try:
                read[key] = (body, self._value(body))
            except BadValue as flaw:
                unread[key] = str(flaw)
        return read, unread

    def _value(self, body: Any) -> T:
        value: T = decode(self._kind, {**BEFORE, **body} if isinstance(body, dict) else body)
        return value

    def _missing(self, key: str) -> Missing:
        return Missing(self._words_missing(key))
