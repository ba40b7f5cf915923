"""Live state in dictionaries: the default, for one process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dialer.domain.call import Call
from dialer.domain.cdr import Tally
from dialer.domain.kpi import Key, plus
from dialer.domain.operators import Operator
from dialer.domain.types import CallId, CellId, OperatorId

DAYS_KEPT = 8


class MemoryLive:
    def __init__(self) -> None:
        self._calls: dict[tuple[CellId, CallId], Call] = {}
        self._operators: dict[tuple[CellId, OperatorId], Operator] = {}
        self._sums: dict[str, dict[Key, Tally]] = {}
        self._counted: dict[str, set[CallId]] = {}

    async def clear(self, cell: CellId) -> None:
        self._calls = {key: call for key, call in self._calls.items() if key[0] != cell}
        self._operators = {key: each for key, each in self._operators.items() if key[0] != cell}

    async def put_call(self, cell: CellId, call: Call) -> None:
        self._calls[cell, call.id] = call

    async def drop_call(self, cell: CellId, call: CallId) -> None:
        self._calls.pop((cell, call), None)

    async def calls(self) -> Sequence[Call]:
        return list(self._calls.values())

    async def put_operator(self, cell: CellId, operator: Operator) -> None:
        self._operators[cell, operator.id] = operator

    async def operators(self) -> Sequence[Operator]:
        return list(self._operators.values())

    async def add(self, key: Key, delta: Tally, *, once: CallId) -> None:
        day = key[2]
        counted = self._counted.setdefault(day, set())
        if once in counted:
            return
        counted.add(once)
        sums = self._sums.setdefault(day, {})
        sums[key] = plus(sums.get(key, Tally()), delta)
        self._forget_old()

    async def tallies(self, day: str) -> Mapping[Key, Tally]:
        return dict(self._sums.get(day, {}))

    async def reset_tallies(self, day: str, sums: Mapping[Key, Tally]) -> None:
        self._sums[day] = dict(sums)
        self._forget_old()

    def _forget_old(self) -> None:
        for days in (self._sums, self._counted):
            while len(days) > DAYS_KEPT:
                del days[min(days)]
