"""What each trunk has used today: the records at the start, and everything since."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, tzinfo

import structlog

from dialer.domain.call import Call
from dialer.domain.days import day_of, span_of
from dialer.domain.errors import StoreDown
from dialer.domain.operators import LegState
from dialer.domain.spending import (
    NOTHING,
    SideCall,
    Spent,
    has_ceiling,
    share,
    spent_by,
    why_full,
)
from dialer.domain.trunk import Trunk
from dialer.domain.types import CellId, Direction, Outcome, PhoneNumber, TrunkId
from dialer.engine.calls import Calls
from dialer.engine.floor import Floor
from dialer.engine.legs import Legs
from dialer.engine.shell import Shell
from dialer.engine.trunks import Trunks
from dialer.ports.stores import Records

log = structlog.get_logger()

EVERY_S = 60.0  # what other cells have used by the same trunks is read so often
UNKNOWN_S = 1.0


class Spending:
    """Closed calls are summed as they end; those in flight are looked at when somebody asks."""

    def __init__(self, shell: Shell, records: Records, calls: Calls, legs: Legs, trunks: Trunks) -> None:
        self._shell = shell
        self._records = records
        self._calls = calls
        self._side = legs.side
        self._trunks = trunks
        self._since_at, self._until_at = _day_at(shell.clock(), shell.zone)
        self._ours: dict[TrunkId, Spent] = {}
        self._others: dict[TrunkId, Spent] = {}  # cells on the same database
        self._ended = 0
        self.known = False  # what the records of today say

        trunks.why_full = self.why_full  # whoever places calls asks here first
        legs.why_full = lambda trunk: self.why_full(trunk, shell.clock())
        legs.side.on_end = self.side_ended

    async def recall(self, floor: Floor) -> None:
        """At start: what is on record, and outside phones that may have outlived us."""
        await self.load()
        for operator in floor.all():
            trunk = floor.desks.outside.get(operator.id)
            if trunk is not None and operator.channel is not None:
                account = floor.accounts.get(operator.id)
                number = account.number if account and account.number else PhoneNumber("")
                up = operator.leg is LegState.UP
                floor.legs.side.adopt(operator.channel, trunk, number, operator.id, up=up)

    # --- what ends

    def ended(self, call: Call) -> None:
        """A call of a campaign is over; return calls cost us nothing."""
        if call.direction is Direction.IN or call.outcome is Outcome.NOT_DIALLED or call.end_at is None:
            return
        self._add(call.trunk, call.dialled_at, call.answer_at, call.end_at)

    def side_ended(self, side: SideCall) -> None:
        if side.trunk:
            self._add(side.trunk, side.begun_at, side.answer_at, side.end_at)

    def _add(
        self, trunk: TrunkId, dialled_at: datetime | None, answer_at: datetime | None, end_at: datetime
    ) -> None:
        self._turn_day(self._shell.clock())
        more = spent_by(dialled_at, answer_at, end_at, since_at=self._since_at)
        self._ours[trunk] = self._ours.get(trunk, NOTHING) + more
        self._ended += 1

    # --- what is asked

    def spent(self, trunk: TrunkId, now: datetime) -> Spent | None:
        """By all cells, with what is in flight here; None: the records of today could not be read yet."""
        self._turn_day(now)
        if not self.known:
            return None
        sums = self._ours.get(trunk, NOTHING) + self._others.get(trunk, NOTHING)
        for call in self._calls.all():
            if call.trunk == trunk and call.direction is Direction.OUT:
                sums += spent_by(call.dialled_at, call.answer_at, now, since_at=self._since_at)
        for side in self._side.all():
            if side.trunk == trunk:
                sums += spent_by(side.begun_at, side.answer_at, now, since_at=self._since_at)
        return sums

    def why_full(self, trunk: Trunk, now: datetime) -> str:
        """Why the trunk takes no new call today; '' while it does."""
        return why_full(trunk, self.spent(trunk.id, now)) if has_ceiling(trunk) else ""

    def shares(self, now: datetime) -> Mapping[TrunkId, tuple[float, float]]:
        """(seconds used today, share of the ceiling) by trunk, as far as it is known."""
        known = {trunk.id: (trunk, self.spent(trunk.id, now)) for trunk in self._trunks.all()}
        return {name: (spent.seconds, share(trunk, spent)) for name, (trunk, spent) in known.items() if spent}

    def _turn_day(self, now: datetime) -> None:
        if now >= self._until_at:
            self._since_at, self._until_at = _day_at(now, self._shell.zone)
            self.known = True
            self._ours.clear()
            self._others.clear()

    # --- what the records say

    async def load(self) -> None:
        """The records of today: not whole while the journal holds facts, or when a call ends meanwhile."""
        before, since_at = self._ended, self._since_at
        if self._shell.journal.depth():
            return
        try:
            sums = await self._records.spent(since_at, self._until_at)
        except StoreDown as trouble:
            log.info("what trunks have used today is not known yet", reason=str(trouble))
            return
        if self._ended == before and not self._shell.journal.depth() and self._since_at == since_at:
            self._ours = {trunk: spent for (cell, trunk), spent in sums.items() if cell == self._shell.cell}
            self._keep_others(sums)
            self.known = True

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S if self.known else UNKNOWN_S)
            if not self.known:
                await self.load()
                continue
            self._side.keep()
            await self._look_at_others()

    async def _look_at_others(self) -> None:
        since_at = self._since_at
        if not any(map(has_ceiling, self._trunks.all())):
            return
        try:
            sums = await self._records.spent(since_at, self._until_at)
        except StoreDown as trouble:
            log.info("what other cells have used is as it was", reason=str(trouble))
            return
        if self._since_at == since_at:
            self._keep_others(sums)

    def _keep_others(self, sums: Mapping[tuple[CellId, TrunkId], Spent]) -> None:
        others: dict[TrunkId, Spent] = {}
        for (cell, trunk), spent in sums.items():
            if cell != self._shell.cell:
                others[trunk] = others.get(trunk, NOTHING) + spent
        self._others = others


def _day_at(now: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    return span_of(day_of(now, zone), zone)
