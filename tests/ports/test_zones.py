"""Zones of a lead come back as they went in, whatever is kept of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from sqlalchemy import text

from dialer.adapters.sql.database import Database
from dialer.domain.intake import renewed
from dialer.domain.types import CampaignId
from dialer.ports.stores import Stores
from tests.ports.made import AT, entry
from tests.ports.test_intake import revised

EVERYWHERE = tuple(f"Asia/Zone{n}" for n in range(16))
ZONES = (
    (),
    ("Europe/Moscow",),
    EVERYWHERE,
    ("Europe/Moscow", "Asia/Omsk"),
    tuple("я" * 60 + str(n) for n in range(60)),
)


async def test_zones_come_back_in_their_order(stores: Stores, campaign: CampaignId) -> None:
    leads = [replace(entry(n), zones=zones) for n, zones in enumerate((*ZONES, *ZONES))]
    await stores.leads.import_list(campaign, "a.csv", leads, now=AT)
    found = await stores.leads.find(campaign)
    assert [lead.zones for lead in found] == [*ZONES, *ZONES]
    assert await stores.choices.edit(found[2], replace(found[2], zones=ZONES[1]))
    assert await stores.choices.edit(found[3], replace(found[3], zones=("Asia/Tokyo",)))
    change = renewed(found[1], replace(found[1], zones=EVERYWHERE), frozenset({"zones"}))
    told = await revised(stores, campaign, change)
    after = [lead.zones for lead in await stores.leads.find(campaign)]
    assert after[:4] == [(), EVERYWHERE, ("Europe/Moscow",), ("Asia/Tokyo",)]
    await stores.leads.undo_import(told.import_id or 0)
    assert (await stores.leads.find(campaign))[1].zones == ("Europe/Moscow",)


async def test_imports_at_once_give_a_set_one_number(
    stores: Stores, campaign: CampaignId, store_url: str
) -> None:
    sent = (
        stores.leads.import_list(campaign, "a.csv", [replace(entry(n), zones=EVERYWHERE)], now=AT)
        for n in range(8)
    )
    await asyncio.gather(*sent)
    assert {lead.zones for lead in await stores.leads.find(campaign)} == {EVERYWHERE}
    if store_url:
        database = Database(store_url)
        query = text("SELECT count(DISTINCT zone_set) AS sets, count(zone_set) AS coded FROM leads")
        (row,) = await database.rows(query)
        await database.close()
        assert (row["sets"], row["coded"]) == (1, 8)


async def test_a_lead_whose_zones_stand_in_its_row_as_an_older_version_wrote_it_is_read(
    stores: Stores, campaign: CampaignId, store_url: str
) -> None:
    await stores.leads.import_list(campaign, "a.csv", [replace(entry(1), zones=EVERYWHERE)], now=AT)
    if store_url:
        database = Database(store_url)
        async with database.write() as connection:
            await connection.execute(text("UPDATE leads SET zones = '[\"Asia/Omsk\"]', zone_set = NULL"))
        await database.close()
        assert [lead.zones for lead in await stores.leads.find(campaign)] == [("Asia/Omsk",)]
