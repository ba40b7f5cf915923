"""Requests with a key in a dictionary."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dialer.adapters.fitting import fitted
from dialer.ports.requests import Kept


@dataclass(slots=True)
class _Row:
    kept: Kept
    holder: str
    until_at: datetime


@fitted
class MemoryRequests:
    def __init__(self) -> None:
        self._rows: dict[tuple[int, str], _Row] = {}

    async def begin(
        self, token: int, key: str, asked: str, *, holder: str, now: datetime, until_at: datetime
    ) -> Kept | None:
        row = self._rows.get((token, key))
        if row is not None and row.until_at > now:
            return row.kept
        self._rows[token, key] = _Row(Kept(asked), holder, until_at)
        return None

    async def renew(self, token: int, key: str, *, holder: str, until_at: datetime) -> bool:
        row = self._under_way(token, key, holder)
        if row is not None:
            row.until_at = until_at
        return row is not None

    async def answer(self, token: int, key: str, kept: Kept, *, holder: str, until_at: datetime) -> bool:
        row = self._under_way(token, key, holder)
        if row is not None:
            row.kept, row.until_at = kept, until_at
        return row is not None

    async def free(self, token: int, key: str, *, holder: str) -> None:
        if self._under_way(token, key, holder) is not None:
            del self._rows[token, key]

    async def forget(self, now: datetime, *, limit: int) -> int:
        over = [name for name, row in self._rows.items() if row.until_at <= now][:limit]
        for name in over:
            del self._rows[name]
        return len(over)

    def _under_way(self, token: int, key: str, holder: str) -> _Row | None:
        row = self._rows.get((token, key))
        return row if row is not None and row.holder == holder and row.kept.status is None else None
