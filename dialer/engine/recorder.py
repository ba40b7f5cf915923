"""Carries closed facts from the journal to the database and to the live sums, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from dialer.domain.cdr import Cdr, Closing, Remark, WrapUp
from dialer.domain.dnc import Entry
from dialer.domain.errors import DiskTrouble, Missing, StoreDown, is_expected
from dialer.domain.kpi import quarter_of, slot_of, tally_of
from dialer.domain.operators import StateChange
from dialer.domain.spending import SideCall
from dialer.domain.types import CallId, CellId, LeadId
from dialer.engine.guard import Guard
from dialer.ports.between import Live
from dialer.ports.journal import Backlog, Refusals
from dialer.ports.stores import Fact, Stores

log = structlog.get_logger()

BATCH = 500
# One transaction for what comes in this time: a transaction costs more than its rows.
GATHER_S, MOST_GATHER_S = 0.2, 1.0
STREAM = 8  # facts within GATHER_S, some seven calls a second: more will follow
TOGETHER = 100  # facts that are worth the longer wait; many more at once would hold up the loop
RETRY_S = 600.0  # of facts that were refused
RECOUNTED = timedelta(hours=50)  # today and yesterday of every zone, also where one of them has 25 hours
RECOUNT_STEP = timedelta(hours=1)  # longer ones would hold up the loop
Unmade = Callable[[Iterable[LeadId]], None]  # attempts at these leads do not count
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0


class Recorder:
    """A fact leaves the journal only when the database has it; the database knows a fact told twice."""

    def __init__(
        self,
        journal: Backlog,
        stores: Stores,
        live: Live,
        on_recorded: Callable[[CallId], None],
        *,
        refusals: Refusals,
        guard: Guard,
    ) -> None:
        self._journal = journal
        self._guard = guard
        self.refusals = refusals
        self._stores = stores
        self._live = live
        self._took = asyncio.Event()
        self._one_count = asyncio.Lock()  # a batch is in the records and in the sums, or in neither
        self._is_hurried = False  # the service stops: nothing more is gathered
        self._on_recorded = on_recorded  # a call with a recording is in the database: convert it

    async def run(self) -> None:
        """Until cancelled; a database that is away is tried again, longer and longer apart."""
        pause_s = FIRST_PAUSE_S
        while True:
            await self._journal.pending(1)
            await self._gather()
            mark, facts = await self._journal.pending(BATCH)
            try:
                await self._take(facts)
            except Exception as trouble:  # the boundary: the facts are on disk, and will be told again
                if not isinstance(trouble, StoreDown):
                    self._guard.caught("recorder", trouble)
                log.warning("facts wait in the journal", facts=self._journal.depth(), reason=str(trouble))
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                continue
            self._journal.taken(mark)
            self._took.set()
            pause_s = FIRST_PAUSE_S
            for fact in facts:
                if isinstance(fact, Closing) and fact.cdr is not None and fact.cdr.recording:
                    self._guard.run("recordings", self._on_recorded, fact.call)

    async def _gather(self) -> None:
        """Wait for a few more: the faster they come, the longer, until there are enough."""
        waited_s = 0.0
        while waited_s < MOST_GATHER_S and self._journal.depth() < TOGETHER and not self._is_hurried:
            before = self._journal.depth()
            await asyncio.sleep(GATHER_S)
            waited_s += GATHER_S
            if self._journal.depth() - before < STREAM:
                return

    async def _take(self, facts: Sequence[Fact]) -> None:
        """The database has all of them, but for those that it refuses: these are kept apart, on disk.

        Raises StoreDown, and DiskTrouble when what is refused cannot be kept.
        """
        try:
            await self._record(facts)
        except StoreDown:
            raise
        except Exception as refusal:  # of one of them: which one, halves will tell
            if len(facts) == 1:
                self._set_aside(facts[0], refusal)
                return
            middle = len(facts) // 2
            await self._take(facts[:middle])
            await self._take(facts[middle:])

    def _set_aside(self, fact: Fact, refusal: Exception) -> None:
        if not is_expected(refusal):
            self._guard.caught("recording a fact", refusal)
        reason = str(refusal) or type(refusal).__name__
        self.refusals.keep(fact, reason)
        log.error("the database refuses a fact: it is kept apart", kind=type(fact).__name__, reason=reason)

    def kept_leads(self) -> list[LeadId]:
        """Whose attempts are in no record yet."""
        facts = [kept.fact for kept in self.refusals.all()]
        return [fact.lead.lead for fact in facts if isinstance(fact, Closing) and fact.lead is not None]

    async def retry(self) -> None:
        """Until cancelled: what was refused is told again now and then, and after each start."""
        while True:
            await self._guard.turn("refused facts", self.tell_refused())
            await asyncio.sleep(RETRY_S)

    async def tell_refused(self) -> int:
        """Tell the database once more; gives how many it took. Raises StoreDown."""
        taken: list[Fact] = []
        for kept in self.refusals.all():
            try:
                await self._record([kept.fact])
            except StoreDown:
                raise
            except Exception as refusal:  # as before
                log.debug("a fact is refused again", reason=str(refusal))
            else:
                taken.append(kept.fact)
        if taken:
            self.refusals.forget(taken)
            log.info("the database took facts that it had refused", facts=len(taken))
        return len(taken)

    def verbs(self, cell: CellId, unmade: Unmade) -> Mapping[str, Callable[[str], Awaitable[int]]]:
        """What a person may have done about them: given the fate of their leads it tells how many it was."""
        return {
            "retry-refused": lambda _: self.tell_refused(),
            "give-up-refused": lambda fate: self.give_up_refused(cell, unmade, dial=fate == "dial"),
        }

    async def give_up_refused(self, cell: CellId, unmade: Unmade, *, dial: bool) -> int:
        """A person's word: no records come of them. Their leads are dialled as if never called, or taken out.

        Raises StoreDown and DiskTrouble; it may be asked again then. Nobody is dialled before the facts are
        put away, and nobody who is to be taken out is free in between.
        """
        facts = [kept.fact for kept in self.refusals.all()]
        kept = self.kept_leads()
        for lead in () if dial else kept:
            with suppress(Missing):
                await self._stores.leads.exclude(lead)
        self.refusals.give_up(facts)
        if dial:
            unmade(kept)
            await self._stores.leases.give_back(kept, cell=cell)
        log.warning(
            "facts that the database refuses are given up", facts=len(facts), leads=len(kept), dial=dial
        )
        return len(facts)

    async def _record(self, facts: Sequence[Fact]) -> None:
        closings = [fact for fact in facts if isinstance(fact, Closing)]
        if closings:
            async with self._one_count:
                await self._stores.ledger.close(closings)
                await self._count([closing.cdr for closing in closings if closing.cdr is not None])
        if remarks := [fact for fact in facts if isinstance(fact, Remark)]:
            await self._stores.ledger.remark(remarks)
        if wraps := [fact for fact in facts if isinstance(fact, WrapUp)]:
            await self._stores.ledger.wrap(wraps)
            for wrap in wraps:
                for number in (wrap.block, *wrap.block_also) if wrap.block is not None else ():
                    reason = f"asked for in call {wrap.call}"
                    await self._stores.numbers.block(Entry(number, None, reason, wrap.at, by=wrap.operator))
        if changes := [fact for fact in facts if isinstance(fact, StateChange)]:
            await self._stores.ledger.log(changes)
        if sides := [fact for fact in facts if isinstance(fact, SideCall)]:
            await self._stores.ledger.side(sides)

    async def _count(self, cdrs: Sequence[Cdr]) -> None:
        """The live sums follow the records; while Redis is away they wait for the recount at its return."""
        try:
            for cdr in cdrs:
                await self._live.add(slot_of(cdr), tally_of(cdr), once=cdr.id)
        except StoreDown as trouble:
            log.warning("live sums are behind until Redis is back", reason=str(trouble))

    async def catch_up(self, now: datetime) -> None:
        """At start: what the journal held goes to the database, then the sums are folded from there."""
        try:
            while self._journal.depth():
                mark, facts = await self._journal.pending(BATCH)
                await self._take(facts)
                self._journal.taken(mark)
            await self.recount(now)
        except Exception as trouble:  # the boundary: the service starts, and tells them again
            if not isinstance(trouble, StoreDown | DiskTrouble):
                self._guard.caught("catching up", trouble)
            log.warning("the sums of today are counted later", reason=str(trouble))

    async def recount(self, now: datetime) -> None:
        """Set the live sums of today and yesterday to the fold over the records; raises StoreDown.

        A step at a time: calls that end meanwhile are counted between two of them.
        """
        since_at, end_at = quarter_of(now - RECOUNTED), quarter_of(now) + RECOUNT_STEP
        while since_at < end_at:
            until_at = min(since_at + RECOUNT_STEP, end_at)
            async with self._one_count:
                sums = await self._stores.records.quarters(since_at, until_at)
                await self._live.reset_tallies(since_at, until_at, sums)
            since_at = until_at

    async def settle(self, timeout_s: float) -> bool:
        """At the end of the service: True when the database has everything."""
        self._is_hurried = True
        try:
            async with asyncio.timeout(timeout_s):
                while self._journal.depth():
                    self._took.clear()
                    await self._took.wait()
        except TimeoutError:
            return False
        return True
