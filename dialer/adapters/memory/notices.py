"""Notices in a ring: what was told last, numbered one by one; of too many the oldest are gone."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping
from itertools import islice, pairwise
from typing import Any

from dialer.ports.between import About, News, Notice

KEPT = 4096


class Ring:
    """See dialer.ports.between.Publishing and Notices; used in the loop of one thread.

    Numbers begin with an instant, so that those of a later life are higher; a number that is missing between
    two others was lost on the way.
    """

    def __init__(self, begins: int = 0, *, kept: int = KEPT) -> None:
        self._begins = begins
        self._last = 0
        self._kept: deque[Notice] = deque(maxlen=kept)
        self._changed = asyncio.Event()

    def publish(self, kind: About, id_: str, body: Mapping[str, Any]) -> None:
        self.take([Notice(max(self._last, self._begins) + 1, kind.value, id_, body)])

    def take(self, notices: Iterable[Notice]) -> None:
        """From elsewhere, with their numbers; those that are here already are passed over."""
        for notice in notices:
            if notice.seq > self._last:
                self._kept.append(notice)
                self._last = notice.seq
        self._changed.set()

    def restart(self) -> None:
        """Who told them lives anew, or may: all that was read has a gap behind it."""
        self._kept.clear()
        self._last = 0
        self._changed.set()

    async def since(self, seq: int, *, wait_s: float = 0.0, limit: int = 500) -> News:
        if seq == self._last and wait_s > 0:
            await self._wait(seq, wait_s)
        if seq == self._last:
            return News((), seq)
        found = self._after(seq)
        if not found or any(after.seq != before.seq + 1 for before, after in pairwise(found)):
            return News(tuple(self._kept), self._last, gap=True)
        if found[0].seq != seq + 1:
            return News(tuple(self._kept), self._last, gap=True)
        page = found[:limit]
        return News(page, page[-1].seq)

    def _after(self, seq: int) -> list[Notice]:
        """In order. Numbers rise by one at least, so no more than this can follow."""
        most = max(0, min(len(self._kept), self._last - seq))
        newest = list(islice(reversed(self._kept), most))
        return [notice for notice in reversed(newest) if notice.seq > seq]

    async def _wait(self, seq: int, wait_s: float) -> None:
        try:
            async with asyncio.timeout(wait_s):
                while seq == self._last:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pass
