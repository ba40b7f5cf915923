"""What has just become of numbers: the database hears of it later, the next dial may not wait for that."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from dialer.domain.call import Call, Event, State
from dialer.domain.cdr import Closing, WrapUp
from dialer.domain.dnc import why_blocked
from dialer.domain.operators import Operator, StateChange
from dialer.domain.said import said
from dialer.domain.types import CallId, CampaignId, Outcome, PhoneNumber
from dialer.engine.calls import Calls
from dialer.engine.floor import Floor
from dialer.ports.journal import Backlog
from dialer.ports.numbers import NumberHistory, Numbers

KEPT_S = 60.0  # after the database had everything: a question that was asked before may come back as late


class Recent:
    """Ends of calls and numbers never to be called again, until the database surely knows of them."""

    def __init__(self, numbers: Numbers, journal: Backlog) -> None:
        self._numbers = numbers
        self._journal = journal
        self._ends: dict[PhoneNumber, tuple[datetime, Outcome]] = {}
        self._blocks: dict[PhoneNumber, str] = {}
        self._noted: dict[PhoneNumber, float] = {}  # when, by the loop's clock; the oldest first
        self._taken_s = 0.0  # when the database was last seen to have everything
        self.calls: Calls  # set by the cell
        self.floor: Floor

    # --- asked right before a number is dialled

    async def history(
        self, numbers: Iterable[PhoneNumber], campaign: CampaignId
    ) -> Mapping[PhoneNumber, NumberHistory]:
        """What the database knows; raises StoreDown."""
        return await self._numbers.history(numbers, campaign)

    def latest(self, call: Call, stored: NumberHistory) -> NumberHistory:
        """The same with what happened since, of the number that this call is about to dial."""
        return self.known(call.number, stored, but=call.id)

    def known(
        self, number: PhoneNumber, stored: NumberHistory, *, but: CallId | None = None
    ) -> NumberHistory:
        """The same with what happened since; `but`: a call that does not count."""
        end_at, outcome = self._ends.get(number, (None, ""))
        if end_at is not None and (stored.last_end_at is None or end_at > stored.last_end_at):
            stored = replace(stored, last_end_at=end_at, last_outcome=outcome)
        return replace(
            stored,
            dnc=stored.dnc or self._blocks.get(number, "") or self._said_in_wrap_up(number),
            in_call=any(
                other.number == number and other.state is not State.LEASED
                for other in self.calls.all()
                if other.id != but
            ),
        )

    def _said_in_wrap_up(self, number: PhoneNumber) -> str:
        """An operator has said so of the person, and is still at work on the card."""
        for operator in self.floor.all():
            if operator.disposition and number in self.floor.cards.barred(operator):
                return _blocked_in(operator.call)
        return ""

    # --- told as things happen

    def saw(self, before: Call | None, event: Event | None, after: Call) -> None:
        """An observer of calls: one that was dialled, or came in, has ended."""
        dialled = after.outcome is not None and after.outcome is not Outcome.NOT_DIALLED
        if after.state is State.ENDED and after.end_at is not None and dialled:
            self._ended(after.number, after.end_at, after.outcome)

    def moved(self, change: StateChange, operator: Operator) -> None:
        """Nothing to learn."""

    def blocked(self, number: PhoneNumber, call: CallId) -> None:
        """Never again, an operator says."""
        self._blocks[number] = _blocked_in(call)
        self._note(number)

    async def recall(self) -> None:
        """At start: what the journal holds for a database that is away."""
        if not (depth := self._journal.depth()):
            return
        _, facts = await self._journal.pending(depth)
        for fact in facts:
            match fact:
                case Closing(cdr=cdr) if cdr is not None:
                    self._ended(cdr.number, cdr.end_at, cdr.outcome)
                case WrapUp(block=number) if number is not None:
                    for each in (number, *fact.block_also):
                        self.blocked(each, fact.call)
                case _:
                    pass

    def _ended(self, number: PhoneNumber, end_at: datetime, outcome: Outcome | None) -> None:
        known = self._ends.get(number)
        if outcome is not None and (known is None or end_at >= known[0]):
            self._ends[number] = (end_at, outcome)
        self._note(number)

    def _note(self, number: PhoneNumber) -> None:
        self._noted.pop(number, None)
        self._noted[number] = asyncio.get_running_loop().time()
        self.forget()

    def forget(self) -> None:
        """What the database has known for long."""
        if not self._journal.depth():
            self._taken_s = asyncio.get_running_loop().time()
        while self._noted and self._noted[oldest := next(iter(self._noted))] < self._taken_s - KEPT_S:
            del self._noted[oldest]
            self._ends.pop(oldest, None)
            self._blocks.pop(oldest, None)

    def clock_was_set(self, by: timedelta) -> None:
        """Our clock shows so much more than before: a number has rested as long as it has."""
        self._ends = {number: (end_at + by, outcome) for number, (end_at, outcome) in self._ends.items()}


def _blocked_in(call: CallId | None) -> str:
    return why_blocked("", None, said("asked for in call {call}", call=call or ""))
