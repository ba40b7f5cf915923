"""Lists of a campaign, one for each import: which there are, and pausing one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dialer.domain.access import Caller, Permission, demand
from dialer.domain.campaign import Campaign
from dialer.domain.errors import Conflict
from dialer.domain.said import said
from dialer.domain.types import CampaignId
from dialer.office.campaigns import save
from dialer.office.cell import Pushed
from dialer.ports.between import Desk
from dialer.ports.stores import Stores

MOST_PAUSED = 1000  # lists of one campaign: a lease steps over each


@dataclass(frozen=True, slots=True)
class ListSet:
    """A list as it stands now, and whether the cell that dials it knows."""

    import_id: int
    campaign: CampaignId
    paused: bool
    waiting: int  # leads that would be called if it were not paused
    pushed: Pushed


async def listed(campaign: CampaignId, who: Caller, stores: Stores) -> Sequence[Mapping[str, Any]]:
    """Every import that was not undone; of a paused one, how many of its leads wait."""
    demand(who, Permission.SEE_CAMPAIGNS)
    paused = (await stores.campaigns.get(campaign)).paused_lists
    waiting = await stores.leads.paused(campaign) if paused else {}
    return [
        {**row, "paused": row["id"] in paused, "waiting": waiting.get(row["id"])}
        for row in await stores.leads.imports(campaign)
    ]


async def pause(import_id: int, who: Caller, desk: Desk | None, stores: Stores) -> ListSet:
    """Its leads are not called until it is resumed; calls under way go on, what is at hand goes back."""
    return await _set(import_id, who, desk, stores, paused=True)


async def resume(import_id: int, who: Caller, desk: Desk | None, stores: Stores) -> ListSet:
    """Its leads take their places again."""
    return await _set(import_id, who, desk, stores, paused=False)


async def _set(import_id: int, who: Caller, desk: Desk | None, stores: Stores, *, paused: bool) -> ListSet:
    demand(who, Permission.RUN_CAMPAIGNS)
    campaign = CampaignId((await stores.leads.find_import(import_id))["campaign"])

    async def changed(row: Campaign) -> Campaign:
        lists = row.paused_lists | {import_id} if paused else row.paused_lists - {import_id}
        if len(lists) > MOST_PAUSED:
            raise Conflict(said("{most} lists are paused already: pause the campaign", most=MOST_PAUSED))
        return replace(row, paused_lists=lists)

    known, pushed = await stores.campaigns.get(campaign), Pushed()
    if (import_id in known.paused_lists) is not paused:
        pushed = (await save(campaign, changed, who, desk, stores)).pushed
    waiting = (await stores.leads.paused(campaign)).get(import_id, 0)
    return ListSet(import_id, campaign, paused, waiting, pushed)
