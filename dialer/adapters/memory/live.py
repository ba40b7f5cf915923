"""Live state in dictionaries: the default, for one process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from dialer.domain.call import Call
from dialer.domain.cdr import Tally
from dialer.domain.kpi import Slot, Whose, joined, plus
from dialer.domain.operators import Operator
from dialer.domain.types import CallId, CellId, OperatorId

KEPT = timedelta(days=8)  # of sums, behind the newest


class MemoryLive:
    def __init__(self) -> None:
        self._calls: dict[tuple[CellId, CallId], Call] = {}
        self._operators: dict[tuple[CellId, OperatorId], Operator] = {}
        self._sums: dict[datetime, dict[Whose, Tally]] = {}  # by quarter of an hour in UTC
        self._counted: dict[date, set[CallId]] = {}  # by day in UTC

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

    async def add(self, slot: Slot, delta: Tally, *, once: CallId) -> None:
        counted = self._counted.setdefault(slot[2].date(), set())
        if once in counted:
            return
        counted.add(once)
        self._put(slot, plus(self._sums.get(slot[2], {}).get(slot[:2], Tally()), delta))

    async def tallies(self, since_at: datetime, until_at: datetime) -> Mapping[Whose, Tally]:
        return tallies_of(self._sums, since_at, until_at)

    async def reset_tallies(self, since_at: datetime, until_at: datetime, sums: Mapping[Slot, Tally]) -> None:
        for quarter in [one for one in self._sums if since_at <= one < until_at]:
            del self._sums[quarter]
        for slot, tally in sums.items():
            self._put(slot, tally)

    def _put(self, slot: Slot, tally: Tally) -> None:
        is_new = slot[2] not in self._sums
        self._sums.setdefault(slot[2], {})[slot[:2]] = tally
        if is_new:
            oldest = forget_old(self._sums).date()
            self._counted = {day: calls for day, calls in self._counted.items() if day >= oldest}


def tallies_of(
    sums: Mapping[datetime, Mapping[Whose, Tally]], since_at: datetime, until_at: datetime
) -> dict[Whose, Tally]:
    """Over the quarters that begin in the span."""
    return joined(its for quarter, its in sums.items() if since_at <= quarter < until_at)


def forget_old(sums: dict[datetime, dict[Whose, Tally]]) -> datetime:
    """What lies too far behind the newest quarter; gives the oldest instant that is kept."""
    oldest = max(sums) - KEPT
    for quarter in [one for one in sums if one < oldest]:
        del sums[quarter]
    return oldest
