"""What pacing has learned outlives the process: fetched at the start, saved now and then and at the end."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from dialer.domain.errors import BadValue, NetworkTrouble, StoreRefused
from dialer.domain.pacing.budget import KEPT_HOURS
from dialer.domain.pacing.decision import Policy
from dialer.ports.between import Clock
from dialer.ports.stores import Learned as Store
from dialer.ports.stores import Records

log = structlog.get_logger()

SAVE_S = 10.0


class Learning:
    """The policy's memory; of a crash it forgets the last SAVE_S of learning, and nothing of the budget."""

    def __init__(self, policy: Policy, store: Store, records: Records, clock: Clock) -> None:
        self._policy = policy
        self._store = store
        self._records = records
        self._clock = clock

    async def recall(self) -> None:
        """Statistics from their own table, abandon budgets from the records. StoreDown is the caller's."""
        since_at = self._clock() - timedelta(hours=KEPT_HOURS)
        answers = await self._records.answers_by_hour(None, since_at)
        try:
            self._policy.recall(await self._store.load(), answers)
        except BadValue as flaw:
            log.warning("pacing begins without what it had learned", reason=str(flaw))
            self._policy.recall({}, answers)

    async def save(self) -> None:
        """As it is now; put off while the database is away."""
        try:
            await self._store.save(self._policy.states(), self._clock())
        except (NetworkTrouble, BadValue, StoreRefused) as trouble:
            log.warning("what pacing learned is not saved yet", reason=str(trouble))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(SAVE_S)
            await self.save()
