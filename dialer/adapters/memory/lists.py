"""Leads in dictionaries: leases, imports and their undoing."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from heapq import heappop, heappush, nsmallest
from typing import Any

from dialer.adapters.fitting import fitted
from dialer.adapters.memory.cells import MemoryCells
from dialer.adapters.memory.people import MemoryCampaigns
from dialer.domain.choice import Choice, answers
from dialer.domain.errors import Conflict, Missing
from dialer.domain.intake import Arrived, Batch, Revision, turned
from dialer.domain.lead import Lead, LeadUpdate, fresh, landed
from dialer.domain.listwork import Change
from dialer.domain.said import said
from dialer.domain.types import CampaignId, CellId, LeadId, LeadStatus, PhoneNumber

NEVER_AT, EVER_AT = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)
Order = tuple[bool, int, datetime, int]
WAITING = (LeadStatus.NEW, LeadStatus.RETRY)
COUNTED = (
    *(status.value for status in LeadStatus if status != LeadStatus.RETRY),
    "retry_due",
    "retry_later",
    "paused",
)


@dataclass(frozen=True, slots=True)
class Lease:
    cell: CellId
    until_at: datetime | None  # None: until a person decides

    def is_over(self, now: datetime) -> bool:
        return self.until_at is not None and self.until_at < now


class _Queue:
    """A campaign's leads in the order in which they are leased.

    An entry that is no longer the lead as it is kept was overtaken, and is dropped when it comes up.
    """

    def __init__(self) -> None:
        self._due: list[tuple[Order, int, Lead]] = []
        self._later: list[tuple[datetime, int, Lead]] = []
        self._last = 0

    def add(self, lead: Lead) -> None:
        at = EVER_AT if lead.status is LeadStatus.NEW else lead.next_at
        if at is not None:
            self._last += 1  # leads themselves have no order
            heappush(self._later, (at, self._last, lead))

    def due(self, n: int, now: datetime, rows: Mapping[LeadId, Lead], paused: Collection[int]) -> list[Lead]:
        """Takes up to n out, best first; those of paused lists stay."""
        while self._later and self._later[0][0] <= now:
            _, number, lead = heappop(self._later)
            heappush(self._due, (_order(lead), number, lead))
        found: list[Lead] = []
        aside: list[tuple[Order, int, Lead]] = []
        while self._due and len(found) < n:
            entry = heappop(self._due)
            lead = entry[2]
            if rows.get(lead.id) is not lead:
                continue
            if lead.import_id in paused:
                aside.append(entry)
            else:
                found.append(lead)
        for entry in aside:
            heappush(self._due, entry)
        return found


@fitted
class MemoryLeads:
    def __init__(self, campaigns: MemoryCampaigns, cells: MemoryCells) -> None:
        self._campaigns = campaigns
        self._cells = cells
        self._rows: dict[LeadId, Lead] = {}
        self._queues: dict[CampaignId, _Queue] = {}
        self._leases: dict[LeadId, Lease] = {}
        self._imports: dict[int, dict[str, Any]] = {}
        self._revisions: dict[int, Sequence[Revision]] = {}
        self._last = 0
        self._last_import = 0

    async def lease(
        self, campaign: CampaignId, n: int, *, cell: CellId, now: datetime, until_at: datetime
    ) -> Sequence[Lead]:
        queue = self._queues.get(campaign)
        if queue is None:
            return []
        taken = []
        for lead in queue.due(n, now, self._rows, await self._paused(campaign)):
            self._leases[lead.id] = Lease(cell, until_at)
            taken.append(self._put(replace(lead, status=LeadStatus.LEASED)))
        return taken

    async def give_back(
        self, leads: Iterable[LeadId], *, cell: CellId, not_before_at: datetime | None = None
    ) -> None:
        self._free(self._of(cell, leads), not_before_at)

    async def renew(self, leads: Iterable[LeadId], *, cell: CellId, until_at: datetime) -> set[LeadId]:
        its = self._of(cell, leads)
        for lead in its:
            self._leases[lead] = replace(self._leases[lead], until_at=until_at)
        return set(its)

    async def release_cell(self, cell: CellId, *, but: Iterable[LeadId]) -> int:
        kept = set(but)
        return self._free(
            [
                lead
                for lead, held in self._leases.items()
                if held.cell == cell and lead not in kept and held.until_at is not None
            ]
        )

    async def hold_back(self, cell: CellId, *, but: Iterable[LeadId]) -> int:
        kept = set(but)
        its = [(lead, held) for lead, held in self._leases.items() if held.cell == cell]
        unsure = [lead for lead, held in its if lead not in kept and held.until_at is not None]
        self._leases.update((lead, Lease(cell, None)) for lead in unsure)
        return len(unsure)

    async def held_back(self) -> Mapping[CellId, int]:
        return dict(Counter(held.cell for held in self._leases.values() if held.until_at is None))

    async def decide(self, cell: CellId, *, dial: bool) -> int:
        its = [lead for lead, held in self._leases.items() if held == Lease(cell, None)]
        if dial:
            return self._free(its)
        for lead in its:
            await self.exclude(lead)
        return len(its)

    async def reclaim(self, cell: CellId, *, but: Iterable[LeadId], now: datetime) -> int:
        kept = set(but)
        its = [(lead, held) for lead, held in self._leases.items() if held.cell == cell]
        return self._free([lead for lead, held in its if held.is_over(now) and lead not in kept])

    async def release_run_out(self, now: datetime, *, gone_s: float) -> int:
        ours = [(lead, held) for lead, held in self._leases.items() if held.until_at is not None]
        return self._free(
            [lead for lead, held in ours if self._cells.is_gone(held.cell, gone_s, held.is_over(now))]
        )

    async def get(self, lead: LeadId) -> Lead:
        if lead not in self._rows:
            raise Missing(said("there is no lead {lead}", lead=lead))
        return self._rows[lead]

    async def find(
        self,
        campaign: CampaignId,
        *,
        status: LeadStatus | None = None,
        number: str = "",
        after: int = 0,
        limit: int = 100,
    ) -> Sequence[Lead]:
        found = (
            lead
            for lead in self.of(campaign)
            if lead.id > after
            and status in (None, lead.status)
            and any(each.startswith(number) for each in lead.numbers)
        )
        return nsmallest(limit, found, key=lambda lead: lead.id)

    async def count(self, campaign: CampaignId, now: datetime) -> Mapping[str, int]:
        counted = Counter(dict.fromkeys(COUNTED, 0))
        paused = await self._paused(campaign)
        for lead in self.of(campaign):
            key = lead.status.value
            if lead.import_id in paused and lead.status in WAITING:
                key = "paused"
            elif lead.status is LeadStatus.RETRY:
                key = "retry_due" if _is_due(lead, now) else "retry_later"
            counted[key] += 1
        return dict(counted)

    async def next_due_at(self, campaign: CampaignId, now: datetime) -> datetime | None:
        paused = await self._paused(campaign)
        its = (lead for lead in self.of(campaign) if lead.import_id not in paused)
        waiting = [lead for lead in its if lead.status in WAITING]
        return min((max(lead.next_at or now, now) for lead in waiting), default=None)

    async def numbers_of(self, campaign: CampaignId) -> set[str]:
        return {key for lead in self.of(campaign) for key in lead.keys}

    async def known_numbers(self, campaign: CampaignId, numbers: Iterable[str]) -> set[str]:
        return await self.numbers_of(campaign) & set(numbers)

    async def import_list(
        self, campaign: CampaignId, file_name: str, leads: Iterable[Lead], *, now: datetime
    ) -> tuple[int, int]:
        await self._campaigns.get(campaign)
        ready = [fresh(lead, campaign) for lead in leads]  # errors come before any change
        return await self._enter(campaign, file_name, ready, now)

    async def finish_left(self) -> None:
        """Nothing is ever cut off here."""

    async def take(
        self, campaign: CampaignId, file_name: str, batches: AsyncIterable[Batch], *, now: datetime
    ) -> Arrived:
        await self._campaigns.get(campaign)
        new: list[Lead] = []
        revisions: list[Revision] = []
        async for batch in batches:
            new += [fresh(lead, campaign) for lead in batch.new]
            revisions += batch.revisions
        if not new and not revisions:
            return Arrived()
        import_id, count = await self._enter(campaign, file_name, new, now)
        self._revisions[import_id] = revisions
        for one in revisions:
            self._turn(one)
        return Arrived(import_id, count, len(revisions))

    async def known(self, campaign: CampaignId, keys: Iterable[str]) -> Mapping[str, Lead]:
        asked = set(keys)
        return {key: lead for lead in self.of(campaign) for key in lead.keys if key in asked}

    async def _enter(
        self, campaign: CampaignId, file_name: str, leads: Sequence[Lead], now: datetime
    ) -> tuple[int, int]:
        ready = list(_once(leads, await self.numbers_of(campaign)))
        self._last_import += 1
        entry = {"id": self._last_import, "file_name": file_name, "at": now, "leads": len(ready)}
        self._imports[self._last_import] = {**entry, "campaign": campaign}
        for lead in ready:
            self._last += 1
            self._put(replace(lead, id=LeadId(self._last), import_id=self._last_import))
        return self._last_import, len(ready)

    def _turn(self, one: Revision, *, back: bool = False) -> None:
        lead = self._rows.get(one.lead)
        if lead is None:
            return
        others = {key for each in self.of(lead.campaign) if each.id != lead.id for key in each.keys}
        after = turned(lead, one, back=back, taken=frozenset(others))
        if after != lead:
            self._put(after)

    async def undo_import(self, import_id: int) -> int:
        if import_id not in self._imports:
            raise Missing(said("there is no import {import_id}", import_id=import_id))
        its = [lead for lead in self._rows.values() if lead.import_id == import_id]
        if any(lead.attempts for lead in its):
            raise Conflict(
                said("import {import_id} stays: some of its leads were dialled already", import_id=import_id)
            )
        revisions = self._revisions.get(import_id, ())
        if any(
            lead in self._leases for lead in (*(each.id for each in its), *(one.lead for one in revisions))
        ):
            raise Conflict(
                said(
                    "import {import_id} is about to be dialled: stop its campaign, then undo it",
                    import_id=import_id,
                )
            )
        for one in reversed(revisions):
            self._turn(one, back=True)
        for lead in its:
            del self._rows[lead.id]
        del self._imports[import_id]
        return len(its)

    async def imports(self, campaign: CampaignId) -> Sequence[Mapping[str, Any]]:
        its = [entry for entry in self._imports.values() if entry["campaign"] == campaign]
        return [{key: entry[key] for key in ("id", "file_name", "at", "leads")} for entry in its]

    async def find_import(self, import_id: int) -> Mapping[str, Any]:
        if import_id not in self._imports:
            raise Missing(said("there is no import {import_id}", import_id=import_id))
        return self._imports[import_id]

    async def paused(self, campaign: CampaignId) -> Mapping[int, int]:
        waiting = Counter(lead.import_id for lead in self.of(campaign) if lead.status in WAITING)
        return {list_: waiting[list_] for list_ in sorted(await self._paused(campaign))}

    async def _paused(self, campaign: CampaignId) -> frozenset[int]:
        its = [row.paused_lists for row in await self._campaigns.all() if row.id == campaign]
        return its[0] if its else frozenset()

    async def exclude(self, lead: LeadId) -> Lead:
        found = await self.get(lead)
        self._leases.pop(lead, None)
        return self._put(replace(found, status=LeadStatus.EXCLUDED, next_at=None, promised_at=None))

    async def chosen(self, choice: Choice, *, after: int = 0, limit: int = 100) -> Sequence[Lead]:
        its = (lead for lead in self.of(choice.campaign) if lead.id > after)
        found = (lead for lead in its if answers(lead, choice))
        return nsmallest(limit, found, key=lambda lead: lead.id)

    async def change(self, changes: Sequence[Change]) -> set[LeadId]:
        done: set[LeadId] = set()
        for one in changes:
            row = self._rows.get(one.before.id)
            as_read = (one.before.status, one.before.attempts, one.before.promised_at)
            is_free = row is not None and row.id not in self._leases
            if row is not None and is_free and (row.status, row.attempts, row.promised_at) == as_read:
                a = one.after
                where = replace(
                    row, status=a.status, number_index=a.number_index, attempts=a.attempts, next_at=a.next_at
                )
                self._put(
                    replace(where, tried=a.tried, dead=a.dead, promised_at=a.promised_at, priority=a.priority)
                )
                done.add(row.id)
        return done

    async def edit(self, before: Lead, after: Lead) -> bool:
        row = await self.get(before.id)
        if row != before or before.id in self._leases:
            return False
        others = {key for lead in self.of(row.campaign) if lead.id != row.id for key in lead.keys}
        if others & set(after.keys):
            raise Conflict(said("another lead of the campaign has one of these numbers already"))
        self._put(after)
        return True

    async def remove(self, which: Sequence[LeadId]) -> set[LeadId]:
        done = self._free_of(which)
        for lead in done:
            del self._rows[lead]
        return done

    async def move(self, which: Sequence[LeadId], campaign: CampaignId) -> set[LeadId]:
        await self._campaigns.get(campaign)
        taken = await self.numbers_of(campaign)
        done = {lead for lead in self._free_of(which) if not taken & set(self._rows[lead].keys)}
        for lead in done:
            self._put(replace(self._rows[lead], campaign=campaign))
        return done

    def _free_of(self, which: Sequence[LeadId]) -> set[LeadId]:
        """Those that are there and not leased."""
        return {lead for lead in which if lead in self._rows and lead not in self._leases}

    def apply(self, update: LeadUpdate, cell: CellId | None) -> None:
        """What a closed attempt changes, as `landed` says; `cell`: whose lease it ends."""
        lead = self._rows.get(update.lead)
        if lead is None:
            return
        held = self._leases.get(lead.id)
        ends_lease = None if cell is None else held is None or held.cell == cell
        moved = landed(lead, update, ends_lease=ends_lease)
        if moved.status is not LeadStatus.LEASED:
            self._leases.pop(lead.id, None)
        self._put(moved)

    def _of(self, cell: CellId, leads: Iterable[LeadId]) -> list[LeadId]:
        """Those that this cell has leased."""
        return [lead for lead in set(leads) if lead in self._leases and self._leases[lead].cell == cell]

    def every(self) -> Iterable[Lead]:
        """Of all campaigns, in no order."""
        return self._rows.values()

    def of(self, campaign: CampaignId) -> Iterable[Lead]:
        """Its whole list, in no order."""
        return (lead for lead in self._rows.values() if lead.campaign == campaign)

    def _put(self, lead: Lead) -> Lead:
        self._rows[lead.id] = lead
        if lead.status in WAITING:
            self._queues.setdefault(lead.campaign, _Queue()).add(lead)
        return lead

    def _free(self, leads: Sequence[LeadId], not_before_at: datetime | None = None) -> int:
        for key in leads:
            del self._leases[key]
            lead = self._rows[key]
            next_at = not_before_at or lead.next_at
            untouched = lead.attempts == 0 and next_at is None
            status = LeadStatus.NEW if untouched else LeadStatus.RETRY
            self._put(replace(lead, status=status, next_at=next_at))
        return len(leads)


def _once(leads: Iterable[Lead], taken: set[str]) -> Iterator[Lead]:
    """Without the numbers that are there already; a lead of which nothing is left is left out."""
    for lead in leads:
        found: dict[str, PhoneNumber] = {}
        for key, number in zip(lead.keys, lead.numbers, strict=True):
            if key not in taken:
                found.setdefault(key, number)
        taken.update(found)
        if found:
            numbers = tuple(found.values())
            extensions = {
                number: lead.extensions[number] for number in numbers if lead.extensions.get(number)
            }
            yield replace(lead, numbers=numbers, extensions=extensions)


def _is_due(lead: Lead, now: datetime) -> bool:
    if lead.status is LeadStatus.RETRY:
        return lead.next_at is not None and lead.next_at <= now
    return lead.status is LeadStatus.NEW


def _order(lead: Lead) -> Order:
    """What was promised; priority, then retries by the instant they are due, then new leads as listed."""
    if lead.promised_at is not None:
        return (False, 0, lead.next_at or EVER_AT, lead.id)
    if lead.status is LeadStatus.NEW:
        return (True, -lead.priority, NEVER_AT, lead.id)
    return (True, -lead.priority, lead.next_at or EVER_AT, lead.id)
