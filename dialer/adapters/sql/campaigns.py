"""Campaigns in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import RowMapping, insert, select, update

from dialer.adapters.codec import decode, encode
from dialer.adapters.fitting import fitted, is_id
from dialer.adapters.sql.database import Database
from dialer.adapters.sql.rows import BEFORE
from dialer.adapters.sql.tables import campaigns
from dialer.adapters.sql.troubles import Twin
from dialer.domain.campaign import Campaign
from dialer.domain.editions import FIRST, follows
from dialer.domain.errors import BadValue, Conflict, Missing
from dialer.domain.said import said
from dialer.domain.types import CampaignId, CampaignStatus


@fitted
class SqlCampaigns:
    def __init__(self, database: Database) -> None:
        self._database = database
        self.unread: dict[str, str] = {}  # rows that the last `all` left out, and why
        self._read: dict[int, tuple[Any, Campaign]] = {}  # rows and values as last read: asked for often

    async def add(self, campaign: Campaign) -> Campaign:
        made = replace(campaign, edition=FIRST)
        try:
            async with self._database.write() as connection:
                query = insert(campaigns).values(_columns(made)).returning(campaigns.c.id)
                return replace(made, id=CampaignId((await connection.execute(query)).scalar_one()))
        except Twin:
            raise _twin(campaign) from None

    async def save(self, campaign: Campaign) -> Campaign:
        if not is_id(campaign.id):
            raise _missing(campaign.id)
        its = campaigns.c.id == campaign.id
        try:
            async with self._database.write() as connection:
                its_row = await connection.execute(select(campaigns).where(its).with_for_update())
                row = its_row.mappings().first()
                if row is None:
                    raise _missing(campaign.id)
                known = _campaign(row)
                new = replace(campaign, status=known.status)  # a start or stop at this moment is not undone
                saved = replace(new, edition=follows(known, new))
                await connection.execute(update(campaigns).where(its).values(_columns(saved)))
        except Twin:
            raise _twin(campaign) from None
        return saved

    async def set_status(self, campaign: CampaignId, status: CampaignStatus) -> None:
        if not is_id(campaign):
            raise _missing(campaign)
        async with self._database.write() as connection:
            query = update(campaigns).where(campaigns.c.id == campaign).values(status=status.value)
            if not (await connection.execute(query)).rowcount:
                raise _missing(campaign)

    async def get(self, campaign: CampaignId) -> Campaign:
        row = None
        if is_id(campaign):
            row = await self._database.row(select(campaigns).where(campaigns.c.id == campaign))
        if row is None:
            raise _missing(campaign)
        return _campaign(row)

    async def by_name(self, name: str) -> Campaign | None:
        row = await self._database.row(select(campaigns).where(campaigns.c.name == name))
        return _campaign(row) if row else None

    async def all(self) -> Sequence[Campaign]:
        read: dict[int, tuple[Any, Campaign]] = {}
        unread: dict[str, str] = {}
        for row in await self._database.rows(select(campaigns).order_by(campaigns.c.id)):
            known = self._read.get(row["id"])
            try:
                same = known is not None and known[0] == row
                read[row["id"]] = known if known and same else (row, _campaign(row))
            except BadValue as flaw:
                unread[f"campaign {row['id']}"] = str(flaw)
        self._read, self.unread = read, unread
        return [campaign for _, campaign in read.values()]


def _columns(campaign: Campaign) -> dict[str, Any]:
    body = encode(campaign)
    del body["id"], body["status"], body["name"]
    return {"name": campaign.name, "status": campaign.status.value, "body": body}


def _campaign(row: RowMapping) -> Campaign:
    body = row["body"]
    if not isinstance(body, dict):
        raise BadValue(said("the settings of campaign {campaign} cannot be read", campaign=row["id"]))
    return decode(Campaign, {**BEFORE, **body, "id": row["id"], "name": row["name"], "status": row["status"]})


def _missing(campaign: CampaignId) -> Missing:
    return Missing(said("there is no campaign {campaign}", campaign=campaign))


def _twin(campaign: Campaign) -> Conflict:
    return Conflict(said("there is a campaign named {name!r} already", name=campaign.name))
