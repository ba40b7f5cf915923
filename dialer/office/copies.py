"""Campaigns as patterns and as memories: copied, put into the archive, brought back."""

from __future__ import annotations

from dataclasses import replace

from dialer.domain import bounds
from dialer.domain.access import Caller, Permission, demand
from dialer.domain.campaign import Campaign
from dialer.domain.editions import UNKEPT
from dialer.domain.errors import Conflict
from dialer.domain.said import said
from dialer.domain.types import CampaignId, CampaignStatus
from dialer.office.campaigns import Saved, save
from dialer.ports.between import Desk
from dialer.ports.stores import Stores


async def copy(
    source: CampaignId, name: str, who: Caller, stores: Stores, *, with_operators: bool = False
) -> Campaign:
    """A draft with the same settings, rules and message; without leads, and without operators unless asked.

    Its do-not-call entries are its own: none.
    """
    demand(who, Permission.CHANGE_CAMPAIGNS)
    bounds.check({"name": name}, bounds.CAMPAIGN)
    row = await stores.campaigns.get(source)
    draft = replace(
        row,
        id=CampaignId(0),
        name=name,
        status=CampaignStatus.DRAFT,
        operators=row.operators if with_operators else frozenset(),
        paused_lists=frozenset(),
        archived=False,
        edition=UNKEPT,
    )
    return await stores.campaigns.add(draft)


async def archive(
    campaign: CampaignId, who: Caller, desk: Desk | None, stores: Stores, *, version: int | None = None
) -> Saved:
    """Not listed any more unless asked for, and not started; its leads and records stay.

    Conflict while it runs or is paused: stop it first. With the version that was seen: Stale where somebody
    has changed it since.
    """
    return await _put(campaign, who, desk, stores, archived=True, version=version)


async def unarchive(
    campaign: CampaignId, who: Caller, desk: Desk | None, stores: Stores, *, version: int | None = None
) -> Saved:
    """As it was; it does not start by itself."""
    return await _put(campaign, who, desk, stores, archived=False, version=version)


async def _put(
    campaign: CampaignId,
    who: Caller,
    desk: Desk | None,
    stores: Stores,
    *,
    archived: bool,
    version: int | None,
) -> Saved:
    demand(who, Permission.CHANGE_CAMPAIGNS)

    async def put(row: Campaign) -> Campaign:
        if archived and row.status in (CampaignStatus.RUNNING, CampaignStatus.PAUSED):
            raise Conflict(
                said("campaign {name!r} is at work: stop it first, `dialer campaign stop`", name=row.name)
            )
        return replace(row, archived=archived)

    return await save(campaign, put, who, desk, stores, version=version)
