"""Lists on their way into a campaign, in SQL."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping
from datetime import datetime

from sqlalchemy import select

from dialer.adapters.fitting import fitted
from dialer.adapters.sql import lists, pieces
from dialer.adapters.sql.database import Database
from dialer.adapters.sql.insert import chunks
from dialer.adapters.sql.tables import leads
from dialer.adapters.sql.whole import with_numbers
from dialer.domain.intake import Arrived, Batch
from dialer.domain.lead import Lead
from dialer.domain.types import CampaignId


@fitted
class SqlIntake:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def known(self, campaign: CampaignId, keys: Iterable[str]) -> Mapping[str, Lead]:
        async with self._database.connection() as connection:
            owners = await lists.known(connection, campaign, keys)
            found: dict[int, Lead] = {}
            for some in chunks(sorted(set(owners.values()))):
                rows = (await connection.execute(select(leads).where(leads.c.id.in_(some)))).mappings().all()
                found.update((lead.id, lead) for lead in await with_numbers(connection, rows))
        return {key: found[lead] for key, lead in owners.items() if lead in found}

    async def take(
        self, campaign: CampaignId, file_name: str, batches: AsyncIterable[Batch], *, now: datetime
    ) -> Arrived:
        return await lists.take(self._database, campaign, file_name, batches, now)

    async def finish_left(self) -> None:
        if self._database.is_sqlite:  # elsewhere an import is one transaction
            async with self._database.connection() as connection:
                await pieces.clear_left(self._database, connection, None, pieces.Pace())
