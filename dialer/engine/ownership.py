"""This cell is ours: taken at the start, renewed all the time, given back at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from dialer.domain.cells import Held, Holder
from dialer.domain.errors import Fatal, StoreDown, StoreRefused
from dialer.domain.said import Said, said
from dialer.domain.types import CellId
from dialer.ports.stores import Cells

log = structlog.get_logger()

LEASE_S = 60.0
BEAT_S = 5.0
AGAIN_S = 1.0  # between two tries while the database is away
SURE_S = LEASE_S - 15.0  # after the last renewal that was answered: later another service may have the cell
PATIENCE_S = 40.0  # for an answer: a great import keeps SQLite's other writers waiting


class Ownership:
    """The hold on a cell, and with it whether the database takes what is written.

    `seconds` counts while the process is frozen and the machine asleep: no clock that can be set.
    """

    def __init__(self, cells: Cells, cell: CellId, seconds: Callable[[], float]) -> None:
        self._cells = cells
        self._cell = cell
        self._seconds = seconds
        self._holder: Holder | None = None
        self._renewed = 0.0  # when the last renewal that was answered was asked for
        self._steady_since = 0.0  # every renewal since then was answered in time
        self._look = asyncio.Event()
        self.away: str = ""  # why the database does not take what is written; empty: it does
        self.is_lost = False
        self.on_return: Callable[[], None] = lambda: None  # the database is back
        self.farewell: Callable[[], Awaitable[object]] | None = None  # before the end, when it was lost

    async def take(self, holder: Holder, after: Sequence[str] = ()) -> str:
        """Fatal when somebody else has it; gives who had it last and did not give it back in good order.

        Nothing of the cell may be touched before: no lease, no live state, no port.
        """
        asked = self._seconds()
        answer = await self._cells.take(self._cell, holder, lease_s=LEASE_S, after=after)
        if isinstance(answer, Held):
            raise Fatal(answer.sentence)
        self._holder = holder
        self._renewed = self._steady_since = asked
        return answer.before

    def obstacle(self) -> Said | str:
        """Why nothing may be dialled; empty: the cell is ours for certain and the database is there."""
        if self._holder is None:
            return ""
        if self.is_lost:
            return said("another service has taken over cell {cell}", cell=self._cell)
        if self.away:
            return said("the database takes nothing: {why}", why=self.away)
        if self._seconds() - self._renewed > SURE_S:
            return said("whose cell {cell} is now is being asked: this service was frozen", cell=self._cell)
        return ""

    def steady_s(self) -> float:
        """For how long the database has answered without a break."""
        return self._seconds() - self._steady_since

    def failed(self, trouble: StoreDown | StoreRefused) -> None:
        """Somebody met a database that is away: nothing is dialled until it takes what is written."""
        self._steady_since = self._seconds()
        if not self.away:
            log.warning("nothing is dialled: the database is away", reason=str(trouble))
            self._look.set()
        self.away = trouble.sentence

    async def run(self) -> None:
        """Until cancelled; Fatal when another service has the cell."""
        while self._holder is not None:
            self._look.clear()
            try:
                async with asyncio.timeout(AGAIN_S if self.away else BEAT_S):
                    await self._look.wait()
                await asyncio.sleep(AGAIN_S)
            except TimeoutError:
                pass
            await self._renew(self._holder)

    async def _renew(self, holder: Holder) -> None:
        asked = self._seconds()
        if asked - self._renewed > SURE_S:
            self._steady_since = asked
        try:
            async with asyncio.timeout(PATIENCE_S):
                is_ours = await self._cells.keep(self._cell, holder.id, lease_s=LEASE_S)
        except (StoreDown, StoreRefused) as trouble:
            self.failed(trouble)
            return
        except TimeoutError:
            self.failed(StoreDown(said("it does not answer")))
            return
        if not is_ours:
            await self._lose()
        if self.away or asked - self._renewed > SURE_S:
            log.info("the database is back")
            self.on_return()
        self.away = ""
        self._renewed = asked

    async def _lose(self) -> None:
        """What we know of calls that ended still goes to the records; then the end."""
        self.is_lost = True
        why = said("cell {cell} was taken over by another service", cell=self._cell)
        held = await self._cells.all()
        whose = next((one for one in held if one.cell == self._cell), None)
        if whose is not None:
            why = said(
                "cell {cell} was taken over by process {pid} on {host} while this service was frozen or away"
                " from the database: it ends, that one goes on",
                cell=self._cell,
                pid=whose.holder.pid,
                host=whose.holder.host,
            )
        log.error("cell_lost", what=why)
        if self.farewell is not None:
            await self.farewell()
        raise Fatal(why)

    async def release(self, *, in_order: bool) -> None:
        """The service ends; `in_order`: its journal holds nothing any more."""
        holder, self._holder = self._holder, None
        if holder is None or self.is_lost:
            return
        try:
            await self._cells.release(self._cell, holder.id, in_order=in_order)
        except StoreDown as trouble:
            log.warning("the cell is free in a while: the database is away", reason=str(trouble))
