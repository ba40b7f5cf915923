"""The site's list of pause reasons in SQL."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import structlog
from sqlalchemy import select

from dialer.adapters.codec import decode, encode
from dialer.adapters.fitting import fitted
from dialer.adapters.sql.database import Database
from dialer.adapters.sql.insert import insert
from dialer.adapters.sql.tables import site
from dialer.domain.editions import FIRST, follows
from dialer.domain.errors import BadValue
from dialer.domain.pauses import PauseReasons

log = structlog.get_logger()

KEY = "pauses"
UNSET = PauseReasons(edition=FIRST)
BODY = select(site.c.body).where(site.c.id == KEY)


@fitted
class SqlPauses:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._read: tuple[Any, PauseReasons] = (None, UNSET)  # as last read: it is asked for often

    async def get(self) -> PauseReasons:
        row = await self._database.row(BODY)
        body = row["body"] if row else None
        if body != self._read[0]:
            self._read = body, _value(body)
        return self._read[1]

    async def save(self, reasons: PauseReasons) -> PauseReasons:
        async with self._database.write() as connection:
            unset = insert(connection, site).values(id=KEY, body=encode(UNSET))
            await connection.execute(unset.on_conflict_do_nothing())  # of two first ones, one waits
            known = (await connection.execute(BODY.with_for_update())).scalar_one()
            saved = replace(reasons, edition=follows(_value(known), reasons))
            await connection.execute(site.update().where(site.c.id == KEY).values(body=encode(saved)))
        return saved


def _value(body: Any) -> PauseReasons:
    try:
        return UNSET if body is None else decode(PauseReasons, body)
    except BadValue as flaw:
        log.error("the list of pause reasons cannot be read: the default stands in for it", why=str(flaw))
        return UNSET
