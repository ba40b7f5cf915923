"""Who has which cell, in a dictionary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dialer.adapters.fitting import fitted
from dialer.domain.cells import Held, Holder, Taken
from dialer.domain.types import CellId


@dataclass(frozen=True, slots=True)
class _Row:
    holder: Holder | None
    since_at: datetime
    until_at: datetime


@fitted
class MemoryCells:
    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._rows: dict[CellId, _Row] = {}

    async def take(
        self, cell: CellId, holder: Holder, *, lease_s: float, after: Sequence[str] = ()
    ) -> Taken | Held:
        now, known = self._clock(), self._rows.get(cell)
        before = known.holder.id if known and known.holder else ""
        if known and known.holder and before not in after and known.until_at >= now:
            return Held(cell, known.holder, known.since_at, known.until_at)
        self._rows[cell] = _Row(holder, now, now + timedelta(seconds=lease_s))
        return Taken(before)

    async def keep(self, cell: CellId, holder: str, *, lease_s: float) -> bool:
        known = self._of(cell, holder)
        if known is None:
            return False
        self._rows[cell] = replace(known, until_at=self._clock() + timedelta(seconds=lease_s))
        return True

    async def release(self, cell: CellId, holder: str, *, in_order: bool) -> None:
        known = self._of(cell, holder)
        if known is not None:
            whose = None if in_order else known.holder
            self._rows[cell] = replace(known, holder=whose, until_at=self._clock())

    async def all(self) -> Sequence[Held]:
        now = self._clock()
        return [
            Held(cell, row.holder, row.since_at, row.until_at, row.until_at < now)
            for cell, row in sorted(self._rows.items())
            if row.holder is not None
        ]

    def is_gone(self, cell: CellId, seconds: float, unknown: bool) -> bool:
        """No service has held it for so long; `unknown`: what is so of a cell that was never held."""
        known = self._rows.get(cell)
        return unknown if known is None else known.until_at < self._clock() - timedelta(seconds=seconds)

    def _of(self, cell: CellId, holder: str) -> _Row | None:
        known = self._rows.get(cell)
        return known if known and known.holder and known.holder.id == holder else None
