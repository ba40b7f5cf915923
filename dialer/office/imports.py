"""Imports of lists: read for a campaign, previewed, taken, taken back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from dialer.domain.access import Caller, Permission, demand
from dialer.domain.campaign import Campaign
from dialer.domain.columns import Columns, ReadOptions
from dialer.domain.intake import Batch, Counts, Known, Preview, Revision, Way, settled
from dialer.domain.lead import Lead
from dialer.domain.listing import Entry, Flaw, Kind, Reading
from dialer.domain.outlook import ListOutlook, Thinned
from dialer.domain.said import listed, said
from dialer.domain.trunk import Trunk
from dialer.domain.types import CampaignId
from dialer.office.outlook import MOST, Means, of_leads
from dialer.ports.stores import Stores


class Source(Protocol):
    """A list that was opened; it is read elsewhere, a part at a time."""

    @property
    def columns(self) -> Columns: ...
    @property
    def reading(self) -> Reading: ...
    def preview(self) -> Preview: ...
    def entries(self) -> AsyncIterator[Sequence[Entry]]:
        """Every row once, in its order; no number of an earlier row."""


# what the campaign and its trunks may dial is what is taken; raises BadValue when it is no list
OpenList = Callable[[Campaign, Sequence[Trunk], ReadOptions], Awaitable[Source]]


@dataclass(frozen=True, slots=True)
class Order:
    """Which list comes into which campaign, and how."""

    campaign: CampaignId
    file_name: str  # for people
    options: ReadOptions = field(default_factory=ReadOptions)
    known: Known = Known.SKIP
    dry_run: bool = False


def _nothing(_: object) -> None:
    """Nobody is told."""


@dataclass(frozen=True, slots=True)
class Told:
    """Who hears of it while it goes on."""

    preview: Callable[[Preview], object] = _nothing
    flaws: Callable[[Sequence[Flaw]], object] = _nothing
    counts: Callable[[Counts], object] = _nothing


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a list; `import_id` is None where nothing was taken, as in a dry run."""

    import_id: int | None
    counts: Counts
    preview: Preview
    outlook: ListOutlook  # of its new leads


async def take(
    order: Order,
    open_list: OpenList,
    who: Caller,
    stores: Stores,
    *,
    means: Means,
    now: datetime,
    told: Told | None = None,
) -> Imported:
    """All of its good rows, or nothing. Raises BadValue when it cannot be read, Missing, Forbidden."""
    demand(who, Permission.CHANGE_LEADS)
    hears, counts = told or Told(), Counts()
    campaign = await stores.campaigns.get(order.campaign)
    trunks = [trunk for trunk in await stores.trunks.all() if trunk.id in campaign.trunks]
    source = await open_list(campaign, trunks, order.options)
    way = Way(source.columns, source.reading, order.known, one_zone=bool(order.options.zone))
    preview = await _preview(source.preview(), order.campaign, way, stores)
    hears.preview(preview)
    some = Thinned[Lead](MOST)
    batches = _batches(source, order.campaign, way, stores, counts=counts, hears=hears, some=some)
    import_id = None
    if order.dry_run:
        async for _ in batches:
            pass
    else:
        arrived = await stores.intake.take(order.campaign, order.file_name, batches, now=now)
        import_id, twins = (
            arrived.import_id,
            counts.leads - arrived.leads,
        )  # brought by another import meanwhile
        counts.leads, counts.duplicates = counts.leads - twins, counts.duplicates + twins
    outlook = await of_leads(campaign, some.kept, stores, means=means, now=now, count=counts.leads)
    return Imported(import_id, counts, preview, outlook)


async def undo(import_id: int, who: Caller, stores: Stores) -> int:
    """Take back what it brought; gives how many leads are gone. Conflict where one of them was dialled."""
    demand(who, Permission.CHANGE_LEADS)
    return await stores.leads.undo_import(import_id)


async def _batches(
    source: Source,
    campaign: CampaignId,
    way: Way,
    stores: Stores,
    *,
    counts: Counts,
    hears: Told,
    some: Thinned[Lead],
) -> AsyncIterator[Batch]:
    async for entries in source.entries():
        there = await _there(entries, campaign, way, stores)
        new: list[Lead] = []
        revisions: list[Revision] = []
        for each in entries:
            entry, revision = settled(each, there, way)
            counts.add(entry, updates=revision is not None)
            if entry[2]:
                hears.flaws(entry[2])
            if revision is not None:
                revisions.append(revision)
            elif entry[1] is not None:
                new.append(entry[1])
        hears.counts(counts)
        yield Batch(list(some.watch(new)), revisions)


async def _there(
    entries: Sequence[Entry], campaign: CampaignId, way: Way, stores: Stores
) -> Mapping[str, Lead | None]:
    """Asked for the numbers of these rows alone, however many the campaign has."""
    keys = {key for _, lead, _ in entries if lead for key in lead.keys}
    if way.known is Known.SKIP:
        return dict.fromkeys(await stores.leads.known_numbers(campaign, keys))
    return await stores.intake.known(campaign, keys)


async def _preview(preview: Preview, campaign: CampaignId, way: Way, stores: Stores) -> Preview:
    there = await _there(preview.rows, campaign, way, stores)
    rows: list[Entry] = []
    for each in preview.rows:
        entry, revision = settled(each, there, way)
        if revision is not None and each[1] is not None:
            what = said("changes lead {lead}: {fields}", lead=revision.lead, fields=listed(revision.after))
            flaw = Flaw(each[0].line, "", each[1].number, what, Kind.UPDATED)
            entry = (each[0], each[1], [*entry[2], flaw])
        rows.append(entry)
    return replace(preview, rows=rows)
