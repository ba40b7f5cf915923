"""Campaigns copied and archived, one list of a campaign paused: by whom, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from dialer.domain.access import Caller
from dialer.domain.errors import BadField, Conflict, Forbidden, Missing, Stale
from dialer.domain.lead import Lead
from dialer.domain.types import CampaignId, CampaignStatus, LeadId, Mode, PhoneNumber
from dialer.office import campaigns, copies, lists, pauses
from dialer.ports.stores import Stores
from tests.parts.office.conftest import ANNA, BOSS, NOBODY, WALL, Cell

SPRING = CampaignId(1)
NOW = datetime(2026, 2, 3, 9, 0, tzinfo=UTC)


def people(count: int, first: int = 1) -> list[Lead]:
    return [Lead(LeadId(0), SPRING, (PhoneNumber(f"+7916{n:07}"),)) for n in range(first, first + count)]


@pytest.mark.parametrize("who", [NOBODY, WALL, ANNA], ids=lambda who: who.user)
async def test_who_may_not_change_campaigns_copies_archives_and_pauses_none(
    stores: Stores, cell: Cell, who: Caller
) -> None:
    await stores.leads.import_list(SPRING, "a.csv", people(1), now=NOW)
    for refused in (
        copies.copy(SPRING, "autumn", who, stores),
        copies.archive(SPRING, who, cell, stores),
        copies.unarchive(SPRING, who, cell, stores),
        pauses.pause(1, who, cell, stores),
        pauses.resume(1, who, cell, stores),
    ):
        with pytest.raises(Forbidden, match="needs the role supervisor"):
            await refused
    with pytest.raises(Forbidden):
        await pauses.listed(SPRING, NOBODY, stores)
    for nobodys in (NOBODY, WALL):
        with pytest.raises(Forbidden):
            await lists.why(LeadId(1), nobodys, cell)
    assert (len(await stores.campaigns.all()), cell.told) == (1, [])


async def test_a_copy_has_all_the_settings_and_neither_leads_nor_operators(stores: Stores) -> None:
    await stores.leads.import_list(SPRING, "a.csv", people(2), now=NOW)
    row = await stores.campaigns.get(SPRING)
    dressed = replace(
        row, mode=Mode.POWER, message="sorry", holidays="RU", paused_lists=frozenset({1}), cap=3
    )
    source = await stores.campaigns.save(dressed)
    await stores.campaigns.set_status(SPRING, CampaignStatus.RUNNING)
    made = await copies.copy(SPRING, "autumn", BOSS, stores)
    bare: dict[str, Any] = {"operators": frozenset(), "paused_lists": frozenset()}
    assert made == replace(source, id=made.id, name="autumn", status=CampaignStatus.DRAFT, **bare)
    assert (made.edition.version, sum((await stores.leads.count(made.id, NOW)).values())) == (1, 0)
    crewed = await copies.copy(SPRING, "winter", BOSS, stores, with_operators=True)
    assert crewed.operators == row.operators
    with pytest.raises(Conflict, match="'autumn' already"):
        await copies.copy(SPRING, "autumn", BOSS, stores)
    with pytest.raises(BadField):
        await copies.copy(SPRING, "", BOSS, stores)
    with pytest.raises(Missing):
        await copies.copy(CampaignId(99), "x", BOSS, stores)


async def test_an_archived_campaign_keeps_its_leads_and_is_not_started(stores: Stores, cell: Cell) -> None:
    await stores.leads.import_list(SPRING, "a.csv", people(2), now=NOW)
    row = await stores.campaigns.get(SPRING)
    await stores.campaigns.save(replace(row, message="sorry"))
    told = await copies.archive(SPRING, BOSS, cell, stores, version=2)
    assert (told.campaign.archived, told.campaign.edition.version) == (True, 3)
    with pytest.raises(Conflict, match="unarchive"):
        await campaigns.start(SPRING, BOSS, cell, stores, lab=False)
    with pytest.raises(Stale) as flaw:
        await copies.unarchive(SPRING, BOSS, cell, stores, version=2)
    assert flaw.value.fields == {"archived": True}
    assert sum((await stores.leads.count(SPRING, NOW)).values()) == 2
    assert not (await copies.unarchive(SPRING, BOSS, cell, stores)).campaign.archived
    assert (await campaigns.start(SPRING, BOSS, cell, stores, lab=False)).campaign.status == "running"
    with pytest.raises(Conflict, match="stop it first"):
        await copies.archive(SPRING, BOSS, cell, stores)
    await campaigns.pause(SPRING, BOSS, cell, stores)
    with pytest.raises(Conflict, match="stop it first"):
        await copies.archive(SPRING, BOSS, cell, stores)


async def test_a_list_is_paused_in_its_campaign_and_the_cell_is_told(stores: Stores, cell: Cell) -> None:
    await stores.leads.import_list(SPRING, "a.csv", people(2), now=NOW)
    await stores.leads.import_list(SPRING, "b.csv", people(3, 10), now=NOW)
    await stores.campaigns.set_status(SPRING, CampaignStatus.RUNNING)
    told = await pauses.pause(1, BOSS, cell, stores)
    assert (told.campaign, told.paused, told.waiting, cell.told) == (SPRING, True, 2, ["reload campaign:1"])
    assert [
        (row["id"], row["paused"], row["waiting"]) for row in await pauses.listed(SPRING, WALL, stores)
    ] == [
        (1, True, 2),
        (2, False, None),
    ]
    version = (await stores.campaigns.get(SPRING)).edition.version
    assert await pauses.pause(1, BOSS, cell, stores) == told  # once more: nothing to do, nobody to tell
    assert ((await stores.campaigns.get(SPRING)).edition.version, len(cell.told)) == (version, 1)
    told = await pauses.resume(1, BOSS, cell, stores)
    assert (told.paused, told.waiting) == (False, 0)
    with pytest.raises(Missing, match="no import 99"):
        await pauses.pause(99, BOSS, cell, stores)
