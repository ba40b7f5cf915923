"""Candidates leased ahead of need, so that no decision waits for the database."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import takewhile

import structlog

from dialer.domain.depth import WINDOWS
from dialer.domain.errors import StoreDown
from dialer.domain.lead import Lead
from dialer.domain.types import CampaignId, CellId, LeadId
from dialer.ports import Clock, Leads

log = structlog.get_logger()

LEASE_S = 300.0
EMPTY_PAUSE_S = 1.0  # between two looks into a list that had nothing due


class Hopper:
    """One queue of leased leads per campaign."""

    def __init__(self, leads: Leads, cell: CellId, clock: Clock, size: int) -> None:
        self._leads = leads
        self._cell = cell
        self._clock = clock
        self._size = size
        self._queues: dict[CampaignId, deque[Lead]] = {}
        self._seen: dict[CampaignId, tuple[Lead, ...]] = {}  # the queues as they were looked at last
        self._taken: Counter[CampaignId] = Counter()  # so far
        self._came: dict[LeadId, int] = {}  # how many its campaign had taken when it came
        self._came_empty_at: dict[CampaignId, datetime] = {}
        self._until: dict[CampaignId, datetime] = {}

    def candidates(self, campaign: CampaignId) -> Sequence[Lead]:
        """First come first."""
        if campaign not in self._seen:
            self._seen[campaign] = tuple(self._queues.get(campaign, ()))
        return self._seen[campaign]

    def overdue(self, campaign: CampaignId) -> int:
        """How many of the first candidates were passed over so often that they go before any better odds."""
        patience = self._taken[campaign] - WINDOWS * self._size
        waiting = takewhile(lambda lead: self._came.get(lead.id, 0) <= patience, self.candidates(campaign))
        return sum(1 for _ in waiting)

    def take(self, campaign: CampaignId, lead: Lead) -> None:
        """It is being dialled: a call owns its lease now."""
        self._queues[campaign].remove(lead)
        self._came.pop(lead.id, None)
        self._taken[campaign] += 1
        self._seen.pop(campaign, None)

    def wants(self, campaign: CampaignId) -> bool:
        low = len(self._queues.get(campaign, ())) <= self._size // 2
        came_empty_at = self._came_empty_at.get(campaign)
        pause = timedelta(seconds=EMPTY_PAUSE_S)
        return low and (came_empty_at is None or abs(self._clock() - came_empty_at) >= pause)

    async def fill(self, campaign: CampaignId) -> int:
        """Lease up to the hopper's size; gives how many came."""
        queue = self._queues.setdefault(campaign, deque())
        now = self._clock()
        self._came_empty_at[campaign] = now  # whatever comes of it
        try:
            came = await self._leads.lease(
                campaign,
                self._size - len(queue),
                cell=self._cell,
                now=now,
                until_at=now + timedelta(seconds=LEASE_S),
            )
        except StoreDown as trouble:
            log.warning("no leads: the database is away", campaign=campaign, reason=str(trouble))
            came = ()
        queue.extend(came)
        self._came.update((lead.id, self._taken[campaign]) for lead in came)
        self._seen.pop(campaign, None)
        self._until.setdefault(campaign, now + timedelta(seconds=LEASE_S))
        if came:
            del self._came_empty_at[campaign]
        return len(came)

    def ages(self) -> bool:
        """Whether something waits here whose lease is half over."""
        return bool(self._ageing())

    def _ageing(self) -> list[CampaignId]:
        soon = self._clock() + timedelta(seconds=LEASE_S / 2)
        return [each for each, queue in self._queues.items() if queue and self._until.get(each, soon) < soon]

    async def renew(self) -> None:
        """Keep what waits here from being leased to another cell."""
        until_at = self._clock() + timedelta(seconds=LEASE_S)
        ageing = self._ageing()
        self._until.update(dict.fromkeys(ageing, until_at))  # asked for once, however long the answer takes
        for campaign in ageing:
            try:
                leads = [lead.id for lead in self.candidates(campaign)]
                await self._leads.renew(leads, until_at=until_at)
            except StoreDown as trouble:
                log.warning("leases could not be renewed", campaign=campaign, reason=str(trouble))

    async def give_back(self, campaign: CampaignId) -> None:
        """The campaign stops here: others may have its leads."""
        queue = self._queues.pop(campaign, deque())
        self._seen.pop(campaign, None)
        self._came_empty_at.pop(campaign, None)
        self._until.pop(campaign, None)
        for lead in queue:
            self._came.pop(lead.id, None)
        if queue:
            await self._leads.give_back([lead.id for lead in queue])

    async def put_off(self, lead: Lead, not_before_at: datetime) -> None:
        """A gate is closed for this lead until then."""
        await self._leads.give_back([lead.id], not_before_at=not_before_at)

    def campaigns(self) -> list[CampaignId]:
        return list(self._queues)
