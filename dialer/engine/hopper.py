"""Candidates leased ahead of need, so that no decision waits for the database."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import takewhile

import structlog

from dialer.domain.depth import WINDOWS
from dialer.domain.errors import StoreDown
from dialer.domain.lead import Lead, LeadUpdate
from dialer.domain.types import CampaignId, CellId, LeadId
from dialer.ports.between import Clock
from dialer.ports.stores import Leases

log = structlog.get_logger()

LEASE_S = 300.0
AGAIN_S = 5.0  # between two tries to renew while the database is away
REMEMBERED = 20_000  # leads dialled last
EMPTY_PAUSE_S = 1.0  # between two looks into a list that had nothing due


class Hopper:
    """One queue of leased leads per campaign."""

    def __init__(
        self, leases: Leases, cell: CellId, clock: Clock, *, seconds: Callable[[], float], size: int
    ) -> None:
        """`seconds`: of a clock that nobody can set; `clock` says which leads are due."""
        self._leases = leases
        self._cell = cell
        self._clock = clock
        self._seconds = seconds
        self._size = size
        self._queues: dict[CampaignId, deque[Lead]] = {}
        self._seen: dict[CampaignId, tuple[Lead, ...]] = {}  # the queues as they were looked at last
        self._taken: Counter[CampaignId] = Counter()  # so far
        self._came: dict[LeadId, int] = {}  # how many its campaign had taken when it came
        self._came_empty: dict[CampaignId, float] = {}  # when
        self._until: dict[CampaignId, float] = {}  # for so long the leases are ours for certain
        self._renewing: set[CampaignId] = set()
        self._attempts: dict[LeadId, int] = {}  # made by this cell, of the leads dialled last
        # whose place in the list is not what the database says: in a call, or in facts on their way there
        self.busy: Callable[[], Collection[LeadId]] = tuple

    def moved(self, update: LeadUpdate) -> None:
        """A call is over: a row of the database that knows of fewer attempts is older than that."""
        self._attempts.pop(update.lead, None)
        self._attempts[update.lead] = update.attempts
        if len(self._attempts) > REMEMBERED:
            del self._attempts[next(iter(self._attempts))]

    def unmade(self, leads: Iterable[LeadId]) -> None:
        """A person has decided that these attempts do not count: the database is believed again."""
        for lead in leads:
            self._attempts.pop(lead, None)

    def candidates(self, campaign: CampaignId) -> Sequence[Lead]:
        """First come first; none while their leases may have run out."""
        until = self._until.get(campaign)
        if until is not None and until <= self._seconds():
            return ()
        return self._waiting(campaign)

    def waiting(self) -> list[LeadId]:
        """All that is leased here, ahead of need."""
        return [lead.id for queue in self._queues.values() for lead in queue]

    def _waiting(self, campaign: CampaignId) -> Sequence[Lead]:
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
        came_empty = self._came_empty.get(campaign)
        return low and (came_empty is None or self._seconds() - came_empty >= EMPTY_PAUSE_S)

    async def fill(self, campaign: CampaignId) -> int:
        """Lease up to the hopper's size; gives how many came."""
        queue = self._queues.setdefault(campaign, deque())
        now, asked = self._clock(), self._seconds()
        self._came_empty[campaign] = asked  # whatever comes of it
        try:
            came = await self._leases.lease(
                campaign,
                self._size - len(queue),
                cell=self._cell,
                now=now,
                until_at=now + timedelta(seconds=LEASE_S),
            )
        except StoreDown as trouble:
            log.warning("no leads: the database is away", campaign=campaign, reason=str(trouble))
            came = ()
        fresh = self._fresh(came)
        queue.extend(fresh)
        self._came.update((lead.id, self._taken[campaign]) for lead in fresh)
        self._seen.pop(campaign, None)
        if len(queue) == len(fresh):
            self._until[campaign] = asked + LEASE_S
        if fresh:
            del self._came_empty[campaign]
        return len(fresh)

    def _fresh(self, came: Sequence[Lead]) -> list[Lead]:
        """Without those of which this cell knows more than the database did.

        A lease may run out, or its answer be lost, while the lead waits here or is in a call, or while the
        record of its call is on its way.  The lease is ours all the same; the record that comes frees it.
        """
        known = {*self.busy(), *self.waiting()}
        fresh = [
            lead for lead in came if lead.id not in known and lead.attempts >= self._attempts.get(lead.id, 0)
        ]
        if len(fresh) < len(came):
            log.warning("leads came that are ours already", leads=len(came) - len(fresh))
        return fresh

    def must_renew(self) -> None:
        """The database was away: whose the leads here are is asked before any of them is dialled."""
        self._until = dict.fromkeys(self._until, self._seconds())

    def ages(self) -> bool:
        """Whether something waits here whose lease is half over."""
        return bool(self._ageing())

    def _ageing(self) -> list[CampaignId]:
        soon = self._seconds() + LEASE_S / 2
        return [
            each
            for each, queue in self._queues.items()
            if queue and each not in self._renewing and self._until.get(each, soon) < soon
        ]

    async def renew(self) -> None:
        """Keep what waits here from being leased to another cell."""
        ageing = self._ageing()
        self._renewing.update(ageing)  # asked for once, however long the answer takes
        try:
            for campaign in ageing:
                await self._renew(campaign)
        except StoreDown as trouble:
            log.warning("leases could not be renewed", reason=str(trouble))
            await asyncio.sleep(AGAIN_S)
        finally:
            self._renewing.difference_update(ageing)

    async def _renew(self, campaign: CampaignId) -> None:
        """What is somebody else's by now is forgotten."""
        waiting, asked = self._waiting(campaign), self._seconds()
        until_at = self._clock() + timedelta(seconds=LEASE_S)
        ours = await self._leases.renew([lead.id for lead in waiting], cell=self._cell, until_at=until_at)
        lost = [lead for lead in waiting if lead.id not in ours]
        queue = self._queues.get(campaign, deque())
        for lead in lost:
            if lead in queue:
                queue.remove(lead)
                self._came.pop(lead.id, None)
        if lost:
            log.warning("leases were lost", campaign=campaign, leads=len(lost))
            self._seen.pop(campaign, None)
        if campaign in self._queues:
            self._until[campaign] = asked + LEASE_S

    def drop(self, campaign: CampaignId, lists: Collection[int]) -> list[LeadId]:
        """Leads of these lists wait here no longer: their leases are to be given back."""
        queue = self._queues.get(campaign, deque())
        gone = [lead for lead in queue if lead.import_id in lists] if lists else []
        for lead in gone:
            queue.remove(lead)
            self._came.pop(lead.id, None)
        if gone:
            self._seen.pop(campaign, None)
        return [lead.id for lead in gone]

    async def end_leases(self, leads: Sequence[LeadId]) -> None:
        """Of what was dropped."""
        await self._leases.give_back(leads, cell=self._cell)

    async def give_back(self, campaign: CampaignId) -> None:
        """The campaign stops here: others may have its leads."""
        queue = self._queues.pop(campaign, deque())
        self._seen.pop(campaign, None)
        self._came_empty.pop(campaign, None)
        self._until.pop(campaign, None)
        for lead in queue:
            self._came.pop(lead.id, None)
        if queue:
            await self._leases.give_back([lead.id for lead in queue], cell=self._cell)

    async def put_off(self, lead: Lead, not_before_at: datetime) -> None:
        """A gate is closed for this lead until then."""
        await self._leases.give_back([lead.id], cell=self._cell, not_before_at=not_before_at)

    def campaigns(self) -> list[CampaignId]:
        return list(self._queues)
