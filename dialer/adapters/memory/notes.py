"""A journal in memory, for simulation and for tests that kill nothing."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from dialer.domain.call import Call
from dialer.domain.cdr import Closing, WrapUp
from dialer.domain.operators import Operator, StateChange
from dialer.domain.types import CallId, OperatorId
from dialer.ports import KEPT_ANSWERS, Recovered

Fact = Closing | WrapUp | StateChange


class MemoryJournal:
    """Give the same one to a second engine, and it recovers what the first one left."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._calls: dict[CallId, Call] = {}
        self._operators: dict[OperatorId, Operator] = {}
        self._facts: deque[tuple[int, Fact]] = deque()
        self._told = asyncio.Event()
        self._answers: dict[str, Mapping[str, Any] | None] = {}
        self._last = 0
        self._booted_at: datetime | None = None
        self._last_at: datetime | None = None
        self._heard_at: datetime | None = None

    async def dialing(self, call: Call) -> None:
        self._calls[call.id] = call
        self._last_at = self._clock()

    def note(self, call: Call) -> None:
        if call.id in self._calls:
            self._calls[call.id] = call
        self._last_at = self._clock()

    def note_operator(self, operator: Operator) -> None:
        self._operators[operator.id] = operator
        self._last_at = self._clock()

    def note_boot(self, booted_at: datetime) -> None:
        self._booted_at = booted_at
        self._last_at = self._clock()

    def heard(self, at: datetime) -> None:
        self._heard_at = at

    def closed(self, fact: Fact) -> None:
        if isinstance(fact, Closing):
            self._calls.pop(fact.call, None)
        self._last += 1
        self._facts.append((self._last, fact))
        self._told.set()
        self._last_at = self._clock()

    def begun(self, key: str) -> None:
        self._answers.pop(key, None)
        self._answers[key] = None
        if len(self._answers) > KEPT_ANSWERS:
            del self._answers[next(iter(self._answers))]
        self._last_at = self._clock()

    def answered(self, key: str, answer: Mapping[str, Any] | None) -> None:
        self._answers.pop(key, None)
        if answer is not None:
            self._answers[key] = answer
        self._last_at = self._clock()

    def recover(self) -> Recovered:
        return Recovered(
            tuple(self._calls.values()),
            tuple(self._operators.values()),
            len(self._facts),
            self._booted_at,
            self._heard_at or self._last_at,
            dict(self._answers),
        )

    async def pending(self, limit: int) -> tuple[int, Sequence[Fact]]:
        while not self._facts:
            self._told.clear()
            await self._told.wait()
        oldest = list(islice(self._facts, limit))
        return oldest[-1][0], [fact for _, fact in oldest]

    def taken(self, mark: int) -> None:
        while self._facts and self._facts[0][0] <= mark:
            self._facts.popleft()

    def depth(self) -> int:
        return len(self._facts)
