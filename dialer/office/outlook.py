"""Who of a list can be called, when, and why not before: of a campaign's leads, and of a file's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from dialer.domain.access import Caller, Permission, demand
from dialer.domain.campaign import Campaign
from dialer.domain.choice import Choice
from dialer.domain.dialable import CheckNumber
from dialer.domain.explain import WORKED, Standing
from dialer.domain.lead import Lead
from dialer.domain.outlook import Gates, ListOutlook, Tally, When, Why
from dialer.domain.schedule import HolidayOf, ZoneOf, no_holidays
from dialer.domain.types import CampaignId, LeadId, LeadStatus
from dialer.ports.stores import Stores

MOST = 5_000  # leads that are looked at: those of a longer list in stretches, spread over all of it
STRETCH = 200  # leads read at once
AT_ONCE = 40  # gates of so many leads are asked without a pause: some milliseconds of the loop
FARTHEST = 2**40  # beyond the id of any lead


@dataclass(frozen=True, slots=True)
class Means:
    """What the gates need from outside."""

    check_number: CheckNumber
    zone_of: ZoneOf
    zone: tzinfo  # of the office: by whose clock a day begins
    holiday_of: HolidayOf = no_holidays


async def of_campaign(
    campaign: CampaignId, who: Caller, stores: Stores, *, means: Means, now: datetime
) -> ListOutlook:
    """The campaign's leads as if it were running; raises Missing."""
    demand(who, Permission.SEE_CAMPAIGNS)
    known = await stores.campaigns.get(campaign)
    counts = await stores.leads.count(campaign, now)
    tally = Tally(now, means.zone)
    tally.add_all(When.NEVER, Why.WORKED, sum(counts.get(one, 0) for one in WORKED))
    tally.add_all(When.NEVER, Why.PAUSED, counts.get(Standing.PAUSED, 0))
    tally.add_all(When.NOW, Why.IN_WORK, counts.get(Standing.LEASED, 0))
    gates = await _gates(known, stores, means)
    waiting = {
        LeadStatus.NEW: counts.get(Standing.NEW, 0),
        LeadStatus.RETRY: counts.get(Standing.RETRY_DUE, 0) + counts.get(Standing.RETRY_LATER, 0),
    }
    every = sum(waiting.values())
    for status, leads in waiting.items():
        part = Tally(now, means.zone)
        stretches = 0 if every <= MOST else -(-MOST * leads // every // STRETCH)
        async for page in _pages(Choice(campaign, statuses=frozenset({status})), stretches, stores):
            awake = [lead for lead in page if lead.import_id not in known.paused_lists]
            await _look(gates, awake, part, stores, now=now)
        tally.join(part, leads)
    return tally.told(is_estimate=tally.looked_at < every)


async def of_leads(
    campaign: Campaign,
    leads: Sequence[Lead],
    stores: Stores,
    *,
    means: Means,
    now: datetime,
    count: int | None = None,
) -> ListOutlook:
    """Leads of a file, as new ones of the campaign; `count`: of so many leads these are some."""
    every = len(leads) if count is None else count
    leads = leads[:: max(1, -(-len(leads) // MOST))]
    gates = await _gates(campaign, stores, means)
    part, tally = Tally(now, means.zone), Tally(now, means.zone)
    await _look(gates, leads, part, stores, now=now)
    tally.join(part, every)
    return tally.told(is_estimate=len(leads) < every)


async def _gates(campaign: Campaign, stores: Stores, means: Means) -> Gates:
    known = {trunk.id: trunk for trunk in await stores.trunks.all()}
    trunks = [known[name] for name in campaign.trunks if name in known]
    return Gates(campaign, trunks, means.zone_of, means.check_number, means.holiday_of)


async def _look(gates: Gates, leads: Sequence[Lead], tally: Tally, stores: Stores, *, now: datetime) -> None:
    """A few at a time: while the database is asked of their numbers, others have their turn."""
    for at in range(0, len(leads), AT_ONCE):
        some = leads[at : at + AT_ONCE]
        numbers = {number for lead in some for number in lead.numbers}
        known = await stores.numbers.history(numbers, gates.campaign.id)
        for lead in some:
            tally.add(gates.foresee(lead, known, now))


async def _pages(choice: Choice, stretches: int, stores: Stores) -> AsyncIterator[Sequence[Lead]]:
    """All that are chosen, or so many stretches of them, evenly spread over their ids."""
    first = await stores.choices.chosen(choice, limit=1)
    if not first:
        return
    low, after = first[0].id, 0
    high = await _last(choice, low, stores) if stretches else low
    turn = 0
    while turn < (stretches or turn + 1):
        page = await stores.choices.chosen(choice, after=after, limit=STRETCH)
        if page:
            yield page
        if len(page) < STRETCH:
            return
        turn += 1
        after = max(page[-1].id, low + (high - low) * turn // stretches - 1 if stretches else 0)


async def _last(choice: Choice, low: LeadId, stores: Stores) -> int:
    """About where the last of them is: its id lies within a stretch behind it."""
    found, beyond = int(low), FARTHEST
    while beyond - found > STRETCH:
        middle = (found + beyond) // 2
        page = await stores.choices.chosen(choice, after=middle, limit=1)
        found, beyond = (page[0].id, beyond) if page else (found, middle)
    return found
