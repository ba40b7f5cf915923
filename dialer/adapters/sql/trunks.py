"""Trunks in SQL; their passwords lie in files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dialer.adapters.fitting import fitted
from dialer.adapters.sql.database import Database
from dialer.adapters.sql.rows import Bodies
from dialer.adapters.sql.tables import trunks
from dialer.domain.said import Said, said
from dialer.domain.trunk import Trunk
from dialer.domain.types import TrunkId


@fitted
class SqlTrunks:
    def __init__(self, database: Database) -> None:
        self._bodies = Bodies(database, trunks, Trunk, missing=_missing, twin=_twin)

    @property
    def unread(self) -> Mapping[str, str]:
        return self._bodies.unread

    async def add(self, trunk: Trunk) -> Trunk:
        return await self._bodies.add(trunk.id, trunk)

    async def save(self, trunk: Trunk) -> Trunk:
        return await self._bodies.save(trunk.id, trunk)

    async def remove(self, trunk: TrunkId) -> None:
        await self._bodies.remove(trunk)

    async def get(self, trunk: TrunkId) -> Trunk:
        return await self._bodies.get(trunk)

    async def all(self) -> Sequence[Trunk]:
        return await self._bodies.all()


def _missing(key: str) -> Said:
    return said("there is no trunk {trunk}", trunk=key)


def _twin(key: str) -> Said:
    return said("there is a trunk {trunk} already", trunk=key)
