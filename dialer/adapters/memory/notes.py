"""A journal in memory, for simulation and for tests that kill nothing."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from dialer.domain.call import Call
from dialer.domain.cdr import Closing, WrapUp
from dialer.domain.errors import DiskTrouble, Fatal
from dialer.domain.operators import Operator
from dialer.domain.types import CallId, LeadId, OperatorId
from dialer.ports.journal import KEPT_ANSWERS, Recovered, worked_on
from dialer.ports.stores import Fact


@dataclass
class _Held:
    calls: dict[CallId, Call] = field(default_factory=dict)
    operators: dict[OperatorId, Operator] = field(default_factory=dict)
    facts: deque[tuple[int, Fact]] = field(default_factory=deque)
    answers: dict[str, Mapping[str, Any] | None] = field(default_factory=dict)
    last: int = 0
    booted_at: datetime | None = None
    last_at: datetime | None = None
    heard_at: datetime | None = None
    damages: tuple[str, ...] = ()

    def kept(self) -> _Held:
        """A copy that later changes leave alone."""
        own = copy(self)
        own.calls, own.operators = dict(self.calls), dict(self.operators)
        own.facts, own.answers = deque(self.facts), dict(self.answers)
        return own


class MemoryJournal:
    """Give what it `left` to a second engine, and that one recovers what the first one wrote.

    `fail` makes its disk full: from then on it behaves as the real one does, until `mend`.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._held = _Held()
        self._written: _Held | None = None  # what the disk has, while it takes nothing more
        self._told = asyncio.Event()
        self.trouble = ""

    # --- the disk ---

    def fail(self, why: str = "No space left on device") -> None:
        """Nothing can be written from now on; what is told stays in memory."""
        self.trouble = f"the journal cannot be written ({why}): nothing is dialled until it can"
        self._written = self._written or self._held.kept()

    def mend(self) -> None:
        """There is room again: all that memory holds is on the disk."""
        self.trouble, self._written = "", None

    def left(self, *, has_room: bool = True) -> MemoryJournal:
        """The journal as the next process finds it after kill -9; Fatal while nothing can be written."""
        if self.trouble and not has_room:
            raise Fatal(self.trouble)
        after = MemoryJournal(self._clock)
        after._held = (self._written or self._held).kept()
        return after

    def lose(self, *calls: CallId, why: str = "line 3 is damaged and was skipped") -> None:
        """Bytes are broken: these calls, or all of them, cannot be read any more."""
        for call in calls or list(self._held.calls):
            self._held.calls.pop(call, None)
        self._held.damages = (why,)

    # --- what happens ---

    async def dialing(self, call: Call) -> None:
        self._held.last_at = self._clock()
        self._held.calls[call.id] = (
            call  # as the real one: the mark is told, whether it can be written or not
        )
        if self.trouble:
            raise DiskTrouble(self.trouble)

    def note(self, call: Call) -> None:
        if call.id in self._held.calls:
            self._held.calls[call.id] = call
        self._held.last_at = self._clock()

    def note_operator(self, operator: Operator) -> None:
        self._held.operators[operator.id] = operator
        self._held.last_at = self._clock()

    def note_boot(self, booted_at: datetime) -> None:
        self._held.booted_at = booted_at
        self._held.last_at = self._clock()

    def heard(self, at: datetime) -> None:
        if not self.trouble:
            self._held.heard_at = at

    def closed(self, fact: Fact) -> None:
        if isinstance(fact, Closing):
            self._held.calls.pop(fact.call, None)
        self._held.last += 1
        self._held.facts.append((self._held.last, fact))
        self._told.set()
        self._held.last_at = self._clock()

    def begun(self, key: str) -> None:
        answers = self._held.answers
        answers.pop(key, None)
        answers[key] = None
        if len(answers) > KEPT_ANSWERS:
            del answers[next(iter(answers))]
        self._held.last_at = self._clock()

    def answered(self, key: str, answer: Mapping[str, Any] | None) -> None:
        self._held.answers.pop(key, None)
        if answer is not None:
            self._held.answers[key] = answer
        self._held.last_at = self._clock()

    # --- what is kept ---

    def recover(self) -> Recovered:
        held = self._held
        return Recovered(
            tuple(held.calls.values()),
            tuple(held.operators.values()),
            len(held.facts),
            held.booted_at,
            held.heard_at or held.last_at,
            dict(held.answers),
            held.damages,
            worked_on((fact for _, fact in held.facts), held.operators.values()),
        )

    def held_back(self) -> None:
        self._held.damages = ()

    async def pending(self, limit: int) -> tuple[int, Sequence[Fact]]:
        while not self._held.facts:
            self._told.clear()
            await self._told.wait()
        oldest = list(islice(self._held.facts, limit))
        return oldest[-1][0], [fact for _, fact in oldest]

    def taken(self, mark: int) -> None:
        while self._held.facts and self._held.facts[0][0] <= mark:
            self._held.facts.popleft()

    def depth(self) -> int:
        return len(self._held.facts)

    def leads(self) -> Collection[LeadId]:
        moved = (fact.lead for _, fact in self._held.facts if isinstance(fact, (Closing, WrapUp)))
        return {update.lead for update in moved if update is not None}
