"""Leads one by one: added, looked up, taken out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from dialer.domain.access import Caller, Permission, demand
from dialer.domain.campaign import Campaign
from dialer.domain.dialable import CheckNumber
from dialer.domain.errors import BadField, Forbidden
from dialer.domain.lead import Lead
from dialer.domain.said import said
from dialer.domain.types import CampaignId, CampaignStatus, CellId, LeadId, LeadStatus, PhoneNumber
from dialer.office.cell import tell_later
from dialer.office.lists import ZonesOf
from dialer.ports.between import Desk
from dialer.ports.stores import Stores

SENT = "api"  # what their list is called


@dataclass(frozen=True, slots=True)
class Twin:
    """A lead that was left out: the campaign has its number already, or it came before in the same order."""

    at: int  # which of those that were sent
    number: PhoneNumber


@dataclass(frozen=True, slots=True)
class Added:
    """What became of leads that were sent; `import_id` is None where none was new."""

    import_id: int | None
    added: int
    twins: Sequence[Twin]


async def add(
    campaign: CampaignId,
    leads: Sequence[Lead],
    who: Caller,
    stores: Stores,
    *,
    check_number: CheckNumber,
    zones_of: ZonesOf,
    now: datetime,
) -> Added:
    """All that are new, with the time zones of their first numbers; none if one of them is not acceptable.

    Raises Missing, and BadField for the first extension or number that is not taken: 3/numbers/0.
    """
    demand(who, Permission.CHANGE_LEADS)
    await _check(await stores.campaigns.get(campaign), leads, stores, check_number)
    known = await stores.leads.known_numbers(campaign, {key for lead in leads for key in lead.keys})
    fresh: list[Lead] = []
    twins: list[Twin] = []
    for at, lead in enumerate(leads):
        if taken := [number for number, key in zip(lead.numbers, lead.keys, strict=True) if key in known]:
            twins.append(Twin(at, taken[0]))
            continue
        known |= set(lead.keys)
        fresh.append(replace(lead, zones=tuple(zones_of(lead.numbers[0]))))
    if not fresh:
        return Added(None, 0, twins)
    import_id, added = await stores.leads.import_list(campaign, SENT, fresh, now=now)
    return Added(import_id, added, twins)


async def one(lead: LeadId, who: Caller, stores: Stores) -> Lead:
    """One lead and where it stands."""
    demand(who, Permission.SEE_LEADS)
    return await stores.leads.get(lead)


async def exclude(lead: LeadId, who: Caller, desk: Desk | None, stores: Stores) -> Lead:
    """Never dialled again in its campaign; a call in flight goes on."""
    demand(who, Permission.CHANGE_LEADS)
    excluded = await stores.leads.exclude(lead)
    campaign = await stores.campaigns.get(excluded.campaign)
    if campaign.status is CampaignStatus.RUNNING:
        await tell_later(who, desk, "reload", f"campaign:{campaign.id}")
    return excluded


async def count(campaign: CampaignId, who: Caller, stores: Stores, *, now: datetime) -> Mapping[str, int]:
    """How many stand where; `retry` is split into due and later."""
    demand(who, Permission.SEE_CAMPAIGNS)
    await stores.campaigns.get(campaign)
    return await stores.leads.count(campaign, now)


async def of_status(
    campaign: CampaignId, status: LeadStatus, who: Caller, stores: Stores, *, after: int = 0, limit: int
) -> Sequence[Lead]:
    """A page of those that stand so, in the order of their ids."""
    demand(who, Permission.SEE_LEADS)
    return await stores.leads.find(campaign, status=status, after=after, limit=limit)


async def held_back(cell: CellId, who: Caller, stores: Stores) -> int:
    """How many of a cell nobody dials, because a damaged journal may have dialled them already."""
    demand(who, Permission.SEE_CAMPAIGNS)
    return (await stores.leases.held_back()).get(cell, 0)


async def decide(cell: CellId, who: Caller, stores: Stores, *, dial: bool) -> int:
    """Those that are held back are dialled as if they never were, or taken out; how many it was."""
    demand(who, Permission.CHANGE_LEADS)
    return await stores.leases.decide(cell, dial=dial)


async def _check(
    campaign: Campaign, leads: Sequence[Lead], stores: Stores, check_number: CheckNumber
) -> None:
    trunks = [trunk for trunk in await stores.trunks.all() if trunk.id in campaign.trunks]
    for at, lead in enumerate(leads):
        if strange := lead.extensions.keys() - set(lead.numbers):
            why = said("{number} is not among its numbers", number=min(strange))
            raise BadField(f"{at}/extensions", why)
        for place, number in enumerate(lead.numbers):
            try:
                check_number(number, trunks, campaign.country)
            except Forbidden as closed:
                raise BadField(f"{at}/numbers/{place}", closed.sentence) from None
