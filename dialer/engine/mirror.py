"""Shows calls and operators to other processes: the newest state of each, a few times a second."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from typing import Any

import structlog

from dialer.domain.call import Call, Event, State
from dialer.domain.errors import StoreDown
from dialer.domain.operators import Operator, StateChange
from dialer.domain.types import CallId, CellId, OperatorId
from dialer.engine.guard import Guard
from dialer.ports.between import Command, Desk, Live

log = structlog.get_logger()

EVERY_S = 0.2
SHOWN_WITHIN_S = 0.5  # else Redis is slow, and nobody waits for it


class Mirror:
    """An Observer: keeps what changed, and writes it when Redis (or memory) takes it."""

    def __init__(self, live: Live, cell: CellId, guard: Guard | None = None) -> None:
        self._guard = guard or Guard()
        self._live = live
        self._cell = cell
        self._calls: dict[CallId, Call] = {}
        self._operators: dict[OperatorId, Operator] = {}
        self._changed = asyncio.Event()

    def saw(self, before: Call | None, event: Event | None, after: Call) -> None:
        self._calls[after.id] = after
        self._changed.set()

    def moved(self, change: StateChange, operator: Operator) -> None:
        self.show(operator)

    def show(self, operator: Operator) -> None:
        self._operators[operator.id] = operator
        self._changed.set()

    async def run(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self.flush()
            except StoreDown as trouble:
                log.warning("live state is not shown", reason=str(trouble))
                self._changed.set()
                await asyncio.sleep(1.0)
            await asyncio.sleep(EVERY_S)

    async def flush(self) -> None:
        """Raises StoreDown; a value that cannot be shown is left out, and the others are."""
        for call in list(self._calls.values()):
            if call.state is State.ENDED:
                await self._show(self._live.drop_call(self._cell, call.id))
            else:
                await self._show(self._live.put_call(self._cell, call))
            if self._calls.get(call.id) is call:
                del self._calls[call.id]
        for operator in list(self._operators.values()):
            await self._show(self._live.put_operator(self._cell, operator))
            if self._operators.get(operator.id) is operator:
                del self._operators[operator.id]

    async def _show(self, showing: Awaitable[None]) -> None:
        try:
            await showing
        except StoreDown:
            raise
        except Exception as flaw:  # the boundary: of this value alone
            self._guard.caught("live state", flaw)


class ShownDesk:
    """A desk that answers when what it changed is shown: whoever asked may look at once."""

    def __init__(self, desk: Desk, mirror: Mirror) -> None:
        self._desk = desk
        self._mirror = mirror

    async def do(self, command: Command) -> Mapping[str, Any]:
        answer = await self._desk.do(command)
        with suppress(StoreDown, TimeoutError):  # it is shown later, by `Mirror.run`
            async with asyncio.timeout(SHOWN_WITHIN_S):
                await self._mirror.flush()
        return answer
